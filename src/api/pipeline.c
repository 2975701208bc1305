/* Reading the public pipeline document. */
#include "api/pipeline.h"

#include <ctype.h>
#include <string.h>

#include "api/pipeline_check.h"
#include "api/read.h"
#include "base/mem.h"

#define MAX_NODES 65 /* the distributor, and one node for each output its task can have */
#define SOURCE_FPS 25

static struct error *read_rendition(struct api_pipeline *p, const json_t *o, const struct json_place *at,
				    struct api_pipeline_rendition *r)
{
	const struct json_place name_at = {at, "resolution_name", 0};

	TRY(api_read_text(p, o, at, "resolution_name", api_check_variant, &r->name));
	if (!r->name[0])
		return json_place_error(&name_at, "is empty: streams are told apart by it");
	TRY(api_read_size_member(o, at, "resolution", &r->size));
	return api_read_bitrate(o, at, "bitrate", &r->bitrate_bps);
}

static struct error *read_source(struct api_pipeline *p, const json_t *o, const struct json_place *at)
{
	static const char *const known[] = {"resolution_name", "resolution", "bitrate", "fps", NULL};

	p->source_fps = SOURCE_FPS;
	TRY(read_rendition(p, o, at, &p->source));
	TRY(api_read_int_opt(o, at, "fps", 1, API_MAX_FPS, &p->source_fps));
	return json_refuse_unknown(o, at, known);
}

static struct error *read_transcoding(struct api_pipeline *p, const json_t *pipeline, const struct json_place *at)
{
	static const char *const known[] = {"resolution_name", "resolution", "bitrate", "codec", NULL};
	const struct json_place list_at = {at, "transcoding", 0}, count_at = {at, "number_of_streams", 0};
	json_t *list = NULL;
	int64_t streams = -1;

	TRY(json_read_array(pipeline, at, "transcoding", 1, API_MAX_VARIANTS - 1, &list));
	p->rendition_count = json_array_size(list);
	p->renditions = mem_array(p, struct api_pipeline_rendition, p->rendition_count);
	for (size_t i = 0; i < p->rendition_count; i++) {
		const struct json_place here = {&list_at, NULL, i};
		const json_t *o = json_array_get(list, i);

		TRY(read_rendition(p, o, &here, &p->renditions[i]));
		TRY(api_read_text_opt(p, o, &here, "codec", api_check_codec, &p->renditions[i].codec));
		TRY(json_refuse_unknown(o, &here, known));
	}
	TRY(json_read_decimal_opt(pipeline, at, "number_of_streams", 1, API_MAX_VARIANTS, &streams));
	if (streams >= 0 && (size_t)streams != p->rendition_count)
		return json_place_error(&count_at, "is %lld, but transcoding has %zu elements: make them agree",
					(long long)streams, p->rendition_count);
	return NULL;
}

static struct error *read_shares(struct api_pipeline *p, const json_t *o, const struct json_place *at,
				 struct api_pipeline_node *n)
{
	const struct json_place list_at = {at, "renditions", 0};
	json_t *list = NULL;

	TRY(json_read_array_opt(o, at, "renditions", 1, p->rendition_count, &list));
	if (!list)
		return NULL;
	if (n->role != API_TRANSCODER)
		return json_place_error(&list_at, "belongs to a transcoder only");
	n->renditions = mem_array(p, size_t, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const struct json_place here = {&list_at, NULL, i};
		const char *name = json_string_value(json_array_get(list, i));
		size_t r = 0;

		if (!name)
			return json_place_error(&here, "must be a string \"...\"");
		while (r < p->rendition_count && strcmp(p->renditions[r].name, name) != 0)
			r++;
		if (r == p->rendition_count)
			return json_place_error(&here, "\"%.60s\" is no resolution_name of transcoding", name);
		n->renditions[n->rendition_count++] = r;
	}
	return NULL;
}

