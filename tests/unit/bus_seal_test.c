/* Keys and sealed messages: what is opened, what is refused and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "bus/seal.h"
#include "whisper/payload.h"
#include "whisper/payload_plain.h"

struct person {
	struct secp_key key;
	struct keyring *ring;
	const char *id;
};

struct world {
	struct person alice, bob;
	json_t *body;
};

static void meet(struct person *p, const void *ctx)
{
	secp_key_new(&p->key);
	p->ring = keyring_new(ctx, NULL);
	p->id = keyring_add(p->ring, &p->key);
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	meet(&w->alice, w);
	meet(&w->bob, w);
	w->body = json_object();
	json_put(w->body, "n", "1");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	json_decref(w->body);
	mem_free(w);
	return 0;
}

static void works(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void refused(struct error *e, enum error_code code, const char *word)
{
	assert_non_null(e);
	if (e->code != code || !strstr(e->message, word))
		fail_msg("%s: %s", error_code_name(e->code), e->message);
	error_free(e);
}

static struct message *command(struct world *w, const struct person *from, const char *to)
{
	return message_new(w, MESSAGE_COMMAND, from->id, to, 60000, w->body);
}

static void seal(struct world *w, struct person *from, const struct message *m, enum seal_form form,
		 uint8_t **ret_bytes, size_t *ret_n)
{
	works(seal_write(w, from->ring, m, form, ret_bytes, ret_n));
	assert_int_equal(seal_form(*ret_bytes, *ret_n), form);
}

static void test_sealed(void **state)
{
	struct world *w = *state;
	struct message *m = command(w, &w->alice, w->bob.id), *read = NULL;
	uint8_t *bytes;
	size_t n;

	refused(seal_write(w, w->alice.ring, m, SEAL_SEALED, &bytes, &n), ERROR_NOT_FOUND, "public key");
	assert_true(keyring_learn(w->alice.ring, w->bob.key.public));
	assert_false(keyring_learn(w->alice.ring, w->bob.key.public));
	seal(w, &w->alice, m, SEAL_SEALED, &bytes, &n);
	assert_null(memmem(bytes, n, "command", 7));
	works(seal_read(w, w->bob.ring, w->bob.id, bytes, n, &read));
	assert_string_equal(read->id, m->id);
	assert_string_equal(read->signer, w->alice.id);
	assert_string_equal(read->from, w->alice.id);
	assert_null(read->key);
	assert_true(json_equal(read->body, w->body));
	/* The sender's key has been learned on the way. */
	assert_memory_equal(keyring_public(w->bob.ring, w->alice.id), w->alice.key.public, SECP_PUBLIC_BYTES);
}

/* Each byte matters. */
static void test_altered(void **state)
{
	struct world *w = *state;
	struct message *m = command(w, &w->alice, w->bob.id), *read = NULL;
	uint8_t *bytes;
	size_t n;

	keyring_learn(w->alice.ring, w->bob.key.public);
	seal(w, &w->alice, m, SEAL_SEALED, &bytes, &n);
	for (size_t i = 0; i < n; i += 7) {
		struct error *e;

		bytes[i] ^= 0x10;
		e = seal_read(w, w->bob.ring, w->bob.id, bytes, n, &read);
		assert_non_null(e);
		error_free(e);
		bytes[i] ^= 0x10;
	}
	for (size_t cut = 0; cut < n; cut += 13) {
		struct error *e = seal_read(w, w->bob.ring, w->bob.id, bytes, cut, &read);

		assert_non_null(e);
		error_free(e);
	}
	assert_null(read);
	refused(seal_read(w, w->alice.ring, w->bob.id, bytes, n, &read), ERROR_REFUSED, "not here");
	keyring_add(w->alice.ring, &w->alice.key);
	refused(seal_read(w, w->alice.ring, w->alice.id, bytes, n, &read), ERROR_REFUSED, "");
	works(seal_read(w, w->bob.ring, w->bob.id, bytes, n, &read));
}

/* A person's identity vouches for an ephemeral address. */
static void test_vouched(void **state)
{
	struct world *w = *state;
	struct secp_key ephemeral;
	struct message *m, *read = NULL;
	const char *id;
	uint8_t *bytes;
	size_t n;

	keyring_learn(w->alice.ring, w->bob.key.public);
	keyring_set_identity(w->alice.ring, &w->alice.key);
	secp_key_new(&ephemeral);
	id = keyring_add(w->alice.ring, &ephemeral);
	m = message_new(w, MESSAGE_COMMAND, id, w->bob.id, 60000, w->body);
	seal(w, &w->alice, m, SEAL_SEALED, &bytes, &n);
	works(seal_read(w, w->bob.ring, w->bob.id, bytes, n, &read));
	assert_string_equal(read->from, id);
	assert_string_equal(read->signer, w->alice.id);
	assert_non_null(read->key);
	/* Answers go to the ephemeral address. */
	assert_memory_equal(keyring_public(w->bob.ring, id), ephemeral.public, SECP_PUBLIC_BYTES);
	assert_null(keyring_public(w->bob.ring, w->alice.id));
}

