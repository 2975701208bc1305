/* What an owner takes of managers, the settings that say it, and the load of the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/beat.h"
#include "base/mem.h"
#include "node/agent/hardware_system.h"
#include "node/agent/heartbeat.h"
#include "node/agent/policy.h"

#define NODE "1111111111111111111111111111111111111111"

static void test_room(void **state)
{
	static const struct {
		int64_t most_jobs, ceiling;
		size_t jobs;
		int load_pm;
		const char *why; /* NULL: it is taken */
	} rows[] = {
		{0, 0, 1000, 1000, NULL},      {2, 0, 1, 1000, NULL}, {2, 0, 2, 0, "--most-jobs 2"},
		{0, 80, 0, 800, NULL},         {0, 80, 0, -1, NULL},  {0, 80, 0, 810, "--load-ceiling"},
		{1, 80, 1, 900, "has 1 jobs"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct agent_settings s = {.most_jobs = rows[i].most_jobs, .load_ceiling = rows[i].ceiling};
		struct error *e = policy_room(&s, NODE, rows[i].jobs, rows[i].load_pm);

		assert_int_equal(e != NULL, rows[i].why != NULL);
		if (e) {
			assert_int_equal(e->code, ERROR_LIMIT);
			assert_non_null(strstr(e->message, rows[i].why));
			assert_non_null(strstr(e->message, NODE));
		}
		error_free(e);
	}
}

static void test_settings(void **state)
{
	char good[] = "eu-1", bad[] = "a b", id[] = NODE;
	char *labels[API_BEAT_LABELS + 2] = {good, bad}, *customers[API_BEAT_CUSTOMERS + 2] = {id, good};
	struct agent_settings s = {.region = good};
	struct error *e = heartbeat_check(&s);

	(void)state;
	assert_null(e);
	s.region = bad;
	e = heartbeat_check(&s);
	assert_non_null(strstr(e->message, "--region: \"a b\""));
	error_free(e);
	s.region = NULL;
	s.labels = labels;
	e = heartbeat_check(&s);
	assert_non_null(strstr(e->message, "--label: \"a b\""));
	error_free(e);
	for (size_t i = 0; i <= API_BEAT_LABELS; i++)
		labels[i] = good;
	e = heartbeat_check(&s);
	assert_non_null(strstr(e->message, "--label: at most 16"));
	error_free(e);
	s.labels = NULL;
	s.customers = customers;
	e = heartbeat_check(&s);
	assert_non_null(strstr(e->message, "--customers: \"eu-1\""));
	error_free(e);
	for (size_t i = 0; i <= API_BEAT_CUSTOMERS; i++)
		customers[i] = id;
	e = heartbeat_check(&s);
	assert_non_null(strstr(e->message, "--customers: at most 64"));
	error_free(e);
}

static bool is_second(int cpu)
{
	return cpu == 1;
}

static bool is_any(int cpu)
{
	(void)cpu;
	return true;
}

/* As proc(5) shows it; ticks are of 10 ms. */
static void test_times(void **state)
{
	static const char text[] = "cpu  30 0 30 300 30 0 0 0 0 0\n"
				   "cpu0 10 0 10 100 10 0 0 0 5 0\n"
				   "cpu1 20 0 20 200 20 1 2 3 0 0\n"
				   "intr 5 0\ncpux 1 2\n";
	int64_t busy_ms = 0, all_ms = 0, later_ms = 0;

	(void)state;
	assert_true(hardware_system_read_times(text, is_second, &busy_ms, &all_ms));
	assert_int_equal(busy_ms, 460);
	assert_int_equal(all_ms, 2660);
	assert_true(hardware_system_read_times(text, is_any, &busy_ms, &all_ms));
	assert_int_equal(all_ms, 3960);
	assert_false(hardware_system_read_times("", is_any, &busy_ms, &all_ms));
	assert_false(hardware_system_read_times("cpu 1 2 3\n", is_any, &busy_ms, &all_ms));
	assert_true(hardware_system_times(&busy_ms, &all_ms));
	assert_in_range(busy_ms, 1, all_ms);
	while (later_ms <= all_ms)
		assert_true(hardware_system_times(&busy_ms, &later_ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_times),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
