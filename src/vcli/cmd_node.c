/* vcli node ...: commands about one node, sent to its mailbox (or to an agent's). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/detach.h"
#include "vcli/render.h"
#include "vcli/request.h"
#include "vcli/watch.h"

#define DOCUMENT_LIMIT (256 * 1024)

/* An id in the form it has on the bus, where letters are small; in place. */
static struct error *check_id(char *text)
{
	if (id_valid(text)) {
		for (char *p = text; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		return NULL;
	}
	return error_new(ERROR_INVALID, "\"%.80s\" is no node id: 40 hexadecimal digits are wanted", text);
}

/* A change of one node: send it (or keep it, with --detach), say what came of it. Takes the reference to body. */
static struct error *change(struct vcli *v, const char *to, const char *node_id, const char *done, json_t *body)
{
	json_t *data = NULL, *answer = NULL;

	if (v->set.detach) {
		struct request_list *l = requests_new(v);

		requests_add(l, to, NULL, body);
		return detach_run(v, l, v->command->words);
	}
	TRY(request_one(v, to, body, &data));
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
	} choices[] = {{"runtime", v->set.runtime}, {"mode", v->set.mode}};

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (choices[i].value)
			json_put(member(document, "spec"), choices[i].key, choices[i].value);
	}
}

/* --spec FILE: the spec itself, or a document that holds one. */
static struct error *put_spec(const struct vcli *v, json_t *document)
{
	json_t *spec = NULL, *inner = NULL;

	if (!v->set.spec)
		return NULL;
	TRY(json_parse_file(v->set.spec, DOCUMENT_LIMIT, &spec));
	inner = json_object_get(spec, "spec") ? json_object_get(spec, "spec") : spec;
	json_object_set(document, "spec", inner);
	json_decref(spec);
	return NULL;
}

static struct error *document_from_words(struct vcli *v, json_t **ret_document)
{
	const struct place at = {NULL, "ROLE", 0};
	enum api_role role;

	TRY(api_role_parse(v->args[0], &at, &role));
	TRY(check_id(v->args[1]));
	*ret_document = api_command_document(API_NODE_CREATE, v->args[1], NULL, api_role_name(role));
	return NULL;
}

static struct error *read_document(struct vcli *v, json_t **ret_document)
{
	if (v->arg_count == 2)
		return document_from_words(v, ret_document);
	return json_parse_file(v->args[0], DOCUMENT_LIMIT, ret_document);
}

struct error *cmd_node_create(struct vcli *v)
{
	struct api_command *command = NULL;
	json_t *document = NULL;
	struct error *e = NULL;
	const char *node_id = NULL;

	if (v->set.agent)
		TRY(check_id(v->set.agent));
	TRY(read_document(v, &document));
	e = put_spec(v, document);
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
	return change(v, v->set.agent ? v->set.agent : node_id, node_id, "is created", document);
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

struct error *cmd_node_verb(struct vcli *v)
{
	const struct api_verb_row *row = NULL;
	json_t *body = NULL, *data = NULL;

	TRY(find_verb(v->command->words, &row));
	TRY(check_id(v->args[0]));
	body = api_command_document(row->verb, v->args[0], NULL, NULL);
	if (row->changes)
		return change(v, v->args[0], v->args[0], row->verb == API_NODE_PURGE ? "is purged" : "is removed",
			      body);
	TRY(request_one(v, v->args[0], body, &data));
	if (!v->set.json)
		render_value(stdout, data);
	vcli_answer(v, data ? data : json_object());
	return NULL;
}

struct error *cmd_node_maintenance(struct vcli *v)
{
	bool first = !id_valid(v->args[0]);
	const char *how = v->args[first ? 0 : 1];
	char *node_id = v->args[first ? 1 : 0];

	if (strcmp(how, "on") != 0 && strcmp(how, "off") != 0)
		return error_new(ERROR_INVALID, "node maintenance: wants \"on\" or \"off\", got \"%.40s\"", how);
	TRY(check_id(node_id));
	return change(v, node_id, node_id, strcmp(how, "on") == 0 ? "drains: no new jobs" : "takes jobs again",
		      api_command_document(API_NODE_MAINTENANCE, node_id, NULL, how));
}

/* --- list --- */

/* The nodes told by a result or a status, appended to `list`. */
static void add_nodes(json_t *list, const json_t *data)
{
	json_t *nodes = json_object_get(data, "nodes"), *node = NULL;
	size_t i = 0;

	json_array_foreach (nodes, i, node)
		json_array_append(list, node);
}

static struct error *list_of_agent(struct vcli *v, json_t *list)
{
	json_t *data = NULL;

	TRY(check_id(v->set.agent));
	TRY(request_one(v, v->set.agent, api_command_document(API_NODE_LIST, NULL, NULL, NULL), &data));
	add_nodes(list, data);
	json_decref(data);
	return NULL;
}

struct heard {
	json_t *nodes; /* by node id */
};

static bool hear(const struct message *m, void *arg)
{
	struct heard *h = arg;
	json_t *row = NULL;
	const char *id = json_string_value(json_object_get(m->body, "node_id"));

	if (json_object_get(m->body, "role")) {
		row = json_copy(m->body);
		json_object_del(row, "jobs");
		json_object_del(row, "units");
		json_object_del(row, "decisions");
		json_object_set_new(h->nodes, id ? id : m->from, row);
	}
	return true;
}

static struct error *list_of_network(struct vcli *v, json_t *list)
{
	struct heard h = {json_object()};
	const char *id = NULL;
	json_t *row = NULL;
	struct error *e = watch_status(v, "listening for nodes that report", hear, &h);

	json_object_foreach (h.nodes, id, row)
		json_array_append(list, row);
	json_decref(h.nodes);
	return e;
}

struct error *cmd_node_list(struct vcli *v)
{
	static const char *const columns[] = {"node_id", "role", "state", "maintenance", "runtime",
					      "mode",    "ip",   "ports", "job_count",   NULL};
	json_t *list = json_array(), *answer = json_object();
	struct error *e = v->set.agent ? list_of_agent(v, list) : list_of_network(v, list);

	json_object_set(answer, "nodes", list);
	if (!e && !v->set.json) {
		if (json_array_size(list))
			render_table(stdout, list, columns);
		else
			printf("no nodes\n");
	}
	json_decref(list);
	vcli_answer(v, answer);
	return e;
}
