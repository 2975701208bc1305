/* How long a first connection is waited for, when that is given up, and what is told meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bus/backend.h"
#include "client/patience.h"
#include "client/world.h"

struct waiter {
	struct client_patience *patience;
	int ups, ends, told[CLIENT_WAITING_ANSWERS + 1];
	bool free_at_up, free_at_end;
};

static void on_up(void *arg)
{
	struct waiter *a = arg;

	a->ups++;
	if (a->free_at_up)
		mem_free(a->patience);
}

static void on_given_up(void *arg)
{
	struct waiter *a = arg;

	a->ends++;
	if (a->free_at_end)
		mem_free(a->patience);
}

static void on_waiting(enum client_waiting what, const char *why, void *arg)
{
	assert_true((what == CLIENT_WAITING_ANSWERS) == !why);
	((struct waiter *)arg)->told[what]++;
}

static void wait_for(struct world *w, struct waiter *a, int64_t timeout_ms, int64_t patience_ms, bool hasty)
{
	const struct client_patience_options options = {
		.link = world_link(w), .timeout_ms = timeout_ms, .patience_ms = patience_ms, .hasty = hasty};
	const struct client_patience_events events = {
		.up = on_up, .given_up = on_given_up, .waiting = on_waiting, .arg = a};

	assert_null(client_patience_new(w, &options, &events, &a->patience));
	assert_int_equal(a->ups + a->ends, 0);
}

static void says(const struct waiter *a, enum error_code code, const char *part)
{
	struct error *e = client_patience_error(a->patience);

	assert_non_null(e);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" has no \"%s\"", e->message, part);
	error_free(e);
}

/* What the link hears, as a broker would say it. */
static void down(struct world *w, enum error_code code, const char *why)
{
	struct error *e = error_new(code, "%s", why);

	bus_report_state(client_link_bus(w->link), false, e);
	error_free(e);
}

static void once_reached_it_is_not_given_up(void **state)
{
	struct world *w = *state;
	struct waiter a = {0};

	wait_for(w, &a, 0, 40, true);
	world_until_count(w, &a.ups, 1);
	assert_int_equal(a.told[CLIENT_WAITING_ANSWERS], 1);
	down(w, ERROR_REFUSED, "no longer");
	assert_int_equal(a.told[CLIENT_WAITING_BUS], 1);
	assert_string_equal(client_patience_down(a.patience)->message, "no longer");
	world_run_ms(w, 80);
	assert_int_equal(a.ends, 0);
	assert_null(client_patience_error(a.patience));
	bus_report_state(client_link_bus(w->link), true, NULL);
	assert_int_equal(a.ups, 2);
	assert_null(client_patience_down(a.patience));
	mem_free(a.patience);
}

/* Which time is the shorter one, and is told. */
static void the_shorter_time_counts(void **state)
{
	static const struct {
		int64_t timeout_ms, patience_ms, within_ms;
	} rows[] = {{0, 40, 40}, {30, 9000, 30}, {9000, 35, 35}};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct waiter a = {0};
		char text[32];
		int64_t began_ms = clock_mono_ms();

		/* Nobody has said anything: the link is as if it was just opened. */
		world_link_closes(w);
		memory_hub_refuse(WORLD_HUB, true);
		wait_for(w, &a, rows[i].timeout_ms, rows[i].patience_ms, false);
		world_until_count(w, &a.ends, 1);
		assert_true(clock_mono_ms() - began_ms >= rows[i].within_ms - 1);
		assert_true(clock_mono_ms() - began_ms < 9000);
		assert_false(client_patience_reached(a.patience));
		says(&a, ERROR_UNAVAILABLE, "refuses connections");
		(void)snprintf(text, sizeof(text), "%lld ms", (long long)rows[i].within_ms);
		bus_report_state(client_link_bus(w->link), true, NULL);
		says(&a, ERROR_UNAVAILABLE, text);
		/* It is too late: what would be begun now is not told. */
		assert_int_equal(a.ups, 0);
		mem_free(a.patience);
		memory_hub_refuse(WORLD_HUB, false);
	}
}

static void waiting_does_not_mend_a_refusal(void **state)
{
	static const struct {
		enum error_code code;
		bool hasty;
		int ends;
	} rows[] = {{ERROR_UNAVAILABLE, false, 0},
		    {ERROR_UNAVAILABLE, true, 1},
		    {ERROR_REFUSED, false, 1},
		    {ERROR_INVALID, false, 1},
		    {ERROR_TIMEOUT, false, 0}};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct waiter a = {0};

		world_link_closes(w);
		wait_for(w, &a, 0, WORLD_FAR_MS, rows[i].hasty);
		down(w, rows[i].code, "so it is");
		assert_int_equal(a.ends, rows[i].ends);
		assert_int_equal(a.told[CLIENT_WAITING_BUS], 1);
		says(&a, rows[i].code == ERROR_TIMEOUT ? ERROR_UNAVAILABLE : rows[i].code, "so it is");
		down(w, rows[i].code, "so it is");
		assert_int_equal(a.ends, rows[i].ends);
		mem_free(a.patience);
	}
}

/* On a lasting link it may have been said long ago. */
static void a_refusal_of_before_counts_too(void **state)
{
	struct world *w = *state;
	struct waiter a = {.free_at_end = true};

	memory_hub_refuse(WORLD_HUB, true);
	(void)world_link(w);
	world_run_ms(w, 20); /* it has tried */
	down(w, ERROR_REFUSED, "wrong password");
	wait_for(w, &a, 0, WORLD_FAR_MS, false);
	world_until_count(w, &a.ends, 1);
	world_run_ms(w, 20);
	assert_int_equal(a.ups, 0);
	memory_hub_refuse(WORLD_HUB, false);
}

static void what_is_in_the_way_is_told(void **state)
{
	struct world *w = *state;
	struct waiter a = {.free_at_up = false};
	struct error *taken = error_new(ERROR_EXISTS, "taken");

	wait_for(w, &a, 0, WORLD_FAR_MS, false);
	world_until_count(w, &a.ups, 1);
	bus_report_refused(client_link_bus(w->link), WORLD_NOBODY, taken);
	assert_int_equal(a.told[CLIENT_WAITING_MAILBOX], 1);
	bus_report_held(client_link_bus(w->link), "full");
	assert_int_equal(a.told[CLIENT_WAITING_ROOM], 1);
	assert_string_equal(client_patience_held(a.patience), "full");
	bus_report_held(client_link_bus(w->link), NULL);
	assert_int_equal(a.told[CLIENT_WAITING_ANSWERS], 2);
	assert_null(client_patience_held(a.patience));
	bus_report_held(client_link_bus(w->link), "full");
	down(w, ERROR_UNAVAILABLE, "gone");
	assert_null(client_patience_held(a.patience));
	a.free_at_up = true;
	bus_report_state(client_link_bus(w->link), true, NULL);
	assert_int_equal(a.ups, 2);
	error_free(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(once_reached_it_is_not_given_up, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(the_shorter_time_counts, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(waiting_does_not_mend_a_refusal, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_refusal_of_before_counts_too, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(what_is_in_the_way_is_told, world_set_up, world_tear_down),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
