/* API 1.00's config message: what stands in "msg" of a private document's task. */
#include <ctype.h>
#include <string.h>

#include "api/read.h"
#include "api/task_read.h"
#include "base/mem.h"

static const char *const on_off[2] = {"on", "off"};
static const char *const all_window[2] = {"all", "window"};

/* What every output has, on a distributor and on a transcoder. */
static struct error *read_target(struct api_task *t, const json_t *o, const struct json_place *at,
				 struct api_target *target)
{
	char *application = NULL;

	target->variant = mem_strdup(t, "");
	target->port = API_RTMP_PORT;
	TRY(api_read_text(t, o, at, "ip", api_check_host, &target->ip));
	TRY(api_read_text_opt(t, o, at, "failover_ip", api_check_host, &target->failover_ip));
	TRY(api_read_port_opt(o, at, "port", &target->port));
	target->failover_port = target->port;
	TRY(api_read_port_opt(o, at, "failover_port", &target->failover_port));
	TRY(api_read_text_opt(t, o, at, "variant", api_check_variant, &target->variant));
	TRY(api_read_text_opt(t, o, at, "key", api_check_key, &target->key));
	TRY(api_read_text_opt(t, o, at, "application", api_check_job, &application));
	TRY(api_read_text_opt(t, o, at, "mode", api_check_mode, &target->mode));
	api_target_settle(t, target, application);
	return NULL;
}

static struct error *read_outputs(struct api_task *t, const json_t *msg, const struct json_place *msg_at)
{
	static const char *const known_ffmpeg[] = {"outputs", NULL};
	static const char *const known[] = {"variant", "ip",          "failover_ip", "port", "failover_port",
					    "key",     "application", "mode",        NULL};
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

		TRY(read_target(t, o, &here, &t->outputs[i]));
		TRY(json_refuse_unknown(o, &here, known));
	}
	return NULL;
}

static struct error *read_rendition(struct api_task *t, const json_t *o, const struct json_place *at,
				    struct api_rendition *r)
{
	static const char *const known[] = {"application", "variant",       "codec", "bitrate", "resolution",
					    "ip",          "failover_ip",   "port",  "key",     "failover_port",
					    "preset",      "audio_bitrate", "mode",  NULL};
	const struct json_place variant_at = {at, "variant", 0};

	TRY(read_target(t, o, at, &r->target));
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
static struct error *read_renditions(struct api_task *t, const json_t *msg, const struct json_place *msg_at)
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

/* One NAME=value of an HLS variant's params. */
static struct error *read_param(struct api_hls_variant *v, const char *text, size_t len, const struct json_place *at)
{
	char value[32];

	if (len > 10 && len < 30 && strncmp(text, "BANDWIDTH=", 10) == 0 && !v->bandwidth_bps && text[10] != '0') {
		for (size_t i = 10; i < len; i++) {
			if (!isdigit((unsigned char)text[i]) || v->bandwidth_bps > API_MAX_BPS)
				return json_place_error(at, "BANDWIDTH is no number of bits per second up to %d",
							API_MAX_BPS);
			v->bandwidth_bps = v->bandwidth_bps * 10 + (text[i] - '0');
		}
		return v->bandwidth_bps <= API_MAX_BPS ? NULL
						       : json_place_error(at, "BANDWIDTH is over %d", API_MAX_BPS);
	}
	if (len > 11 && len - 11 < sizeof(value) && strncmp(text, "RESOLUTION=", 11) == 0 && !v->size.width) {
		memcpy(value, text + 11, len - 11);
		value[len - 11] = '\0';
		return api_read_size(value, at, &v->size);
	}
	return json_place_error(at, "\"%.60s\" must be BANDWIDTH=<bits per second>,RESOLUTION=<width>x<height>",
				v->params);
}

static struct error *read_variant(struct api_task *t, const json_t *o, const struct json_place *at,
				  struct api_hls_variant *v)
{
	static const char *const known[] = {"variant", "params", NULL};
	const struct json_place variant_at = {at, "variant", 0}, params_at = {at, "params", 0};

	TRY(api_read_text(t, o, at, "variant", api_check_variant, &v->variant));
	if (!v->variant[0])
		return json_place_error(&variant_at, "is empty: a variant needs a name");
	TRY(api_read_text(t, o, at, "params", NULL, &v->params));
	for (const char *p = v->params;; p++) {
		size_t n = strcspn(p, ",");

		TRY(read_param(v, p, n, &params_at));
		p += n;
		if (!*p)
			break;
	}
	if (!v->bandwidth_bps || !v->size.width)
		return json_place_error(&params_at, "\"%.60s\" lacks BANDWIDTH or RESOLUTION", v->params);
	return json_refuse_unknown(o, at, known);
}

static struct error *check_naming(const char *text, const struct json_place *at)
{
	if (strcmp(text, "timestamp") == 0 || strcmp(text, "sequential") == 0 || strcmp(text, "system") == 0)
		return NULL;
	return json_place_error(at, "\"%.60s\" is none of timestamp, sequential, system", text);
}

static struct error *check_slicing(const char *text, const struct json_place *at)
{
	if (strcmp(text, "aligned") == 0 || strcmp(text, "plain") == 0)
		return NULL;
	return json_place_error(at, "\"%.60s\" is neither aligned nor plain", text);
}

static struct error *read_hls_settings(struct api_task *t, const json_t *o, const struct json_place *at)
{
	struct api_hls *h = &t->hls;
	const struct json_place length_at = {at, "hls_playlist_length", 0};
	int granularity_s = 0;

