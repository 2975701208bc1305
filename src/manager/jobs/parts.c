/* orders.parts: who works for an order, and for what price, for the service that pays them. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/jobs/jobs_impl.h"
#include "manager/jobs/placements.h"

#define USUAL_FRAGMENT_S 5 /* of a document that says none */

/* What it was chosen for: the price of a second in the last decision that names it; -1: nothing was asked. */
static int64_t price_of(const json_t *decisions, const char *node)
{
	int64_t price = -1;
	const json_t *decision, *part;
	size_t i, k;

	json_array_foreach (decisions, i, decision) {
		json_array_foreach (json_object_get(json_object_get(decision, "record"), "parts"), k, part) {
			const char *chosen = json_string_value(json_object_get(part, "node")),
				   *said = json_string_value(json_object_get(part, "price"));

			if (chosen && strcmp(chosen, node) == 0)
				price = said ? strtoll(said, NULL, 10) : -1;
		}
	}
	return price;
}

static int64_t fragment_s(const json_t *pipeline)
{
	const char *said = json_string_value(json_object_get(json_object_get(pipeline, "output"), "fragment"));
	int64_t seconds = said ? strtoll(said, NULL, 10) : 0;

	return seconds > 0 ? seconds : USUAL_FRAGMENT_S;
}

static void add_part(json_t *list, const char *id, const char *role, int64_t second, int64_t seconds)
{
	json_t *o = json_pack("{s:s,s:s}", "node_id", id, "role", role);

	/* API_BEAT_MOST * 60 is far below 2^63. */
	if (second >= 0)
		json_object_set_new(o, "price", json_integer(second * seconds));
	json_array_append_new(list, o);
}

static json_t *parts_json(const struct order_row *row, const json_t *decisions)
{
	const json_t *pipeline = json_object_get(row->document, "pipeline"),
		     *nodes = json_object_get(pipeline, "nodes");
	int64_t seconds = fragment_s(pipeline);
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);
		const char *id = json_string_value(json_object_get(node, "node_id")),
			   *standby = json_string_value(json_object_get(node, "failover_node_id")),
			   *role = json_string_value(json_object_get(node, "type"));

		add_part(list, id, role, price_of(decisions, id), seconds);
		if (standby)
			add_part(list, standby, role, price_of(decisions, standby), seconds);
	}
	return list;
}

void jobs_orders_parts(struct method_call *c, void *arg)
{
	const struct jobs *j = arg;
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = NULL;
	json_t *decisions = NULL;
	struct error *e = order_rows_find(scope, j->host->db, method_text(c, "job"), NULL, &row);

	if (!e)
		e = placements_list(j->host->db, row->job, &decisions);
	if (e)
		method_fail(c, e);
	else
		method_answer(c, json_pack("{s:s,s:s,s:o}", "job", row->job, "state", order_state_name(row->state),
					   "parts", parts_json(row, decisions)));
	json_decref(decisions);
	mem_free(scope);
}
