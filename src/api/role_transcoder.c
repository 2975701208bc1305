/* The transcoder: makes renditions of the distributor's copy, and sends each to the storage. */
#include <string.h>

#include "api/read.h"
#include "api/role.h"
#include "api/task_read.h"
#include "api/task_write.h"
#include "base/mem.h"

#define CODEC "libx264"
#define DECODE_MB_PER_CORE_S 850000.0

/* 16x16 blocks a core encodes a second: x264, one thread, 1280x720 with noise, 3 Mb/s, on a Xeon of 2023. What a given
 * machine does, `node hardware` measures. */
static const struct {
	const char *preset;
	double mb_per_core_s;
} presets[] = {
	{"ultrafast", 1400000}, {"superfast", 460000}, {"veryfast", 250000}, {"faster", 138000},  {"fast", 112000},
	{"medium", 72000},      {"slow", 35000},       {"slower", 19000},    {"veryslow", 11000},
};

static const char *const members[] = {
	"command", "type", "nginx-rtmp-core", "nginx-rtmp-live", "ffmpeg-rtmp", "key", "mode", "fragment", NULL};

static struct error *read_rendition(struct api_task *t, const json_t *o, const struct json_place *at,
				    struct api_rendition *r)
{
	static const char *const known[] = {"application", "variant",       "codec", "bitrate",  "resolution",
					    "ip",          "failover_ip",   "port",  "key",      "failover_port",
					    "preset",      "audio_bitrate", "mode",  "failover", NULL};
	const struct json_place variant_at = {at, "variant", 0};

	TRY(api_target_read(t, o, at, &r->target));
	if (!r->target.variant[0])
		return json_place_error(&variant_at, "is missing or empty: a rendition needs a name of its own");
	TRY(api_read_text(t, o, at, "codec", api_check_codec, &r->codec));
	TRY(api_read_bitrate(o, at, "bitrate", &r->bitrate_bps));
	TRY(api_read_size_member(o, at, "resolution", &r->size));
	TRY(api_read_text_opt(t, o, at, "preset", api_check_preset, &r->preset));
	TRY(json_read_decimal_opt(o, at, "audio_bitrate", API_MIN_AUDIO_BPS, API_MAX_AUDIO_BPS, &r->audio_bps));
	return json_refuse_unknown(o, at, known);
}

/* "output" is 1.00's one rendition, "outputs" [ext] several. */
static struct error *read_message(struct api_task *t, const json_t *msg, const struct json_place *msg_at)
{
	static const char *const known[] = {"output", "outputs", NULL};
	const struct json_place at = {msg_at, "ffmpeg-rtmp", 0}, output_at = {&at, "output", 0},
				outputs_at = {&at, "outputs", 0};
	json_t *ffmpeg = NULL, *output = NULL, *outputs = NULL;

	TRY(json_read_object(msg, msg_at, "ffmpeg-rtmp", &ffmpeg));
	TRY(json_refuse_unknown(ffmpeg, &at, known));
	TRY(json_read_array_opt(ffmpeg, &at, "outputs", 1, API_MAX_VARIANTS, &outputs));
	if (outputs && json_object_get(ffmpeg, "output"))
		return json_place_error(&output_at, "stands beside \"outputs\": only one of them can be meant");
	if (!outputs) {
		TRY(json_read_object(ffmpeg, &at, "output", &output));
		t->rendition_count = 1;
		t->renditions = mem_array(t, struct api_rendition, 1);
		return read_rendition(t, output, &output_at, &t->renditions[0]);
	}
	t->rendition_count = json_array_size(outputs);
	t->renditions = mem_array(t, struct api_rendition, t->rendition_count);
	for (size_t i = 0; i < t->rendition_count; i++) {
		const struct json_place here = {&outputs_at, NULL, i};

		TRY(read_rendition(t, json_array_get(outputs, i), &here, &t->renditions[i]));
	}
	return NULL;
}

