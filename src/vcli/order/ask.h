/* Calls of dsnd's methods (docs/rpc.md), over HTTP. */
#ifndef DSN_VCLI_ORDER_ASK_H
#define DSN_VCLI_ORDER_ASK_H

#include "vcli/vcli.h"

/* Takes the reference to `params`; the result is a new reference. The errors are dsnd's own with its mend;
 * ERROR_UNAVAILABLE and ERROR_TIMEOUT: it was not reached, or has not answered within --timeout. */
struct error *ask_dsnd(struct vcli *v, const char *method, json_t *params, json_t **ret_result) MUST_CHECK;
/* ERROR_INVALID unless `url` is http://HOST[:PORT] of this machine's own; for config_row.check. */
struct error *ask_check_url(const char *url) MUST_CHECK;

#endif
