/* Commands and their outcomes, over the memory bus: answered, refused, late, lost, many at once, and given up by who
 * asked from within what he is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/command.h"
#include "base/mem.h"
#include "client/request.h"
#include "client/world.h"

#define MANY 40

struct asker {
	struct client_requests *requests;
	struct client_request_list *list;
	int answers, ends;
	enum error_code why; /* of the end; 0: all have their outcome */
	bool free_at_answer, free_at_end;
	int64_t patience_ms; /* 0: 50 */
};

static void on_answered(const struct client_request *r, void *arg)
{
	struct asker *a = arg;

	assert_true(r->done);
	a->answers++;
	if (a->free_at_answer)
		mem_free(a->requests);
}

static void on_ended(const struct error *e, void *arg)
{
	struct asker *a = arg;

	a->why = e ? e->code : 0;
	a->ends++;
	if (a->free_at_end)
		mem_free(a->requests);
}

static void add(struct world *w, struct asker *a, const char *to)
{
	if (!a->list)
		a->list = client_requests_new(w);
	client_requests_add(a->list, to, "storage", api_command_document(API_NODE_STATUS, to, NULL, NULL));
}

static void ask(struct world *w, struct asker *a, int64_t timeout_ms)
{
	const struct client_request_options options = {.link = world_link(w),
						       .timeout_ms = timeout_ms,
						       .patience_ms = a->patience_ms ? a->patience_ms : 50,
						       .ttl_ms = CLIENT_TTL_LEAST_MS};
	const struct client_request_events events = {.answered = on_answered, .ended = on_ended, .arg = a};

	assert_null(client_requests_begin(w, &options, a->list, &events, &a->requests));
	assert_int_equal(a->answers + a->ends, 0);
}

static const struct client_request *item(const struct asker *a, size_t i)
{
	return &a->list->items[i];
}

static void says(const struct client_request *r, enum error_code code, const char *part)
{
	assert_true(r->done);
	assert_non_null(r->error);
	assert_int_equal(r->error->code, code);
	if (!strstr(r->error->message, part))
		fail_msg("\"%s\" has no \"%s\"", r->error->message, part);
}

static void an_answer_carries_data(void **state)
{
	struct world *w = *state;
	struct asker a = {0};

	w->data = json_pack("{s:s}", "state", "running");
	add(w, &a, WORLD_NODE);
	ask(w, &a, WORLD_FAR_MS);
	world_until_count(w, &a.ends, 1);
	assert_int_equal(a.why, 0);
	assert_int_equal(a.answers, 1);
	assert_null(item(&a, 0)->error);
	assert_string_equal(json_string_value(json_object_get(item(&a, 0)->data, "state")), "running");
	assert_string_equal(item(&a, 0)->role, "storage");
	mem_free(a.requests);
}

static void a_refusal_is_an_outcome(void **state)
{
	struct world *w = *state;
	struct asker a = {0};

	w->node = WORLD_REFUSES;
	add(w, &a, WORLD_NODE);
	add(w, &a, WORLD_NOBODY);
	ask(w, &a, WORLD_FAR_MS);
	world_until_count(w, &a.ends, 1);
	assert_int_equal(a.why, 0);
	assert_int_equal(a.answers, 2);
	says(item(&a, 0), ERROR_REFUSED, "no");
	says(item(&a, 1), ERROR_NOT_FOUND, "nobody serves this id in network \"n\"");
	mem_free(a.requests);
}

static void who_does_not_answer_is_late(void **state)
{
	struct world *w = *state;
	struct asker a = {0};

	w->node = WORLD_IS_SILENT;
	add(w, &a, WORLD_NODE);
	ask(w, &a, 80);
	world_until_count(w, &a.ends, 1);
	assert_int_equal(w->got, 1);
	says(item(&a, 0), ERROR_TIMEOUT, "no answer within 80 ms");
	mem_free(a.requests);
}

