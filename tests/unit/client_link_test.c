/* One link for many: each answer goes to who asked, nobody hears of another's, and what happens to the connection is
 * told to all, also to those that come later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/command.h"
#include "base/mem.h"
#include "bus/backend.h"
#include "client/post.h"
#include "client/request.h"
#include "client/sender.h"
#include "client/watch.h"
#include "client/world.h"

#define MANY 1000
#define OTHER "4444444444444444444444444444444444444444"

/* --- users --- */

struct hearer {
	struct world *w;
	struct client_link_user *user;
	struct hearer *frees; /* when it hears something, maybe itself */
	int ups, downs, refusals, holds;
	enum error_code why;
};

static void on_heard(struct hearer *h)
{
	struct hearer *other = h->frees;

	h->frees = NULL;
	if (!other)
		return;
	mem_free(other->user);
	other->user = NULL;
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct hearer *h = arg;

	assert_true(up == !why);
	h->ups += up;
	h->downs += !up;
	h->why = why ? why->code : 0;
	on_heard(h);
}

static void on_refused(const struct error *why, void *arg)
{
	struct hearer *h = arg;

	h->refusals++;
	h->why = why->code;
	on_heard(h);
}

static void on_held(const char *why, void *arg)
{
	struct hearer *h = arg;

	h->holds += why ? 1 : -1;
	on_heard(h);
}

static void join(struct world *w, struct hearer *h)
{
	const struct client_link_events events = {.state = on_state, .refused = on_refused, .held = on_held, .arg = h};

	assert_null(client_link_join(w, world_link(w), &events, &h->user));
	assert_int_equal(h->ups + h->downs, 0);
}

static void how_it_stands_is_told_to_who_comes_later(void **state)
{
	struct world *w = *state;
	struct hearer first = {0}, later = {0}, after_loss = {0};
	struct error *taken = error_new(ERROR_EXISTS, "somebody else serves it");

	join(w, &first);
	world_until_count(w, &first.ups, 1);
	bus_report_refused(client_link_bus(w->link), WORLD_NOBODY, taken);
	bus_report_held(client_link_bus(w->link), "no room");
	join(w, &later);
	world_until_count(w, &later.ups, 1);
	assert_int_equal(later.refusals, 1);
	assert_int_equal(later.holds, 1);
	assert_int_equal(first.ups, 1);
	memory_hub_refuse(WORLD_HUB, true);
	memory_hub_drop(WORLD_HUB);
	assert_int_equal(first.downs + later.downs, 2);
	join(w, &after_loss);
	world_until_count(w, &after_loss.downs, 1);
	assert_int_equal(after_loss.why, ERROR_UNAVAILABLE);
	assert_int_equal(after_loss.refusals + after_loss.holds, 0);
	memory_hub_refuse(WORLD_HUB, false);
	world_until_count(w, &after_loss.ups, 1);
	assert_int_equal(first.ups + later.ups, 4);
	error_free(taken);
}

/* Whoever is told may free who would be next, who was before, and himself. */
static void users_may_go_while_all_are_told(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 9; i++) {
		struct hearer all[3] = {0};

		for (int k = 0; k < 3; k++)
			join(w, &all[k]);
		for (int k = 0; k < 3; k++) {
			world_until_count(w, &all[k].ups, 1);
			all[k].downs = 0;
		}
		all[i / 3].frees = &all[i % 3];
		memory_hub_drop(WORLD_HUB);
		for (int k = 0; k < 3; k++) {
			assert_true(k == i % 3 ? !all[k].user && all[k].downs <= 1 : all[k].downs == 1);
			mem_free(all[k].user);
		}
	}
}

/* Each thing that a new user is told may be the last that it wants to hear. */
static void a_user_may_go_when_it_is_welcomed(void **state)
{
	struct world *w = *state;
	struct hearer first = {0}, brief = {.frees = &brief};

	join(w, &first);
	world_until_count(w, &first.ups, 1);
	bus_report_held(client_link_bus(w->link), "no room");
	join(w, &brief);
	world_until_count(w, &brief.ups, 1);
	world_run_ms(w, 20);
	assert_int_equal(brief.holds, 0);
	mem_free(first.user);
}

