#include "api/command.h"

#include <ctype.h>
#include <string.h>

#include "api/read.h"
#include "base/mem.h"

#define UNIT_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

const struct api_verb_row api_verbs[API_VERB_COUNT] = {
	{"node", "create", "ROLE", "make a node: " API_ROLE_WORDS, API_NODE_CREATE, true},
	{"node", "list", NULL, "the nodes of an agent", API_NODE_LIST, false},
	{"node", "status", NULL, "state, ports and units of a node", API_NODE_STATUS, false},
	{"node", "remove", NULL, "stop a node and forget it; its folder stays", API_NODE_REMOVE, true},
	{"node", "purge", NULL, "remove a node and delete its folder", API_NODE_PURGE, true},
	{"node", "hardware", NULL, "processor, memory, disk and encoders of the machine", API_NODE_HARDWARE, false},
	{"node", "free_hardware", NULL, "what of the machine is free for more work", API_NODE_FREE_HARDWARE, false},
	{"node", "maintenance", "on|off", "take no new work; running work finishes", API_NODE_MAINTENANCE, true},
	{"node", "pipeline", NULL, "the jobs of a node", API_NODE_PIPELINE, false},
	{"node", "logs", NULL, "what a node's programs have written", API_NODE_LOGS, false},
	{"pipeline", "start", NULL, "start a pipeline: every node gets its task", API_CONFIG, true},
	{"pipeline", "stop", NULL, "end a job's stream cleanly; what was stored stays", API_PIPELINE_STOP, true},
	{"pipeline", "list", NULL, "the jobs of an agent's nodes", API_PIPELINE_LIST, false},
	{"pipeline", "status", NULL, "state, units and progress of a job", API_PIPELINE_STATUS, false},
	{"pipeline", "monitor", NULL, "a job's state now and at every change", API_PIPELINE_MONITOR, false},
	{"pipeline", "close", NULL, "stop a job and remove what was stored", API_PIPELINE_CLOSE, true},
};