/* Text of any kind, signed by alice, sealed to bob. */
static struct error *read_text(struct world *w, const char *text, const struct secp_key *sign)
{
	struct payload_to to = {.public = w->bob.key.public, .sign = sign};
	struct message *read = NULL;
	uint8_t *bytes;
	size_t n;

	works(payload_seal(w, &to, (const uint8_t *)text, strlen(text), &bytes, &n));
	return seal_read(w, w->bob.ring, w->bob.id, bytes, n, &read);
}

static void test_refusals(void **state)
{
	struct world *w = *state;
	struct message *m = command(w, &w->alice, w->bob.id);
	char *text = message_encode(w, m);

	works(read_text(w, text, &w->alice.key));
	refused(read_text(w, text, NULL), ERROR_INVALID, "not signed");
	refused(read_text(w, text, &w->bob.key), ERROR_INVALID, "message.signature: does not belong to");
	refused(read_text(w, "{}", &w->alice.key), ERROR_INVALID, "dsn: is missing");
	refused(read_text(w, "what?", &w->alice.key), ERROR_INVALID, "message");

	m->key = mem_strdup(m, "12");
	m->key = mem_printf(m, "%0128d", 7);
	refused(read_text(w, message_encode(w, m), &w->alice.key), ERROR_INVALID, "message.key: is no public key");
	m->key = hex_encode(m, w->bob.key.public, SECP_PUBLIC_BYTES);
	refused(read_text(w, message_encode(w, m), &w->alice.key), ERROR_INVALID, "message.key: does not belong to");
	m->key = NULL;

	m->time_ms = clock_wall_ms() + SEAL_AHEAD_MS + 10000;
	refused(read_text(w, message_encode(w, m), &w->alice.key), ERROR_INVALID, "set the clock");
	m->time_ms = clock_wall_ms() + SEAL_AHEAD_MS - 10000;
	works(read_text(w, message_encode(w, m), &w->alice.key));
}

static void test_open(void **state)
{
	struct world *w = *state;
	struct message *m = message_new(w, MESSAGE_STATUS, w->alice.id, "", 60000, w->body), *read = NULL;
	uint8_t *bytes;
	size_t n;

	seal(w, &w->alice, m, SEAL_OPEN, &bytes, &n);
	works(seal_read(w, NULL, NULL, bytes, n, &read));
	assert_string_equal(read->signer, w->alice.id);
	bytes[n - 80] ^= 1;
	refused(seal_read(w, NULL, NULL, bytes, n, &read), ERROR_INVALID, "message");
	m->from = (char *)w->bob.id;
	refused(seal_write(w, w->alice.ring, m, SEAL_OPEN, &bytes, &n), ERROR_NOT_FOUND, "cannot be signed");
}

static void test_sizes(void **state)
{
	struct world *w = *state;
	struct message *m = command(w, &w->alice, w->bob.id), *read = NULL;
	char *long_text = mem_array(w, char, MESSAGE_LIMIT + 1);
	uint8_t *bytes;
	size_t n, fits;

	keyring_learn(w->alice.ring, w->bob.key.public);
	fits = MESSAGE_LIMIT - strlen(message_encode(w, m)) + strlen("1");
	memset(long_text, 'x', fits + 1);
	json_put(w->body, "n", long_text);
	refused(seal_write(w, w->alice.ring, m, SEAL_SEALED, &bytes, &n), ERROR_LIMIT, "at most");
	long_text[fits] = '\0';
	json_put(w->body, "n", long_text);
	seal(w, &w->alice, m, SEAL_SEALED, &bytes, &n);
	assert_true(n <= SEAL_LIMIT);
	works(seal_read(w, w->bob.ring, w->bob.id, bytes, n, &read));
	refused(seal_read(w, w->bob.ring, w->bob.id, bytes, SEAL_LIMIT + 1, &read), ERROR_LIMIT, "more than");
}