/* --- requests --- */

struct asker {
	struct client_requests *requests;
	struct client_request_list *list;
	int answers, ends;
	enum error_code why;
};

static void on_answered(const struct client_request *r, void *arg)
{
	assert_true(r->done);
	((struct asker *)arg)->answers++;
}

static void on_ended(const struct error *e, void *arg)
{
	struct asker *a = arg;

	a->why = e ? e->code : 0;
	a->ends++;
}

static struct error *try_to_ask(struct world *w, struct asker *a, const char *to, int64_t patience_ms)
{
	const struct client_request_options options = {.link = world_link(w),
						       .timeout_ms = WORLD_FAR_MS,
						       .patience_ms = patience_ms,
						       .ttl_ms = CLIENT_TTL_LEAST_MS};
	const struct client_request_events events = {.answered = on_answered, .ended = on_ended, .arg = a};

	a->list = client_requests_new(w);
	client_requests_add(a->list, to, NULL, api_command_document(API_NODE_STATUS, to, NULL, NULL));
	return client_requests_begin(w, &options, a->list, &events, &a->requests);
}

static void ask(struct world *w, struct asker *a, const char *to)
{
	assert_null(try_to_ask(w, a, to, 50));
	assert_int_equal(a->answers + a->ends, 0);
}

static void done(struct asker *a)
{
	mem_free(a->requests);
	mem_free(a->list);
}

static const char *said(const struct asker *a)
{
	return json_string_value(json_object_get(a->list->items[0].data, "from"));
}

static size_t open_posts(const struct world *w)
{
	return client_posts_count(client_link_posts(w->link));
}

/* Two nodes answer differently; nobody gets the other's answer, and nothing of it all stays. */
static void each_answer_goes_to_who_asked(void **state)
{
	struct world *w = *state;
	struct asker *all = mem_array(w, struct asker, MANY);

	world_node_serves(w, OTHER);
	w->of_id = json_pack("{s:{s:s},s:{s:s}}", WORLD_NODE, "from", WORLD_NODE, OTHER, "from", OTHER);
	for (size_t i = 0; i < MANY; i++)
		ask(w, &all[i], i % 3 ? WORLD_NODE : OTHER);
	for (size_t i = 0; i < MANY; i++) {
		world_until_count(w, &all[i].ends, 1);
		assert_int_equal(all[i].answers, 1);
		assert_null(all[i].list->items[0].error);
		assert_string_equal(said(&all[i]), i % 3 ? WORLD_NODE : OTHER);
	}
	assert_int_equal(open_posts(w), MANY);
	for (size_t i = 0; i < MANY; i++)
		done(&all[i]);
	assert_int_equal(open_posts(w), 0);
	assert_int_equal(w->got, MANY);
}

/* The answer is on its way when the handle goes. */
static void what_nobody_waits_for_is_dropped(void **state)
{
	struct world *w = *state;
	struct asker early = {0}, gone = {0}, stays = {0};

	memory_hub_delay(WORLD_HUB, 20);
	ask(w, &early, WORLD_NODE);
	/* Turn by turn: a stalled machine lets a time go by in which it comes and is taken. */
	while (memory_hub_waiting(WORLD_HUB, WORLD_NODE) == 0)
		uv_run(&w->loop, UV_RUN_ONCE);
	done(&early); /* the bus has not even said that it was sent */
	world_until_count(w, &w->got, 1);
	ask(w, &gone, WORLD_NODE);
	ask(w, &stays, WORLD_NODE);
	world_until_count(w, &w->got, 3);
	done(&gone);
	world_until_count(w, &stays.ends, 1);
	world_run_ms(w, 60);
	assert_int_equal(early.answers + early.ends + gone.answers + gone.ends, 0);
	assert_int_equal(stays.answers, 1);
	assert_int_equal(memory_hub_dead(WORLD_HUB), 0);
	done(&stays);
}

