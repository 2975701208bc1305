/* Who waits for a job's playlists, and how many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "manager/play/sources.h"

#define JOB "0200000000000000000001"

static struct method_call *open_call;

static void keep(struct method_call *c, void *arg)
{
	(void)arg;
	open_call = c;
}

static const struct method rows[] = {{.name = "orders.sources",
				      .begin = keep,
				      .may = CALLER_SERVICE,
				      .params = {{.name = "job", .type = METHOD_JOB}}}};

struct told {
	int answers, refusals;
};

static void on_told(const struct play_source *const *list, size_t count, const struct error *e, void *arg)
{
	struct told *t = arg;

	(void)list;
	(void)count;
	t->answers += !e;
	t->refusals += e && e->code == ERROR_LIMIT;
}

static void test_so_many_wait(void **state)
{
	struct methods *methods = methods_new(NULL);
	struct service_host host = {.methods = methods};
	struct sources *all = sources_new(methods, &host);
	struct told told = {0, 0};

	(void)state;
	methods_add(methods, rows, 1, NULL);
	for (int i = 0; i < SOURCES_WAITERS + 3; i++)
		sources_ask(all, JOB, on_told, &told);
	assert_non_null(open_call);
	assert_int_equal(told.answers, 0);
	assert_int_equal(told.refusals, 3);
	/* They are answered, and others may wait again. */
	method_answer(open_call, json_pack("{s:[]}", "sources"));
	assert_int_equal(told.answers, SOURCES_WAITERS);
	sources_ask(all, JOB, on_told, &told);
	assert_int_equal(told.refusals, 3);
	method_answer(open_call, json_pack("{s:[]}", "sources"));
	assert_int_equal(told.answers, SOURCES_WAITERS + 1);
	mem_free(methods);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_so_many_wait)};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