/* Nobody waits for one that has no mailbox, where it may learn it later. */
static void a_lasting_list_has_no_failures(void **state)
{
	struct world *w = *state;
	struct asker a = {0};

	add(w, &a, WORLD_NOBODY);
	add(w, &a, WORLD_NODE);
	a.list->lasting = true;
	ask(w, &a, WORLD_FAR_MS);
	world_until_count(w, &a.ends, 1);
	assert_null(item(&a, 0)->error);
	assert_true(item(&a, 0)->away && item(&a, 0)->gone);
	assert_false(item(&a, 1)->away);
	mem_free(a.requests);
}

/* Who is away learns it later only if the bus has it. */
static void what_the_bus_has_not_taken_is_unsent(void **state)
{
	struct world *w = *state;
	struct asker lasting = {0}, late = {0}, sent = {0};

	memory_hub_delay(WORLD_HUB, WORLD_FAR_MS);
	add(w, &lasting, WORLD_NODE);
	lasting.list->lasting = true;
	ask(w, &lasting, 80);
	world_until_count(w, &lasting.ends, 1);
	assert_true(item(&lasting, 0)->away && item(&lasting, 0)->unsent);
	add(w, &late, WORLD_NODE);
	ask(w, &late, 80);
	world_until_count(w, &late.ends, 1);
	says(item(&late, 0), ERROR_TIMEOUT, "not known to be sent");
	assert_true(item(&late, 0)->unsent);
	memory_hub_delay(WORLD_HUB, 0);
	w->node = WORLD_IS_SILENT;
	add(w, &sent, WORLD_NODE);
	sent.list->lasting = true;
	ask(w, &sent, 80);
	world_until_count(w, &sent.ends, 1);
	assert_true(item(&sent, 0)->away);
	assert_false(item(&sent, 0)->unsent);
	mem_free(lasting.requests);
	mem_free(late.requests);
	mem_free(sent.requests);
}

static void a_bus_that_is_not_reached_ends_it(void **state)
{
	struct world *w = *state;
	struct asker a = {0};

	memory_hub_refuse(WORLD_HUB, true);
	add(w, &a, WORLD_NODE);
	ask(w, &a, WORLD_FAR_MS);
	world_until_count(w, &a.ends, 1);
	assert_int_equal(a.why, ERROR_UNAVAILABLE);
	assert_int_equal(a.answers, 0);
	assert_false(item(&a, 0)->done);
	mem_free(a.requests);
	memory_hub_refuse(WORLD_HUB, false);
}

static void a_lost_connection_is_bridged(void **state)
{
	struct world *w = *state;
	struct asker a = {0};

	w->node = WORLD_IS_SILENT;
	add(w, &a, WORLD_NODE);
	ask(w, &a, WORLD_FAR_MS);
	world_until_count(w, &w->got, 1);
	w->node = WORLD_ANSWERS;
	memory_hub_drop(WORLD_HUB);
	world_until_count(w, &a.ends, 1);
	assert_int_equal(a.why, 0);
	assert_null(item(&a, 0)->error);
	assert_int_equal(w->got, 2);
	mem_free(a.requests);
}

/* The bus comes up when all is over and only the end is to be told: nothing is sent. */
static void who_was_given_up_is_not_sent_to(void **state)
{
	struct world *w = *state;
	struct asker a = {.patience_ms = 5};

	memory_hub_refuse(WORLD_HUB, true);
	add(w, &a, WORLD_NODE);
	ask(w, &a, WORLD_FAR_MS);
	world_until_count(w, &a.ends, 1);
	assert_int_equal(a.why, ERROR_UNAVAILABLE);
	memory_hub_refuse(WORLD_HUB, false);
	world_run_ms(w, 100); /* it connects, the handle is still there */
	assert_int_equal(w->got, 0);
	assert_int_equal(a.answers, 0);
	assert_int_equal(a.ends, 1);
	mem_free(a.requests);
}

static void nothing_to_ask_is_an_end_too(void **state)
{
	struct world *w = *state;
	struct asker a = {.list = client_requests_new(w), .patience_ms = 2 * WORLD_FAR_MS};

	ask(w, &a, 0);
	world_until_count(w, &a.ends, 1);
	assert_int_equal(a.why, 0);
	mem_free(a.requests);
}

