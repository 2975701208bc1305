/* orders.status: an order, and each of its nodes as the registry knows it now. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/jobs/jobs_impl.h"

struct status {
	struct method_call *call;
	json_t *answer;
	size_t open; /* nodes that are still asked for, and one for whoever asks */
};

struct asked {
	struct status *status;
	json_t *node; /* of the answer */
};

static void close_one(struct status *s)
{
	if (--s->open)
		return;
	method_answer(s->call, s->answer);
	mem_free(s);
}

/* Where the registry cannot be asked, the order is told without what it knows. */
static void on_node(const struct method *row, const json_t *known, const struct error *e, void *arg)
{
	const struct asked a = *(struct asked *)arg;

	(void)row;
	mem_free(arg);
	if (!e)
		json_put(a.node, "state", json_string_value(json_object_get(known, "state")));
	else if (e->code == ERROR_NOT_FOUND)
		json_put(a.node, "state", "unknown");
	close_one(a.status);
}

static void ask(struct jobs *j, struct status *s, const char *job, json_t *node)
{
	const char *id = json_string_value(json_object_get(node, "node_id"));
	const struct caller self = service_self();
	json_t *question = json_pack("{s:s}", "node_id", id);
	struct asked *a = mem_new(j, struct asked);

	*a = (struct asked){s, node};
	s->open++;
	json_put(node, "part", part_state_name(watch_state(j->watch, job, id)));
	method_begin(j, j->host->methods, &self, "nodes.get", question, on_node, a);
	json_decref(question);
}

void jobs_orders_status(struct method_call *c, void *arg)
{
	struct jobs *j = arg;
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = NULL;
	struct error *e = order_rows_find(scope, j->host->db, method_text(c, "job"), jobs_owner(c), &row);

	if (e) {
		method_fail(c, e);
	} else {
		struct status *s = mem_new(j, struct status);
		json_t *node = NULL;
		size_t i = 0;

		*s = (struct status){c, jobs_order_json(j, row, true), 1};
		json_object_set(s->answer, "document", row->document);
		json_array_foreach (json_object_get(s->answer, "nodes"), i, node)
			ask(j, s, row->job, node);
		close_one(s);
	}
	mem_free(scope);
}
