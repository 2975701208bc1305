/* Logging in to a dsnd with the account's key (ERC-4361), and its description of the network. */
#ifndef DSN_VCLI_ORDER_LOGIN_H
#define DSN_VCLI_ORDER_LOGIN_H

#include "vcli/vcli.h"

/* What network.describe answers, checked; a new reference. */
struct error *login_describe(struct vcli *v, const char *url, json_t **ret_network) MUST_CHECK;
/* Logs in as the account that wallet_address() tells. The context (vcli/order/context.h) is new, and not written down
 * yet. */
struct error *login_begin(struct vcli *v, const char *url, json_t **ret_context) MUST_CHECK;
/* The login to this URL is over: another one with the same account, if its key is at hand without asking anybody; it is
 * written into the contexts of this URL, whichever is in use by then. ERROR_REFUSED: it is not. The token is v's. */
struct error *login_again(struct vcli *v, const char *url, char **ret_token) MUST_CHECK;
/* Ends the login of the context in use, at its dsnd and here. */
struct error *login_end(struct vcli *v) MUST_CHECK;

#endif