static void lower(char *text)
{
	for (; text && *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static struct error *read_failover(struct api_pipeline *p, const json_t *o, const struct json_place *at,
				   struct api_pipeline_node *n)
{
	const struct json_place id_at = {at, "failover_node_id", 0}, port_at = {at, "failover_port", 0};

	TRY(api_read_text_opt(p, o, at, "failover_ip", api_check_host, &n->failover_ip));
	TRY(api_read_text_opt(p, o, at, "failover_node_id", api_check_node_id, &n->failover_node_id));
	lower(n->failover_node_id);
	n->failover_port = n->port;
	TRY(api_read_port_opt(o, at, "failover_port", &n->failover_port));
	if (!n->failover_ip && n->failover_node_id)
		return json_place_error(&id_at, "needs a failover_ip beside it");
	if (!n->failover_ip && json_object_get(o, "failover_port"))
		return json_place_error(&port_at, "needs a failover_ip beside it");
	return NULL;
}

static struct error *read_node(struct api_pipeline *p, const json_t *o, const struct json_place *at,
			       struct api_pipeline_node *n)
{
	static const char *const known[] = {"type",  "node_id",   "ip",   "failover_ip", "failover_node_id",
					    "port",  "http_port", "mode", "renditions",  "failover_port",
					    "cores", "bandwidth", NULL};
	static const char *const modes[2] = {"classic", "managed"};
	const struct json_place type_at = {at, "type", 0}, http_at = {at, "http_port", 0};
	const char *type = NULL;

	n->port = API_RTMP_PORT;
	n->http_port = API_HTTP_PORT;
	TRY(json_read_string(o, at, "type", &type));
	TRY(api_role_parse(type, &type_at, &n->role));
	TRY(api_read_text(p, o, at, "node_id", api_check_node_id, &n->node_id));
	lower(n->node_id);
	TRY(api_read_text(p, o, at, "ip", api_check_host, &n->ip));
	n->has_port = json_object_get(o, "port") != NULL;
	TRY(api_read_port_opt(o, at, "port", &n->port));
	TRY(api_read_port_opt(o, at, "http_port", &n->http_port));
	if (n->role != API_STORAGE && json_object_get(o, "http_port"))
		return json_place_error(&http_at, "belongs to a storage only");
	TRY(read_failover(p, o, at, n));
	n->has_mode = json_object_get(o, "mode") != NULL;
	TRY(api_read_bool_opt(o, at, "mode", modes, &n->classic));
	TRY(read_shares(p, o, at, n));
	TRY(api_read_fraction_opt(o, at, "cores", API_MAX_CORES, &n->cores));
	TRY(json_read_decimal_opt(o, at, "bandwidth", API_MIN_BPS, API_MAX_NODE_BPS, &n->bandwidth_bps));
	return json_refuse_unknown(o, at, known);
}

/* 1.00: transcoder i makes rendition i. Transcoders with "renditions" take theirs first, the others one each of what
 * is left, in order. */
static void share_renditions(struct api_pipeline *p)
{
	bool *taken = mem_array(p, bool, p->rendition_count);
	size_t next = 0;

	for (size_t i = 0; i < p->node_count; i++) {
		for (size_t k = 0; k < p->nodes[i].rendition_count; k++)
			taken[p->nodes[i].renditions[k]] = true;
	}
	for (size_t i = 0; i < p->node_count; i++) {
		struct api_pipeline_node *n = &p->nodes[i];

		if (n->role != API_TRANSCODER || n->rendition_count)
			continue;
		while (next < p->rendition_count && taken[next])
			next++;
		if (next < p->rendition_count) {
			n->renditions = mem_array(p, size_t, 1);
			n->renditions[n->rendition_count++] = next++;
		}
	}
	mem_free(taken);
}

static struct error *read_nodes(struct api_pipeline *p, const json_t *pipeline, const struct json_place *at)
{
	const struct json_place list_at = {at, "nodes", 0};
	json_t *list = NULL;

	TRY(json_read_array(pipeline, at, "nodes", 1, MAX_NODES, &list));
	p->node_count = json_array_size(list);
	p->nodes = mem_array(p, struct api_pipeline_node, p->node_count);
	for (size_t i = 0; i < p->node_count; i++) {
		const struct json_place here = {&list_at, NULL, i};

		TRY(read_node(p, json_array_get(list, i), &here, &p->nodes[i]));
		p->modes = p->modes || p->nodes[i].has_mode;
	}
	share_renditions(p);
	return NULL;
}

static struct error *read_output(struct api_pipeline *p, const json_t *pipeline, const struct json_place *at)
{
	static const char *const known[] = {"preset", "audio_bitrate", "fragment", "normalise", "keep", NULL};
	static const char *const on_off[2] = {"on", "off"}, *const all_window[2] = {"all", "window"};
	const struct json_place here = {at, "output", 0};
	json_t *o = NULL;

	p->normalise = true;
	p->keep_all = true;
	TRY(json_read_object_opt(pipeline, at, "output", &o));
	if (!o)
		return NULL;
	TRY(api_read_text_opt(p, o, &here, "preset", api_check_preset, &p->preset));
	TRY(json_read_decimal_opt(o, &here, "audio_bitrate", API_MIN_AUDIO_BPS, API_MAX_AUDIO_BPS, &p->audio_bps));
	TRY(api_read_int_opt(o, &here, "fragment", 1, API_MAX_FRAGMENT_S, &p->fragment_s));
	TRY(api_read_bool_opt(o, &here, "normalise", on_off, &p->normalise));
	TRY(api_read_bool_opt(o, &here, "keep", all_window, &p->keep_all));
	p->has_normalise = json_object_get(o, "normalise") != NULL;
	p->has_keep = json_object_get(o, "keep") != NULL;
	return json_refuse_unknown(o, &here, known);
}

static struct error *check_type_source(const char *text, const struct json_place *at)
{
	if (strcmp(text, "file") == 0 || strcmp(text, "live") == 0)
		return NULL;
	return json_place_error(at, "\"%.60s\" is neither file nor live", text);
}

/* All problems at once, so that a document is mended in one go. */
static struct error *refuse_problems(const struct api_pipeline *p)
{
	struct api_notes *notes = mem_new(NULL, struct api_notes);
	char *text = NULL;
	struct error *e = NULL;

	api_pipeline_problems(p, notes);
	if (notes->count) {
		text = mem_strdup(notes, notes->texts[0]);
		for (size_t i = 1; i < notes->count && i < 10; i++)
			text = mem_printf(notes, "%s; %s", text, notes->texts[i]);
		e = error_new(ERROR_INVALID, "%s", text);
	}
	mem_free(notes);
	return e;
}

static struct error *read_head(const json_t *document, const struct json_place *root)
{
	static const char *const known[] = {"apiVersion", "typeApi", "command", "subcommand", "pipeline", NULL};

	TRY(api_expect(document, root, "apiVersion", "1.00"));
	TRY(api_expect(document, root, "typeApi", "public"));
	if (json_object_get(document, "command") || json_object_get(document, "subcommand")) {
		TRY(api_expect(document, root, "command", "pipeline"));
		TRY(api_expect(document, root, "subcommand", "start"));
	}
	return json_refuse_unknown(document, root, known);
}

static struct error *read_pipeline(struct api_pipeline *p, const json_t *document)
{
	static const char *const known[] = {
		"type_source", "job_id",     "number_of_streams", "source",   "transcoding", "nodes", "output",
		"constraints", "redundancy", "transcoders",       "schedule", "retain",      NULL};
	const struct json_place root = {NULL, NULL, 0}, at = {&root, "pipeline", 0}, source_at = {&at, "source", 0};
	json_t *pipeline = NULL, *source = NULL;

	TRY(read_head(document, &root));
	TRY(json_read_object(document, &root, "pipeline", &pipeline));
	TRY(api_read_text(p, pipeline, &at, "type_source", check_type_source, &p->type_source));
	TRY(api_read_text(p, pipeline, &at, "job_id", api_check_job, &p->job));
	TRY(json_read_object(pipeline, &at, "source", &source));
	TRY(read_source(p, source, &source_at));
	TRY(read_transcoding(p, pipeline, &at));
	TRY(read_nodes(p, pipeline, &at));
	TRY(read_output(p, pipeline, &at));
	TRY(api_wishes_read(p, pipeline, &at, &p->wishes));
	TRY(json_refuse_unknown(pipeline, &at, known));
	return refuse_problems(p);
}

struct error *api_pipeline_read(const void *ctx, const json_t *document, struct api_pipeline **ret_pipeline)
{
	struct api_pipeline *p = mem_new(ctx, struct api_pipeline);
	struct error *e = read_pipeline(p, document);

	if (e) {
		mem_free(p);
		return e;
	}
	p->document = api_hold(p, (json_t *)document);
	*ret_pipeline = p;
	return NULL;
}