static void many_lists_share_a_loop(void **state)
{
	struct world *w = *state;
	struct asker all[MANY] = {0};

	for (size_t i = 0; i < MANY; i++) {
		add(w, &all[i], WORLD_NODE);
		add(w, &all[i], i % 2 ? WORLD_NOBODY : WORLD_NODE);
		add(w, &all[i], WORLD_NODE);
		ask(w, &all[i], WORLD_FAR_MS);
	}
	for (size_t i = 0; i < MANY; i++) {
		world_until_count(w, &all[i].ends, 1);
		assert_int_equal(all[i].answers, 3);
		assert_null(item(&all[i], 0)->error);
		assert_true(!item(&all[i], 1)->error == !(i % 2));
		assert_null(item(&all[i], 2)->error);
		mem_free(all[i].requests);
	}
	assert_int_equal(w->got, 2 * MANY + MANY / 2);
}

static void freed_at_an_answer_it_says_no_more(void **state)
{
	struct world *w = *state;
	struct asker a = {.free_at_answer = true};

	for (int i = 0; i < 3; i++)
		add(w, &a, i == 1 ? WORLD_NOBODY : WORLD_NODE);
	ask(w, &a, WORLD_FAR_MS);
	world_until_count(w, &a.answers, 1);
	world_run_ms(w, 100);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.ends, 0);
}

static void it_may_be_freed_at_its_end(void **state)
{
	struct world *w = *state;
	struct asker a = {.free_at_end = true}, late = {.free_at_end = true}, away = {.free_at_end = true};

	add(w, &a, WORLD_NODE);
	ask(w, &a, WORLD_FAR_MS);
	world_until_count(w, &a.ends, 1);
	w->node = WORLD_IS_SILENT;
	add(w, &late, WORLD_NODE);
	ask(w, &late, 50);
	world_until_count(w, &late.ends, 1);
	world_link_closes(w);
	memory_hub_refuse(WORLD_HUB, true);
	add(w, &away, WORLD_NODE);
	ask(w, &away, WORLD_FAR_MS);
	world_until_count(w, &away.ends, 1);
	memory_hub_refuse(WORLD_HUB, false);
	world_run_ms(w, 100);
	assert_int_equal(a.ends + late.ends + away.ends, 3);
}

/* An answer is under way. */
static void freed_early_it_says_nothing(void **state)
{
	struct world *w = *state;
	struct asker at_once = {0}, asked = {0};

	add(w, &at_once, WORLD_NODE);
	ask(w, &at_once, WORLD_FAR_MS);
	mem_free(at_once.requests);
	memory_hub_delay(WORLD_HUB, 20);
	add(w, &asked, WORLD_NODE);
	ask(w, &asked, WORLD_FAR_MS);
	world_until_count(w, &w->got, 1);
	assert_int_equal(asked.answers, 0);
	mem_free(asked.requests);
	world_run_ms(w, 100);
	assert_int_equal(at_once.answers + at_once.ends + asked.answers + asked.ends, 0);
}

/* A broken key is an error of the beginning, and leaves nothing behind. */
static void an_identity_that_cannot_be_read_begins_nothing(void **state)
{
	struct world *w = *state;
	struct asker a = {0};
	struct error *e;
	size_t blocks;

	w->client.send_plain = false;
	w->client.identity = mem_printf(w, "%s/none.key", w->folder);
	add(w, &a, WORLD_NODE);
	blocks = talloc_total_blocks(w);
	e = client_link_open(w, &w->loop, &w->client, &w->link);
	assert_non_null(e);
	assert_non_null(strstr(e->message, "our identity"));
	assert_int_equal(talloc_total_blocks(w), blocks);
	error_free(e);
	world_run_ms(w, 50);
	assert_int_equal(a.answers + a.ends, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_carries_data, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_refusal_is_an_outcome, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(who_does_not_answer_is_late, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_lasting_list_has_no_failures, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(what_the_bus_has_not_taken_is_unsent, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_bus_that_is_not_reached_ends_it, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_lost_connection_is_bridged, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(who_was_given_up_is_not_sent_to, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(nothing_to_ask_is_an_end_too, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(many_lists_share_a_loop, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(freed_at_an_answer_it_says_no_more, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(it_may_be_freed_at_its_end, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(freed_early_it_says_nothing, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(an_identity_that_cannot_be_read_begins_nothing, world_set_up,
						world_tear_down),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
