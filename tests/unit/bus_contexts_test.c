/* ECIES contexts that are used again: the same bytes as without, replaced in time, bounded, of one recipient only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "bus/contexts.h"

static const uint8_t text[] = "a message";

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static const struct ecies_context *context_to(struct contexts *s, const struct secp_key *key)
{
	const struct ecies_context *c = NULL;

	ok(contexts_to(s, key->public, &c));
	return c;
}

static void any_receiver_opens_it(void **state)
{
	struct contexts *s = contexts_new(NULL);
	uint8_t first[sizeof(text) + ECIES_OVERHEAD], second[sizeof(first)], opened[sizeof(text)];
	struct secp_key key;

	(void)state;
	secp_key_new(&key);
	ecies_context_seal(context_to(s, &key), text, sizeof(text), NULL, 0, first);
	ecies_context_seal(context_to(s, &key), text, sizeof(text), NULL, 0, second);
	ok(ecies_open(key.secret, first, sizeof(first), NULL, 0, opened));
	assert_memory_equal(opened, text, sizeof(text));
	ok(ecies_open(key.secret, second, sizeof(second), NULL, 0, opened));
	assert_memory_equal(opened, text, sizeof(text));
	assert_memory_equal(first, second, 1 + SECP_PUBLIC_BYTES); /* one ephemeral key, */
	assert_memory_not_equal(first + 1 + SECP_PUBLIC_BYTES, second + 1 + SECP_PUBLIC_BYTES,
				16); /* each its own iv */
	mem_free(s);
}

static void each_recipient_has_its_own(void **state)
{
	struct contexts *s = contexts_new(NULL);
	struct secp_key one, other;
	uint8_t ephemeral[SECP_PUBLIC_BYTES];

	(void)state;
	secp_key_new(&one);
	secp_key_new(&other);
	memcpy(ephemeral, ecies_context_ephemeral(context_to(s, &one)), sizeof(ephemeral));
	assert_memory_not_equal(ecies_context_ephemeral(context_to(s, &other)), ephemeral, sizeof(ephemeral));
	assert_memory_equal(ecies_context_ephemeral(context_to(s, &one)), ephemeral, sizeof(ephemeral));
	mem_free(s);
}

static void a_context_is_replaced_after_so_many_messages(void **state)
{
	struct contexts *s = contexts_new(NULL);
	struct secp_key key;
	uint8_t ephemeral[SECP_PUBLIC_BYTES];

	(void)state;
	secp_key_new(&key);
	memcpy(ephemeral, ecies_context_ephemeral(context_to(s, &key)), sizeof(ephemeral));
	for (int i = 1; i < CONTEXTS_MESSAGES; i++)
		assert_memory_equal(ecies_context_ephemeral(context_to(s, &key)), ephemeral, sizeof(ephemeral));
	assert_memory_not_equal(ecies_context_ephemeral(context_to(s, &key)), ephemeral, sizeof(ephemeral));
	mem_free(s);
}

static void what_is_held_is_bounded(void **state)
{
	struct contexts *s = contexts_new(NULL);
	struct secp_key own, sender;
	uint8_t sealed[sizeof(text) + ECIES_OVERHEAD], first[sizeof(sealed)];
	struct ecies_context *c;

	(void)state;
	secp_key_new(&own);
	secp_key_new(&sender);
	for (int i = 0; i <= CONTEXTS_HELD; i++) {
		ok(ecies_seal(own.public, text, sizeof(text), NULL, 0, sealed));
		assert_null(contexts_from(s, &own, sealed, sizeof(sealed)));
		ok(ecies_context_of(NULL, own.secret, ecies_ephemeral(sealed, sizeof(sealed)), &c));
		contexts_learn(s, &own, c);
		assert_non_null(contexts_from(s, &own, sealed, sizeof(sealed)));
		assert_null(contexts_from(s, &sender, sealed, sizeof(sealed))); /* of another recipient */
		if (i == 0)
			memcpy(first, sealed, sizeof(first));
		else
			assert_int_equal(!contexts_from(s, &own, first, sizeof(first)), i == CONTEXTS_HELD);
	}
	mem_free(s);
}

static void refusals(void **state)
{
	struct contexts *s = contexts_new(NULL);
	const uint8_t nowhere[SECP_PUBLIC_BYTES] = {1};
	const struct ecies_context *c = NULL;
	uint8_t sealed[sizeof(text) + ECIES_OVERHEAD], opened[sizeof(text)];
	struct secp_key key;
	struct error *e = contexts_to(s, nowhere, &c);

	(void)state;
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_INVALID);
	error_free(e);
	secp_key_new(&key);
	assert_null(contexts_from(s, &key, sealed, ECIES_OVERHEAD));
	c = context_to(s, &key);
	ecies_context_seal(c, text, sizeof(text), NULL, 0, sealed);
	sealed[sizeof(sealed) - 1] ^= 1;
	e = ecies_context_open(c, sealed, sizeof(sealed), NULL, 0, opened);
	assert_int_equal(e->code, ERROR_REFUSED);
	error_free(e);
	sealed[sizeof(sealed) - 1] ^= 1;
	sealed[1] ^= 1;
	e = ecies_context_open(c, sealed, sizeof(sealed), NULL, 0, opened);
	assert_int_equal(e->code, ERROR_REFUSED);
	error_free(e);
	mem_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_receiver_opens_it),
		cmocka_unit_test(each_recipient_has_its_own),
		cmocka_unit_test(a_context_is_replaced_after_so_many_messages),
		cmocka_unit_test(what_is_held_is_bounded),
		cmocka_unit_test(refusals),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
