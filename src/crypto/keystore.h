/* Ethereum keystore files, version 3 (Web3 Secret Storage): a secret key encrypted under a passphrase.
 *
 * Reads scrypt and PBKDF2 files, writes scrypt (n = 2^18, r = 8, p = 1, as geth does; "light": n = 2^12, p = 6).
 * The derived key must have 32 bytes and the cipher be aes-128-ctr; members that are not of the format are ignored, as
 * is "id". "address" may be missing; when it is there it must be that of the key. Scrypt parameters that RFC 7914 does
 * not allow (n >= 2^(16 r)) are refused. The caller writes the text with mode 0600 (file_write_atomic()). Threads: any;
 * deriving takes up to some seconds, so use a worker.
 */
#ifndef DSN_CRYPTO_KEYSTORE_H
#define DSN_CRYPTO_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"

#define KEYSTORE_BYTES 65536 /* of a file, at most */

/* What a file may cost; checked before anything is derived. */
struct keystore_limits {
	size_t scrypt_memory_bytes;
	uint64_t scrypt_work; /* n * r * p: 2^21 is about a second */
	unsigned pbkdf2_iterations;
};

/* JSON text; belongs to ctx. */
char *keystore_seal(const void *ctx, const struct secp_key *key, const char *passphrase, bool light);
/* The address that the file names, as 40 hexadecimal digits of lower case that belong to ctx, or NULL when it names
 * none. What else can be checked without a passphrase is checked too: ERROR_INVALID as below. */
struct error *keystore_address(const void *ctx, const char *text, size_t n, char **ret_address) MUST_CHECK;
/* ERROR_INVALID names the member that is wrong; ERROR_LIMIT: over 512 MiB or 2^23 of work for scrypt, 10^7 iterations
 * or KEYSTORE_BYTES; ERROR_REFUSED: wrong passphrase. The caller wipes the key. */
struct error *keystore_open(const char *text, size_t n, const char *passphrase, struct secp_key *ret_key) MUST_CHECK;
/* The same with other limits. */
struct error *keystore_open_within(const char *text, size_t n, const char *passphrase,
				   const struct keystore_limits *limits, struct secp_key *ret_key) MUST_CHECK;

#endif
