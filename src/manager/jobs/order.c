#include "manager/jobs/order.h"

#include "base/json.h"
#include "base/mem.h"

#define RENDITIONS 31 /* that a document can have */

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
