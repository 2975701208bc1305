/* Reserved places: a mailbox of a name that only two know.
 *
 * What strangers put into a mailbox stands before what an owner puts there later. So whoever serves an id (an agent)
 * has a second mailbox for each peer whose key its keyring keeps (an owner), whose name is a hash of the secret that
 * both of their keys make (ECDH): a stranger can neither find nor fill it. It goes with its server's connection, and
 * there is none where the broker's rights do not allow one (docs/broker.md); then the way is the common mailbox.
 *
 * Order between the two is not kept: see bus_send_prompt(). Threads: loop thread.
 */
#ifndef DSN_BUS_RESERVED_H
#define DSN_BUS_RESERVED_H

#include "bus/keyring.h"

#define RESERVED_MAX 256 /* of one participant; each is a channel of the broker's */

/* The name of the place at `id` that the keys share: `key` one side's, `public` the other's. ERROR_INVALID: no key. */
struct error *reserved_name(const struct secp_key *key, const uint8_t public[SECP_PUBLIC_BYTES], const char *network,
			    const char *id, char ret_name[KEYRING_ID_SIZE]) MUST_CHECK;

/* Those of a participant. */
struct reserved;
struct reserved *reserved_new(const void *ctx, struct keyring *k, const char *network);
/* The place of this peer at our id, new: to be served from now on. NULL: it is there already, the peer's key is not
 * known, or there are too many. Valid until the place is dropped. */
const char *reserved_add(struct reserved *r, const char *id, const char *peer);
/* Takes one of an id's out of the table; NULL: there is none left. Belongs to ctx. */
char *reserved_drop(struct reserved *r, const void *ctx, const char *id);
/* Whose place this is: an id of ours; NULL: it is none. */
const char *reserved_owner(const struct reserved *r, const char *name);

#endif
