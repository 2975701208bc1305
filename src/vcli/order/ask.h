/* Calls of dsnd's methods (docs/rpc.md), over HTTP: of the dsnd that --dsnd names, else of the context in use
 * (vcli/order/context.h), else of one on this machine. Where that is "bus:ADDRESS", or with --via bus, they go over the
 * bus as sealed commands to dsnd's address, and we are who signs them. */
#ifndef DSN_VCLI_ORDER_ASK_H
#define DSN_VCLI_ORDER_ASK_H

#include "http/origin.h"
#include "vcli/vcli.h"

/* Takes the reference to `params`; the result is a new reference. The errors are dsnd's own with its mend;
 * ERROR_UNAVAILABLE and ERROR_TIMEOUT: it was not reached, or has not answered within --timeout. A login that is over
 * is made again when the key is at hand. */
struct error *ask_dsnd(struct vcli *v, const char *method, json_t *params, json_t **ret_result) MUST_CHECK;
/* The same of the dsnd at `url`, with this token (NULL: as nobody). ERROR_REFUSED "this token ...": it is nobody's. */
struct error *ask_at(struct vcli *v, const char *url, const char *token, const char *method, json_t *params,
		     json_t **ret_result) MUST_CHECK;
/* https://HOST[:PORT], or http:// of this machine; without a port 8640 there. */
struct error *ask_read_url(const char *url, struct http_origin *ret_origin) MUST_CHECK;
/* The same; for config_row.check. */
struct error *ask_check_url(const char *url) MUST_CHECK;
/* Do both lead to the same dsnd? False also where one is no URL. */
bool ask_same_url(const char *a, const char *b);

/* Where to ask, and as whom: the texts are v's. A token that was given goes to the dsnd that --dsnd names or to the one
 * on this machine, a context's to its own URL. ERROR_INVALID: --rpc-token-file while a context says where to ask. */
struct ask_target {
	const char *url;
	char *token;  /* NULL: none */
	bool renewed; /* it is of a context's login, which can be made again */
};
struct error *ask_find_target(struct vcli *v, struct ask_target *ret) MUST_CHECK;

#endif
