/* vcli events: what has happened to what is one's own, as dsnd's event log has it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/order/ask.h"
#include "vcli/render.h"

#define LOOK_MS 1000

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* "2026-01-31T12:00:00.000Z job.running 02... {...}" */
static void print_event(const struct vcli *v, const json_t *event)
{
	char *body = json_text(NULL, v->set.json ? event : json_object_get(event, "body"));

	if (!v->set.json)
		printf("%s %s %s ", text_of(event, "at"), text_of(event, "type"), text_of(event, "subject"));
	render_text(stdout, body);
	putchar('\n');
	fflush(stdout);
	mem_free(body);
}

/* Those behind `after` (-1: the newest); *ret_after is where to go on. */
static struct error *ask_behind(struct vcli *v, int64_t after, json_t **ret_events, int64_t *ret_after)
{
	const struct json_place root = {NULL, "events.list", 0};
	json_t *params = after >= 0 ? json_pack("{s:I}", "after", (json_int_t)after) : json_object(), *answer = NULL,
	       *events = NULL;
	struct error *e;

	TRY(ask_dsnd(v, "events.list", params, &answer));
	e = json_read_array(answer, &root, "events", 0, SIZE_MAX, &events);
	if (!e) {
		*ret_events = json_incref(events);
		*ret_after = json_integer_value(json_object_get(answer, "after"));
	}
	json_decref(answer);
	return e;
}

static void wait_a_little(void)
{
	const struct timespec t = {.tv_sec = LOOK_MS / 1000};

	nanosleep(&t, NULL);
}

/* Until it is ended; a dsnd that is away comes back, and nothing is missed. */
static struct error *follow(struct vcli *v, int64_t after)
{
	bool away = false;

	v->printed = true;
	for (;;) {
		const int64_t before = after;
		json_t *events = NULL, *event;
		size_t i;
		struct error *e = ask_behind(v, after, &events, &after);

		if (e && e->code != ERROR_UNAVAILABLE && e->code != ERROR_TIMEOUT && e->code != ERROR_IO)
			return e;
		if (e && !away)
			fprintf(stderr, "vcli: %s; it is asked again\n", e->message);
		away = e != NULL;
		error_free(e);
		json_array_foreach (events, i, event)
			print_event(v, event);
		json_decref(events);
		if (away || after == before)
			wait_a_little();
	}
}

struct error *cmd_events(struct vcli *v)
{
	json_t *events = NULL, *event;
	int64_t after = v->set.order.after;
	size_t i;

	if (v->set.node.follow)
		return follow(v, after);
	TRY(ask_behind(v, after, &events, &after));
	json_array_foreach (events, i, event) {
		if (!v->set.json)
			print_event(v, event);
	}
	vcli_answer(v, json_pack("{s:o,s:I}", "events", events, "after", (json_int_t)after));
	return NULL;
}
