#include "manager/jobs/order.h"

#include "base/json.h"
#include "base/mem.h"

#define RENDITIONS 31 /* that a document can have */
#define DAY_MS (INT64_C(24) * 3600 * 1000)

json_t *order_complete(const json_t *document, const char *job, json_t *nodes)
{
	json_t *whole = json_deep_copy(document), *pipeline = json_object_get(whole, "pipeline");

	json_put(pipeline, "job_id", job);
	json_object_set_new(pipeline, "nodes", nodes);
	return whole;
}

static struct error *refuse_given(const json_t *pipeline, const struct json_place *at)
{
	static const struct {
		const char *key, *why;
	} ours[] = {
		{"nodes", "dsnd picks the nodes; \"vcli pipeline start\" takes documents that name them"},
		{"job_id", "dsnd gives the job its id"},
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		const struct json_place here = {at, ours[i].key, 0};

		if (json_object_get(pipeline, ours[i].key))
			return json_place_error(&here, "leave it out of an order: %s", ours[i].why);
	}
	return NULL;
}

static void add_stand_in(json_t *nodes, enum api_role role)
{
	void *scope = mem_strdup(NULL, "");
	size_t n = json_array_size(nodes);

	json_array_append_new(nodes, json_pack("{s:s,s:s,s:s}", "type", api_role_name(role), "node_id",
					       mem_printf(scope, "%040zx", n + 1), "ip",
					       mem_printf(scope, "192.0.2.%zu", n + 1)));
	mem_free(scope);
}

struct error *order_read(const void *ctx, const json_t *document, struct api_pipeline **ret_pipeline)
{
	const struct json_place root = {NULL, NULL, 0}, at = {&root, "pipeline", 0};
	json_t *pipeline = NULL, *transcoding = NULL, *nodes, *whole;
	struct error *e;

	TRY(json_read_object(document, &root, "pipeline", &pipeline));
	TRY(refuse_given(pipeline, &at));
	TRY(json_read_array(pipeline, &at, "transcoding", 1, RENDITIONS, &transcoding));
	nodes = json_array();
	add_stand_in(nodes, API_DISTRIBUTOR);
	add_stand_in(nodes, API_STORAGE);
	for (size_t i = 0; i < json_array_size(transcoding); i++)
		add_stand_in(nodes, API_TRANSCODER);
	whole = order_complete(document, "order", nodes);
	e = api_pipeline_read(ctx, whole, ret_pipeline);
	json_decref(whole);
	return e;
}

/* --- its times --- */

struct error *order_check_times(const struct api_wishes *wishes, int64_t now_ms)
{
	const struct json_place root = {NULL, NULL, 0}, at = {&root, "pipeline", 0}, schedule = {&at, "schedule", 0};
	const struct json_place start_at = {&schedule, "start_at", 0}, end_at = {&schedule, "end_at", 0};

	if (wishes->start_at_ms > now_ms + ORDER_START_DAYS * DAY_MS)
		return json_place_error(&start_at, "is more than %d days ahead", ORDER_START_DAYS);
	if (wishes->end_at_ms && wishes->end_at_ms <= now_ms)
		return json_place_error(&end_at, "is over");
	if (wishes->end_at_ms > now_ms + ORDER_END_DAYS * DAY_MS)
		return json_place_error(&end_at, "is more than %d days ahead", ORDER_END_DAYS);
	return NULL;
}

bool order_is_for_later(const json_t *document, int64_t now_ms)
{
	void *scope = mem_strdup(NULL, "");
	struct api_pipeline *p = NULL;
	struct error *e = order_read(scope, document, &p);
	bool later = !e && p->wishes.start_at_ms > now_ms;

	error_free(e);
	mem_free(scope);
	return later;
}

json_t *order_bare(const json_t *document)
{
	json_t *bare = json_deep_copy(document), *pipeline = json_object_get(bare, "pipeline");

	json_object_del(pipeline, "nodes");
	json_object_del(pipeline, "job_id");
	return bare;
}

bool order_has_nodes(const json_t *document)
{
	return json_array_size(json_object_get(json_object_get(document, "pipeline"), "nodes")) > 0;
}