/* Who is not asked knows the id of the command, and answers it. */
static void only_the_recipient_can_answer(void **state)
{
	struct world *w = *state;
	struct asker a = {0};
	const struct message *asked = NULL;
	struct message *lie;

	world_node_serves(w, OTHER);
	w->node = WORLD_IS_SILENT;
	ask(w, &a, WORLD_NODE);
	world_until_count(w, &w->got, 1);
	asked = w->last;
	lie = message_result(w, asked, OTHER, NULL, NULL);
	bus_send(w->bus, lie, NULL, NULL);
	world_run_ms(w, 60);
	assert_int_equal(a.answers, 0);
	mem_free(lie);
	lie = message_result(w, asked, WORLD_NODE, NULL, NULL);
	bus_send(w->bus, lie, NULL, NULL);
	world_until_count(w, &a.ends, 1);
	assert_null(a.list->items[0].error);
	done(&a);
}

/* Those that wait are asked again, each once; who comes while it is away waits for it, or has no patience. */
static void a_loss_is_everybodys(void **state)
{
	struct world *w = *state;
	struct asker before[3] = {0}, brief = {0}, patient = {0};

	w->node = WORLD_IS_SILENT;
	for (size_t i = 0; i < 3; i++)
		ask(w, &before[i], WORLD_NODE);
	world_until_count(w, &w->got, 3);
	w->node = WORLD_ANSWERS;
	memory_hub_refuse(WORLD_HUB, true);
	memory_hub_drop(WORLD_HUB);
	ask(w, &brief, WORLD_NODE);
	assert_null(try_to_ask(w, &patient, WORLD_NODE, WORLD_FAR_MS));
	world_until_count(w, &brief.ends, 1);
	assert_int_equal(brief.why, ERROR_UNAVAILABLE);
	memory_hub_refuse(WORLD_HUB, false);
	world_until_count(w, &patient.ends, 1);
	assert_int_equal(patient.why, 0);
	for (size_t i = 0; i < 3; i++) {
		world_until_count(w, &before[i].ends, 1);
		assert_null(before[i].list->items[0].error);
		done(&before[i]);
	}
	assert_int_equal(w->got, 3 + 3 + 1);
	done(&brief);
	done(&patient);
}

/* Back before the broker has given up the connection of before, which has our address till then: what is answered
 * meanwhile goes there, and with it. */
static void what_was_asked_under_a_taken_address_is_asked_again(void **state)
{
	struct world *w = *state;
	struct error *taken = error_new(ERROR_EXISTS, "somebody else serves it");
	struct asker a = {0};
	struct hearer h = {0};

	join(w, &h);
	world_until_count(w, &h.ups, 1);
	bus_report_refused(client_link_bus(w->link), WORLD_NOBODY, taken);
	w->node = WORLD_IS_SILENT;
	ask(w, &a, WORLD_NODE);
	world_until_count(w, &w->got, 1);
	w->node = WORLD_ANSWERS;
	bus_report_served(client_link_bus(w->link), WORLD_NOBODY);
	world_until_count(w, &a.ends, 1);
	assert_null(a.list->items[0].error);
	assert_int_equal(w->got, 2);
	/* That it is served is no news where it was not refused. */
	bus_report_served(client_link_bus(w->link), WORLD_NOBODY);
	assert_int_equal(h.ups, 2);
	done(&a);
	mem_free(h.user);
	error_free(taken);
}

static void so_many_may_wait_and_no_more(void **state)
{
	struct world *w = *state;
	const struct client_post_events events = {.answered = NULL};
	json_t *body = json_object();
	void *posts = mem_new(w, char);
	struct client_post *p = NULL;
	struct asker a = {0};
	struct error *e;

	(void)world_link(w);
	for (size_t i = 0; i < CLIENT_POSTS_MOST; i++)
		assert_null(client_post_new(posts, w->link, WORLD_NODE, CLIENT_TTL_LEAST_MS, body, &events, &p));
	e = try_to_ask(w, &a, WORLD_NODE, 50);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	mem_free(p);
	assert_null(try_to_ask(w, &a, WORLD_NODE, 50));
	mem_free(posts);
	world_until_count(w, &a.ends, 1);
	done(&a);
	assert_int_equal(open_posts(w), 0);
	json_decref(body);
}

