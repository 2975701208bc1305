/* Who may talk to the RPC port: token, Host and Origin, content type, in go-ethereum's way (v1.9.20 rpc/http.go,
 * node/rpcstack.go). Threads: loop thread. */
#ifndef DSN_RPC_ADMISSION_H
#define DSN_RPC_ADMISSION_H

#include "base/error.h"
#include "http/server.h"

struct admission;

/* As settings of these names say (--token-file, --hosts, ...); lists end with NULL, or are NULL. */
struct admission_rules {
	const char *address; /* that is listened on */
	const char *token_file;
	char **hosts;   /* names that requests may be sent to, "*": all; NULL: localhost */
	char **origins; /* of pages that may open WebSockets, "*": all; NULL: this machine's */
	char **cors;    /* origins of pages that may read answers; NULL: none */
};

/* Reads the token ($DSN_RPC_TOKEN or token_file). The rules' texts outlive the admission. ERROR_REFUSED: the address is
 * not loopback and there is no token. */
struct error *admission_open(const void *ctx, const struct admission_rules *rules,
			     struct admission **ret_admission) MUST_CHECK;
/* 0, or the status of the refusal. Sets headers of the answer. */
int admission_judge(const struct admission *a, struct http_request *r, const char **ret_text);
/* Headers for browsers of the allowed origins. */
void admission_cors(const struct admission *a, struct http_request *r);

#endif
