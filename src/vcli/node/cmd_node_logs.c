/* vcli node logs: what a node's programs have written, asked for over the bus. */
#include <stdio.h>
#include <time.h>

#include "api/command.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/bus/request.h"
#include "vcli/commands.h"
#include "vcli/node/resolve.h"
#include "vcli/render.h"

/* Between two questions of --follow. */
#define PAUSE_NS 700000000L

static json_t *question(const struct vcli *v, const char *unit, const json_t *after)
{
	json_t *body = api_command_document(API_NODE_LOGS, v->args[0], NULL, NULL);

	if (unit)
		json_put(body, "unit", unit);
	json_put_decimal(body, "lines", json_object_size(after) ? API_LOG_LINES : v->set.node.lines);
	if (json_object_size(after))
		json_object_set(body, "after", (json_t *)after);
	return body;
}

static void print_line(const char *unit, const char *line, bool named)
{
	if (named) {
		render_text(stdout, unit);
		printf(" | ");
	}
	render_text(stdout, line);
	printf("\n");
}

/* One unit's part of an answer. */
static void print_log(const json_t *log, bool named)
{
	const char *unit = json_string_value(json_object_get(log, "unit"));
	const json_t *lines = json_object_get(log, "lines"), *line = NULL;
	size_t i = 0;

	unit = unit ? unit : "";
	if (json_object_get(log, "skipped"))
		print_line(unit, "... lines are left out here: more was written than is told at once", named);
	json_array_foreach ((json_t *)lines, i, line) {
		if (json_is_string(line))
			print_line(unit, json_string_value(line), named);
	}
}

/* Returns whether there was anything. */
static bool take(const json_t *data, json_t *after, bool print, bool named)
{
	const json_t *logs = json_object_get(data, "logs"), *log = NULL;
	size_t i = 0;
	bool any = false;

	json_array_foreach ((json_t *)logs, i, log) {
		const char *unit = json_string_value(json_object_get(log, "unit"));
		const char *cursor = json_string_value(json_object_get(log, "cursor"));

		if (unit && cursor)
			json_put(after, unit, cursor);
		any = any || json_array_size(json_object_get(log, "lines"));
		if (print)
			print_log(log, named);
	}
	return any;
}

static void print_json(const json_t *data)
{
	char *text = json_text(NULL, data);

	printf("%s\n", text);
	mem_free(text);
}

/* Until the node does not answer any more, or somebody presses Ctrl-C. */
static struct error *follow(struct vcli *v, const char *unit, json_t *after)
{
	for (;;) {
		json_t *data = NULL;
		bool any;

		nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
		TRY(request_one(v, v->args[0], question(v, unit, after), &data));
		any = take(data, after, !v->set.json, !unit);
		if (any && v->set.json)
			print_json(data);
		fflush(stdout);
		json_decref(data);
	}
}

struct error *cmd_node_logs(struct vcli *v)
{
	const char *unit = v->arg_count > 1 ? v->args[1] : NULL;
	json_t *data = NULL, *after = json_object();
	struct error *e = resolve_id(v, &v->set.client, v->args[0], RESOLVE_NODE, &v->args[0]);

	if (!e)
		e = request_one(v, v->args[0], question(v, unit, after), &data);
	if (!e) {
		(void)take(data, after, !v->set.json, !unit);
		if (!v->set.node.follow) {
			vcli_answer(v, data);
			data = NULL;
		}
	}
	if (!e && v->set.node.follow) {
		v->printed = true;
		if (v->set.json)
			print_json(data);
		fflush(stdout);
		e = follow(v, unit, after);
	}
	json_decref(data);
	json_decref(after);
	return e;
}
