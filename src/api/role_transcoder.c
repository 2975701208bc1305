/* The transcoder: makes renditions of the distributor's copy, and sends each to the storage. */
#include "api/role.h"
#include "api/task_write.h"
#include "base/mem.h"

#define CODEC "libx264"

static void plan_rendition(const struct api_hops *h, const struct api_pipeline_rendition *from, struct api_task *t,
			   struct api_rendition *r)
{
	api_hops_target(h, api_hops_node(h, API_STORAGE), from->name, t, &r->target);
	r->codec = mem_strdup(t, from->codec ? from->codec : CODEC);
	r->bitrate_bps = from->bitrate_bps;
	r->size = from->size;
	r->preset = mem_strdup(t, h->p->preset);
	r->audio_bps = h->p->audio_bps;
}

static void plan_task(const struct api_hops *h, const struct api_pipeline_node *n, struct api_task *t)
{
	t->rendition_count = n->rendition_count;
	t->renditions = mem_array(t, struct api_rendition, n->rendition_count);
	for (size_t i = 0; i < n->rendition_count; i++)
		plan_rendition(h, &h->p->renditions[n->renditions[i]], t, &t->renditions[i]);
	t->has_fragment = h->p->fragment_s != 0;
}

static json_t *write_rendition(const struct api_task *t, const struct api_rendition *r)
{
	json_t *o = json_object();
	const char *application = api_target_application(t, &r->target);
	char *size = mem_printf(NULL, "%dx%d", r->size.width, r->size.height);

	json_put(o, "application", application ? application : t->job);
	json_put(o, "variant", r->target.variant);
	json_put(o, "codec", r->codec);
	json_put_decimal(o, "bitrate", r->bitrate_bps);
	json_put(o, "resolution", size);
	api_target_write_address(&r->target, o);
	if (r->preset)
		json_put(o, "preset", r->preset);
	if (r->audio_bps)
		json_put_decimal(o, "audio_bitrate", r->audio_bps);
	api_target_write_key(&r->target, o);
	mem_free(size);
	return o;
}

/* 1.00 has "output" for one rendition, which is all that a transcoder makes there. */
static void write_message(const struct api_task *t, json_t *msg)
{
	json_t *ffmpeg = json_object(), *outputs = NULL;

	if (t->rendition_count == 1) {
		json_object_set_new(ffmpeg, "output", write_rendition(t, &t->renditions[0]));
	} else {
		outputs = json_array();
		for (size_t i = 0; i < t->rendition_count; i++)
			json_array_append_new(outputs, write_rendition(t, &t->renditions[i]));
		json_object_set_new(ffmpeg, "outputs", outputs);
	}
	json_object_set_new(msg, "ffmpeg-rtmp", ffmpeg);
	api_task_write_fragment(t, msg);
}

const struct api_role_ops api_role_transcoder = {
	.name = "transcoder",
	.plan = plan_task,
	.write = write_message,
};
