/* Whose account a command acts for, and its key.
 *
 * The first of: --account; --identity, when it is given; the account of the login (vcli/chain/session.h); the only
 * account of the keystore; this user's identity (client/identity.h), whose key is an Ethereum key too.
 */
#ifndef DSN_VCLI_CHAIN_WALLET_H
#define DSN_VCLI_CHAIN_WALLET_H

#include "chain/account.h"
#include "vcli/vcli.h"

/* All that this user could act for: the keystore's accounts, and the identity (without a path). They belong to v. */
struct error *wallet_list(struct vcli *v, struct account **ret_accounts, size_t *ret_count) MUST_CHECK;
/* The address, without opening anything but the identity's file. `login`: whether a login counts. */
struct error *wallet_address(struct vcli *v, bool login, uint8_t ret_address[ETH_ADDRESS_BYTES]) MUST_CHECK;
/* Its key; asks for the passphrase of a keystore file. The caller wipes it. */
struct error *wallet_key(struct vcli *v, bool login, struct secp_key *ret_key) MUST_CHECK;

#endif
