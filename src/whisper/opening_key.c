#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/aes.h"
#include "crypto/ecies.h"
#include "crypto/secret.h"
#include "whisper/opening.h"

#define POINT_UNCOMPRESSED 0x04 /* first byte of what ECIES seals */

struct opening_key *opening_key_new(const uint8_t *sym_key, const struct secp_key *key)
{
	/* Top-level: what runs on a worker may outlive the filters. */
	struct opening_key *k = mem_new(NULL, struct opening_key);

	assert(!sym_key != !key);
	k->count = 1;
	k->symmetric = sym_key != NULL;
	if (sym_key)
		memcpy(k->sym_key, sym_key, SYM_KEY_BYTES);
	else
		k->key = *key;
	return k;
}

bool opening_key_is(const struct opening_key *k, const uint8_t *sym_key, const struct secp_key *key)
{
	if (k->symmetric)
		return sym_key && secret_equal(k->sym_key, sym_key, SYM_KEY_BYTES);
	return key && !memcmp(k->key.public, key->public, SECP_PUBLIC_BYTES);
}

struct opening_key *opening_key_ref(struct opening_key *k)
{
	k->count++;
	return k;
}

void opening_key_unref(struct opening_key *k)
{
	if (--k->count > 0)
		return;
	secret_wipe(k, sizeof *k);
	mem_free(k);
}

bool opening_key_fits(const struct opening_key *k, const struct envelope *e)
{
	if (k->symmetric)
		return e->data_bytes > AES_GCM_TAG_BYTES + AES_GCM_NONCE_BYTES;
	return e->data_bytes > ECIES_OVERHEAD && e->data[0] == POINT_UNCOMPRESSED;
}
