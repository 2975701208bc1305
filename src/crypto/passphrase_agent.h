/* A passphrase from an agent that remembers it: gpg-agent, or what speaks Assuan as it does (crypto/assuan.h), at a
 * unix socket.
 *
 * The agent asks with its pinentry, at this terminal or on the screen, and remembers for as long as it is set to
 * (gpg-agent.conf: default-cache-ttl), under the name "dsn:" and the address; gpg-preset-passphrase can put one there
 * before. The agent must run as this process's user or root. Blocks: 3 s at most for what the agent itself does, 2
 * minutes for a person. Nothing of a passphrase is in an error or a log. Threads: any.
 */
#ifndef DSN_CRYPTO_PASSPHRASE_AGENT_H
#define DSN_CRYPTO_PASSPHRASE_AGENT_H

#include "crypto/passphrase.h"

/* The text is wiped when it is freed. `person`: whether one may be asked. With q->twice what the agent remembers
 * under that address is forgotten first. ERROR_UNAVAILABLE: nobody listens, the agent cannot ask, or has nothing and
 * may not ask; ERROR_REFUSED: given up, or the agent is another user's; ERROR_TIMEOUT; ERROR_INVALID, ERROR_LIMIT: it
 * does not speak Assuan; ERROR_FAILED: it refuses, in its own words. */
struct error *passphrase_agent_get(const void *ctx, const char *socket, const struct passphrase_question *q,
				   bool person, char **ret_passphrase) MUST_CHECK;
/* What it remembers under that address was wrong. */
struct error *passphrase_agent_forget(const char *socket, const struct passphrase_question *q) MUST_CHECK;

#endif
