/* Public keys of others, by address: a table with three places, each with a bound of its own, so that what strangers
 * make us learn never pushes out what owners and peers do.
 *
 * Threads: one at a time.
 */
#ifndef DSN_BUS_KNOWN_KEYS_H
#define DSN_BUS_KNOWN_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/secp.h"

enum known_keys_place {
	KNOWN_STRANGERS, /* at most KNOWN_STRANGERS_MAX: the least recently used gives way */
	KNOWN_FAMILIAR,  /* somebody who is kept vouches for them; at most KNOWN_FAMILIAR_MAX, likewise */
	KNOWN_KEPT,      /* stay; the caller bounds how many */
	KNOWN_PLACES
};
#define KNOWN_STRANGERS_MAX 256
#define KNOWN_FAMILIAR_MAX 1024

struct known_key {
	uint8_t address[ETH_ADDRESS_BYTES];
	bool has_key; /* one may be kept before its key is known */
	uint8_t public[SECP_PUBLIC_BYTES];
	enum known_keys_place place;
	struct known_key *older;
	/* known_keys.c's */
	struct known_key *bucket_next, *newer;
};

struct known_keys;
struct known_keys *known_keys_new(const void *ctx);
/* NULL: there is none. Finding one counts as using it. */
struct known_key *known_keys_find(struct known_keys *t, const uint8_t address[ETH_ADDRESS_BYTES]);
/* The one of this address, made when there is none, in `place` or the better one where it is. */
struct known_key *known_keys_put(struct known_keys *t, const uint8_t address[ETH_ADDRESS_BYTES],
				 enum known_keys_place place);
/* The last used of a place, from which `older` leads to the others; NULL: there is none. */
const struct known_key *known_keys_newest(const struct known_keys *t, enum known_keys_place place);
size_t known_keys_count(const struct known_keys *t, enum known_keys_place place);

#endif
