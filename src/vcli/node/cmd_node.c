/* vcli node ...: commands about one node, sent to its mailbox (or to an agent's). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/command.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/known_nodes.h"
#include "vcli/bus/detach.h"
#include "vcli/bus/request.h"
#include "vcli/commands.h"
#include "vcli/confirm.h"
#include "vcli/node/resolve.h"
#include "vcli/render.h"

#define DOCUMENT_LIMIT (256 * 1024)

/* A change of one node: send it (or keep it, with --detach), say what came of it. Takes the reference to body. */
static struct error *change(struct vcli *v, const char *to, const char *node_id, const char *done, json_t *body)
{
	json_t *data = NULL, *answer = NULL;

	if (v->set.detached.on) {
		struct client_request_list *l = client_requests_new(v);

		client_requests_add(l, to, NULL, body);
		return detach_run(v, l, v->command->words);
	}
	TRY(request_one(v, to, body, &data));
	client_known_learn(&v->set.client, node_id, data);
	answer = json_object();
	json_put(answer, "node_id", node_id);
	json_put(answer, "state", "applied");
	if (data)
		json_object_update(answer, data);
	json_decref(data);
	if (!v->set.json) {
		printf("%s %s\n", node_id, done);
		if (json_object_get(answer, "ports"))
			render_value(stdout, answer);
	}
	vcli_answer(v, answer);
	return NULL;
}

/* --- create --- */

static json_t *member(json_t *object, const char *key)
{
	json_t *o = json_object_get(object, key);

	if (!o) {
		o = json_object();
		json_object_set_new(object, key, o);
	}
	return o;
}

static void put_choices(const struct vcli *v, json_t *document)
{
	const struct {
		const char *key, *value;
	} choices[] = {{"runtime", v->set.node.runtime}, {"mode", v->set.node.mode}};

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (choices[i].value)
			json_put(member(document, "spec"), choices[i].key, choices[i].value);
	}
}

/* --spec FILE: the spec itself, or a document that holds one. */
static struct error *put_spec(const struct vcli *v, json_t *document)
{
	json_t *spec = NULL, *inner = NULL;

	if (!v->set.node.spec)
		return NULL;
	TRY(json_parse_file(v->set.node.spec, DOCUMENT_LIMIT, &spec));
	inner = json_object_get(spec, "spec") ? json_object_get(spec, "spec") : spec;
	json_object_set(document, "spec", inner);
	json_decref(spec);
	return NULL;
}

static struct error *document_from_words(struct vcli *v, json_t **ret_document)
{
	const struct json_place at = {NULL, "ROLE", 0};
	enum api_role role;

	TRY(api_role_parse(v->args[0], &at, &role));
	TRY(resolve_id(v, &v->set.client, v->args[1], RESOLVE_NODE, &v->args[1]));
	*ret_document = api_command_document(API_NODE_CREATE, v->args[1], NULL, api_role_name(role));
	return NULL;
}

static struct error *read_document(struct vcli *v, json_t **ret_document)
{
	const struct json_place at = {NULL, "ROLE", 0};
	enum api_role role;
	struct error *e;

	if (v->arg_count == 2)
		return document_from_words(v, ret_document);
	e = api_role_parse(v->args[0], &at, &role);
	if (!e && access(v->args[0], F_OK) != 0)
		return error_new(ERROR_INVALID,
				 "NODE_ID: is missing after %s; \"vcli key new\" makes one on the agent's machine",
				 v->args[0]);
	error_free(e);
	return json_parse_file(v->args[0], DOCUMENT_LIMIT, ret_document);
}

struct error *cmd_node_create(struct vcli *v)
{
	struct api_command *command = NULL;
	json_t *document = NULL;
	struct error *e = NULL;
	const char *node_id = NULL;

	if (v->set.node.agent)
		TRY(resolve_id(v, &v->set.client, v->set.node.agent, RESOLVE_AGENT, &v->set.node.agent));
	TRY(read_document(v, &document));
	e = put_spec(v, document);
	if (!e && v->set.node.name)
		json_put(document, "name", v->set.node.name);
	if (!e) {
		put_choices(v, document);
		e = api_command_read(v, document, &command);
	}
	if (!e && command->verb != API_NODE_CREATE)
		e = error_new(ERROR_INVALID, "%s: is no node create document", v->args[0]);
	if (!e && !command->node_id)
		e = error_new(ERROR_INVALID, "%s: node_id is missing", v->args[0]);
	if (e) {
		json_decref(document);
		return v->arg_count == 1 ? error_wrap(e, "%s", v->args[0]) : e;
	}
	node_id = command->node_id;
	json_put(document, "typeApi", "private");
	return change(v, v->set.node.agent ? v->set.node.agent : node_id, node_id, "is created", document);
}

/* --- verbs with just a node id: the table of api/command.h says which --- */

static struct error *find_verb(const char *words, const struct api_verb_row **ret_row)
{
	const char *subcommand = strchr(words, ' ') + 1;

