#include "vcli/pipeline/endpoints.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/command.h"
#include "api/pipeline.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/known_nodes.h"
#include "vcli/bus/request.h"

/* Longer than a node needs to answer, shorter than a start may take: its command waits in its mailbox all the same. */
#define ASK_MS 5000
#define PORT_DIGITS 6

struct node_ports {
	char *id;
	char rtmp[PORT_DIGITS], http[PORT_DIGITS]; /* "": it has none, or does not say */
	bool answered;
	struct error *why_not; /* owned */
};

struct endpoints {
	struct vcli *v;
	struct node_ports *items;
	size_t count;
	char *problems; /* "; " between them */
	struct error *missing;
};

static int endpoints_destroy(struct endpoints *s)
{
	for (size_t i = 0; i < s->count; i++)
		error_free(s->items[i].why_not);
	error_free(s->missing);
	return 0;
}

static struct node_ports *find(const struct endpoints *s, const char *id)
{
	for (size_t i = 0; id && i < s->count; i++) {
		if (strcasecmp(s->items[i].id, id) == 0)
			return &s->items[i];
	}
	return NULL;
}

static void add(struct endpoints *s, const json_t *id_value)
{
	const char *id = json_string_value(id_value);
	struct node_ports *n = NULL;

	/* What is no id the reader of the document refuses. */
	if (!id || !hex_id_valid(id) || find(s, id))
		return;
	s->items = mem_resize(s, s->items, struct node_ports, s->count + 1);
	n = &s->items[s->count++];
	*n = (struct node_ports){.id = mem_strdup(s, id)};
	for (char *p = n->id; *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

static void take_port(const json_t *ports, const char *key, char ret_port[PORT_DIGITS])
{
	const char *text = json_string_value(json_object_get(ports, key));

	if (text && strlen(text) < PORT_DIGITS && strspn(text, "0123456789") == strlen(text))
		snprintf(ret_port, PORT_DIGITS, "%s", text);
}

static void take(struct node_ports *n, const json_t *row)
{
	const json_t *ports = json_object_get(row, "ports");

	take_port(ports, "rtmp", n->rtmp);
	take_port(ports, "http", n->http);
}

static struct error *take_known(struct endpoints *s)
{
	struct client_known *k = NULL;

	TRY(client_known_open(s, &s->v->set.client, &k));
	for (size_t i = 0; i < s->count; i++) {
		const struct client_known_node *n = client_known_find(k, s->items[i].id);

		if (n && !s->items[i].answered)
			take(&s->items[i], n->row);
	}
	mem_free(k);
	return NULL;
}

static struct error *learn(struct endpoints *s, const struct client_request_list *l)
{
	struct client_known *k = NULL;

	TRY(client_known_open(s, &s->v->set.client, &k));
	for (size_t i = 0; i < s->count; i++) {
		const struct client_request *r = &l->items[i];

		if (r->error) {
			s->items[i].why_not = error_copy(r->error);
			continue;
		}
		s->items[i].answered = true;
		take(&s->items[i], r->data);
		client_known_see(k, r->to, r->data);
	}
	TRY(client_known_save(k));
	mem_free(k);
	return NULL;
}

/* A broker that is slow to let us in has the rest of the time too: that nobody was asked is no more than no answer.
 * Takes e. */
static struct error *not_asked(struct endpoints *s, struct error *e)
{
	if (e->code != ERROR_UNAVAILABLE || s->v->timeout_ms == 1)
		return e;
	for (size_t i = 0; i < s->count; i++)
		s->items[i].why_not = error_copy(e);
	error_free(e);
	return NULL;
}

static struct error *ask(struct endpoints *s)
{
	struct client_request_list *l = client_requests_new(s);
	int64_t timeout_ms = s->v->timeout_ms, began_ms = clock_mono_ms();
	struct error *e;

	if (!s->count)
		return NULL;
	for (size_t i = 0; i < s->count; i++)
		client_requests_add(l, s->items[i].id, NULL,
				    api_command_document(API_NODE_STATUS, s->items[i].id, NULL, NULL));
	/* Of a short time the larger part is left for what is asked for. */
	s->v->timeout_ms = timeout_ms == 0 || timeout_ms / 3 > ASK_MS ? ASK_MS : (timeout_ms + 2) / 3;
	e = requests_run(s->v, l, NULL, NULL);
	s->v->timeout_ms = timeout_ms == 0 ? 0 : timeout_ms - (clock_mono_ms() - began_ms);
	if (timeout_ms > 0 && s->v->timeout_ms < 1)
		s->v->timeout_ms = 1;
	return e ? not_asked(s, e) : learn(s, l);
}

static void problem(struct endpoints *s, const struct json_place *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void problem(struct endpoints *s, const struct json_place *at, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = mem_vprintf(s, fmt, ap);
	va_end(ap);
	s->problems = mem_printf(s, "%s%s%s: %s", s->problems ? s->problems : "", s->problems ? "; " : "",
				 json_place_text(s, at), text);
}

/* --- a public document --- */

/* The member `key` of a node's object, and the port that the node itself has. */
static void settle(struct endpoints *s, json_t *o, const struct json_place *at, const char *key,
		   const struct node_ports *n, const char *port)
{
	const struct json_place here = {at, key, 0};
	const char *said = json_string_value(json_object_get(o, key));

	if (json_object_get(o, key)) {
		if (said && *port && n->answered && strcmp(said, port) != 0)
			problem(s, &here, "says %.20s, but node %s has port %s; say that, or leave \"%s\" out", said,
				n->id, port, key);
		return;
	}
	if (*port)
		json_put(o, key, port);
	else if (n->why_not && !s->missing)
		s->missing = error_wrap(error_copy(n->why_not),
					"%s: the document names none, and the node does not tell its own",
					json_place_text(s, &here));
}

static void settle_node(struct endpoints *s, json_t *o, const struct json_place *at)
{
	const char *role = json_string_value(json_object_get(o, "type"));
	const struct node_ports *n = find(s, json_string_value(json_object_get(o, "node_id")));
	const struct node_ports *f = find(s, json_string_value(json_object_get(o, "failover_node_id")));

	if (n)
		settle(s, o, at, "port", n, n->rtmp);
	if (n && role && strcmp(role, api_role_name(API_STORAGE)) == 0)
		settle(s, o, at, "http_port", n, n->http);
	if (f && json_object_get(o, "failover_ip"))
		settle(s, o, at, "failover_port", f, f->rtmp);
}

static json_t *nodes_of(const json_t *document)
{
	return json_object_get(json_object_get(document, "pipeline"), "nodes");
}

static void settle_public(struct endpoints *s, const json_t *document)
{
	const struct json_place root = {NULL, NULL, 0}, at = {&root, "pipeline", 0}, nodes_at = {&at, "nodes", 0};
	json_t *o = NULL;
	size_t i = 0;

	json_array_foreach (nodes_of(document), i, o) {
		const struct json_place here = {&nodes_at, NULL, i};

		settle_node(s, o, &here);
	}
}

/* --- a private document --- */

static json_t *tasks_of(const json_t *document)
{
	return json_object_get(json_object_get(document, "pipeline"), "tasks");
}

static char *all_ports(struct endpoints *s)
{
	char *list = mem_strdup(s, "");

	for (size_t i = 0; i < s->count; i++)
		list = mem_printf(s, "%s%s%s has %s", list, *list ? ", " : "", s->items[i].id, s->items[i].rtmp);
	return list;
}

static void check_target(struct endpoints *s, const json_t *o, const struct json_place *at)
{
	const char *ip = json_string_value(json_object_get(o, "ip"));
	const char *port = json_string_value(json_object_get(o, "port"));

	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->items[i].rtmp, port ? port : "1935") == 0)
			return;
	}
	problem(s, at, "goes to %.100s port %.20s, which is no port of the document's nodes: %s", ip ? ip : "?",
		port ? port : "1935", all_ports(s));
}

