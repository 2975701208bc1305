#include "bus/keyring.h"

#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/secret.h"

/* Strangers can make us learn, so what is learned is bounded; the database keeps more than memory. */
#define KNOWN_MAX 4096

const char keyring_schema[] = "create table if not exists known_key("
			      " id text primary key,"
			      " public text not null) without rowid;";

struct own {
	char id[KEYRING_ID_SIZE];
	struct secp_key key;
};

struct known {
	char id[KEYRING_ID_SIZE];
	uint8_t public[SECP_PUBLIC_BYTES];
};

struct keyring {
	struct db *db;
	struct own **own;
	size_t own_count;
	struct known *known;
	size_t known_count, next; /* full: `next` gives way */
	bool has_identity;
	struct secp_key identity;
	struct contexts *contexts; /* NULL: each message has one of its own */
};

static int own_destroy(struct own *o)
{
	secret_wipe(&o->key, sizeof(o->key));
	return 0;
}

static int keyring_destroy(struct keyring *k)
{
	secret_wipe(&k->identity, sizeof(k->identity));
	return 0;
}

struct keyring *keyring_new(const void *ctx, struct db *db)
{
	struct keyring *k = mem_new(ctx, struct keyring);

	k->db = db;
	k->own = mem_array(k, struct own *, 0);
	k->known = mem_array(k, struct known, 0);
	talloc_set_destructor(k, keyring_destroy);
	return k;
}

void keyring_id(const uint8_t public[SECP_PUBLIC_BYTES], char ret_id[KEYRING_ID_SIZE])
{
	uint8_t address[ETH_ADDRESS_BYTES];
	char *digits;

	eth_address(public, address);
	digits = hex_encode(NULL, address, sizeof(address));
	memcpy(ret_id, digits, KEYRING_ID_SIZE);
	mem_free(digits);
}

struct error *keyring_read_enode(const char *text, uint8_t ret_public[SECP_PUBLIC_BYTES], char ret_id[KEYRING_ID_SIZE])
{
	uint8_t public[SECP_PUBLIC_BYTES];

	if (!hex_is(text, KEYRING_ENODE_DIGITS))
		return error_new(ERROR_INVALID, "wants %d hexadecimal digits", KEYRING_ENODE_DIGITS);
	TRY(hex_decode(text, public, sizeof(public)));
	if (!secp_public_valid(public))
		return error_new(ERROR_INVALID, "is no public key (not a point of secp256k1)");
	memcpy(ret_public, public, sizeof(public));
	keyring_id(public, ret_id);
	return NULL;
}

static struct own *find_own(const struct keyring *k, const char *id)
{
	for (size_t i = 0; i < k->own_count; i++) {
		if (!strcasecmp(k->own[i]->id, id))
			return k->own[i];
	}
	return NULL;
}

const char *keyring_add(struct keyring *k, const struct secp_key *key)
{
	char id[KEYRING_ID_SIZE];
	struct own *o;

	keyring_id(key->public, id);
	o = find_own(k, id);
	if (o)
		return o->id;
	o = mem_new(k, struct own);
	talloc_set_destructor(o, own_destroy);
	memcpy(o->id, id, sizeof(id));
	o->key = *key;
	k->own = mem_resize(k, k->own, struct own *, k->own_count + 1);
	k->own[k->own_count++] = o;
	return o->id;
}

const struct secp_key *keyring_own(const struct keyring *k, const char *id)
{
	struct own *o = find_own(k, id);

	return o ? &o->key : NULL;
}

void keyring_set_identity(struct keyring *k, const struct secp_key *key)
{
	k->identity = *key;
	k->has_identity = true;
}

const struct secp_key *keyring_identity(const struct keyring *k)
{
	return k->has_identity ? &k->identity : NULL;
}

void keyring_keep_contexts(struct keyring *k)
{
	if (!k->contexts)
		k->contexts = contexts_new(k);
}

struct contexts *keyring_contexts(const struct keyring *k)
{
	return k->contexts;
}

/* --- what others told --- */

static const struct known *find_known(const struct keyring *k, const char *id)
{
	for (size_t i = 0; i < k->known_count; i++) {
		if (!strcasecmp(k->known[i].id, id))
			return &k->known[i];
	}
	return NULL;
}

static const struct known *remember(struct keyring *k, const char id[KEYRING_ID_SIZE],
				    const uint8_t public[SECP_PUBLIC_BYTES])
{
	struct known *n;

	if (k->known_count < KNOWN_MAX) {
		k->known = mem_resize(k, k->known, struct known, k->known_count + 1);
		n = &k->known[k->known_count++];
	} else {
		n = &k->known[k->next++ % KNOWN_MAX];
	}
	memcpy(n->id, id, KEYRING_ID_SIZE);
	memcpy(n->public, public, SECP_PUBLIC_BYTES);
	return n;
}

static void store(struct keyring *k, const char *id, const uint8_t public[SECP_PUBLIC_BYTES])
{
	char *digits = hex_encode(NULL, public, SECP_PUBLIC_BYTES);
	struct error *e = db_exec(k->db, "insert or replace into known_key(id, public) values(?, ?)", "ss", id, digits);

	/* It is asked for again after a restart. */
	if (e)
		log_warn("keyring.not_stored", "id=%s why=%s", id, log_q(e->message));
	error_free(e);
	mem_free(digits);
}

bool keyring_learn(struct keyring *k, const uint8_t public[SECP_PUBLIC_BYTES])
{
	char id[KEYRING_ID_SIZE];

	keyring_id(public, id);
	if (keyring_public(k, id))
		return false;
	remember(k, id, public);
	if (k->db)
		store(k, id, public);
	return true;
}

struct stored {
	bool found;
	uint8_t public[SECP_PUBLIC_BYTES];
};

static struct error *on_row(const struct db_row *row, void *arg)
{
	struct stored *s = arg;
	const char *digits = db_text(row, 0);

	if (!hex_is(digits, (size_t)2 * SECP_PUBLIC_BYTES))
		return error_new(ERROR_INVALID, "a stored public key is malformed");
	TRY(hex_decode(digits, s->public, SECP_PUBLIC_BYTES));
	s->found = true;
	return NULL;
}

const uint8_t *keyring_public(struct keyring *k, const char *id)
{
	const struct own *o = find_own(k, id);
	const struct known *n = find_known(k, id);
	struct stored s = {0};
	char lower[KEYRING_ID_SIZE];
	struct error *e;

	if (o)
		return o->key.public;
	if (n || !k->db || !hex_is(id, ID_DIGITS))
		return n ? n->public : NULL;
	for (size_t i = 0; i < sizeof(lower); i++)
		lower[i] = (char)(id[i] >= 'A' && id[i] <= 'F' ? id[i] + 'a' - 'A' : id[i]);
	e = db_query(k->db, on_row, &s, "select public from known_key where id = ?", "s", lower);
	if (e)
		log_warn("keyring.unreadable", "id=%s why=%s", id, log_q(e->message));
	error_free(e);
	return s.found ? remember(k, lower, s.public)->public : NULL;
}
