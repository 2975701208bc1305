/* The first block as go-ethereum takes it: Clique's sealers in order (EIP-225), who has ether, all forks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "devnet/genesis.h"

#define ZEROS_32 "0000000000000000000000000000000000000000000000000000000000000000"
#define ADDRESS(digit)                                                                                              \
	digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit \
		digit digit

static const uint8_t sealers[3][ETH_ADDRESS_BYTES] = {
	{0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
	 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc},
	{0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
	 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a},
	{0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb,
	 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb},
};

static json_t *written(const struct devnet_genesis *g)
{
	char folder[] = "/tmp/dsn-genesis-XXXXXX";
	void *ctx = mem_new(NULL, char);
	char *path, *text = NULL;
	json_t *document;

	assert_non_null(mkdtemp(folder));
	path = file_join(ctx, folder, "genesis.json");
	assert_null(devnet_genesis_write(g, path));
	assert_null(file_read(ctx, path, 65536, &text, NULL));
	document = json_loads(text, 0, NULL);
	assert_non_null(document);
	assert_null(file_remove_tree(folder));
	mem_free(ctx);
	return document;
}

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void clique(void **state)
{
	const struct devnet_genesis g = {.chain_id = 1515,
					 .gas_limit = 23000000,
					 .period_s = 7,
					 .sealers = sealers,
					 .sealer_count = 3,
					 .rich = &sealers[0],
					 .rich_count = 2,
					 .balance = "0x21e19e0c9bab2400000"};
	json_t *d = written(&g), *config = json_object_get(d, "config"), *alloc = json_object_get(d, "alloc");

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(config, "chainId")), 1515);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(config, "clique"), "period")), 7);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(config, "clique"), "epoch")), 30000);
	assert_int_equal(json_integer_value(json_object_get(config, "istanbulBlock")), 0);
	assert_true(json_is_integer(json_object_get(config, "istanbulBlock")));
	assert_string_equal(text_at(d, "difficulty"), "0x1");
	assert_string_equal(text_at(d, "gasLimit"), "0x15ef3c0");
	assert_string_equal(text_at(d, "extraData"),
			    "0x" ZEROS_32 ADDRESS("0a") ADDRESS("bb") ADDRESS("cc") ZEROS_32 ZEROS_32 "00");
	assert_int_equal(json_object_size(alloc), 2);
	assert_string_equal(text_at(json_object_get(alloc, ADDRESS("cc")), "balance"), "0x21e19e0c9bab2400000");
	assert_string_equal(text_at(json_object_get(alloc, ADDRESS("0a")), "balance"), "0x21e19e0c9bab2400000");
	json_decref(d);
}

static void nobody_is_rich(void **state)
{
	const struct devnet_genesis g = {
		.chain_id = 1, .gas_limit = 1, .period_s = 1, .sealers = sealers, .sealer_count = 1};
	json_t *d = written(&g);

	(void)state;
	assert_int_equal(json_object_size(json_object_get(d, "alloc")), 0);
	assert_string_equal(text_at(d, "extraData"), "0x" ZEROS_32 ADDRESS("cc") ZEROS_32 ZEROS_32 "00");
	json_decref(d);
}

static void nowhere(void **state)
{
	const struct devnet_genesis g = {.sealers = sealers, .sealer_count = 1};
	struct error *e = devnet_genesis_write(&g, "/nonexistent/genesis.json");

	(void)state;
	assert_non_null(e);
	error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(clique), cmocka_unit_test(nobody_is_rich),
					   cmocka_unit_test(nowhere)};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
