#include "bus/keyring.h"

#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/known_keys.h"
#include "crypto/secret.h"

const char keyring_schema[] =
	"create table if not exists known_key( id text primary key, public text not null) without rowid;";

struct own {
	char id[KEYRING_ID_SIZE];
	struct secp_key key;
};

struct keyring {
	struct db *db;
	struct own **own;
	size_t own_count;
	struct known_keys *known;
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
	k->known = known_keys_new(k);
	talloc_set_destructor(k, keyring_destroy);
	return k;
}

/* In lower case, as the database has them. */
static void format_id(const uint8_t address[ETH_ADDRESS_BYTES], char ret_id[KEYRING_ID_SIZE])
{
	char *digits = hex_encode(NULL, address, ETH_ADDRESS_BYTES);

	memcpy(ret_id, digits, KEYRING_ID_SIZE);
	mem_free(digits);
}

void keyring_id(const uint8_t public[SECP_PUBLIC_BYTES], char ret_id[KEYRING_ID_SIZE])
{
	uint8_t address[ETH_ADDRESS_BYTES];

	secp_address(public, address);
	format_id(address, ret_id);
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

static bool read_id(const char *id, uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	struct error *e = hex_is(id, ID_DIGITS) ? hex_decode(id, ret_address, ETH_ADDRESS_BYTES) : NULL;

	error_free(e);
	return hex_is(id, ID_DIGITS) && !e;
}

static struct known_key *find_known(struct keyring *k, const char *id)
{
	uint8_t address[ETH_ADDRESS_BYTES];

	return read_id(id, address) ? known_keys_find(k->known, address) : NULL;
}

static void store(struct keyring *k, const struct known_key *n)
{
	char *digits = hex_encode(NULL, n->public, SECP_PUBLIC_BYTES), id[KEYRING_ID_SIZE];
	struct error *e;

	format_id(n->address, id);
	e = db_exec(k->db, "insert or replace into known_key(id, public) values(?, ?)", "ss", id, digits);
	/* It is asked for again after a restart. */
	if (e)
		log_warn("keyring.not_stored", "id=%s why=%s", id, log_q(e->message));
	error_free(e);
	mem_free(digits);
}

static struct error *on_row(const struct db_row *row, void *arg)
{
	struct known_key *n = arg;
	const char *digits = db_text(row, 0);

	if (!hex_is(digits, (size_t)2 * SECP_PUBLIC_BYTES))
		return error_new(ERROR_INVALID, "a stored public key is malformed");
	TRY(hex_decode(digits, n->public, SECP_PUBLIC_BYTES));
	n->has_key = true;
	return NULL;
}

static void load(struct keyring *k, struct known_key *n)
{
	char id[KEYRING_ID_SIZE];
	struct error *e;

	format_id(n->address, id);
	e = db_query(k->db, on_row, n, "select public from known_key where id = ?", "s", id);
	if (e)
		log_warn("keyring.unreadable", "id=%s why=%s", id, log_q(e->message));
	error_free(e);
}

void keyring_keep(struct keyring *k, const char *id)
{
	uint8_t address[ETH_ADDRESS_BYTES];
	struct known_key *n;

	if (!read_id(id, address) || find_own(k, id) || keyring_keeps(k, id))
		return;
	n = known_keys_put(k->known, address, KNOWN_KEPT);
	if (!k->db)
		return;
	if (n->has_key)
		store(k, n);
	else
		load(k, n);
}

bool keyring_keeps(struct keyring *k, const char *id)
{
	const struct known_key *n = find_known(k, id);

	return n && n->place == KNOWN_KEPT;
}

bool keyring_stored_id(const struct keyring *k, size_t n, char ret_id[KEYRING_ID_SIZE])
{
	const struct known_key *one = known_keys_newest(k->known, KNOWN_KEPT);

	while (one && n--)
		one = one->older;
	if (one)
		format_id(one->address, ret_id);
	return one != NULL;
}

struct strange {
	struct keyring *keyring;
	char **ids;
	size_t count;
};

static struct error *on_stored_id(const struct db_row *row, void *arg)
{
	struct strange *s = arg;
	const char *id = db_text(row, 0);

	if (keyring_keeps(s->keyring, id))
		return NULL;
	s->ids = mem_resize(NULL, s->ids, char *, s->count + 1);
	s->ids[s->count++] = mem_strdup(s->ids, id);
	return NULL;
}

static struct error *remove_strange(struct db *db, const void *arg)
{
	const struct strange *s = arg;

	for (size_t i = 0; i < s->count; i++)
		TRY(db_exec(db, "delete from known_key where id = ?", "s", s->ids[i]));
	return NULL;
}

struct error *keyring_prune(struct keyring *k)
{
	struct strange s = {.keyring = k};
	struct error *e;

	if (!k->db)
		return NULL;
	s.ids = mem_array(NULL, char *, 0);
	e = db_query(k->db, on_stored_id, &s, "select id from known_key", "");
	if (!e && s.count)
		e = db_together(k->db, remove_strange, &s);
	mem_free(s.ids);
	return e;
}

static bool learn(struct keyring *k, const uint8_t public[SECP_PUBLIC_BYTES], enum known_keys_place place)
{
	uint8_t address[ETH_ADDRESS_BYTES];
	char id[KEYRING_ID_SIZE];
	struct known_key *n;

	secp_address(public, address);
	format_id(address, id);
	if (find_own(k, id))
		return false;
	n = known_keys_put(k->known, address, place);
	if (n->has_key)
		return false;
	memcpy(n->public, public, SECP_PUBLIC_BYTES);
	n->has_key = true;
	if (k->db && n->place == KNOWN_KEPT)
		store(k, n);
	return true;
}

bool keyring_learn(struct keyring *k, const uint8_t public[SECP_PUBLIC_BYTES])
{
	return learn(k, public, KNOWN_STRANGERS);
}

bool keyring_learn_of(struct keyring *k, const uint8_t public[SECP_PUBLIC_BYTES], const char *signer)
{
	return learn(k, public, keyring_keeps(k, signer) ? KNOWN_FAMILIAR : KNOWN_STRANGERS);
}

const uint8_t *keyring_public(struct keyring *k, const char *id)
{
	const struct own *o = find_own(k, id);
	const struct known_key *n = o ? NULL : find_known(k, id);

	if (o)
		return o->key.public;
	return n && n->has_key ? n->public : NULL;
}
