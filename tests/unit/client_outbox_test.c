/* Detached commands on disk: what is shown of them, for how long, and how their bus is found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/outbox.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static char *folder;
static struct client_options client;

static int make_folder(void **state)
{
	char made[] = "/tmp/dsn-outstore-test-XXXXXX";

	(void)state;
	folder = mem_strdup(NULL, mkdtemp(made));
	client = (struct client_options){.bus = "amqp://127.0.0.1", .network = "n", .state.folder = folder};
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	assert_null(file_remove_tree(folder));
	mem_free(folder);
	return 0;
}

static struct client_outbox *opened(void)
{
	struct client_outbox *s = NULL;

	assert_null(client_outbox_open(folder, &client, &s));
	return s;
}

static void add(struct client_outbox *s, char *id, int64_t age_ms, int64_t ttl_ms)
{
	const struct message m = {.id = id, .to = "node", .time_ms = clock_wall_ms() - age_ms, .ttl_ms = ttl_ms};

	assert_null(client_outbox_add(s, &m, "start"));
}

static json_t *rows_of(struct client_outbox *s)
{
	json_t *rows = NULL;

	assert_null(client_outbox_rows(s, &rows));
	return rows;
}

static const char *at(const json_t *rows, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(rows, i), key));
}

static void what_ended_is_shown_for_a_week(void **state)
{
	const struct error *failed = error_new(ERROR_NOT_FOUND, "nobody has such a mailbox");
	struct client_outbox *s = opened();
	int64_t waiting = -1;
	json_t *rows;

	(void)state;
	add(s, "old-sent", 8 * DAY_MS, DAY_MS);
	add(s, "old-void", 8 * DAY_MS, DAY_MS);
	add(s, "void", 2 * DAY_MS, DAY_MS);
	add(s, "failed", DAY_MS, 2 * DAY_MS);
	add(s, "waits", DAY_MS, 2 * DAY_MS);
	assert_null(client_outbox_record_outcome(s, "old-sent", NULL));
	assert_null(client_outbox_record_outcome(s, "failed", failed));
	mem_free(s);
	s = opened();
	rows = rows_of(s);
	assert_int_equal(json_array_size(rows), 3);
	assert_string_equal(at(rows, 0, "message"), "void");
	assert_string_equal(at(rows, 0, "state"), "failed");
	assert_string_equal(at(rows, 0, "why"), "it was void before the broker could be reached");
	assert_string_equal(at(rows, 1, "why"), failed->message);
	assert_string_equal(at(rows, 2, "state"), "waiting");
	assert_null(at(rows, 2, "why"));
	assert_null(client_outbox_waiting(s, &waiting));
	assert_int_equal(waiting, 1);
	json_decref(rows);
	error_free((struct error *)failed);
	mem_free(s);
}

static void a_bus_is_found_again(void **state)
{
	struct client_outbox *s = opened(), *again = NULL;
	struct client_options other = {.state.folder = folder}, found;
	char **names = NULL, *word = NULL, *why = NULL;
	struct error *e;

	(void)state;
	assert_null(client_outbox_names(folder, &other, true, &names));
	assert_null(names[0]);
	assert_null(client_outbox_mark(s, true));
	assert_null(client_outbox_names(folder, &other, true, &names));
	assert_string_equal(names[0], s->name);
	assert_null(client_outbox_named(folder, &other, s->name, &found, &again));
	assert_string_equal(found.bus, "amqp://127.0.0.1");
	assert_string_equal(found.network, "n");
	e = client_outbox_named(folder, &other, "../outbox", &found, &again);
	assert_int_equal(e->code, ERROR_NOT_FOUND);
	error_free(e);
	e = client_outbox_state(folder, s, "none", &word, &why);
	assert_int_equal(e->code, ERROR_NOT_FOUND);
	error_free(e);
	mem_free(again);
	mem_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_ended_is_shown_for_a_week, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_bus_is_found_again, make_folder, remove_folder),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
