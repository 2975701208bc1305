/* The forerunner's config messages: a distributor, a transcoder and a storage file, no sections for nginx. */
#include <string.h>

#include "api/read.h"
#include "api/role.h"
#include "api/task_read.h"
#include "base/mem.h"

char *api_t45_variant(const void *ctx, const char *variant)
{
	return mem_printf(ctx, "%s%s", variant[0] && variant[0] != '_' ? "_" : "", variant);
}

struct error *api_t45_stream(struct api_task *t, const json_t *o, const struct json_place *at, char **ret_application,
			     char **ret_name, int *ret_port)
{
	TRY(api_expect(o, at, "proto", "rtmp"));
	TRY(api_read_text(t, o, at, "application", api_check_job, ret_application));
	TRY(api_read_text(t, o, at, "name", api_check_job, ret_name));
	return api_read_port(o, at, "port", ret_port);
}

struct error *api_t45_size(struct api_task *t, const json_t *o, const struct json_place *at, struct api_size *ret_size)
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

struct error *api_t45_input(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	static const char *const known[] = {"proto", "application", "name", "port", NULL};
	const struct json_place here = {at, "input", 0};
	json_t *input = NULL;

	TRY(json_read_object(msg, at, "input", &input));
	TRY(api_t45_stream(t, input, &here, &t->application, &t->source_stream, &t->listen_port));
	t->job = mem_strdup(t, t->source_stream);
	return json_refuse_unknown(input, &here, known);
}

struct error *api_t45_target(struct api_task *t, const json_t *o, const struct json_place *at,
			     struct api_target *target)
{
	static const char *const known[] = {"proto", "application", "name", "variant", "ip", "port", NULL};
	char *name = NULL, *variant = mem_strdup(t, "");

	TRY(api_t45_stream(t, o, at, &target->application, &name, &target->port));
	target->failover_port = target->port;
	TRY(api_read_text(t, o, at, "ip", api_check_host, &target->ip));
	TRY(api_read_text_opt(t, o, at, "variant", api_check_variant, &variant));
	target->variant = api_t45_variant(t, variant);
	target->stream = mem_printf(t, "%s%s", name, target->variant);
	return json_refuse_unknown(o, at, known);
}

struct error *api_task_read_t45(struct api_task *t, const json_t *msg, const struct json_place *at)
{
	t->t45 = true;
	return api_role_ops(t->role)->read_t45(t, msg, at);
}