static void test_forms(void **state)
{
	const struct {
		const char *bytes;
		enum seal_form form;
	} cases[] = {{"", SEAL_UNKNOWN},     {"{", SEAL_PLAIN},    {" {", SEAL_PLAIN},     {"\x04x", SEAL_SEALED},
		     {"\x05x", SEAL_OPEN},   {"\x07x", SEAL_OPEN}, {"\x03", SEAL_UNKNOWN}, {"\x08", SEAL_UNKNOWN},
		     {"\xff", SEAL_UNKNOWN}, {"[", SEAL_UNKNOWN}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(seal_form((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)), cases[i].form);
}

static struct error *on_count(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

static int64_t stored(struct db *db)
{
	int64_t n = -1;

	works(db_query(db, on_count, &n, "select count(*) from known_key", ""));
	return n;
}

static const struct db_schema keys_schema = {
	.application_id = DB_APPLICATION_ID('t'),
	.name = "a test's database",
	.migrations = &(const struct db_migration){(const char *const[]){keyring_schema, NULL}},
	.count = 1,
};

/* What is kept is there after a restart, learned before or after it was kept; case of the digits does not matter. */
static void test_stored(void **state)
{
	struct world *w = *state;
	char folder[] = "/tmp/dsn-keyring-XXXXXX", *path, upper[KEYRING_ID_SIZE];
	struct keyring *ring;
	struct db *db = NULL;

	assert_non_null(mkdtemp(folder));
	path = file_join(w, folder, "known.db");
	works(db_open(w, path, &keys_schema, &db));
	memcpy(upper, w->bob.id, sizeof(upper));
	for (char *c = upper; *c; c++)
		*c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
	ring = keyring_new(w, db);
	assert_null(keyring_public(ring, w->bob.id));
	keyring_keep(ring, upper);
	assert_true(keyring_keeps(ring, w->bob.id));
	assert_null(keyring_public(ring, w->bob.id));
	assert_true(keyring_learn(ring, w->bob.key.public));
	assert_true(keyring_learn(ring, w->alice.key.public));
	keyring_keep(ring, w->alice.id);
	assert_int_equal(stored(db), 2);
	mem_free(ring);
	ring = keyring_new(w, db);
	assert_null(keyring_public(ring, w->bob.id));
	keyring_keep(ring, w->bob.id);
	assert_memory_equal(keyring_public(ring, upper), w->bob.key.public, SECP_PUBLIC_BYTES);
	assert_null(keyring_own(ring, upper));
	assert_null(keyring_public(ring, "no id"));
	works(keyring_prune(ring)); /* alice is not kept any more */
	assert_int_equal(stored(db), 1);
	works(db_exec(db, "update known_key set public = 'nonsense'", ""));
	mem_free(ring);
	ring = keyring_new(w, db);
	keyring_keep(ring, w->bob.id);
	assert_null(keyring_public(ring, w->bob.id));
	mem_free(ring);
	mem_free(db);
	works(file_remove_tree(folder));
}

/* Thousands of hellos leave no row behind, and push out neither who is kept nor whom he vouches for. */
static void test_strangers_leave_nothing(void **state)
{
	struct world *w = *state;
	char folder[] = "/tmp/dsn-keyring-XXXXXX", *path;
	struct secp_key ephemeral, key;
	char ephemeral_id[KEYRING_ID_SIZE];
	struct keyring *ring;
	struct db *db = NULL;

	assert_non_null(mkdtemp(folder));
	path = file_join(w, folder, "known.db");
	works(db_open(w, path, &keys_schema, &db));
	ring = keyring_new(w, db);
	keyring_keep(ring, w->bob.id);
	assert_true(keyring_learn(ring, w->bob.key.public));
	secp_key_new(&ephemeral);
	keyring_id(ephemeral.public, ephemeral_id);
	assert_true(keyring_learn(ring, ephemeral.public)); /* of a hello */
	assert_false(keyring_learn_of(ring, ephemeral.public, w->bob.id));
	secp_key_new(&key);
	for (int i = 0; i < 6000; i++) {
		key.public[5] = (uint8_t)i;
		key.public[6] = (uint8_t)(i >> 8);
		assert_true(keyring_learn_of(ring, key.public, w->alice.id));
	}
	assert_non_null(keyring_public(ring, w->bob.id));
	assert_non_null(keyring_public(ring, ephemeral_id));
	assert_int_equal(stored(db), 1);
	mem_free(ring);
	mem_free(db);
	works(file_remove_tree(folder));
}

/* Strangers cannot fill our memory. */
static void test_bounded(void **state)
{
	struct world *w = *state;
	uint8_t first[SECP_PUBLIC_BYTES];
	struct secp_key key;
	char id[KEYRING_ID_SIZE];

	secp_key_new(&key);
	memcpy(first, key.public, sizeof(first));
	keyring_id(first, id);
	for (int i = 0; i < 4100; i++) {
		keyring_learn(w->alice.ring, key.public);
		key.secret[31]++;
		key.public[5]++; /* need not be a point to be remembered */
		key.public[6] = (uint8_t)(i >> 8);
	}
	assert_null(keyring_public(w->alice.ring, id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sealed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_altered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vouched, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strangers_leave_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
