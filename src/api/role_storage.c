/* The storage: keeps all renditions as HLS. */
#include "api/role.h"
#include "api/task_read.h"
#include "api/task_write.h"
#include "base/mem.h"

#define PLAYLIST_FRAGMENTS 6 /* 1.00: fragments of 5 s, playlists of 30 s */
#define GRANULARITY_MS 2000

static void plan_variant(const struct api_pipeline_rendition *from, struct api_task *t, struct api_hls_variant *v)
{
	v->variant = mem_strdup(t, from->name);
	v->bandwidth_bps = from->bitrate_bps;
	v->size = from->size;
	v->params = api_variant_params(t, from->bitrate_bps, from->size);
}

static void plan_task(const struct api_hops *h, const struct api_pipeline_node *n, struct api_task *t)
{
	const struct api_pipeline *p = h->p;
	struct api_hls *hls = &t->hls;

	(void)n;
	hls->fragment_s = t->fragment_s;
	hls->playlist_length_s = PLAYLIST_FRAGMENTS * t->fragment_s;
	hls->naming = mem_strdup(t, "timestamp");
	hls->naming_granularity_ms = GRANULARITY_MS;
	hls->slicing = mem_strdup(t, "aligned");
	hls->keep_all = p->keep_all;
	hls->has_keep = p->has_keep;
	hls->variant_count = p->rendition_count + 1;
	hls->variants = mem_array(t, struct api_hls_variant, hls->variant_count);
	plan_variant(&p->source, t, &hls->variants[0]);
	for (size_t i = 0; i < p->rendition_count; i++)
		plan_variant(&p->renditions[i], t, &hls->variants[i + 1]);
}

static void write_message(const struct api_task *t, json_t *msg)
{
	const struct api_hls *h = &t->hls;
	json_t *hls = json_object(), *variants = json_array();

	json_put_decimal(hls, "hls_fragment", h->fragment_s);
	json_put_decimal(hls, "hls_playlist_length", h->playlist_length_s);
	json_put(hls, "hls_fragment_naming", h->naming);
	if (h->naming_granularity_ms)
		json_put_decimal(hls, "hls_fragment_naming_granularity", h->naming_granularity_ms / 1000);
	json_put(hls, "hls_fragment_slicing", h->slicing);
	if (h->has_keep)
		json_put(hls, "keep", h->keep_all ? "all" : "window");
	for (size_t i = 0; i < h->variant_count; i++)
		json_array_append_new(variants, json_pack("{s:s,s:s}", "variant", h->variants[i].variant, "params",
							  h->variants[i].params));
	json_object_set_new(hls, "hls_variant", variants);
	json_object_set_new(msg, "nginx-rtmp-hls", hls);
}

const struct api_role_ops api_role_storage = {
	.name = "storage",
	.plan = plan_task,
	.write = write_message,
};