	for (size_t i = 0; i < API_VERB_COUNT; i++) {
		if (api_verbs[i].command && api_verbs[i].subcommand && strcmp(api_verbs[i].command, "node") == 0 &&
		    strcmp(api_verbs[i].subcommand, subcommand) == 0) {
			*ret_row = &api_verbs[i];
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "%s: not known to the API", words);
}

static long segments_of(const json_t *job)
{
	const json_t *rendition;
	long segments = 0;
	size_t i;

	json_array_foreach (json_object_get(job, "renditions"), i, rendition) {
		const char *text = json_string_value(json_object_get(rendition, "segments"));

		segments += text ? strtol(text, NULL, 10) : 0;
	}
	return segments;
}

/* "2 jobs (film running, old stopped with 120 stored segments)"; NULL: none. */
static char *describe_jobs(const void *ctx, const json_t *status)
{
	const json_t *jobs = json_object_get(status, "jobs"), *job;
	char *text = mem_printf(ctx, "%zu job%s", json_array_size(jobs), json_array_size(jobs) == 1 ? "" : "s");
	size_t i;

	json_array_foreach (jobs, i, job) {
		const char *name = json_string_value(json_object_get(job, "job_id"));
		const char *state = json_string_value(json_object_get(job, "state"));
		long segments = segments_of(job);

		text = mem_printf(ctx, "%s%s%s %s", text, i ? ", " : " (", name ? name : "?", state ? state : "?");
		if (segments)
			text = mem_printf(ctx, "%s with %ld stored segments", text, segments);
	}
	return json_array_size(jobs) ? mem_printf(ctx, "%s)", text) : NULL;
}

/* What a node still does and holds goes with it: only with a person's word. A node that cannot be asked now (--detach)
 * is judged by what is known of it. */
static struct error *confirm_leave(struct vcli *v, const char *node_id, bool purge)
{
	const char *lost = purge ? "they end, and all it has stored is deleted" : "they end";
	json_t *status = NULL;
	struct client_known *k = NULL;
	const struct client_known_node *n;
	const char *count;
	struct error *e = NULL;
	char *jobs;

	if (v->set.force)
		return NULL;
	if (v->set.detached.on) {
		TRY(client_known_open(v, &v->set.client, &k));
		n = client_known_find(k, node_id);
		count = n ? json_string_value(json_object_get(n->row, "job_count")) : NULL;
		jobs = count && strcmp(count, "0") != 0 ? mem_printf(v, "%s job(s), when it was heard of last", count)
							: NULL;
	} else {
		e = request_one(v, node_id, api_command_document(API_NODE_STATUS, node_id, NULL, NULL), &status);
		jobs = e ? NULL : describe_jobs(v, status);
		json_decref(status);
	}
	if (e && e->code == ERROR_NOT_FOUND) { /* was never created, or what is left of one */
		error_free(e);
		return NULL;
	}
	if (e || !jobs)
		return e;
	return confirm(v, mem_printf(v, "node %s has %s: %s", node_id, jobs, lost));
}

/* Removed, or nobody's: of what is not there nothing needs to be known. */
static struct error *leave(struct vcli *v, const char *node_id, const struct api_verb_row *row)
{
	struct error *e;

	TRY(confirm_leave(v, node_id, row->verb == API_NODE_PURGE));
	e = change(v, node_id, node_id, row->verb == API_NODE_PURGE ? "is purged" : "is removed",
		   api_command_document(row->verb, node_id, NULL, NULL));

	if (!v->set.detached.on && (!e || e->code == ERROR_NOT_FOUND))
		client_known_unlearn(&v->set.client, node_id);
	return e;
}

struct error *cmd_node_verb(struct vcli *v)
{
	const struct api_verb_row *row = NULL;
	json_t *data = NULL;
	char *id = NULL;
	bool machine;

	TRY(find_verb(v->command->words, &row));
	machine = row->verb == API_NODE_HARDWARE || row->verb == API_NODE_FREE_HARDWARE;
	TRY(resolve_id(v, &v->set.client, v->args[0], machine ? RESOLVE_ANY : RESOLVE_NODE, &id));
	if (row->changes)
		return leave(v, id, row);
	TRY(request_one(v, id, api_command_document(row->verb, id, NULL, NULL), &data));
	client_known_learn(&v->set.client, id, data);
	if (!v->set.json)
		render_value(stdout, data);
	vcli_answer(v, data ? data : json_object());
	return NULL;
}

/* `node create` of a node that is there changes nothing but the name. */
struct error *cmd_node_rename(struct vcli *v)
{
	json_t *status = NULL, *document = NULL;
	const char *role;
	char *id = NULL;

	TRY(resolve_id(v, &v->set.client, v->args[0], RESOLVE_NODE, &id));
	TRY(request_one(v, id, api_command_document(API_NODE_STATUS, id, NULL, NULL), &status));
	role = json_string_value(json_object_get(status, "role"));
	document = api_command_document(API_NODE_CREATE, id, NULL, role ? role : "");
	json_decref(status);
	json_put(document, "name", v->args[1]);
	return change(v, id, id, mem_printf(v, "is now called %s", v->args[1]), document);
}

struct error *cmd_node_forget(struct vcli *v)
{
	char *id = NULL;

	TRY(resolve_id(v, &v->set.client, v->args[0], RESOLVE_NODE, &id));
	client_known_unlearn(&v->set.client, id);
	vcli_answer(v, json_object());
	json_put(v->answer, "node_id", id);
	json_put(v->answer, "state", "forgotten");
	if (!v->set.json)
		printf("%s is not known here any more; it was told nothing\n", id);
	return NULL;
}

static bool on_or_off(const char *word)
{
	return strcmp(word, "on") == 0 || strcmp(word, "off") == 0;
}

struct error *cmd_node_maintenance(struct vcli *v)
{
	bool first = on_or_off(v->args[0]) || !on_or_off(v->args[1]);
	const char *how = v->args[first ? 0 : 1];
	char *node_id = NULL;

	if (!on_or_off(how))
		return error_new(ERROR_INVALID, "node maintenance: wants \"on\" or \"off\", got \"%.40s\"", how);
	TRY(resolve_id(v, &v->set.client, v->args[first ? 1 : 0], RESOLVE_NODE, &node_id));
	return change(v, node_id, node_id, strcmp(how, "on") == 0 ? "drains: no new jobs" : "takes jobs again",
		      api_command_document(API_NODE_MAINTENANCE, node_id, NULL, how));
}
