/* API 1.00's config message: what stands in "msg" of a private document's task. */
#include <string.h>

#include "api/read.h"
#include "api/role.h"
#include "api/task_read.h"
#include "base/mem.h"

static const char *const on_off[2] = {"on", "off"}, *const always_instead[2] = {"always", "instead"};

/* What every output has, on a distributor and on a transcoder. */
struct error *api_target_read(struct api_task *t, const json_t *o, const struct json_place *at,
			      struct api_target *target)
{
	const struct json_place failover_at = {at, "failover", 0};
	char *application = NULL;

	target->variant = mem_strdup(t, "");
	target->port = API_RTMP_PORT;
	TRY(api_read_text(t, o, at, "ip", api_check_host, &target->ip));
	TRY(api_read_text_opt(t, o, at, "failover_ip", api_check_host, &target->failover_ip));
	TRY(api_read_port_opt(o, at, "port", &target->port));
	target->failover_port = target->port;
	TRY(api_read_port_opt(o, at, "failover_port", &target->failover_port));
	TRY(api_read_bool_opt(o, at, "failover", always_instead, &target->always));
	if (target->always && !target->failover_ip)
		return json_place_error(&failover_at, "\"always\" needs a \"failover_ip\"");
	TRY(api_read_text_opt(t, o, at, "variant", api_check_variant, &target->variant));
	TRY(api_read_text_opt(t, o, at, "key", api_check_key, &target->key));
	TRY(api_read_text_opt(t, o, at, "application", api_check_job, &application));
	TRY(api_read_text_opt(t, o, at, "mode", api_check_mode, &target->mode));
	api_target_settle(t, target, application);
	return NULL;
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

struct error *api_task_read_100(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	const struct api_role_ops *role = api_role_ops(t->role);

	TRY(json_refuse_unknown(msg, at, role->members));
	TRY(read_core(t, msg, at));
	TRY(api_read_text_opt(t, msg, at, "key", api_check_key, &t->key));
	TRY(api_read_text_opt(t, msg, at, "mode", api_check_mode, &t->mode));
	TRY(api_read_int_opt(msg, at, "fragment", 1, API_MAX_FRAGMENT_S, &t->fragment_s));
	TRY(api_read_bool_opt(msg, at, "normalise", on_off, &t->normalise));
	t->has_fragment = json_object_get(msg, "fragment") != NULL;
	t->has_normalise = json_object_get(msg, "normalise") != NULL;
	return role->read(t, msg, at);
}
