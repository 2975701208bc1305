#include "shhd/keys.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/secret.h"

#define KEYS_MAX 65536 /* of each kind */

struct keys {
	struct ids *pairs, *syms;
};

struct sym {
	uint8_t key[SYM_KEY_BYTES];
};

struct keys *keys_new(const void *ctx)
{
	struct keys *k = mem_new(ctx, struct keys);

	k->pairs = ids_new(k, "key pairs", KEYS_MAX);
	k->syms = ids_new(k, "symmetric keys", KEYS_MAX);
	return k;
}

static int wipe_pair(struct secp_key *pair)
{
	secret_wipe(pair, sizeof(*pair));
	return 0;
}

static int wipe_sym(struct sym *sym)
{
	secret_wipe(sym, sizeof(*sym));
	return 0;
}

struct error *keys_add_pair(struct keys *k, const struct secp_key *pair, char ret_id[ID_TEXT + 1])
{
	struct secp_key *own = mem_new(k, struct secp_key);

	*own = *pair;
	talloc_set_destructor(own, wipe_pair);
	struct error *e = ids_add(k->pairs, own, ret_id);
	if (e)
		mem_free(own);
	return e;
}

struct error *keys_add_sym(struct keys *k, const uint8_t key[SYM_KEY_BYTES], char ret_id[ID_TEXT + 1])
{
	struct sym *own = mem_new(k, struct sym);

	memcpy(own->key, key, SYM_KEY_BYTES);
	talloc_set_destructor(own, wipe_sym);
	struct error *e = ids_add(k->syms, own, ret_id);
	if (e)
		mem_free(own);
	return e;
}

const struct secp_key *keys_pair(const struct keys *k, const char *id)
{
	return ids_find(k->pairs, id);
}

const uint8_t *keys_sym(const struct keys *k, const char *id)
{
	const struct sym *sym = ids_find(k->syms, id);

	return sym ? sym->key : NULL;
}

bool keys_remove_pair(struct keys *k, const char *id)
{
	return ids_remove(k->pairs, id);
}

bool keys_remove_sym(struct keys *k, const char *id)
{
	return ids_remove(k->syms, id);
}

void keys_count(const struct keys *k, size_t *ret_pairs, size_t *ret_syms)
{
	*ret_pairs = ids_count(k->pairs);
	*ret_syms = ids_count(k->syms);
}