/* --- all kinds together --- */

static bool on_status(const struct message *m, void *arg)
{
	(void)m;
	++*(int *)arg;
	return true;
}

struct count {
	int ends;
};

static void on_watch_ended(const struct error *e, void *arg)
{
	(void)e;
	(void)arg;
}

static void on_sender_ended(const struct error *e, int64_t left, const struct error *why, void *arg)
{
	(void)why;
	assert_null(e);
	assert_int_equal(left, 0);
	((struct count *)arg)->ends++;
}

static void report(struct world *w)
{
	struct message *m = message_new(NULL, MESSAGE_STATUS, WORLD_NODE, "", WORLD_FAR_MS, json_object());

	json_decref(m->body);
	bus_send(w->bus, m, NULL, NULL);
	mem_free(m);
}

/* A watch listens on and on, while an outbox is sent and requests come and go. */
static void all_kinds_share_it(void **state)
{
	struct world *w = *state;
	struct client_outbox *s = NULL;
	struct client_watch *watch = NULL;
	struct client_sender *sender = NULL;
	int statuses = 0;
	struct count sent = {0};
	struct asker a = {0}, after = {0};
	const struct client_watch_options options = {
		.link = world_link(w), .patience_ms = 50, .ttl_ms = CLIENT_TTL_LEAST_MS};
	const struct client_watch_events watched = {.status = on_status, .ended = on_watch_ended, .arg = &statuses};
	const struct client_sender_events events = {.ended = on_sender_ended, .arg = &sent};
	struct message *m =
		message_new(w, MESSAGE_COMMAND, WORLD_NOBODY, WORLD_NODE, WORLD_FAR_MS, w->data = json_object());

	ask(w, &a, WORLD_NODE);
	world_until_count(w, &a.ends, 1);
	done(&a);
	assert_null(client_watch_begin(w, &options, NULL, &watched, &watch));
	assert_null(client_outbox_open(w, &w->client, &s));
	assert_null(client_sender_begin(w, w->link, s, &m, 1, "x", WORLD_FAR_MS, &events, &sender));
	world_until_count(w, &sent.ends, 1);
	mem_free(sender);
	ask(w, &after, WORLD_NODE);
	report(w);
	world_until_count(w, &after.ends, 1);
	world_until_count(w, &statuses, 1);
	assert_int_equal(w->got, 3);
	done(&after);
	mem_free(watch);
	report(w);
	world_run_ms(w, 40);
	assert_int_equal(statuses, 1);
	mem_free(s);
}

/* A program that ends frees in any order. */
static void the_link_may_go_first(void **state)
{
	struct world *w = *state;
	struct asker a = {0};
	struct hearer h = {0};

	memory_hub_delay(WORLD_HUB, 20);
	ask(w, &a, WORLD_NODE);
	join(w, &h);
	world_until_count(w, &w->got, 1);
	world_link_closes(w);
	world_run_ms(w, 60);
	assert_int_equal(a.answers + a.ends, 0);
	done(&a);
	mem_free(h.user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(how_it_stands_is_told_to_who_comes_later, world_set_up,
						world_tear_down),
		cmocka_unit_test_setup_teardown(users_may_go_while_all_are_told, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_user_may_go_when_it_is_welcomed, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(each_answer_goes_to_who_asked, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(what_nobody_waits_for_is_dropped, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(only_the_recipient_can_answer, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_loss_is_everybodys, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(what_was_asked_under_a_taken_address_is_asked_again, world_set_up,
						world_tear_down),
		cmocka_unit_test_setup_teardown(so_many_may_wait_and_no_more, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(all_kinds_share_it, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(the_link_may_go_first, world_set_up, world_tear_down),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
