/* One node instead of a lost one. */
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/jobs/place_order.h"
#include "manager/jobs/placements.h"
#include "manager/jobs/placing_impl.h"

static const char *text_of(const json_t *entry, const char *key)
{
	return json_string_value(json_object_get(entry, key));
}

static bool names(const json_t *entry, const char *key, const char *id)
{
	const char *text = text_of(entry, key);

	return text && strcasecmp(text, id) == 0;
}

struct replacing {
	const struct placing_loss *loss;
	struct api_pipeline *pipeline;
	size_t at;    /* of the document's nodes */
	bool standby; /* it was the one that stands in */
	struct place_request request;
	struct place_want want;
};

static struct error *find_lost(struct replacing *r)
{
	const json_t *nodes = json_object_get(json_object_get(r->loss->document, "pipeline"), "nodes");

	for (r->at = 0; r->at < json_array_size(nodes); r->at++) {
		const json_t *entry = json_array_get(nodes, r->at);

		r->standby = names(entry, "failover_node_id", r->loss->lost);
		if (r->standby || names(entry, "node_id", r->loss->lost))
			return NULL;
	}
	return error_new(ERROR_NOT_FOUND, "job %s has no node %s", r->loss->job, r->loss->lost);
}

/* What the lost one did. */
static struct error *set_want(const void *ctx, struct replacing *r)
{
	const struct api_pipeline *p = r->pipeline;
	const struct api_pipeline_node *lost = &p->nodes[r->at];
	struct place_order_options options = {0};
	struct place_want *roles = NULL;
	struct place_rendition *renditions;

	for (size_t i = 0; i < p->node_count; i++)
		options.transcoders += p->nodes[i].role == API_TRANSCODER;
	TRY(place_order_wants(ctx, p, &options, &roles));
	r->want = roles[lost->role];
	r->want.most_nodes = 1;
	r->want.standby = false;
	if (lost->role != API_TRANSCODER)
		return NULL;
	renditions = mem_array(ctx, struct place_rendition, lost->rendition_count);
	for (size_t i = 0; i < lost->rendition_count; i++)
		renditions[i] = roles[API_TRANSCODER].renditions[lost->renditions[i]];
	r->want.renditions = renditions;
	r->want.rendition_count = lost->rendition_count;
	return NULL;
}

/* All others of the job. */
static struct error *set_beside(const void *ctx, struct replacing *r)
{
	const struct api_pipeline_node *lost = &r->pipeline->nodes[r->at];
	struct reserve_line *lines = NULL;
	struct place_beside *beside;
	size_t count = 0;

	TRY(placing_lines(ctx, r->loss->document, &lines, &count));
	beside = mem_array(ctx, struct place_beside, count);
	for (size_t i = 0; i < count; i++) {
		struct place_beside *b = &beside[r->request.beside_count];

		if (strcasecmp(lines[i].node, r->loss->lost) == 0)
			continue;
		*b = (struct place_beside){.node = lines[i].node, .amount = lines[i].amount};
		for (size_t k = 0; k < r->pipeline->node_count; k++) {
			const char *second = r->pipeline->nodes[k].failover_node_id;

			b->standby |= second && strcmp(second, b->node) == 0;
		}
		r->request.beside_count++;
	}
	r->request.beside = beside;
	r->request.stands_in_for = r->standby ? lost->node_id : lost->failover_node_id;
	return NULL;
}

static void set_excluded(const void *ctx, struct replacing *r)
{
	struct place_excluded *all = mem_array(ctx, struct place_excluded, r->loss->excluded_count + 1);

	all[0] = (struct place_excluded){r->loss->lost, r->loss->why};
	if (r->loss->excluded_count)
		memcpy(&all[1], r->loss->excluded, r->loss->excluded_count * sizeof(*all));
	r->request.excluded = all;
	r->request.excluded_count = r->loss->excluded_count + 1;
}

static struct error *plan(const void *ctx, struct placing *p, struct replacing *r, struct place_plan **ret_plan)
{
	TRY(find_lost(r));
	TRY(api_pipeline_read(ctx, r->loss->document, &r->pipeline));
	r->request = placing_request(r->loss->customer, &r->pipeline->wishes);
	TRY(set_want(ctx, r));
	TRY(set_beside(ctx, r));
	set_excluded(ctx, r);
	r->request.wants = &r->want;
	r->request.want_count = 1;
	return place_plan_make(ctx, p->fleet, &r->request, ret_plan);
}

/* The entry as it was, on another node. */
static json_t *entry_of(const struct placing *p, const struct replacing *r, const char *node)
{
	const json_t *nodes = json_object_get(json_object_get(r->loss->document, "pipeline"), "nodes");
	json_t *entry = json_deep_copy(json_array_get(nodes, r->at));

	if (r->standby)
		placing_put_standby(p, entry, node);
	else
		placing_put_node(p, entry, node);
	return entry;
}

static struct error *take(const void *scope, struct placing *p, const struct replacing *r,
			  const struct place_plan *found, const json_t *record, json_t **ret_node)
{
	const struct placing_loss *loss = r->loss;
	struct reserve_line line;

	if (!found->placed)
		return error_new(ERROR_UNAVAILABLE, "node %s of job %s cannot be replaced: %s", loss->lost, loss->job,
				 place_lack_text(scope, &r->request, &found->lack));
	TRY(placements_add(p->host->db, loss->job, PLACEMENTS_REPLACEMENT, record));
	line = (struct reserve_line){found->parts[0].node, found->parts[0].amount};
	holdings_move(p->holdings, loss->job, loss->lost, &line);
	*ret_node = entry_of(p, r, line.node);
	return NULL;
}

struct error *placing_replace(struct placing *p, const struct placing_loss *loss, json_t **ret_node,
			      json_t **ret_record)
{
	void *scope = mem_strdup(NULL, "");
	struct replacing r = {.loss = loss};
	struct place_plan *found = NULL;
	struct error *e = plan(scope, p, &r, &found);

	*ret_record = found ? place_plan_json(found) : NULL;
	if (!e && found)
		e = take(scope, p, &r, found, *ret_record, ret_node);
	mem_free(scope);
	return e;
}
