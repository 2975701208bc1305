/* Networks that this user has logged in to or joined: what their dsnd has told of them, and the login's token, so that
 * it need not be said again. contexts.json (mode 0600) in the state folder; who changes it holds contexts.lock.
 *
 * A context is an object: `url`, `network` (what network.describe answers), and after a login `account`, `token`,
 * `expires`. Its name is the URL's host, with the port where it has one.
 */
#ifndef DSN_VCLI_ORDER_CONTEXT_H
#define DSN_VCLI_ORDER_CONTEXT_H

#include "vcli/vcli.h"

#define CONTEXTS_MOST 100

/* The whole file: {"current": NAME, "contexts": {NAME: ...}}; a new reference, with no contexts where there is no file.
 * ERROR_INVALID, ERROR_REFUSED: it is damaged, or others may read it. */
struct error *contexts_read(struct vcli *v, json_t **ret_all) MUST_CHECK;
/* The one in use, borrowed from `all`; NULL: there is none. */
json_t *contexts_current(const json_t *all);
json_t *contexts_find(const json_t *all, const char *name);

/* Changes the file while no other vcli does. `change` may return an error, and then nothing is written. */
typedef struct error *contexts_fn(json_t *all, void *arg);
struct error *contexts_change(struct vcli *v, contexts_fn *change, void *arg) MUST_CHECK;
/* Writes a context down (takes the reference), and uses it from now on. */
struct error *contexts_put(struct vcli *v, const char *name, json_t *context) MUST_CHECK;

#endif
