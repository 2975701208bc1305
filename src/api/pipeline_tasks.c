/* The planner: from what a customer orders to one task for each node. */
#include <string.h>

#include "api/pipeline.h"
#include "api/read.h"
#include "api/task_read.h"
#include "base/mem.h"

#define PLAYLIST_FRAGMENTS 6 /* 1.00: fragments of 5 s, playlists of 30 s */
#define FRAGMENT_S 5

static const struct api_pipeline_node *node_of(const struct api_pipeline *p, enum api_role role)
{
	size_t i = 0;

	while (p->nodes[i].role != role)
		i++;
	return &p->nodes[i];
}

static const char *mode_of(const struct api_pipeline_node *n)
{
	return n->classic ? "classic" : "managed";
}

/* A setting of pipeline.output, as it was written. */
static void copy_output(const struct api_pipeline *p, json_t *to, const char *key, const char *to_key)
{
	json_t *output = json_object_get(json_object_get(p->document, "pipeline"), "output");
	const char *text = json_string_value(json_object_get(output, key));

	if (text)
		json_put(to, to_key, text);
}

/* Where a node is reached: ip, failover_ip, and what of it differs from 1.00's fixed ports. */
static void put_address(const struct api_pipeline *p, const struct api_pipeline_node *n, json_t *o)
{
	json_put(o, "ip", n->ip);
	if (n->failover_ip)
		json_put(o, "failover_ip", n->failover_ip);
	if (n->port != API_RTMP_PORT)
		json_put_decimal(o, "port", n->port);
	if (n->failover_ip && n->failover_port != n->port)
		json_put_decimal(o, "failover_port", n->failover_port);
	if (p->modes)
		json_put(o, "mode", mode_of(n));
}

static void put_distributor(const struct api_pipeline *p, const struct api_pipeline_node *n, json_t *msg)
{
	json_t *outputs = json_array(), *o = json_object();

	(void)n;
	json_put(o, "variant", p->source.name);
	put_address(p, node_of(p, API_STORAGE), o);
	json_array_append_new(outputs, o);
	for (size_t i = 0; i < p->node_count; i++) {
		if (p->nodes[i].role != API_TRANSCODER)
			continue;
		o = json_object();
		put_address(p, &p->nodes[i], o);
		json_array_append_new(outputs, o);
	}
	json_object_set_new(msg, "ffmpeg-rtmp", json_pack("{s:o}", "outputs", outputs));
	copy_output(p, msg, "fragment", "fragment");
	copy_output(p, msg, "normalise", "normalise");
}

static json_t *make_rendition(const struct api_pipeline *p, const struct api_pipeline_rendition *r)
{
	json_t *o = json_object();
	char *size = mem_printf(NULL, "%dx%d", r->size.width, r->size.height);

	json_put(o, "application", p->job);
	json_put(o, "variant", r->name);
	json_put(o, "codec", r->codec ? r->codec : "libx264");
	json_put_decimal(o, "bitrate", r->bitrate_bps);
	json_put(o, "resolution", size);
	put_address(p, node_of(p, API_STORAGE), o);
	copy_output(p, o, "preset", "preset");
	copy_output(p, o, "audio_bitrate", "audio_bitrate");
	mem_free(size);
	return o;
}

static void put_transcoder(const struct api_pipeline *p, const struct api_pipeline_node *n, json_t *msg)
{
	json_t *outputs = NULL;

	if (n->rendition_count == 1) {
		json_object_set_new(msg, "ffmpeg-rtmp",
				    json_pack("{s:o}", "output", make_rendition(p, &p->renditions[n->renditions[0]])));
	} else {
		outputs = json_array();
		for (size_t i = 0; i < n->rendition_count; i++)
			json_array_append_new(outputs, make_rendition(p, &p->renditions[n->renditions[i]]));
		json_object_set_new(msg, "ffmpeg-rtmp", json_pack("{s:o}", "outputs", outputs));
	}
	copy_output(p, msg, "fragment", "fragment");
}

static void append_variant(json_t *variants, const struct api_pipeline_rendition *r)
{
	char *params = api_variant_params(NULL, r->bitrate_bps, r->size);

	json_array_append_new(variants, json_pack("{s:s,s:s}", "variant", r->name, "params", params));
	mem_free(params);
}

static void put_storage(const struct api_pipeline *p, const struct api_pipeline_node *n, json_t *msg)
{
	json_t *hls = json_object(), *variants = json_array();
	int fragment_s = p->fragment_s ? p->fragment_s : FRAGMENT_S;

	(void)n;
	json_put_decimal(hls, "hls_fragment", fragment_s);
	json_put_decimal(hls, "hls_playlist_length", (int64_t)PLAYLIST_FRAGMENTS * fragment_s);
	json_put(hls, "hls_fragment_naming", "timestamp");
	json_put(hls, "hls_fragment_naming_granularity", "2");
	json_put(hls, "hls_fragment_slicing", "aligned");
	copy_output(p, hls, "keep", "keep");
	append_variant(variants, &p->source);
	for (size_t i = 0; i < p->rendition_count; i++)
		append_variant(variants, &p->renditions[i]);
	json_object_set_new(hls, "hls_variant", variants);
	json_object_set_new(msg, "nginx-rtmp-hls", hls);
}

static json_t *make_msg(const struct api_pipeline *p, const struct api_pipeline_node *n, int port)
{
	static void (*const put[API_ROLE_COUNT])(const struct api_pipeline *, const struct api_pipeline_node *,
						 json_t *) = {
		[API_DISTRIBUTOR] = put_distributor,
		[API_TRANSCODER] = put_transcoder,
		[API_STORAGE] = put_storage,
	};
	json_t *msg = json_object(), *core = json_object();

	json_put(msg, "command", "config");
	json_put(msg, "type", api_role_name(n->role));
	json_put_decimal(core, "listen", port);
	json_put(core, "application", p->job);
	json_object_set_new(msg, "nginx-rtmp-core", core);
	json_object_set_new(msg, "nginx-rtmp-live", json_pack("{s:s}", "live", "on"));
	if (p->modes)
		json_put(msg, "mode", mode_of(n));
	put[n->role](p, n, msg);
	return msg;
}

static void append_task(json_t *tasks, const char *node_id, json_t *msg, const char *failover_of)
{
	json_t *task = json_object();

	json_put(task, "node_id", node_id);
	if (failover_of)
		json_put(task, "failover_of", failover_of);
	json_object_set_new(task, "msg", msg);
	json_array_append_new(tasks, task);
}

struct error *api_pipeline_private(const struct api_pipeline *p, json_t **ret_document)
{
	json_t *document = json_object(), *tasks = json_array();
	json_t *comments = json_object_get(p->document, "_comments");

	if (comments)
		json_object_set_new(document, "_comments", json_deep_copy(comments));
	json_put(document, "apiVersion", "1.00");
	json_put(document, "typeApi", "private");
	json_put(document, "command", "pipeline");
	json_put(document, "subcommand", "start");
	json_object_set_new(document, "pipeline", json_pack("{s:o}", "tasks", tasks));
	for (size_t i = 0; i < p->node_count; i++)
		append_task(tasks, p->nodes[i].node_id, make_msg(p, &p->nodes[i], p->nodes[i].port), NULL);
	for (size_t i = 0; i < p->node_count; i++) {
		const struct api_pipeline_node *n = &p->nodes[i];

		if (n->failover_node_id)
			append_task(tasks, n->failover_node_id, make_msg(p, n, n->failover_port), n->node_id);
	}
	*ret_document = document;
	return NULL;
}
