/* The node's own key: a file of 64 hex digits (made when missing, 0600), or a keystore file. Blocks: at the start. */
#ifndef DSN_SHHD_NODEKEY_H
#define DSN_SHHD_NODEKEY_H

#include "crypto/secp.h"
#include "shhd/settings.h"

/* Wipe the key after use. ERROR_REFUSED: the file is open to others, or a wrong passphrase. */
struct error *nodekey_load(const struct shhd_settings *settings, struct secp_key *ret_key) MUST_CHECK;

#endif
