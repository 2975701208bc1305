/* The distributor: takes the customer's stream in, and sends a copy to the storage and to each transcoder. */
#include "api/read.h"
#include "api/role.h"
#include "api/task_read.h"
#include "api/task_write.h"
#include "base/mem.h"

static const char *const members[] = {"command", "type", "nginx-rtmp-core", "nginx-rtmp-live", "ffmpeg-rtmp",
				      "key",     "mode", "fragment",        "normalise",       NULL};

static struct error *read_message(struct api_task *t, const json_t *msg, const struct json_place *msg_at)
{
	static const char *const known_ffmpeg[] = {"outputs", NULL};
	static const char *const known[] = {"variant", "ip",          "failover_ip", "port",     "failover_port",
					    "key",     "application", "mode",        "failover", NULL};
	const struct json_place at = {msg_at, "ffmpeg-rtmp", 0}, outputs_at = {&at, "outputs", 0};
	json_t *ffmpeg = NULL, *outputs = NULL;

	TRY(json_read_object(msg, msg_at, "ffmpeg-rtmp", &ffmpeg));
	TRY(json_refuse_unknown(ffmpeg, &at, known_ffmpeg));
	TRY(json_read_array(ffmpeg, &at, "outputs", 1, API_MAX_OUTPUTS, &outputs));
	t->output_count = json_array_size(outputs);
	t->outputs = mem_array(t, struct api_target, t->output_count);
	for (size_t i = 0; i < t->output_count; i++) {
		const struct json_place here = {&outputs_at, NULL, i};
		const json_t *o = json_array_get(outputs, i);

		TRY(api_target_read(t, o, &here, &t->outputs[i]));
		TRY(json_refuse_unknown(o, &here, known));
	}
	return NULL;
}

static struct error *read_t45(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	static const char *const known[] = {"command", "type", "input", "outputs", NULL};
	const struct json_place outputs_at = {at, "outputs", 0};
	json_t *outputs = NULL;

	TRY(json_refuse_unknown(msg, at, known));
	TRY(api_t45_input(t, msg, at));
	TRY(json_read_array(msg, at, "outputs", 1, API_MAX_OUTPUTS, &outputs));
	t->output_count = json_array_size(outputs);
	t->outputs = mem_array(t, struct api_target, t->output_count);
	for (size_t i = 0; i < t->output_count; i++) {
		const struct json_place here = {&outputs_at, NULL, i};

		TRY(api_t45_target(t, json_array_get(outputs, i), &here, &t->outputs[i]));
	}
	return NULL;
}

static void plan_task(const struct api_hops *h, const struct api_pipeline_node *n, struct api_task *t)
{
	const struct api_pipeline *p = h->p;

	(void)n;
	t->outputs = mem_array(t, struct api_target, p->node_count);
	api_hops_target(h, api_pipeline_node_of(p, API_STORAGE), p->source.name, t, &t->outputs[t->output_count++]);
	for (size_t i = 0; i < p->node_count; i++) {
		if (p->nodes[i].role == API_TRANSCODER)
			api_hops_target(h, &p->nodes[i], "", t, &t->outputs[t->output_count++]);
	}
	t->has_fragment = p->fragment_s != 0;
	t->normalise = p->normalise;
	t->has_normalise = p->has_normalise;
}

static void write_output(const struct api_task *t, const struct api_target *target, json_t *o)
{
	const char *application = api_target_application(t, target);

	if (application)
		json_put(o, "application", application);
	if (target->variant[0])
		json_put(o, "variant", target->variant);
	api_target_write_address(target, o);
	api_target_write_key(target, o);
}

static void write_message(const struct api_task *t, json_t *msg)
{
	json_t *outputs = json_array();

	for (size_t i = 0; i < t->output_count; i++) {
		json_t *o = json_object();

		write_output(t, &t->outputs[i], o);
		json_array_append_new(outputs, o);
	}
	json_object_set_new(msg, "ffmpeg-rtmp", json_pack("{s:o}", "outputs", outputs));
	api_task_write_fragment(t, msg);
	if (t->has_normalise)
		json_put(msg, "normalise", t->normalise ? "on" : "off");
}

static void plan_hops(struct api_plan *plan, const struct api_pipeline *p, const struct api_pipeline_node *n)
{
	const int64_t bps = p->source.bitrate_bps;

	api_plan_hop(plan, p, NULL, n, "", bps);
	api_plan_hop(plan, p, n, api_pipeline_node_of(p, API_STORAGE), p->source.name, bps);
	for (size_t i = 0; i < p->node_count; i++) {
		if (p->nodes[i].role == API_TRANSCODER)
			api_plan_hop(plan, p, n, &p->nodes[i], "", bps);
	}
}

const struct api_role_ops api_role_distributor = {
	.members = members,
	.read = read_message,
	.read_t45 = read_t45,
	.least = 1,
	.most = 1,
	.plan = plan_task,
	.write = write_message,
	.hops = plan_hops,
};
