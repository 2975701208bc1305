/* node logs: the ends of units' logs, bounded, over the bus. */
#include <string.h>

#include "base/mem.h"
#include "node/agent/command.h"
#include "node/job/unit_log.h"

/* Of one answer, shared by its units; JSON's escapes at most double it, and a message holds 256 KiB. */
#define ANSWER_BYTES (64 * 1024)

static bool is_wanted(const struct command *c, const struct unit *u)
{
	return !c->api->unit || strcmp(c->api->unit, u->name) == 0;
}

static struct error *add(struct command *c, const struct unit *u, size_t bytes, json_t *logs)
{
	const struct unit_log_part part = {
		.lines = (size_t)c->api->lines,
		.bytes = bytes,
		.after = json_string_value(json_object_get(c->api->after, u->name)),
		.ended = u->state == UNIT_ENDED || u->state == UNIT_PAUSED,
	};
	json_t *log = NULL;

	TRY(unit_log_read(u->log_path, &part, &log));
	json_put(log, "unit", u->name);
	json_array_append_new(logs, log);
	return NULL;
}

/* The node's nginx and all units of its jobs. */
static struct unit **all_units(const void *ctx, struct node *n, size_t *ret_count)
{
	struct unit **list = mem_array(ctx, struct unit *, 1);
	size_t count = 0;

	list[count++] = n->nginx;
	for (size_t i = 0; i < n->job_count; i++) {
		list = mem_resize(ctx, list, struct unit *, count + n->jobs[i]->unit_count);
		for (size_t k = 0; k < n->jobs[i]->unit_count; k++)
			list[count++] = n->jobs[i]->units[k];
	}
	*ret_count = count;
	return list;
}

static struct error *read_logs(struct command *c, struct node *n, json_t *logs)
{
	size_t count = 0, wanted = 0;
	struct unit **units = all_units(c, n, &count);

	for (size_t i = 0; i < count; i++)
		wanted += is_wanted(c, units[i]);
	if (!wanted)
		return error_new(ERROR_NOT_FOUND, "node %s has no unit \"%s\"; `node status` lists them", n->row.id,
				 c->api->unit);
	for (size_t i = 0; i < count; i++) {
		if (is_wanted(c, units[i]))
			TRY(add(c, units[i], ANSWER_BYTES / wanted, logs));
	}
	return NULL;
}

void command_act_node_logs(struct command *c)
{
	json_t *o = json_object(), *logs = json_array();
	struct node *n = NULL;
	struct error *e = command_node(c, &n);

	if (!e)
		e = read_logs(c, n, logs);
	json_put(o, "node_id", c->node_id ? c->node_id : "");
	json_object_set_new(o, "logs", logs);
	if (e)
		json_decref(o);
	command_end(c, e, e ? NULL : o);
}
