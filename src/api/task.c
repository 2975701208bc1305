#include "api/task.h"

#include <string.h>

#include "api/read.h"
#include "api/task_read.h"
#include "base/mem.h"

#define FRAGMENT_S 5
#define PLAYLIST_LENGTH_S 30

struct api_task *api_task_new(const void *ctx, enum api_role role)
{
	struct api_task *t = mem_new(ctx, struct api_task);

	t->role = role;
	t->live = true;
	t->fragment_s = FRAGMENT_S;
	t->normalise = true;
	t->listen_port = API_RTMP_PORT;
	t->hls.fragment_s = FRAGMENT_S;
	t->hls.playlist_length_s = PLAYLIST_LENGTH_S;
	t->hls.keep_all = true;
	return t;
}

void api_target_settle(struct api_task *t, struct api_target *target, char *application)
{
	target->stream = mem_printf(t, "%s%s", t->job, target->variant);
	/* A 1.00 transcoder names the job as application at the storage, which says no more than "by the mode". */
	if (target->mode)
		target->application = strcmp(target->mode, "classic") != 0 ? mem_strdup(t, API_LIVE)
				      : application                        ? application
									   : t->job;
	else if (application && strcmp(application, t->job) != 0)
		target->application = application;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_target(const struct api_target *a, const struct api_target *b)
{
	return a->port == b->port && strcasecmp(a->ip, b->ip) == 0 && strcmp(a->stream, b->stream) == 0 &&
	       same_text(a->application, b->application);
}

static const struct api_target *target_of(const struct api_task *t, size_t i)
{
	return i < t->output_count ? &t->outputs[i] : &t->renditions[i - t->output_count].target;
}

static bool equal_target(const struct api_target *a, const struct api_target *b)
{
	return same_target(a, b) && same_text(a->failover_ip, b->failover_ip) && a->failover_port == b->failover_port &&
	       same_text(a->key, b->key);
}

/* The proof of concept of API 1.00 sends all its copies to the first transcoder: one of them does what all would. */
static void drop_equal_outputs(struct api_task *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->output_count; i++) {
		size_t j = 0;

		while (j < kept && !equal_target(&t->outputs[i], &t->outputs[j]))
			j++;
		if (j == kept)
			t->outputs[kept++] = t->outputs[i];
	}
	t->equal_outputs = t->output_count - kept;
	t->output_count = kept;
}

/* Two publishers of one stream name would throw each other out for ever. */
static struct error *refuse_same_targets(const struct api_task *t, const struct json_place *at)
{
	size_t count = t->output_count + t->rendition_count;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct api_target *target = target_of(t, i);

			if (same_target(target, target_of(t, j)))
				return json_place_error(at, "outputs %zu and %zu both send stream %s to %s:%d", j, i,
							target->stream, target->ip, target->port);
		}
	}
	return NULL;
}

static struct error *refuse_same_variants(const struct api_task *t, const struct json_place *at)
{
	for (size_t i = 0; i < t->hls.variant_count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(t->hls.variants[i].variant, t->hls.variants[j].variant) == 0)
				return json_place_error(at, "variants %zu and %zu are both named \"%s\"", j, i,
							t->hls.variants[i].variant);
		}
	}
	return NULL;
}

struct error *api_task_settle(struct api_task *t, const struct json_place *at)
{
	drop_equal_outputs(t);
	TRY(refuse_same_targets(t, at));
	return refuse_same_variants(t, at);
}

static struct error *read_generation(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	const struct json_place core_at = {at, "nginx-rtmp-core", 0};

	if (json_object_get(msg, "nginx-rtmp-core"))
		return api_task_read_100(t, msg, at);
	if (json_object_get(msg, "input") || json_object_get(msg, "inputs"))
		return api_task_read_t45(t, msg, at);
	return json_place_error(&core_at, "is missing (and there is no t45 \"input\" or \"inputs\" either)");
}

struct error *api_task_read(const void *ctx, const json_t *msg, const struct json_place *at, struct api_task **ret_task)
{
	const struct json_place type_at = {at, "type", 0};
	enum api_role role = API_DISTRIBUTOR;
	const char *type = NULL;
	struct api_task *t = NULL;
	struct error *e = NULL;

	TRY(api_expect(msg, at, "command", "config"));
	TRY(json_read_string(msg, at, "type", &type));
	TRY(api_role_parse(type, &type_at, &role));
	t = api_task_new(ctx, role);
	e = read_generation(t, msg, at);
	if (!e)
		e = api_task_settle(t, at);
	if (e) {
		mem_free(t);
		return e;
	}
	t->document = api_hold(t, (json_t *)msg);
	*ret_task = t;
	return NULL;
}

char *api_variant_params(const void *ctx, int64_t bandwidth_bps, struct api_size size)
{
	return mem_printf(ctx, "BANDWIDTH=%lld,RESOLUTION=%dx%d", (long long)bandwidth_bps, size.width, size.height);
}
