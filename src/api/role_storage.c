/* The storage: keeps all renditions as HLS. */
#include <ctype.h>
#include <string.h>

#include "api/read.h"
#include "api/role.h"
#include "api/task_read.h"
#include "api/task_write.h"
#include "base/mem.h"

#define PLAYLIST_FRAGMENTS 6 /* 1.00: fragments of 5 s, playlists of 30 s */
#define GRANULARITY_MS 2000

static const char *const all_window[2] = {"all", "window"};

static const char *const members[] = {"command", "type", "nginx-rtmp-core", "nginx-rtmp-live", "nginx-rtmp-hls", "key",
				      "mode",    NULL};

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

static struct error *read_message(struct api_task *t, const json_t *msg, const struct json_place *msg_at)
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

/* All inputs of a storage are variants of one stream in one application. */
static struct error *read_t45_input(struct api_task *t, const json_t *o, const struct json_place *at,
				    struct api_hls_variant *v)
{
	static const char *const known[] = {"proto",      "application", "name", "variant",
					    "resolution", "vbitrate",    "port", NULL};
	const struct json_place name_at = {at, "name", 0}, application_at = {at, "application", 0},
				variant_at = {at, "variant", 0}, port_at = {at, "port", 0};
	char *application = NULL, *name = NULL, *variant = NULL;
	int port = 0;

	TRY(api_t45_stream(t, o, at, &application, &name, &port));
	TRY(api_read_text(t, o, at, "variant", api_check_variant, &variant));
	if (!variant[0])
		return json_place_error(&variant_at, "is empty: a variant needs a name");
	if (t->job && strcmp(t->job, name) != 0)
		return json_place_error(&name_at, "\"%s\" differs from the first input's \"%s\"", name, t->job);
	if (t->application && strcmp(t->application, application) != 0)
		return json_place_error(&application_at, "\"%s\" differs from the first input's \"%s\"", application,
					t->application);
	if (t->job && port != t->listen_port)
		return json_place_error(&port_at, "%d differs from the first input's %d", port, t->listen_port);
	t->job = name;
	t->application = application;
	t->listen_port = port;
	v->variant = api_t45_variant(t, variant);
	TRY(api_read_bitrate(o, at, "vbitrate", &v->bandwidth_bps));
	TRY(api_t45_size(t, o, at, &v->size));
	v->params = api_variant_params(t, v->bandwidth_bps, v->size);
	return json_refuse_unknown(o, at, known);
}

static struct error *read_t45(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	/* "fragemt_duration" is how the forerunner spells it. */
	static const char *const known[] = {"command", "type", "fragemt_duration", "fragment_duration", "inputs", NULL};
	const struct json_place inputs_at = {at, "inputs", 0};
	json_t *inputs = NULL;

	TRY(json_refuse_unknown(msg, at, known));
	TRY(api_read_int_opt(msg, at, "fragment_duration", 1, API_MAX_FRAGMENT_S, &t->hls.fragment_s));
	TRY(api_read_int_opt(msg, at, "fragemt_duration", 1, API_MAX_FRAGMENT_S, &t->hls.fragment_s));
	if (t->hls.playlist_length_s < 3 * t->hls.fragment_s)
		t->hls.playlist_length_s = 3 * t->hls.fragment_s;
	t->fragment_s = t->hls.fragment_s;
	t->hls.naming = mem_strdup(t, "timestamp");
	t->hls.slicing = mem_strdup(t, "aligned");
	TRY(json_read_array(msg, at, "inputs", 1, API_MAX_VARIANTS, &inputs));
	t->hls.variant_count = json_array_size(inputs);
	t->hls.variants = mem_array(t, struct api_hls_variant, t->hls.variant_count);
	for (size_t i = 0; i < t->hls.variant_count; i++) {
		const struct json_place here = {&inputs_at, NULL, i};

		TRY(read_t45_input(t, json_array_get(inputs, i), &here, &t->hls.variants[i]));
	}
	t->source_stream = mem_strdup(t, t->job);
	return NULL;
}

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
	.members = members,
	.read = read_message,
	.read_t45 = read_t45,
	.least = 1,
	.most = 1,
	.plan = plan_task,
	.write = write_message,
};