static struct error *read_t45(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	static const char *const known[] = {"command", "type", "input", "parameters", "output", NULL};
	static const char *const known_parameters[] = {"codec", "vbitrate", "resolution", NULL};
	const struct json_place parameters_at = {at, "parameters", 0}, output_at = {at, "output", 0},
				variant_at = {&output_at, "variant", 0};
	json_t *parameters = NULL, *output = NULL;
	struct api_rendition *r = mem_array(t, struct api_rendition, 1);

	t->renditions = r;
	t->rendition_count = 1;
	TRY(json_refuse_unknown(msg, at, known));
	TRY(api_t45_input(t, msg, at));
	TRY(json_read_object(msg, at, "parameters", &parameters));
	TRY(api_read_text(t, parameters, &parameters_at, "codec", api_check_codec, &r->codec));
	TRY(api_read_bitrate(parameters, &parameters_at, "vbitrate", &r->bitrate_bps));
	TRY(api_t45_size(t, parameters, &parameters_at, &r->size));
	TRY(json_refuse_unknown(parameters, &parameters_at, known_parameters));
	TRY(json_read_object(msg, at, "output", &output));
	TRY(api_t45_target(t, output, &output_at, &r->target));
	if (!r->target.variant[0])
		return json_place_error(&variant_at, "is missing or empty: a rendition needs a name of its own");
	return NULL;
}

/* Where there are two of both, each transcoder has a storage of its own: no storage takes a rendition from two. */
static void keep_one(const struct api_hops *h, struct api_task *t, struct api_target *target)
{
	if (h->failover) {
		target->ip = target->failover_ip;
		target->port = target->failover_port;
	}
	target->failover_ip = NULL;
	target->failover_port = target->port;
	target->always = false;
	api_target_settle(t, target, NULL);
}

static void plan_rendition(const struct api_hops *h, const struct api_pipeline_node *n,
			   const struct api_pipeline_rendition *from, struct api_task *t, struct api_rendition *r)
{
	api_hops_target(h, api_pipeline_node_of(h->p, API_STORAGE), from->name, t, &r->target);
	if (api_pipeline_sends_always(h->p, n))
		keep_one(h, t, &r->target);
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
		plan_rendition(h, n, &h->p->renditions[n->renditions[i]], t, &t->renditions[i]);
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

static void plan_hops(struct api_plan *plan, const struct api_pipeline *p, const struct api_pipeline_node *n)
{
	for (size_t k = 0; k < n->rendition_count; k++) {
		const struct api_pipeline_rendition *r = &p->renditions[n->renditions[k]];

		api_plan_hop(plan, p, n, api_pipeline_node_of(p, API_STORAGE), r->name, r->bitrate_bps + p->audio_bps);
	}
}

static double preset_rate(const char *preset)
{
	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
		if (strcmp(presets[i].preset, preset) == 0)
			return presets[i].mb_per_core_s;
	}
	return presets[0].mb_per_core_s;
}

static int64_t blocks_per_s(struct api_size size, int fps)
{
	return (int64_t)((size.width + 15) / 16) * ((size.height + 15) / 16) * fps;
}

/* One decode and an encode for each rendition. What a graphics card encodes is work, but not the processor's. */
static void plan_load(const struct api_pipeline *p, struct api_plan_node *n)
{
	const double encode_rate = preset_rate(api_plan_preset(p));
	int64_t decode = blocks_per_s(p->source.size, p->source_fps);

	n->macroblocks_per_s = decode;
	n->cpu_cores += (double)decode / DECODE_MB_PER_CORE_S;
	for (size_t k = 0; k < n->node->rendition_count; k++) {
		const struct api_pipeline_rendition *r = &p->renditions[n->node->renditions[k]];
		int64_t encode = blocks_per_s(r->size, p->source_fps);

		n->macroblocks_per_s += encode;
		if (!r->codec || strcmp(r->codec, CODEC) == 0)
			n->cpu_cores += (double)encode / encode_rate;
	}
}

const struct api_role_ops api_role_transcoder = {
	.members = members,
	.read = read_message,
	.read_t45 = read_t45,
	.least = 1,
	.most = SIZE_MAX,
	.plan = plan_task,
	.write = write_message,
	.hops = plan_hops,
	.load = plan_load,
};
