/* The distributor: takes the customer's stream in, and sends a copy to the storage and to each transcoder. */
#include "api/role.h"
#include "api/task_write.h"
#include "base/mem.h"

static void plan_task(const struct api_hops *h, const struct api_pipeline_node *n, struct api_task *t)
{
	const struct api_pipeline *p = h->p;

	(void)n;
	t->outputs = mem_array(t, struct api_target, p->node_count);
	api_hops_target(h, api_hops_node(h, API_STORAGE), p->source.name, t, &t->outputs[t->output_count++]);
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

const struct api_role_ops api_role_distributor = {
	.name = "distributor",
	.plan = plan_task,
	.write = write_message,
};
