/* Files that hold a secret key: 64 hexadecimal digits (geth's --nodekey form), or an Ethereum keystore file (JSON).
 *
 * A file of digits must be of mode 0600 and is made so; a keystore file's passphrase comes from a `source`, or NULL
 * where there is none. The caller wipes the keys. Blocks, a keystore file for up to a second, longer when a person is
 * asked: for the start of a program. Threads: any, when nobody is asked.
 */
#ifndef DSN_CRYPTO_KEYFILE_H
#define DSN_CRYPTO_KEYFILE_H

#include "crypto/passphrase.h"
#include "crypto/secp.h"

/* ERROR_REFUSED: the file is open to others, or a wrong passphrase, which an agent then has forgotten. ERROR_INVALID:
 * neither form, or a keystore file without a source. Else as passphrase_read(). */
struct error *keyfile_read(const char *path, const struct passphrase_source *source,
			   struct secp_key *ret_key) MUST_CHECK;
/* A keystore file and nothing else, and its passphrase: belongs to ctx, wiped when it is freed. */
struct error *keyfile_unlock(const void *ctx, const char *path, const struct passphrase_source *source,
			     struct secp_key *ret_key, char **ret_passphrase) MUST_CHECK;
/* The address of the key: a keystore file that names it is not opened for that. Else as keyfile_read(). */
struct error *keyfile_address(const char *path, const struct passphrase_source *source,
			      uint8_t ret_address[ETH_ADDRESS_BYTES]) MUST_CHECK;
/* A fresh key into a file of digits, which must not exist (ERROR_EXISTS). */
struct error *keyfile_make(const char *path, struct secp_key *ret_key) MUST_CHECK;
/* Read it, or make it when it is missing. */
struct error *keyfile_load(const char *path, const struct passphrase_source *source,
			   struct secp_key *ret_key) MUST_CHECK;
/* Write a key as digits, atomically, mode 0600. */
struct error *keyfile_write(const char *path, const struct secp_key *key) MUST_CHECK;

#endif
