/* How many keys shhd keeps: of each kind as many as its limit says, one less and one more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/secret.h"
#include "shhd/keys.h"

#define KEYS_MAX 65536

typedef struct error *add_fn(struct keys *k, unsigned i, char ret_id[ID_TEXT + 1]);

/* Not a pair that belongs together: what is kept is not looked at. */
static struct error *add_pair(struct keys *k, unsigned i, char ret_id[ID_TEXT + 1])
{
	struct secp_key pair = {0};

	memcpy(pair.secret, &i, sizeof(i));
	return keys_add_pair(k, &pair, ret_id);
}

static struct error *add_sym(struct keys *k, unsigned i, char ret_id[ID_TEXT + 1])
{
	uint8_t key[SYM_KEY_BYTES] = {0};

	memcpy(key, &i, sizeof(i));
	return keys_add_sym(k, key, ret_id);
}

static void taken(struct keys *k, add_fn *add, unsigned i, char ret_id[ID_TEXT + 1])
{
	struct error *e = add(k, i, ret_id);

	if (e)
		fail_msg("%u: %s", i, e->message);
}

static void refused(struct keys *k, add_fn *add, const char *reason)
{
	char id[ID_TEXT + 1];
	struct error *e = add(k, KEYS_MAX, id);

	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	assert_string_equal(e->message, reason);
	error_free(e);
}

static const uint8_t *pair_of(const struct keys *k, const char *id)
{
	const struct secp_key *pair = keys_pair(k, id);

	return pair ? pair->secret : NULL;
}

/* A kind of key, and how many of it and of the other there are. */
static const struct kind {
	add_fn *add, *add_other;
	const uint8_t *(*kept)(const struct keys *k, const char *id); /* NULL: none of that id */
	bool (*remove)(struct keys *k, const char *id);
	bool pairs;
	const char *full;
} kinds[] = {
	{add_pair, add_sym, pair_of, keys_remove_pair, true, "there are 65536 key pairs already, no more are kept"},
	{add_sym, add_pair, keys_sym, keys_remove_sym, false,
	 "there are 65536 symmetric keys already, no more are kept"},
};

static void counts(const struct keys *k, const struct kind *kind, size_t own, size_t others)
{
	size_t pairs, syms;

	keys_count(k, &pairs, &syms);
	assert_int_equal(kind->pairs ? pairs : syms, own);
	assert_int_equal(kind->pairs ? syms : pairs, others);
}

static void kept(const struct keys *k, const struct kind *kind, const char *id, unsigned i)
{
	unsigned found;

	memcpy(&found, kind->kept(k, id), sizeof(found));
	assert_int_equal(found, i);
}

static void check(struct keys *k, const struct kind *kind)
{
	char first[ID_TEXT + 1], id[ID_TEXT + 1];

	taken(k, kind->add, 0, first);
	for (unsigned i = 1; i < KEYS_MAX - 1; i++)
		taken(k, kind->add, i, id);
	counts(k, kind, KEYS_MAX - 1, 0);
	taken(k, kind->add, KEYS_MAX - 1, id);
	refused(k, kind->add, kind->full);
	kept(k, kind, id, KEYS_MAX - 1);
	kept(k, kind, first, 0);
	taken(k, kind->add_other, 0, id); /* the other kind has room of its own */
	counts(k, kind, KEYS_MAX, 1);
	assert_true(kind->remove(k, first));
	assert_false(kind->remove(k, first));
	assert_null(kind->kept(k, first));
	taken(k, kind->add, 0, id);
	refused(k, kind->add, kind->full);
}

static void test_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct keys *k = keys_new(NULL);

		check(k, &kinds[i]);
		mem_free(k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits)};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
