#include "client/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"

static void answer(struct world *w, const struct message *m)
{
	struct error *refusal = w->node == WORLD_REFUSES ? error_new(ERROR_REFUSED, "no") : NULL;
	json_t *own = json_object_get(w->of_id, m->to);
	struct message *result = message_result(NULL, m, m->to, refusal, own ? own : w->data);

	bus_send(w->bus, result, NULL, NULL);
	mem_free(result);
	error_free(refusal);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct world *w = arg;

	w->got++;
	mem_free(w->last);
	w->last = message_copy(w, m);
	if (w->node != WORLD_IS_SILENT)
		answer(w, m);
	bus_accept(d);
}

static void on_state(bool up, const struct error *why, void *arg)
{
	(void)why;
	((struct world *)arg)->up = up;
}

static void on_served(const char *id, void *arg)
{
	(void)id;
	((struct world *)arg)->served = true;
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	(void)id;
	(void)why;
	(void)arg;
}

static void on_turn(void *arg)
{
	(void)arg;
}

static void on_late(void *arg)
{
	*(bool *)arg = true;
}

void world_run_ms(struct world *w, int64_t ms)
{
	bool late = false;
	struct timer *t = timer_start(w, &w->loop, ms, 0, on_late, &late);

	while (!late)
		uv_run(&w->loop, UV_RUN_ONCE);
	mem_free(t);
}

void world_until_count(struct world *w, const int *counter, int want)
{
	bool late = false;
	struct timer *t = timer_start(w, &w->loop, WORLD_FAR_MS, 0, on_late, &late);
	struct timer *turns = timer_start(w, &w->loop, 1, 1, on_turn, NULL);

	while (*counter < want && !late)
		uv_run(&w->loop, UV_RUN_ONCE);
	mem_free(turns);
	mem_free(t);
	assert_int_equal(*counter, want);
}

void world_until(struct world *w, const bool *flag)
{
	bool late = false;
	struct timer *t = timer_start(w, &w->loop, WORLD_FAR_MS, 0, on_late, &late);
	struct timer *turns = timer_start(w, &w->loop, 1, 1, on_turn, NULL);

	while (!*flag && !late)
		uv_run(&w->loop, UV_RUN_ONCE);
	mem_free(turns);
	mem_free(t);
	assert_true(*flag);
}

void world_node_serves(struct world *w, const char *id)
{
	w->served = false;
	assert_null(bus_serve(w->bus, id, true));
	world_until(w, &w->served);
}

void world_node_starts(struct world *w)
{
	const struct bus_options options = {.url = "memory:" WORLD_HUB, .network = "n"};
	const struct bus_handlers handlers = {.on_state = on_state,
					      .on_message = on_message,
					      .on_refused = on_refused,
					      .on_served = on_served,
					      .arg = w};

	w->up = false;
	assert_null(bus_open(w, &w->loop, &options, &handlers, &w->bus));
	world_until(w, &w->up);
	world_node_serves(w, WORLD_NODE);
}

void world_node_leaves(struct world *w)
{
	mem_free(w->bus);
	w->bus = NULL;
}

struct client_link *world_link(struct world *w)
{
	if (!w->link)
		assert_null(client_link_open(w, &w->loop, &w->client, &w->link));
	return w->link;
}

void world_link_closes(struct world *w)
{
	mem_free(w->link);
	w->link = NULL;
}

int world_set_up(void **state)
{
	char made[] = "/tmp/dsn-client-test-XXXXXX";
	struct world *w = mem_new(NULL, struct world);

	uv_loop_init(&w->loop);
	w->folder = mem_strdup(w, mkdtemp(made));
	w->client = (struct client_options){.bus = mem_strdup(w, "memory:" WORLD_HUB),
					    .network = mem_strdup(w, "n"),
					    .send_plain = true,
					    .state.folder = w->folder};
	world_node_starts(w);
	*state = w;
	return 0;
}

int world_tear_down(void **state)
{
	struct world *w = *state;
	struct error *e;

	world_link_closes(w);
	world_node_leaves(w);
	loop_drain(&w->loop);
	memory_hub_free(WORLD_HUB);
	json_decref(w->data);
	json_decref(w->of_id);
	e = file_remove_tree(w->folder);
	assert_null(e);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	mem_free(w);
	return 0;
}
