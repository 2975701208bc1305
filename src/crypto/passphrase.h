/* Passphrases from where they are safe: typed at a terminal that does not show them, or a file of mode 0600.
 *
 * Never from a command line or the environment: other processes can read those. What is returned is wiped when it is
 * freed. Blocks; signals that would end the program wait until the terminal shows what is typed again. Threads: one at
 * a time.
 */
#ifndef DSN_CRYPTO_PASSPHRASE_H
#define DSN_CRYPTO_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PASSPHRASE_BYTES 1024 /* at most */

/* The first line of `file` (file_read_secret()); with NULL it is asked for at the process's terminal with `prompt`,
 * such as "Passphrase of 0x...", and when `twice` a second time, as for a new one. ERROR_UNAVAILABLE: there is no
 * terminal; ERROR_INVALID: empty when asked `twice`, too long, or the two differ; ERROR_REFUSED: given up with Ctrl-C
 * or Ctrl-D. */
struct error *passphrase_read(const void *ctx, const char *file, const char *prompt, bool twice,
			      char **ret_passphrase) MUST_CHECK;
/* A text that is wiped when it is freed. */
char *secret_text(const void *ctx, const char *text, size_t n);

#endif