	TRY(api_read_int_opt(o, at, "hls_fragment", 1, API_MAX_FRAGMENT_S, &h->fragment_s));
	TRY(api_read_int_opt(o, at, "hls_playlist_length", 1, API_MAX_PLAYLIST_S, &h->playlist_length_s));
	if (h->playlist_length_s < h->fragment_s)
		return json_place_error(&length_at, "%d is shorter than one fragment (%d)", h->playlist_length_s,
					h->fragment_s);
	h->naming = mem_strdup(t, "sequential"); /* nginx-rtmp's own defaults */
	h->slicing = mem_strdup(t, "plain");
	TRY(api_read_text_opt(t, o, at, "hls_fragment_naming", check_naming, &h->naming));
	TRY(api_read_int_opt(o, at, "hls_fragment_naming_granularity", 1, API_MAX_GRANULARITY_S, &granularity_s));
	h->naming_granularity_ms = granularity_s * 1000; /* nginx reads a bare number as seconds */
	TRY(api_read_text_opt(t, o, at, "hls_fragment_slicing", check_slicing, &h->slicing));
	h->has_keep = json_object_get(o, "keep") != NULL;
	return api_read_bool_opt(o, at, "keep", all_window, &h->keep_all);
}

static struct error *read_hls(struct api_task *t, const json_t *msg, const struct json_place *msg_at)
{
	static const char *const known[] = {"hls_fragment",
					    "hls_playlist_length",
					    "hls_fragment_naming",
					    "hls_fragment_naming_granularity",
					    "hls_fragment_slicing",
					    "hls_variant",
					    "keep",
					    NULL};
	const struct json_place at = {msg_at, "nginx-rtmp-hls", 0}, variants_at = {&at, "hls_variant", 0};
	json_t *o = NULL, *variants = NULL;

	TRY(json_read_object(msg, msg_at, "nginx-rtmp-hls", &o));
	TRY(read_hls_settings(t, o, &at));
	t->fragment_s = t->hls.fragment_s;
	TRY(json_read_array(o, &at, "hls_variant", 1, API_MAX_VARIANTS, &variants));
	t->hls.variant_count = json_array_size(variants);
	t->hls.variants = mem_array(t, struct api_hls_variant, t->hls.variant_count);
	for (size_t i = 0; i < t->hls.variant_count; i++) {
		const struct json_place here = {&variants_at, NULL, i};

		TRY(read_variant(t, json_array_get(variants, i), &here, &t->hls.variants[i]));
	}
	return json_refuse_unknown(o, &at, known);
}

static struct error *read_core(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	static const char *const known_core[] = {"listen", "application", NULL};
	static const char *const known_live[] = {"live", NULL};
	const struct json_place core_at = {at, "nginx-rtmp-core", 0}, live_at = {at, "nginx-rtmp-live", 0};
	json_t *core = NULL, *live = NULL;

	TRY(json_read_object(msg, at, "nginx-rtmp-core", &core));
	TRY(api_read_port(core, &core_at, "listen", &t->listen_port));
	TRY(api_read_text(t, core, &core_at, "application", api_check_job, &t->job));
	TRY(json_refuse_unknown(core, &core_at, known_core));
	t->application = mem_strdup(t, t->job);
	t->source_stream = mem_strdup(t, t->job);
	TRY(json_read_object_opt(msg, at, "nginx-rtmp-live", &live));
	if (live) {
		TRY(api_read_bool_opt(live, &live_at, "live", on_off, &t->live));
		TRY(json_refuse_unknown(live, &live_at, known_live));
	}
	return NULL;
}

/* The members a message may have depend on its role: a storage with ffmpeg outputs would be a mistake. */
static const struct role_row {
	struct error *(*read)(struct api_task *t, const json_t *msg, const struct json_place *at);
	const char *known[10];
} roles[API_ROLE_COUNT] = {
	[API_DISTRIBUTOR] = {read_outputs,
			     {"command", "type", "nginx-rtmp-core", "nginx-rtmp-live", "ffmpeg-rtmp", "key", "mode",
			      "fragment", "normalise"}},
	[API_TRANSCODER] = {read_renditions,
			    {"command", "type", "nginx-rtmp-core", "nginx-rtmp-live", "ffmpeg-rtmp", "key", "mode",
			     "fragment"}},
	[API_STORAGE] = {read_hls,
			 {"command", "type", "nginx-rtmp-core", "nginx-rtmp-live", "nginx-rtmp-hls", "key", "mode"}},
};

struct error *api_task_read_100(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	const struct role_row *row = &roles[t->role];

	TRY(json_refuse_unknown(msg, at, row->known));
	TRY(read_core(t, msg, at));
	TRY(api_read_text_opt(t, msg, at, "key", api_check_key, &t->key));
	TRY(api_read_text_opt(t, msg, at, "mode", api_check_mode, &t->mode));
	TRY(api_read_int_opt(msg, at, "fragment", 1, API_MAX_FRAGMENT_S, &t->fragment_s));
	TRY(api_read_bool_opt(msg, at, "normalise", on_off, &t->normalise));
	t->has_fragment = json_object_get(msg, "fragment") != NULL;
	t->has_normalise = json_object_get(msg, "normalise") != NULL;
	return row->read(t, msg, at);
}
