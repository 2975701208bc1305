/* Who can reach whom, by what nodes say of their peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "devnet/groups.h"

#define KEY(digit) DIGITS(digit) DIGITS(digit) DIGITS(digit) DIGITS(digit)
#define DIGITS(digit)                                                                                               \
	digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit \
		digit digit digit digit digit digit digit digit digit digit digit digit digit digit

static const char *const enodes[] = {
	"enode://" KEY("a") "@127.0.0.1:1",
	"enode://" KEY("b") "@127.0.0.1:2",
	"enode://" KEY("c") "@127.0.0.1:3",
	"enode://" KEY("d") "@127.0.0.1:4",
};

/* What a node says: by its peer's own port, which is another. */
static void add(struct devnet_groups *g, size_t node, const char *digit_key, const char *protocol)
{
	json_t *peers = json_pack("[{s:o,s:{s:{}}}]", "enode", json_sprintf("enode://%s@127.0.0.1:999", digit_key),
				  "protocols", protocol);

	devnet_groups_add(g, node, peers, "shh");
	json_decref(peers);
}

static void chain_of_connections(void **state)
{
	struct devnet_groups *g = devnet_groups_new(NULL, enodes, 4);

	(void)state;
	assert_false(devnet_groups_are_one(g));
	add(g, 0, KEY("b"), "shh");
	add(g, 2, KEY("d"), "shh");
	assert_false(devnet_groups_are_one(g));
	add(g, 3, KEY("a"), "shh");
	assert_true(devnet_groups_are_one(g));
	assert_int_equal(g->connections, 3);
	assert_int_equal(g->lonely, 0);
	mem_free(g);
}

static void what_does_not_count(void **state)
{
	struct devnet_groups *g = devnet_groups_new(NULL, enodes, 2);
	json_t *odd = json_pack("[{}, n, {s:i}, s]", "enode", 7, "enode");

	(void)state;
	add(g, 0, KEY("b"), "eth"); /* not for Whisper */
	add(g, 0, KEY("e"), "shh"); /* a stranger */
	devnet_groups_add(g, 0, odd, "shh");
	devnet_groups_add(g, 1, NULL, "shh");
	assert_false(devnet_groups_are_one(g));
	assert_int_equal(g->connections, 0);
	assert_int_equal(g->lonely, 4);
	json_decref(odd);
	mem_free(g);
}

static void one_alone(void **state)
{
	struct devnet_groups *g = devnet_groups_new(NULL, enodes, 1);

	(void)state;
	assert_true(devnet_groups_are_one(g));
	mem_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(chain_of_connections),
					   cmocka_unit_test(what_does_not_count), cmocka_unit_test(one_alone)};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