static bool has_role(const json_t *document, const char *role)
{
	json_t *task = NULL;
	size_t i = 0;

	json_array_foreach (tasks_of(document), i, task) {
		const char *type = json_string_value(json_object_get(json_object_get(task, "msg"), "type"));

		if (type && strcmp(type, role) == 0)
			return true;
	}
	return false;
}

/* Where a part of a pipeline is all there is, the receivers may stand in somebody else's document. */
static bool is_whole(const json_t *document)
{
	return has_role(document, "distributor") && has_role(document, "storage");
}

static void check_private(struct endpoints *s, const json_t *document)
{
	const struct json_place root = {NULL, NULL, 0}, at = {&root, "pipeline", 0}, tasks_at = {&at, "tasks", 0};
	json_t *task = NULL;
	size_t i = 0;

	if (!is_whole(document))
		return;
	/* A node that has not said its port may be the one that is meant. */
	for (i = 0; i < s->count; i++) {
		if (!s->items[i].answered)
			return;
	}
	json_array_foreach (tasks_of(document), i, task) {
		const struct json_place here = {&tasks_at, NULL, i}, msg_at = {&here, "msg", 0},
					ffmpeg_at = {&msg_at, "ffmpeg-rtmp", 0}, list_at = {&ffmpeg_at, "outputs", 0},
					one_at = {&ffmpeg_at, "output", 0};
		json_t *ffmpeg = json_object_get(json_object_get(task, "msg"), "ffmpeg-rtmp"), *o = NULL;
		size_t k = 0;

		json_array_foreach (json_object_get(ffmpeg, "outputs"), k, o) {
			const struct json_place output_at = {&list_at, NULL, k};

			check_target(s, o, &output_at);
		}
		if (json_object_get(ffmpeg, "output"))
			check_target(s, json_object_get(ffmpeg, "output"), &one_at);
	}
}

/* --- either --- */

static struct endpoints *endpoints_new(struct vcli *v, const json_t *document)
{
	struct endpoints *s = mem_new(v, struct endpoints);
	json_t *o = NULL;
	size_t i = 0;

	s->v = v;
	s->items = mem_array(s, struct node_ports, 0);
	talloc_set_destructor(s, endpoints_destroy);
	json_array_foreach (nodes_of(document), i, o) {
		add(s, json_object_get(o, "node_id"));
		add(s, json_object_get(o, "failover_node_id"));
	}
	json_array_foreach (tasks_of(document), i, o)
		add(s, json_object_get(o, "node_id"));
	return s;
}

static struct error *verdict(const struct endpoints *s)
{
	if (s->missing && !s->v->set.force)
		return error_copy(s->missing);
	if (!s->problems)
		return NULL;
	if (!s->v->set.force)
		return error_new(ERROR_INVALID, "%s", s->problems);
	if (!s->v->set.quiet)
		fprintf(stderr, "note: %s\n", s->problems);
	return NULL;
}

struct error *endpoints_settle(struct vcli *v, json_t *document)
{
	struct endpoints *s = endpoints_new(v, document);
	struct error *e = ask(s);

	if (!e)
		e = take_known(s);
	if (!e) {
		settle_public(s, document);
		check_private(s, document);
		e = verdict(s);
	}
	mem_free(s);
	return e;
}

struct error *endpoints_from_known(struct vcli *v, json_t *document)
{
	struct endpoints *s = endpoints_new(v, document);
	struct error *e = take_known(s);

	if (!e)
		settle_public(s, document);
	mem_free(s);
	return e;
}
