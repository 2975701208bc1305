/* --once: a name under which a command's transactions are sent once, whatever became of them the first time. Said again
 * with the name, a command finds each of them in the outbox by what it does. Threads: loop thread.
 */
#ifndef DSN_VCLI_CHAIN_ONCE_H
#define DSN_VCLI_CHAIN_ONCE_H

#include <stdbool.h>

#include "vcli/chain.h"

/* The id in the outbox of what is sent next, such as "Jobs.create"; without --once a random one. It belongs to the
 * chain. ERROR_INVALID: no name. */
struct error *chain_once_id(struct chain *c, const char *what, char **ret_id) MUST_CHECK;
/* ERROR_EXISTS: what is to be sent now is another thing than what has the name. */
struct error *chain_once_check(const struct chain *c, const char *what, const struct txbox_intent *now,
			       const struct txbox_intent *before) MUST_CHECK;
/* Was it sent under the name before? */
struct error *chain_once_used(struct chain *c, const char *what, bool *ret_used) MUST_CHECK;

#endif
