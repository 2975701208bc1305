/* Files that hold a secret key: 64 hexadecimal digits (geth's --nodekey form), or an Ethereum keystore file (JSON).
 *
 * A file of digits must be of mode 0600 and is made so; a keystore's passphrase comes from a file of mode 0600. The
 * caller wipes the keys. Blocks, a keystore file for up to a second: for the start of a program. Threads: any.
 */
#ifndef DSN_CRYPTO_KEYFILE_H
#define DSN_CRYPTO_KEYFILE_H

#include "crypto/secp.h"

/* ERROR_REFUSED: the file is open to others, or a wrong passphrase. ERROR_INVALID: neither form, or a keystore file
 * without a passphrase file. */
struct error *keyfile_read(const char *path, const char *passphrase_file, struct secp_key *ret_key) MUST_CHECK;
/* A fresh key into a file of digits, which must not exist (ERROR_EXISTS). */
struct error *keyfile_make(const char *path, struct secp_key *ret_key) MUST_CHECK;
/* Read it, or make it when it is missing. */
struct error *keyfile_load(const char *path, const char *passphrase_file, struct secp_key *ret_key) MUST_CHECK;
/* Write a key as digits, atomically, mode 0600. */
struct error *keyfile_write(const char *path, const struct secp_key *key) MUST_CHECK;

#endif
