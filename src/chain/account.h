/* A folder of accounts: keystore files (crypto/keystore.h), named as geth names them, so that both can use one folder.
 * keyfile_unlock() (crypto/keyfile.h) opens one.
 *
 * Threads: any. Calls block; account_store() seals, which takes up to a second.
 */
#ifndef DSN_CHAIN_ACCOUNT_H
#define DSN_CHAIN_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"

#define ACCOUNTS 4096 /* in a folder, at most */

struct account {
	uint8_t address[ETH_ADDRESS_BYTES];
	char *path;
};

/* The folder's accounts in the order of their names, which begin with the time they were made. Files that are no
 * keystore files are passed over; a missing folder has no accounts. They belong to ctx. */
struct error *account_list(const void *ctx, const char *folder, struct account **ret_accounts,
			   size_t *ret_count) MUST_CHECK;
/* `which`: an address, the beginning of one (0x and a digit at least) that only one account has, or NULL: the folder's
 * only account. ERROR_NOT_FOUND says what there is, ERROR_INVALID: several. */
struct error *account_find(const void *ctx, const char *folder, const char *which,
			   struct account *ret_account) MUST_CHECK;
/* Seals the key into a new file (mode 0600) in the folder, which is made when it is missing. ERROR_EXISTS: the account
 * is there already. */
struct error *account_store(const void *ctx, const char *folder, const struct secp_key *key, const char *passphrase,
			    bool light, struct account *ret_account) MUST_CHECK;

#endif
