/* Passphrases from where they are safe: a file of mode 0600, an agent that remembers them (crypto/passphrase_agent.h),
 * or typed at a terminal that does not show them.
 *
 * Never from a command line or the environment: other processes can read those. What is returned is wiped when it is
 * freed, and a process that has read one leaves no core file. Blocks; signals that would end the program wait until the
 * terminal shows what is typed again. Threads: one at a time.
 */
#ifndef DSN_CRYPTO_PASSPHRASE_H
#define DSN_CRYPTO_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PASSPHRASE_BYTES 1024 /* at most */

/* Where to look: the first of these that is named, else the terminal. Zeroed: the terminal. */
struct passphrase_source {
	char *file;      /* its first line (file_read_secret()) */
	char *agent;     /* the socket of an agent */
	bool unattended; /* ask nobody: no terminal, and of the agent only what it remembers */
};

struct passphrase_question {
	const char *prompt; /* for a person: "Passphrase of 0x..." */
	const char
		*address; /* 40 hexadecimal digits of the key, lower case: the agent's name for it; NULL: not known */
	bool twice;       /* a new one: not empty, typed twice */
};

/* ERROR_UNAVAILABLE: there is no terminal, or no agent that has or asks; ERROR_INVALID: nothing is named and nobody may
 * be asked, empty when a new one is asked for, too long, or the two differ; ERROR_REFUSED: given up, with Ctrl-C or
 * Ctrl-D at the terminal. */
struct error *passphrase_read(const void *ctx, const struct passphrase_source *source,
			      const struct passphrase_question *q, char **ret_passphrase) MUST_CHECK;
/* What was read has turned out wrong as `e` tells, which this takes and returns: an agent forgets it, else it would
 * give the same again. */
struct error *passphrase_was_wrong(const struct passphrase_source *source, const struct passphrase_question *q,
				   struct error *e) MUST_CHECK;
/* A text that is wiped when it is freed. */
char *secret_text(const void *ctx, const char *text, size_t n);

#endif
