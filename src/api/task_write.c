#include "api/task_write.h"

#include <string.h>

#include "api/read.h"
#include "api/role.h"
#include "base/mem.h"

const char *api_target_application(const struct api_task *t, const struct api_target *target)
{
	bool by_mode = target->mode && strcmp(target->mode, "classic") != 0;

	return by_mode || !target->application || strcmp(target->application, t->job) == 0 ? NULL : target->application;
}

void api_target_write_address(const struct api_target *target, json_t *o)
{
	json_put(o, "ip", target->ip);
	if (target->failover_ip)
		json_put(o, "failover_ip", target->failover_ip);
	if (target->port != API_RTMP_PORT)
		json_put_decimal(o, "port", target->port);
	if (target->failover_port != target->port)
		json_put_decimal(o, "failover_port", target->failover_port);
	if (target->always)
		json_put(o, "failover", "always");
	if (target->mode)
		json_put(o, "mode", target->mode);
}

void api_target_write_key(const struct api_target *target, json_t *o)
{
	if (target->key)
		json_put(o, "key", target->key);
}

void api_task_write_fragment(const struct api_task *t, json_t *msg)
{
	if (t->has_fragment)
		json_put_decimal(msg, "fragment", t->fragment_s);
}

json_t *api_task_write(const struct api_task *t)
{
	json_t *msg = json_object(), *core = json_object();

	json_put(msg, "command", "config");
	json_put(msg, "type", api_role_name(t->role));
	json_put_decimal(core, "listen", t->listen_port);
	json_put(core, "application", t->job);
	json_object_set_new(msg, "nginx-rtmp-core", core);
	json_object_set_new(msg, "nginx-rtmp-live", json_pack("{s:s}", "live", t->live ? "on" : "off"));
	if (t->mode)
		json_put(msg, "mode", t->mode);
	api_role_ops(t->role)->write(t, msg);
	if (t->key)
		json_put(msg, "key", t->key);
	return msg;
}
