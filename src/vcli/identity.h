/* Who we are: the key of this user, from --identity, or identity.key in the state folder, made when it is missing. */
#ifndef DSN_VCLI_IDENTITY_H
#define DSN_VCLI_IDENTITY_H

#include "bus/keyring.h"
#include "vcli/vcli.h"

/* The caller wipes the key. */
struct error *identity_load(const struct vcli_settings *set, struct secp_key *ret_key) MUST_CHECK;
/* Its address; a keystore file that names it is not opened for that. */
struct error *identity_address(const struct vcli_settings *set, uint8_t ret_address[ETH_ADDRESS_BYTES]) MUST_CHECK;
/* A keyring with our identity, and with the public keys that earlier runs have learned (known.db in the state folder).
 * *ret_id is our lasting address, the keyring's. */
struct error *identity_keyring(const void *ctx, const struct vcli_settings *set, struct keyring **ret_keyring,
			       const char **ret_id) MUST_CHECK;

#endif
