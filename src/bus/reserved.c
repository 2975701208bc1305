#include "bus/reserved.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/keccak.h"
#include "crypto/secret.h"

struct place_of {
	char name[KEYRING_ID_SIZE];
	char *id, *peer;
};

struct reserved {
	struct keyring *keyring;
	char *network;
	struct place_of *places[RESERVED_MAX];
	size_t count;
};

struct error *reserved_name(const struct secp_key *key, const uint8_t public[SECP_PUBLIC_BYTES], const char *network,
			    const char *id, char ret_name[KEYRING_ID_SIZE])
{
	uint8_t shared[SECP_SHARED_BYTES], digest[KECCAK_BYTES];
	char *text, *digits;
	size_t n;

	TRY(secp_ecdh(key->secret, public, shared));
	text = mem_printf(NULL, "dsn/%s/%s/reserved", network, id);
	n = strlen(text);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)tolower((unsigned char)text[i]);
	text = mem_resize(NULL, text, char, n + sizeof(shared));
	memcpy(text + n, shared, sizeof(shared)); /* NOLINT(bugprone-not-null-terminated-result): bytes, no text */
	keccak256(text, n + sizeof(shared), digest);
	secret_wipe(text, n + sizeof(shared));
	secret_wipe(shared, sizeof(shared));
	mem_free(text);
	digits = hex_encode(NULL, digest, ETH_ADDRESS_BYTES);
	memcpy(ret_name, digits, KEYRING_ID_SIZE);
	mem_free(digits);
	return NULL;
}

struct reserved *reserved_new(const void *ctx, struct keyring *k, const char *network)
{
	struct reserved *r = mem_new(ctx, struct reserved);

	r->keyring = k;
	r->network = mem_strdup(r, network);
	return r;
}

static bool has(const struct reserved *r, const char *id, const char *peer)
{
	for (size_t i = 0; i < r->count; i++) {
		if (!strcasecmp(r->places[i]->id, id) && !strcasecmp(r->places[i]->peer, peer))
			return true;
	}
	return false;
}

const char *reserved_add(struct reserved *r, const char *id, const char *peer)
{
	const struct secp_key *key = keyring_own(r->keyring, id);
	const uint8_t *public = keyring_public(r->keyring, peer);
	struct place_of *p;
	struct error *e;

	if (!key || !public || r->count == RESERVED_MAX || has(r, id, peer))
		return NULL;
	p = mem_new(r, struct place_of);
	p->id = mem_strdup(p, id);
	p->peer = mem_strdup(p, peer);
	e = reserved_name(key, public, r->network, id, p->name);
	if (e) {
		log_warn("bus.unreserved", "id=%s peer=%s why=%s", id, peer, log_q(e->message));
		error_free(e);
		mem_free(p);
		return NULL;
	}
	r->places[r->count++] = p;
	return p->name;
}

char *reserved_drop(struct reserved *r, const void *ctx, const char *id)
{
	for (size_t i = 0; i < r->count; i++) {
		char *name;

		if (strcasecmp(r->places[i]->id, id) != 0)
			continue;
		name = mem_strdup(ctx, r->places[i]->name);
		mem_free(r->places[i]);
		r->places[i] = r->places[--r->count];
		return name;
	}
	return NULL;
}

const char *reserved_owner(const struct reserved *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++) {
		if (!strcasecmp(r->places[i]->name, name))
			return r->places[i]->id;
	}
	return NULL;
}
