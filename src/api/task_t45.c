/* The forerunner's config messages: a distributor, a transcoder and a storage file, no sections for nginx. */
#include <string.h>

#include "api/read.h"
#include "api/task_read.h"
#include "base/mem.h"

/* The forerunner writes variants without the underscore that parts them from the stream's name. */
static char *variant_suffix(const void *ctx, const char *variant)
{
	return mem_printf(ctx, "%s%s", variant[0] && variant[0] != '_' ? "_" : "", variant);
}

/* {"proto","application","name","port"}: of `input`, and the first members of an output. */
static struct error *read_stream(struct api_task *t, const json_t *o, const struct json_place *at,
				 char **ret_application, char **ret_name, int *ret_port)
{
	TRY(api_expect(o, at, "proto", "rtmp"));
	TRY(api_read_text(t, o, at, "application", api_check_job, ret_application));
	TRY(api_read_text(t, o, at, "name", api_check_job, ret_name));
	return api_read_port(o, at, "port", ret_port);
}

/* A size, with an x between the numbers or, as the forerunner's own files have it, a multiplication sign. */
static struct error *read_size(struct api_task *t, const json_t *o, const struct json_place *at,
			       struct api_size *ret_size)
{
	static const char cross[] = "\u00d7";
	const struct json_place here = {at, "resolution", 0};
	const char *text = NULL, *sign;
	char *size = NULL;

	TRY(json_read_string(o, at, "resolution", &text));
	sign = strstr(text, cross);
	size = sign ? mem_printf(t, "%.*sx%s", (int)(sign - text), text, sign + strlen(cross)) : mem_strdup(t, text);
	return api_read_size(size, &here, ret_size);
}

static struct error *read_input(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	static const char *const known[] = {"proto", "application", "name", "port", NULL};
	const struct json_place here = {at, "input", 0};
	json_t *input = NULL;

	TRY(json_read_object(msg, at, "input", &input));
	TRY(read_stream(t, input, &here, &t->application, &t->source_stream, &t->listen_port));
	t->job = mem_strdup(t, t->source_stream);
	return json_refuse_unknown(input, &here, known);
}

static struct error *read_target(struct api_task *t, const json_t *o, const struct json_place *at,
				 struct api_target *target)
{
	static const char *const known[] = {"proto", "application", "name", "variant", "ip", "port", NULL};
	char *name = NULL, *variant = mem_strdup(t, "");

	TRY(read_stream(t, o, at, &target->application, &name, &target->port));
	target->failover_port = target->port;
	TRY(api_read_text(t, o, at, "ip", api_check_host, &target->ip));
	TRY(api_read_text_opt(t, o, at, "variant", api_check_variant, &variant));
	target->variant = variant_suffix(t, variant);
	target->stream = mem_printf(t, "%s%s", name, target->variant);
	return json_refuse_unknown(o, at, known);
}

static struct error *read_distributor(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	static const char *const known[] = {"command", "type", "input", "outputs", NULL};
	const struct json_place outputs_at = {at, "outputs", 0};
	json_t *outputs = NULL;

	TRY(json_refuse_unknown(msg, at, known));
	TRY(read_input(t, msg, at));
	TRY(json_read_array(msg, at, "outputs", 1, API_MAX_OUTPUTS, &outputs));
	t->output_count = json_array_size(outputs);
	t->outputs = mem_array(t, struct api_target, t->output_count);
	for (size_t i = 0; i < t->output_count; i++) {
		const struct json_place here = {&outputs_at, NULL, i};

		TRY(read_target(t, json_array_get(outputs, i), &here, &t->outputs[i]));
	}
	return NULL;
}

static struct error *read_transcoder(struct api_task *t, const json_t *msg, const struct json_place *at)
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
	TRY(read_input(t, msg, at));
	TRY(json_read_object(msg, at, "parameters", &parameters));
	TRY(api_read_text(t, parameters, &parameters_at, "codec", api_check_codec, &r->codec));
	TRY(api_read_bitrate(parameters, &parameters_at, "vbitrate", &r->bitrate_bps));
	TRY(read_size(t, parameters, &parameters_at, &r->size));
	TRY(json_refuse_unknown(parameters, &parameters_at, known_parameters));
	TRY(json_read_object(msg, at, "output", &output));
	TRY(read_target(t, output, &output_at, &r->target));
	if (!r->target.variant[0])
		return json_place_error(&variant_at, "is missing or empty: a rendition needs a name of its own");
	return NULL;
}

/* All inputs of a storage are variants of one stream in one application. */
static struct error *read_storage_input(struct api_task *t, const json_t *o, const struct json_place *at,
					struct api_hls_variant *v)
{
	static const char *const known[] = {"proto",      "application", "name", "variant",
					    "resolution", "vbitrate",    "port", NULL};
	const struct json_place name_at = {at, "name", 0}, application_at = {at, "application", 0},
				variant_at = {at, "variant", 0}, port_at = {at, "port", 0};
	char *application = NULL, *name = NULL, *variant = NULL;
	int port = 0;

	TRY(read_stream(t, o, at, &application, &name, &port));
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
	v->variant = variant_suffix(t, variant);
	TRY(api_read_bitrate(o, at, "vbitrate", &v->bandwidth_bps));
	TRY(read_size(t, o, at, &v->size));
	v->params = api_variant_params(t, v->bandwidth_bps, v->size);
	return json_refuse_unknown(o, at, known);
}

static struct error *read_storage(struct api_task *t, const json_t *msg, const struct json_place *at)
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

		TRY(read_storage_input(t, json_array_get(inputs, i), &here, &t->hls.variants[i]));
	}
	t->source_stream = mem_strdup(t, t->job);
	return NULL;
}

struct error *api_task_read_t45(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	static struct error *(*const readers[API_ROLE_COUNT])(struct api_task *, const json_t *,
							      const struct json_place *) = {
		[API_DISTRIBUTOR] = read_distributor,
		[API_TRANSCODER] = read_transcoder,
		[API_STORAGE] = read_storage,
	};

	t->t45 = true;
	return readers[t->role](t, msg, at);
}
