/* orders.explain and nodes.explain: why a job has the nodes that it has, and why a node gets nothing. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/jobs/jobs_impl.h"
#include "manager/jobs/order.h"
#include "manager/jobs/placements.h"

void jobs_orders_explain(struct method_call *c, void *arg)
{
	struct jobs *j = arg;
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = NULL;
	json_t *decisions = NULL;
	struct error *e = order_rows_find(scope, j->host->db, method_text(c, "job"), jobs_owner(c), &row);

	if (!e)
		e = placements_list(j->host->db, row->job, &decisions);
	if (e)
		method_fail(c, e);
	else
		method_answer(c, json_pack("{s:s,s:o}", "job", row->job, "decisions", decisions));
	mem_free(scope);
}

/* What most orders are at least: two renditions of a source of 720 lines. */
static json_t *usual_order(void)
{
	return json_pack("{s:s,s:s,s:{s:s,s:{s:s,s:s,s:s},s:[{s:s,s:s,s:s},{s:s,s:s,s:s}]}}", "apiVersion", "1.00",
			 "typeApi", "public", "pipeline", "type_source", "live", "source", "resolution_name", "_720p",
			 "resolution", "1280x720", "bitrate", "4500000", "transcoding", "resolution_name", "_480p",
			 "resolution", "854x480", "bitrate", "1400000", "resolution_name", "_360p", "resolution",
			 "640x360", "bitrate", "800000");
}

static json_t *reasons_json(const struct placing_reasons *r)
{
	json_t *list = json_array();

	for (int why = 0; why < PLACE_WHYS; why++) {
		if (r->refusals & 1u << why)
			json_array_append_new(list,
					      json_pack("{s:s,s:s,s:s}", "why", place_why_name((enum place_why)why),
							"text", place_why_text((enum place_why)why), "helps",
							place_why_mend((enum place_why)why)));
	}
	return list;
}

static void explain_on(struct jobs *j, struct method_call *c, const struct error *away)
{
	const json_t *given = method_object(c, "order");
	const char *node = method_text(c, "node_id"), *owner = jobs_owner(c);
	json_t *document = given ? json_incref((json_t *)given) : usual_order();
	void *scope = mem_strdup(NULL, "");
	struct placing_wish wish = {.customer = method_text(c, "customer")};
	struct placing_reasons reasons = {0};
	struct api_pipeline *p = NULL;
	struct error *e = away ? error_copy(away) : NULL;

	if (!e) {
		e = order_read(scope, document, &p);
		e = e ? error_wrap(e, "params.order") : NULL;
	}
	wish.order = p;
	/* What it asks for, whom it takes and how full it is are its owner's to know. */
	if (!e && owner && placing_contact(j->placing, node, &(struct place_contact){0}) &&
	    !placing_is_of(j->placing, node, owner))
		e = error_new(ERROR_REFUSED, "params.node_id: node %s is another's", node);
	if (!e)
		e = placing_explain(j->placing, &wish, node, &reasons);
	if (e)
		method_fail(c, e);
	else
		method_answer(c, json_pack("{s:s,s:s,s:b,s:o,s:{s:i,s:I,s:I}}", "node_id", node, "role",
					   api_role_name(reasons.role), "would_do", !reasons.refusals, "keeps_out",
					   reasons_json(&reasons), "promised", "jobs", reasons.jobs, "blocks_per_s",
					   (json_int_t)reasons.promised.blocks_per_s, "bps",
					   (json_int_t)reasons.promised.bps));
	json_decref(document);
	mem_free(scope);
}

void jobs_nodes_explain(struct method_call *c, void *arg)
{
	jobs_when_fresh(arg, c, explain_on);
}
