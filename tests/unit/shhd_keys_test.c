/* How many keys shhd keeps: of each kind as many as its limit says, one less and one more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "crypto/secret.h"
#include "shhd/keys.h"

#define KEYS_MAX 65536

typedef struct error *add_fn(struct keys *k, unsigned i, char ret_id[ID_TEXT + 1]);

static int setup(void **state)
{
	mem_init();
	*state = keys_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	mem_free(*state);
	return 0;
}

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

static void counts(const struct keys *k, size_t pairs, size_t syms)
{
	size_t got_pairs, got_syms;

	keys_count(k, &got_pairs, &got_syms);
	assert_int_equal(got_pairs, pairs);
	assert_int_equal(got_syms, syms);
}

static void test_pairs(void **state)
{
	struct keys *k = *state;
	char first[ID_TEXT + 1], id[ID_TEXT + 1];
	unsigned kept;

	taken(k, add_pair, 0, first);
	for (unsigned i = 1; i < KEYS_MAX - 1; i++)
		taken(k, add_pair, i, id);
	counts(k, KEYS_MAX - 1, 0);
	taken(k, add_pair, KEYS_MAX - 1, id);
	refused(k, add_pair, "there are 65536 key pairs already, no more are kept");
	memcpy(&kept, keys_pair(k, id)->secret, sizeof(kept));
	assert_int_equal(kept, KEYS_MAX - 1);
	memcpy(&kept, keys_pair(k, first)->secret, sizeof(kept));
	assert_int_equal(kept, 0);
	taken(k, add_sym, 0, id); /* the other kind has room of its own */
	counts(k, KEYS_MAX, 1);
	assert_true(keys_remove_pair(k, first));
	assert_false(keys_remove_pair(k, first));
	assert_null(keys_pair(k, first));
	taken(k, add_pair, 0, id);
	refused(k, add_pair, "there are 65536 key pairs already, no more are kept");
}

static void test_symmetric_keys(void **state)
{
	struct keys *k = *state;
	char first[ID_TEXT + 1], id[ID_TEXT + 1];
	unsigned kept;

	taken(k, add_sym, 0, first);
	for (unsigned i = 1; i < KEYS_MAX - 1; i++)
		taken(k, add_sym, i, id);
	counts(k, 0, KEYS_MAX - 1);
	taken(k, add_sym, KEYS_MAX - 1, id);
	refused(k, add_sym, "there are 65536 symmetric keys already, no more are kept");
	memcpy(&kept, keys_sym(k, id), sizeof(kept));
	assert_int_equal(kept, KEYS_MAX - 1);
	taken(k, add_pair, 0, id);
	counts(k, 1, KEYS_MAX);
	assert_true(keys_remove_sym(k, first));
	assert_false(keys_remove_sym(k, first));
	assert_null(keys_sym(k, first));
	taken(k, add_sym, 0, id);
	refused(k, add_sym, "there are 65536 symmetric keys already, no more are kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pairs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_symmetric_keys, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
