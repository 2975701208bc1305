/* Ethereum keystore files, version 3 (Web3 Secret Storage): a secret key encrypted under a passphrase.
 *
 * Reads scrypt and PBKDF2 files, writes scrypt (n = 2^18, r = 8, p = 1, as geth does; "light": n = 2^12, p = 6).
 * Bounds: a file of 64 KiB, 512 MiB for scrypt. Files are written 0600. Threads: any; deriving takes up to a second, so
 * use a worker.
 */
#ifndef DSN_CRYPTO_KEYSTORE_H
#define DSN_CRYPTO_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "crypto/secp.h"

/* JSON text; belongs to ctx. */
char *keystore_seal(const void *ctx, const struct secp_key *key, const char *passphrase, bool light);
/* ERROR_INVALID names the member that is wrong; ERROR_REFUSED: wrong passphrase. */
struct error *keystore_open(const char *text, size_t n, const char *passphrase, struct secp_key *ret_key) MUST_CHECK;

#endif
