/* What the callers of libcurl share: it ends with its owner, and GnuTLS, which nobody uses, stays asleep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>

#include "base/loop.h"
#include "base/mem.h"
#include "transfer/transfer.h"

static void never(CURLcode code, void *arg)
{
	(void)arg;
	fail_msg("ended with %d after it was cut off", (int)code);
}

static void test_freed_before_its_transfers(void **state)
{
	void *owner = talloc_new(NULL);
	uv_loop_t loop;

	(void)state;
	uv_loop_init(&loop);
	struct transfers *all = transfers_new(owner, &loop, 1);
	struct transfer *begun = transfer_new(owner, all, "http://127.0.0.1:1/", 5000, never, NULL);
	struct transfer *later = transfer_new(owner, all, "http://127.0.0.1:1/", 5000, never, NULL);
	transfer_start(begun);
	mem_free(all);
	transfer_start(later);
	uv_run(&loop, UV_RUN_DEFAULT);
	mem_free(owner);
	loop_drain(&loop);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_one_for_a_loop(void **state)
{
	void *first = talloc_new(NULL), *second = talloc_new(NULL);
	uv_loop_t loop, other;

	(void)state;
	uv_loop_init(&loop);
	uv_loop_init(&other);
	struct transfers *all = transfers_shared(first, &loop);
	assert_ptr_equal(transfers_shared(second, &loop), all);
	assert_ptr_not_equal(transfers_shared(second, &other), all);
	mem_free(first);
	assert_ptr_equal(transfers_shared(second, &loop), all);
	mem_free(second);
	loop_drain(&loop);
	loop_drain(&other);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(uv_loop_close(&other), 0);
}

/* The library must see the name: it is looked up among what the program exports, as the dynamic linker does. */
static void test_gnutls_is_not_set_up(void **state)
{
	int (*asks)(void);

	(void)state;
	*(void **)&asks = dlsym(dlopen(NULL, RTLD_NOW), "_gnutls_global_init_skip");
	assert_non_null(asks);
	assert_int_equal(asks(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freed_before_its_transfers),
		cmocka_unit_test(test_one_for_a_loop),
		cmocka_unit_test(test_gnutls_is_not_set_up),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
