/* ECIES contexts (crypto/ecies.h) that are used again: one for each recipient that much is sent to, and those of
 * senders that have sent lately. An agreement costs more than all the rest of a message.
 *
 * A context for sending is replaced after CONTEXTS_MESSAGES messages or CONTEXTS_AGE_MS, so what a key that leaks from
 * memory opens is bounded. Only for transports on which who sends to whom is known anyway (a broker routes by it):
 * messages of one context show that they have one sender. Both tables are bounded; the oldest gives way. Secrets are
 * wiped. Threads: loop thread.
 */
#ifndef DSN_BUS_CONTEXTS_H
#define DSN_BUS_CONTEXTS_H

#include "crypto/ecies.h"

#define CONTEXTS_MESSAGES 4096
#define CONTEXTS_AGE_MS 60000
#define CONTEXTS_HELD 64 /* of each kind */

struct contexts;

struct contexts *contexts_new(const void *ctx);
/* The context for sealing to `public`, made when there is none; valid until the next call. ERROR_INVALID when `public`
 * is no key. */
struct error *contexts_to(struct contexts *s, const uint8_t public[SECP_PUBLIC_BYTES],
			  const struct ecies_context **ret_context) MUST_CHECK;
/* The context of a sealed message to `own`; NULL when its ephemeral key is new. Valid until the next call. */
const struct ecies_context *contexts_from(const struct contexts *s, const struct secp_key *own, const uint8_t *sealed,
					  size_t n);
/* Remember the context of a message to `own` that was opened and whose sender is welcome. Takes the context. */
void contexts_learn(struct contexts *s, const struct secp_key *own, struct ecies_context *context);

#endif
