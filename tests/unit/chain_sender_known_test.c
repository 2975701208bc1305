/* What is estimated before it is signed is kept once for each intention, and no longer than it is good. With a chain:
 * tests/e2e/chain_test.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/sender_impl.h"

#define TIMES 50

struct world {
	uv_loop_t loop;
	void *ctx; /* of all that uses the loop */
	char *folder;
	struct sender *sender; /* its endpoint is nobody's: it signs nothing */
};

static void on_final(const struct txbox_record *record, void *arg)
{
	(void)record;
	(void)arg;
	fail();
}

static int set_up(void **state)
{
	static const char *const urls[] = {"http://127.0.0.1:1"};
	const struct rpc_config rpc_config = {.urls = urls, .url_count = 1, .chain_id = 7};
	struct world *w = mem_new(NULL, struct world);
	char made[] = "/tmp/dsn-sender-test-XXXXXX";
	struct sender_config config = {0};
	struct secp_key key;

	uv_loop_init(&w->loop);
	w->ctx = mem_new(w, char);
	w->folder = mem_strdup(w, mkdtemp(made));
	assert_null(rpc_open(w->ctx, &w->loop, &rpc_config, &config.rpc));
	assert_null(db_open(w->ctx, file_join(w, w->folder, "x.db"), &txbox_database, &config.db));
	secp_key_new(&key);
	assert_null(sender_open(w->ctx, &w->loop, &config, &key, on_final, NULL, &w->sender));
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	assert_null(file_remove_tree(w->folder));
	mem_free(w->ctx);
	loop_drain(&w->loop);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	mem_free(w);
	return 0;
}

static void put(struct world *w, const char *id, uint64_t gas)
{
	const struct txbox_intent in = {.id = id, .to = {7}, .value = u256_of(5)};

	assert_null(sender_put_estimated(w->sender, &in, gas));
}

static void each_is_kept_once(void **state)
{
	struct world *w = *state;

	for (uint64_t i = 0; i < TIMES; i++) {
		put(w, "a", 21000 + i);
		put(w, "b", 30000);
	}
	assert_int_equal(w->sender->known_count, 2);
	assert_int_equal(sender_known(w->sender, "a")->gas, 21000 + TIMES - 1);
}

static void none_is_kept_longer_than_it_is_good(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < TIMES; i++) {
		char *id = mem_printf(w, "old%d", i);

		put(w, id, 21000);
		sender_known(w->sender, id)->end_ms = i % 2 ? 0 : INT64_MAX;
	}
	put(w, "new", 21000);
	assert_int_equal(w->sender->known_count, TIMES / 2 + 1);
	assert_null(sender_known(w->sender, "old1"));
	assert_non_null(sender_known(w->sender, "old0"));
	assert_non_null(sender_known(w->sender, "new"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_is_kept_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(none_is_kept_longer_than_it_is_good, set_up, tear_down),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
