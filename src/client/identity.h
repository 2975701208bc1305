/* Who we are: the key of this user, from options.identity, or identity.key in the state folder, made when it is
 * missing. */
#ifndef DSN_CLIENT_IDENTITY_H
#define DSN_CLIENT_IDENTITY_H

#include "bus/keyring.h"
#include "client/options.h"

/* The caller wipes the key. */
struct error *client_identity_load(const struct client_options *client, struct secp_key *ret_key) MUST_CHECK;
/* Its address; a keystore file that names it is not opened for that. */
struct error *client_identity_address(const struct client_options *client,
				      uint8_t ret_address[ETH_ADDRESS_BYTES]) MUST_CHECK;
/* A keyring with our identity, and with the public keys that earlier runs have learned (known.db in the state folder).
 * *ret_id is our lasting address, the keyring's. */
struct error *client_identity_keyring(const void *ctx, const struct client_options *client,
				      struct keyring **ret_keyring, const char **ret_id) MUST_CHECK;
/* Whom commands are from that nobody waits for the results of: our lasting address, ctx's; any without keys. */
struct error *client_identity_id(const void *ctx, const struct client_options *client, char **ret_id) MUST_CHECK;

#endif