static void lower(char *text)
{
	for (; text && *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static struct error *find_verb(const json_t *body, const struct json_place *at, const char *command,
			       const struct api_verb_row **ret_row)
{
	const struct json_place command_at = {at, "command", 0}, subcommand_at = {at, "subcommand", 0};
	const char *subcommand = NULL;
	bool known = false;

	for (size_t i = 0; i < API_VERB_COUNT; i++)
		known = known || strcmp(api_verbs[i].command, command) == 0;
	if (!known)
		return json_place_error(&command_at, "\"%.60s\" is none of node, pipeline, config", command);
	TRY(json_read_string(body, at, "subcommand", &subcommand));
	for (size_t i = 0; i < API_VERB_COUNT; i++) {
		if (strcmp(api_verbs[i].command, command) != 0 || strcmp(api_verbs[i].subcommand, subcommand) != 0)
			continue;
		if (api_verbs[i].verb == API_CONFIG)
			return json_place_error(
				&subcommand_at,
				"\"start\" is a whole pipeline; a node takes the msg of one of its tasks");
		*ret_row = &api_verbs[i];
		return NULL;
	}
	return json_place_error(&subcommand_at, "\"%.60s\" is no subcommand of %s", subcommand, command);
}

/* Ports are "container":"host" as in docker's own order for publishing in API 1.00. */
static struct error *read_ports(struct api_spec *s, const json_t *ports, const struct json_place *at)
{
	const char *key = NULL;
	json_t *value = NULL;

	s->ports = mem_array(s, struct api_port, json_object_size(ports));
	json_object_foreach ((json_t *)ports, key, value) {
		const struct json_place here = {at, key, 0};
		struct api_port *p = &s->ports[s->port_count];
		json_t *probe = NULL;
		struct error *e = NULL;

		if (strcmp(key, "_comments") == 0)
			continue;
		/* The key is a number too: read it as if it were a member's value. */
		probe = json_pack("{s:s}", "container port", key);
		e = api_read_port(probe, at, "container port", &p->container);
		json_decref(probe);
		if (e)
			return e;
		TRY(api_read_port(ports, at, key, &p->host));
		for (size_t i = 0; i < s->port_count; i++) {
			if (s->ports[i].host == p->host)
				return json_place_error(&here, "host port %d is used for container port %d already",
							p->host, s->ports[i].container);
		}
		s->port_count++;
	}
	return NULL;
}

static struct error *read_mounts(struct api_spec *s, const json_t *mounts, const struct json_place *at)
{
	const char *key = NULL;
	json_t *value = NULL;

	s->mounts = mem_array(s, struct api_mount, json_object_size(mounts));
	json_object_foreach ((json_t *)mounts, key, value) {
		const struct json_place here = {at, key, 0};
		struct api_mount *m = &s->mounts[s->mount_count];

		if (strcmp(key, "_comments") == 0)
			continue;
		TRY(api_check_path(key, &here));
		TRY(api_read_text(s, mounts, at, key, api_check_path, &m->container));
		m->host = mem_strdup(s, key);
		s->mount_count++;
	}
	return NULL;
}

static struct error *read_containers(struct api_spec *s, const json_t *o, const struct json_place *at)
{
	static const char *const known[] = {"image", "ports", "volume-mounts", "memory", "cpus", NULL};
	const struct json_place ports_at = {at, "ports", 0}, mounts_at = {at, "volume-mounts", 0};
	json_t *ports = NULL, *mounts = NULL;

	TRY(api_read_text_opt(s, o, at, "image", api_check_image, &s->image));
	TRY(json_read_object_opt(o, at, "ports", &ports));
	if (json_object_size(ports) > API_PORTS)
		return json_place_error(&ports_at, "has %zu ports, at most %d", json_object_size(ports), API_PORTS);
	if (ports)
		TRY(read_ports(s, ports, &ports_at));
	TRY(json_read_object_opt(o, at, "volume-mounts", &mounts));
	if (json_object_size(mounts) > API_MOUNTS)
		return json_place_error(&mounts_at, "has %zu mounts, at most %d", json_object_size(mounts), API_MOUNTS);
	if (mounts)
		TRY(read_mounts(s, mounts, &mounts_at));
	TRY(json_read_decimal_opt(o, at, "memory", API_MIN_MEMORY_BYTES, API_MAX_MEMORY_BYTES, &s->memory_bytes));
	TRY(api_read_fraction_opt(o, at, "cpus", API_MAX_CPUS, &s->cpus));
	return json_refuse_unknown(o, at, known);
}

static struct error *check_runtime(const char *text, const struct json_place *at)
{
	if (strcmp(text, "process") == 0 || strcmp(text, "docker") == 0)
		return NULL;
	return json_place_error(at, "\"%.60s\" is neither process nor docker", text);
}

static struct error *read_spec(struct api_command *c, const json_t *body, const struct json_place *at)
{
	static const char *const known[] = {"containers", "runtime", "mode", NULL};
	const struct json_place here = {at, "spec", 0}, containers_at = {&here, "containers", 0};
	json_t *spec = NULL, *containers = NULL;
	struct api_spec *s = NULL;

	TRY(json_read_object_opt(body, at, "spec", &spec));
	if (!spec)
		return NULL;
	s = mem_new(c, struct api_spec);
	c->spec = s;
	TRY(json_read_object_opt(spec, &here, "containers", &containers));
	if (containers)
		TRY(read_containers(s, containers, &containers_at));
	TRY(api_read_text_opt(s, spec, &here, "runtime", check_runtime, &s->runtime));
	TRY(api_read_text_opt(s, spec, &here, "mode", api_check_mode, &s->mode));
	return json_refuse_unknown(spec, &here, known);
}

static struct error *read_create(struct api_command *c, const json_t *body, const struct json_place *at)
{
	const struct json_place params_at = {at, "params", 0}, id_at = {at, "node_id", 0};
	const char *role = NULL;

	TRY(json_read_string(body, at, "params", &role));
	TRY(api_role_parse(role, &params_at, &c->role));
	if (!c->node_id)
		return json_place_error(&id_at, "is missing");
	TRY(api_read_text_opt(c, body, at, "name", api_check_name, &c->name));
	return read_spec(c, body, at);
}

static struct error *read_maintenance(struct api_command *c, const json_t *body, const struct json_place *at)
{
	static const char *const words[2] = {"on", "off"};
	const char *text = NULL;

	TRY(json_read_string(body, at, "params", &text));
	return api_read_bool_opt(body, at, "params", words, &c->on);
}

static struct error *check_unit(const char *text, const struct json_place *at)
{
	size_t len = strlen(text);

	if (len < 1 || len > API_UNIT_LETTERS || strspn(text, UNIT_LETTERS) != len)
		return json_place_error(at, "\"%.60s\" is no unit's name: letters, digits, - and _, at most %d", text,
					API_UNIT_LETTERS);
	return NULL;
}

/* Where earlier answers ended. What a cursor is, its maker knows. */
static struct error *read_after(struct api_command *c, const json_t *body, const struct json_place *at)
{
	const struct json_place here = {at, "after", 0};
	const char *unit = NULL;
	json_t *after = NULL, *cursor = NULL;

	TRY(json_read_object_opt(body, at, "after", &after));
	if (json_object_size(after) > API_CURSORS)
		return json_place_error(&here, "has %zu units, at most %d", json_object_size(after), API_CURSORS);
	json_object_foreach (after, unit, cursor) {
		const struct json_place unit_at = {&here, unit, 0};
		const char *text = json_string_value(cursor);

		TRY(check_unit(unit, &unit_at));
		if (!text || strlen(text) > API_CURSOR_LETTERS)
			return json_place_error(&unit_at, "is no cursor of an earlier answer");
	}
	c->after = after ? api_hold(c, after) : NULL;
	return NULL;
}

static struct error *read_logs(struct api_command *c, const json_t *body, const struct json_place *at)
{
	c->lines = 50;
	TRY(api_read_text_opt(c, body, at, "unit", check_unit, &c->unit));
	TRY(api_read_int_opt(body, at, "lines", 1, API_LOG_LINES, &c->lines));
	return read_after(c, body, at);
}

static struct error *need_job(struct api_command *c, const json_t *body, const struct json_place *at)
{
	const struct json_place job_at = {at, "job_id", 0};

	(void)body;
	return c->job ? NULL : json_place_error(&job_at, "is missing");
}

/* What a verb needs beyond the members all have; verbs without a row need nothing. */
static const struct {
	struct error *(*read)(struct api_command *c, const json_t *body, const struct json_place *at);
	const char *known[4];
} needs[API_VERB_COUNT] = {
	[API_NODE_CREATE] = {read_create, {"params", "spec", "name"}},
	[API_NODE_MAINTENANCE] = {read_maintenance, {"params"}},
	[API_PIPELINE_STOP] = {need_job, {"job_id"}},
	[API_PIPELINE_STATUS] = {need_job, {"job_id"}},
	[API_NODE_LOGS] = {read_logs, {"unit", "lines", "after"}},
	[API_PIPELINE_MONITOR] = {need_job, {"job_id"}},
	[API_PIPELINE_CLOSE] = {need_job, {"job_id"}},
};

static struct error *read_verb(struct api_command *c, const json_t *body, const struct json_place *at)
{
	static const char *const type_words[2] = {"public", "private"};
	const char *known[9] = {"apiVersion", "typeApi", "command", "subcommand", "node_id"};
	bool is_public = false;

	for (size_t i = 0; i < 3; i++)
		known[5 + i] = needs[c->verb].known[i];
	TRY(api_expect(body, at, "apiVersion", "1.00"));
	TRY(json_read_string(body, at, "typeApi", &(const char *){NULL}));
	TRY(api_read_bool_opt(body, at, "typeApi", type_words, &is_public));
	TRY(json_refuse_unknown(body, at, known));
	TRY(api_read_text_opt(c, body, at, "node_id", api_check_node_id, &c->node_id));
	lower(c->node_id);
	TRY(api_read_text_opt(c, body, at, "job_id", api_check_job, &c->job));
	return needs[c->verb].read ? needs[c->verb].read(c, body, at) : NULL;
}

static struct error *read_command(struct api_command *c, const json_t *body, const struct json_place *at)
{
	const char *command = NULL;
	const struct api_verb_row *row = NULL;

	TRY(json_read_string(body, at, "command", &command));
	if (strcmp(command, "config") == 0) {
		c->verb = API_CONFIG;
		TRY(api_task_read(c, body, at, &c->task));
		c->job = mem_strdup(c, c->task->job);
		return NULL;
	}
	TRY(find_verb(body, at, command, &row));
	c->verb = row->verb;
	return read_verb(c, body, at);
}

struct error *api_command_read(const void *ctx, const json_t *body, struct api_command **ret_command)
{
	const struct json_place root = {NULL, NULL, 0};
	struct api_command *c = mem_new(ctx, struct api_command);
	struct error *e = read_command(c, body, &root);

	if (e) {
		mem_free(c);
		return e;
	}
	*ret_command = c;
	return NULL;
}

json_t *api_command_document(enum api_verb verb, const char *node_id, const char *job, const char *params)
{
	json_t *o = json_object();

	json_put(o, "apiVersion", "1.00");
	json_put(o, "typeApi", "private");
	json_put(o, "command", api_verbs[verb].command);
	json_put(o, "subcommand", api_verbs[verb].subcommand);
	if (params)
		json_put(o, "params", params);
	if (node_id)
		json_put(o, "node_id", node_id);
	if (job)
		json_put(o, "job_id", job);
	return o;
}

static json_t *default_spec(void)
{
	static const char *const folders[] = {"/opt/nginx/nginx.conf", "/opt/nginx/app-enabled",
					      "/opt/nginx/sites-enabled", "/opt/data"};
	json_t *mounts = json_object();

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		json_put(mounts, folders[i], folders[i]);
	return json_pack("{s:{s:s,s:{s:s,s:s},s:o}}", "containers", "image", "77phnet/nginx-rtmp", "ports", "1935",
			 "1935", "80", "8080", "volume-mounts", mounts);
}

json_t *api_node_create_document(enum api_role role, const char *node_id, const json_t *spec)
{
	json_t *o = api_command_document(API_NODE_CREATE, node_id, NULL, api_role_name(role)), *made = default_spec();

	if (spec)
		json_object_update(made, (json_t *)spec);
	json_object_set_new(o, "spec", made);
	return o;
}
