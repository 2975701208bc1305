/* Who may talk to the RPC port: token, Host and Origin, content type, in go-ethereum's way (v1.9.20 rpc/http.go,
 * node/rpcstack.go). Threads: loop thread. */
#ifndef DSN_SHHD_ADMISSION_H
#define DSN_SHHD_ADMISSION_H

#include "base/error.h"
#include "http/server.h"
#include "shhd/settings.h"

struct admission;

/* Reads the token ($DSN_RPC_TOKEN or token_file). ERROR_REFUSED: the address is not loopback and there is none. */
struct error *admission_open(const void *ctx, const struct shhd_settings *settings,
			     struct admission **ret_admission) MUST_CHECK;
/* 0, or the status of the refusal. Sets headers of the answer. */
int admission_judge(const struct admission *a, struct http_request *r, const char **ret_text);
/* Headers for browsers of the allowed origins. */
void admission_cors(const struct admission *a, struct http_request *r);

#endif
