#include "manager/sessions/challenges.h"

#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"

#define RANDOM_BYTES 8
#define TAG_BYTES 16
#define KEY_BYTES 32

/* What a nonce is the hex digits of. The instant is on this process's own clock. */
struct nonce {
	uint8_t at_ms[8], random[RANDOM_BYTES], tag[TAG_BYTES];
};

struct challenges_used {
	uint8_t tag[TAG_BYTES], address[ETH_ADDRESS_BYTES];
	int64_t until_ms;
};

struct challenges {
	struct hmac_key *key;
	struct challenges_used *used;
	size_t count;
};

struct challenges *challenges_new(const void *ctx)
{
	struct challenges *c = mem_new(ctx, struct challenges);
	uint8_t key[KEY_BYTES];

	crypto_random_bytes(key, sizeof(key));
	c->key = hmac_key_new(c, key, sizeof(key));
	secret_wipe(key, sizeof(key));
	c->used = mem_array(c, struct challenges_used, 0);
	return c;
}

static void tag_of(struct challenges *c, const struct nonce *n, const uint8_t address[ETH_ADDRESS_BYTES],
		   uint8_t ret_tag[TAG_BYTES])
{
	const struct iovec parts[] = {{(void *)address, ETH_ADDRESS_BYTES},
				      {(void *)n->at_ms, sizeof(n->at_ms)},
				      {(void *)n->random, sizeof(n->random)}};
	uint8_t tag[32];

	hmac_key_tag(c->key, parts, sizeof(parts) / sizeof(parts[0]), tag);
	memcpy(ret_tag, tag, TAG_BYTES);
}

char *challenges_make(const void *ctx, struct challenges *c, const uint8_t address[ETH_ADDRESS_BYTES], int64_t now_ms)
{
	struct nonce n;

	for (size_t i = 0; i < sizeof(n.at_ms); i++)
		n.at_ms[i] = (uint8_t)((uint64_t)now_ms >> (8 * (sizeof(n.at_ms) - 1 - i)));
	crypto_random_bytes(n.random, sizeof(n.random));
	tag_of(c, &n, address, n.tag);
	return hex_encode(ctx, (const uint8_t *)&n, sizeof(n));
}

static struct error *read_nonce(struct challenges *c, const char *nonce, const uint8_t address[ETH_ADDRESS_BYTES],
				int64_t now_ms, struct nonce *ret, int64_t *ret_until_ms)
{
	uint8_t tag[TAG_BYTES];
	uint64_t at = 0;
	int64_t until;

	if (!hex_is(nonce, 2 * sizeof(*ret)))
		return error_new(ERROR_REFUSED, "the nonce is none that was given out here");
	TRY(hex_decode(nonce, (uint8_t *)ret, sizeof(*ret)));
	tag_of(c, ret, address, tag);
	if (!secret_equal(tag, ret->tag, sizeof(tag)))
		return error_new(ERROR_REFUSED, "the nonce is none that was given out here for this address");
	for (size_t i = 0; i < sizeof(ret->at_ms); i++)
		at = at << 8 | ret->at_ms[i];
	until = (int64_t)at + CHALLENGES_LIFE_MS;
	if (now_ms >= until)
		return error_new(ERROR_REFUSED, "the nonce is over: it holds for %d s",
				 (int)(CHALLENGES_LIFE_MS / 1000));
	*ret_until_ms = until;
	return NULL;
}

struct error *challenges_check(struct challenges *c, const char *nonce, const uint8_t address[ETH_ADDRESS_BYTES],
			       int64_t now_ms)
{
	struct nonce n;
	int64_t until_ms;

	return read_nonce(c, nonce, address, now_ms, &n, &until_ms);
}

/* Those that are over go. */
static void forget(struct challenges *c, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (c->used[i].until_ms > now_ms)
			c->used[kept++] = c->used[i];
	}
	c->count = kept;
}

struct error *challenges_use(struct challenges *c, const char *nonce, const uint8_t address[ETH_ADDRESS_BYTES],
			     int64_t now_ms)
{
	struct challenges_used u;
	struct nonce n;
	size_t own = 0;

	TRY(read_nonce(c, nonce, address, now_ms, &n, &u.until_ms));
	forget(c, now_ms);
	for (size_t i = 0; i < c->count; i++) {
		if (memcmp(c->used[i].tag, n.tag, sizeof(n.tag)) == 0)
			return error_new(ERROR_REFUSED,
					 "the nonce has served a login already: ask for a new challenge");
		own += memcmp(c->used[i].address, address, ETH_ADDRESS_BYTES) == 0;
	}
	if (own >= CHALLENGES_EACH)
		return error_new(ERROR_LIMIT, "this address has logged in %d times within %d s", CHALLENGES_EACH,
				 (int)(CHALLENGES_LIFE_MS / 1000));
	if (c->count >= CHALLENGES_USED)
		return error_new(ERROR_LIMIT, "there were %d logins within %d s", CHALLENGES_USED,
				 (int)(CHALLENGES_LIFE_MS / 1000));
	memcpy(u.tag, n.tag, sizeof(u.tag));
	memcpy(u.address, address, sizeof(u.address));
	c->used = mem_resize(c, c->used, struct challenges_used, c->count + 1);
	c->used[c->count++] = u;
	return NULL;
}
