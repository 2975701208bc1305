#include "people.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "world.h"

static struct {
	struct keyring *ring;
	char id[KEYRING_ID_SIZE], ephemeral[KEYRING_ID_SIZE];
} people[PEOPLE];

static struct {
	struct secp_key key;
	char id[KEYRING_ID_SIZE];
} places[PLACES];

static struct secp_key make_key(uint8_t group, size_t number)
{
	uint8_t secret[SECP_SECRET_BYTES] = {group, (uint8_t)(number + 1)};
	struct secp_key key;

	must(!secp_key_from_secret(secret, &key));
	return key;
}

static void store_key(const char *folder, const char *name, uint8_t group, size_t number)
{
	uint8_t secret[SECP_SECRET_BYTES] = {group, (uint8_t)(number + 1)};
	char *path = mem_printf(NULL, "%s/%s", folder, name);
	char *text = mem_printf(path, "%s\n", hex_encode(path, secret, sizeof(secret)));

	must(!file_write_atomic(path, text, strlen(text), 0600));
	mem_free(path);
}

void people_begin(const char *folder)
{
	char *keys = mem_printf(NULL, "%s/keys", folder);

	must(!file_mkdirs(keys, 0700));
	store_key(folder, "agent.key", 1, AGENT);
	store_key(keys, "a", 1, NODE_A);
	store_key(keys, "b", 1, NODE_B);
	mem_free(keys);
	for (size_t i = 0; i < PLACES; i++) {
		places[i].key = make_key(1, i);
		keyring_id(places[i].key.public, places[i].id);
	}
	for (size_t i = 0; i < PEOPLE; i++) {
		struct secp_key own = make_key(2, i), ephemeral = make_key(3, i);

		people[i].ring = keyring_new(NULL, NULL);
		keyring_add(people[i].ring, &own);
		keyring_add(people[i].ring, &ephemeral);
		keyring_set_identity(people[i].ring, &own);
		keyring_id(own.public, people[i].id);
		keyring_id(ephemeral.public, people[i].ephemeral);
		for (size_t k = 0; k < PLACES; k++)
			keyring_learn(people[i].ring, places[k].key.public);
	}
}

const char *people_id(enum who who)
{
	return people[who].id;
}

const char *place_id(enum at at)
{
	return places[at].id;
}

bool people_is(enum who who, const char *id)
{
	return !strcasecmp(id, people[who].id) || !strcasecmp(id, people[who].ephemeral);
}

struct message *people_message(enum who who, bool ephemeral, enum message_kind kind, enum at to, const char *id,
			       json_t *body)
{
	struct message *m = message_new(NULL, kind, ephemeral ? people[who].ephemeral : people[who].id,
					kind == MESSAGE_STATUS ? "" : places[to].id, 60000, body);

	m->id = mem_strdup(m, id);
	return m;
}

uint8_t *people_seal(enum who who, const struct message *m, enum seal_form form, size_t *ret_n)
{
	uint8_t *bytes = NULL;
	struct error *e = seal_write(NULL, people[who].ring, m, form, &bytes, ret_n);

	error_free(e);
	return e ? NULL : bytes;
}
