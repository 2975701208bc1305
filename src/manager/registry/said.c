#include "manager/registry/said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *body, const char *key)
{
	const char *text = json_string_value(json_object_get(body, key));

	return text ? text : "";
}

static int number_of(const json_t *o, const char *key, int most)
{
	const char *text = text_of(o, key);
	long n = *text && strspn(text, "0123456789") == strlen(text) ? strtol(text, NULL, 10) : 0;

	return n > 0 && n <= most ? (int)n : 0;
}

static bool fits(struct error *e)
{
	bool good = !e;

	error_free(e);
	return good;
}

bool said_read(const json_t *body, struct nodes_said *ret)
{
	const struct json_place at = {NULL, "status", 0};
	const json_t *ports = json_object_get(body, "ports");
	const char *agent = text_of(body, "agent_id"), *name = text_of(body, "name"), *ip = text_of(body, "ip");
	enum api_role role;

	if (!fits(api_role_parse(text_of(body, "role"), &at, &role)) || !fits(api_check_host(ip, &at)))
		return false;
	if (!hex_id_valid(agent) || (*name && !fits(api_check_name(name, &at))))
		return false;
	if (!number_of(ports, "rtmp", 65535))
		return false;
	*ret = (struct nodes_said){.role = role};
	snprintf(ret->ip, sizeof(ret->ip), "%s", ip);
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	snprintf(ret->agent_id, sizeof(ret->agent_id), "%s", agent);
	ret->rtmp_port = number_of(ports, "rtmp", 65535);
	ret->http_port = number_of(ports, "http", 65535);
	ret->job_count = number_of(body, "job_count", INT32_MAX);
	ret->classic = strcmp(text_of(body, "mode"), "classic") == 0;
	ret->maintenance = strcmp(text_of(body, "maintenance"), "on") == 0;
	ret->serves = strcmp(text_of(body, "state"), "running") == 0;
	return true;
}

bool said_same(const struct nodes_said *a, const struct nodes_said *b)
{
	return strcmp(a->agent_id, b->agent_id) == 0 && strcmp(a->name, b->name) == 0 && strcmp(a->ip, b->ip) == 0 &&
	       a->role == b->role && a->rtmp_port == b->rtmp_port && a->http_port == b->http_port &&
	       a->job_count == b->job_count && a->classic == b->classic && a->maintenance == b->maintenance &&
	       a->serves == b->serves;
}
