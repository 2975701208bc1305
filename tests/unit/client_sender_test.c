/* What is in the outbox is sent in the end: across an outage, a process that ends, and a node that nobody serves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "api/command.h"
#include "base/file.h"
#include "base/mem.h"
#include "client/desired.h"
#include "client/identity.h"
#include "client/sender.h"
#include "client/world.h"

#define PATIENCE_MS 60

struct run {
	struct client_sender *sender;
	int ends;
	enum error_code why; /* what the bus said last */
	int64_t left;
	bool free_at_end;
};

static void on_ended(const struct error *e, int64_t left, const struct error *why, void *arg)
{
	struct run *r = arg;

	assert_null(e);
	r->left = left;
	r->why = why ? why->code : 0;
	r->ends++;
	if (r->free_at_end)
		mem_free(r->sender);
}

static struct client_outbox *opened(struct world *w)
{
	struct client_outbox *s = NULL;

	assert_null(client_outbox_open(w, &w->client, &s));
	return s;
}

static struct message *command(struct world *w, const char *to)
{
	json_t *body = api_command_document(API_PIPELINE_STOP, to, "film", NULL);
	char *self = NULL;
	struct message *m;

	assert_null(client_identity_id(w, &w->client, &self));
	m = message_new(w, MESSAGE_COMMAND, self, to, WORLD_FAR_MS, body);
	json_decref(body);
	return m;
}

static void begin(struct world *w, struct client_outbox *s, struct run *r, struct message *m, int64_t patience_ms)
{
	const struct client_sender_events events = {.ended = on_ended, .arg = r};

	assert_null(
		client_sender_begin(w, world_link(w), s, &m, m ? 1 : 0, "stop film", patience_ms, &events, &r->sender));
}

static const char *state_of(struct client_outbox *s, const struct message *m)
{
	char *state = NULL, *why = NULL;

	assert_null(client_outbox_state(s, s, m->id, &state, &why));
	return state;
}

static bool marked(struct world *w)
{
	char **names = NULL;

	assert_null(client_outbox_names(w, &w->client, true, &names));
	return names[0] != NULL;
}

static void what_a_node_has_is_sent(void **state)
{
	struct world *w = *state;
	struct client_outbox *s = opened(w);
	struct message *m = command(w, WORLD_NODE);
	struct run r = {.left = -1};

	begin(w, s, &r, m, WORLD_FAR_MS);
	assert_string_equal(state_of(s, m), "waiting");
	assert_true(marked(w));
	world_until_count(w, &r.ends, 1);
	assert_int_equal(r.left, 0);
	assert_string_equal(state_of(s, m), "sent");
	assert_false(marked(w));
	world_until_count(w, &w->got, 1);
	mem_free(r.sender);
	mem_free(s);
}

static void nobody_served_it_is_no_success(void **state)
{
	struct world *w = *state;
	struct client_outbox *s = opened(w);
	struct message *m = command(w, WORLD_NOBODY);
	struct run r = {.left = -1};

	begin(w, s, &r, m, WORLD_FAR_MS);
	world_until_count(w, &r.ends, 1);
	assert_int_equal(r.left, 0);
	assert_string_equal(state_of(s, m), "failed");
	mem_free(r.sender);
	mem_free(s);
}

/* The first one's process has ended; the second has only what is on disk. */
static void another_goes_on_where_one_has_ended(void **state)
{
	struct world *w = *state;
	struct client_outbox *s = opened(w);
	struct message *m = command(w, WORLD_NODE);
	struct run first = {.left = -1}, second = {.left = -1};

	memory_hub_refuse(WORLD_HUB, true);
	begin(w, s, &first, m, PATIENCE_MS);
	world_until_count(w, &first.ends, 1);
	assert_int_equal(first.left, 1);
	assert_int_equal(first.why, ERROR_UNAVAILABLE);
	assert_true(marked(w));
	mem_free(first.sender);
	mem_free(s);
	memory_hub_refuse(WORLD_HUB, false);
	s = opened(w);
	begin(w, s, &second, NULL, 0);
	world_until_count(w, &second.ends, 1);
	assert_int_equal(second.left, 0);
	assert_string_equal(state_of(s, m), "sent");
	assert_false(marked(w));
	world_until_count(w, &w->got, 1);
	mem_free(second.sender);
	mem_free(s);
}

static void it_is_freed_when_its_owner_wishes(void **state)
{
	struct world *w = *state;
	struct client_outbox *s = opened(w);
	struct run at_end = {.free_at_end = true}, early = {0};

	begin(w, s, &at_end, command(w, WORLD_NODE), WORLD_FAR_MS);
	world_until_count(w, &at_end.ends, 1);
	begin(w, s, &early, command(w, WORLD_NODE), WORLD_FAR_MS);
	mem_free(early.sender);
	world_run_ms(w, 50);
	assert_int_equal(early.ends, 0);
	mem_free(s);
}

static void one_sender_an_outbox(void **state)
{
	struct world *w = *state;
	struct client_outbox *s = opened(w), *same = opened(w);
	struct error *e;
	int fd = -1, other = -1;

	assert_null(client_sender_lock(s, &fd));
	e = client_sender_lock(same, &other);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_EXISTS);
	error_free(e);
	close(fd);
	mem_free(same);
	mem_free(s);
}

/* The end of a job that a node was away for: there is nothing to do now, but something to come. */
static void an_end_that_is_to_be_told_again_is_work(void **state)
{
	struct world *w = *state;
	struct client_outbox *s = opened(w);
	struct client_request_list *l = client_requests_new(w);
	struct message *told = NULL;
	struct run r = {.left = -1};
	bool works = true, idle = false;
	size_t count = 9;

	assert_null(client_sender_look(&w->client, s, &works, &idle));
	assert_true(!works && idle);
	client_requests_add(l, WORLD_NODE, NULL, json_object());
	l->items[0].away = true;
	assert_null(client_desired_keep(&w->client, "film", API_PIPELINE_STOP, l, false));
	assert_null(client_sender_look(&w->client, s, &works, &idle));
	assert_true(!works && !idle);
	assert_null(client_desired_put(&w->client, s, "told again", &count));
	assert_int_equal(count, 0);
	assert_null(db_exec(s->db, "update wanted_end set again_ms = 0", ""));
	assert_null(client_sender_look(&w->client, s, &works, &idle));
	assert_true(works && !idle);
	assert_null(client_desired_put(&w->client, s, "told again", &count));
	assert_int_equal(count, 1);
	assert_null(client_sender_look(&w->client, s, &works, &idle));
	assert_true(works && !idle); /* it is in the outbox now */
	begin(w, s, &r, NULL, WORLD_FAR_MS);
	world_until_count(w, &r.ends, 1);
	assert_int_equal(r.left, 0);
	world_until_count(w, &w->got, 1);
	told = w->last;
	assert_string_equal(told->to, WORLD_NODE);
	mem_free(r.sender);
	assert_null(client_desired_put(&w->client, s, "told again", &count));
	assert_int_equal(count, 0);
	assert_null(client_sender_look(&w->client, s, &works, &idle));
	assert_false(works);
	assert_null(client_desired_forget(&w->client, "film"));
	assert_null(client_sender_look(&w->client, s, &works, &idle));
	assert_true(idle);
	mem_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_node_has_is_sent, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(nobody_served_it_is_no_success, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(another_goes_on_where_one_has_ended, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(it_is_freed_when_its_owner_wishes, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(one_sender_an_outbox, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(an_end_that_is_to_be_told_again_is_work, world_set_up, world_tear_down),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
