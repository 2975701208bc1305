/* vcli pipeline init: a document for the nodes that are there. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/grammar.h"
#include "api/pipeline.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "media/probe.h"
#include "vcli/commands.h"
#include "vcli/node/discovery.h"

#define LISTEN_MS 6000
#define PROBE_S 10
#define FRAGMENT_S 5

/* What transcoders are given to make, largest first: of those below the source, one each. */
static const struct rung {
	int height;
	int64_t bitrate_bps;
} ladder[] = {{1080, 5000000}, {720, 2800000}, {540, 1700000}, {360, 800000}, {240, 400000}, {144, 200000}};
#define RUNGS (sizeof(ladder) / sizeof(ladder[0]))

struct init_source {
	int width, height;
	int64_t bitrate_bps;
	const char *type;
};

/* --- the nodes --- */

static const char *said(const struct client_known_node *n, const char *key)
{
	const char *text = json_string_value(json_object_get(n->row, key));

	return text ? text : "";
}

/* Anybody can report a node; one of those that obey us is wanted. */
static bool usable(const struct client_known_node *n, enum api_role role)
{
	return n->answered && strcmp(said(n, "role"), api_role_name(role)) == 0 &&
	       strcmp(said(n, "maintenance"), "on") != 0 && strcmp(said(n, "state"), "leaving") != 0;
}

static long job_count(const struct client_known_node *n)
{
	return strtol(said(n, "job_count"), NULL, 10);
}

/* The one with the fewest jobs. */
static const struct client_known_node *pick(const struct client_known *k, enum api_role role)
{
	const struct client_known_node *best = NULL;

	for (size_t i = 0; i < k->count; i++) {
		const struct client_known_node *n = k->nodes[i];

		if (usable(n, role) && (!best || job_count(n) < job_count(best)))
			best = n;
	}
	return best;
}

static void put_node(json_t *list, const struct client_known_node *n, bool modes)
{
	json_t *o = json_object(), *ports = json_object_get(n->row, "ports");
	const char *http = json_string_value(json_object_get(ports, "http"));
	const char *rtmp = json_string_value(json_object_get(ports, "rtmp"));

	json_put(o, "type", said(n, "role"));
	json_put(o, "node_id", n->id);
	json_put(o, "ip", said(n, "ip"));
	json_put(o, "port", rtmp ? rtmp : "");
	if (http && strcmp(said(n, "role"), api_role_name(API_STORAGE)) == 0)
		json_put(o, "http_port", http);
	if (modes)
		json_put(o, "mode", said(n, "mode"));
	json_array_append_new(list, o);
}

struct chosen {
	const struct client_known_node **nodes; /* distributor, storage, transcoders */
	size_t count;
	bool modes; /* a classic one is among them */
};

static void choose(struct chosen *c, const struct client_known_node *n)
{
	c->nodes = mem_resize(NULL, c->nodes, const struct client_known_node *, c->count + 1);
	c->nodes[c->count++] = n;
	c->modes = c->modes || strcmp(said(n, "mode"), "classic") == 0;
}

static struct error *choose_nodes(const struct client_known *k, struct chosen *c, size_t transcoders)
{
	for (int role = 0; role < API_ROLE_COUNT; role++) {
		const struct client_known_node *n = pick(k, (enum api_role)role);

		if (!n)
			return error_new(
				ERROR_NOT_FOUND,
				"no %s answers; a pipeline wants a distributor, a storage and a transcoder for each rendition: make one with \"vcli node create %s NODE_ID\"",
				api_role_name((enum api_role)role), api_role_name((enum api_role)role));
		if (role != API_TRANSCODER)
			choose(c, n);
	}
	for (size_t i = 0; i < k->count && transcoders; i++) {
		if (!usable(k->nodes[i], API_TRANSCODER))
			continue;
		choose(c, k->nodes[i]);
		transcoders--;
	}
	return NULL;
}

/* An agent announces 127.0.0.1 until it is told its address. */
static void warn_of_loopback(const struct vcli *v, const struct chosen *c)
{
	bool several = false;

	for (size_t i = 1; i < c->count; i++)
		several = several || strcmp(said(c->nodes[i], "agent_id"), said(c->nodes[0], "agent_id")) != 0;
	for (size_t i = 0; several && i < c->count && !v->set.quiet; i++) {
		if (strncmp(said(c->nodes[i], "ip"), "127.", 4) == 0)
			fprintf(stderr,
				"note: %s %s says that it is at %s; on another machine than the other nodes, its agent wants --public-ip ADDRESS\n",
				said(c->nodes[i], "role"), c->nodes[i]->id, said(c->nodes[i], "ip"));
	}
}

/* --- the renditions --- */

static struct error *look_at(struct vcli *v, struct init_source *s)
{
	struct media_verdict *verdict = NULL;
	const char *input = v->arg_count > 1 ? v->args[1] : NULL;

	*s = (struct init_source){1280, 720, 2500000, "live"};
	if (!input)
		return NULL;
	if (access(input, R_OK) != 0)
		return error_sys(errno, "%s", input);
	TRY(media_probe_file(v, v->set.pipeline.ffmpeg, v->set.pipeline.ffprobe, input, PROBE_S, FRAGMENT_S, &verdict));
	if (verdict->refused)
		return error_new(ERROR_INVALID, "%s: %s", input, verdict->reason);
	if (verdict->width < 16 || verdict->height < 16)
		return error_new(ERROR_INVALID, "%s: has no video", input);
	*s = (struct init_source){verdict->width & ~1, verdict->height & ~1, verdict->bitrate_bps, "file"};
	if (s->bitrate_bps < 100000)
		s->bitrate_bps = 100000;
	return NULL;
}

static json_t *rendition(const void *ctx, int width, int height, int64_t bitrate_bps)
{
	json_t *o = json_object();

	json_put(o, "resolution_name", mem_printf(ctx, "_%dp", height));
	json_put(o, "resolution", mem_printf(ctx, "%dx%d", width, height));
	json_put_decimal(o, "bitrate", bitrate_bps / 1000 * 1000);
	return o;
}

/* The rungs below the source, at most one for each transcoder: the largest. */
static json_t *renditions(const void *ctx, const struct init_source *s, size_t transcoders)
{
	json_t *list = json_array();

	for (size_t i = 0; i < RUNGS && json_array_size(list) < transcoders; i++) {
		const struct rung *r = &ladder[i];
		int64_t share = s->bitrate_bps * r->height / s->height;
		int width = (int)((int64_t)s->width * r->height / s->height) & ~1;

		if (r->height < s->height && width >= 16)
			json_array_append_new(list, rendition(ctx, width, r->height,
							      share < r->bitrate_bps ? share : r->bitrate_bps));
	}
	return list;
}

/* --- the document --- */

static json_t *document(const void *ctx, const char *job, const struct init_source *s, const struct chosen *c,
			json_t *made)
{
	json_t *nodes = json_array();

	for (size_t i = 0; i < c->count; i++)
		put_node(nodes, c->nodes[i], c->modes);
	return json_pack("{s:s,s:s,s:s,s:s,s:{s:s,s:s,s:s,s:o,s:O,s:o}}", "apiVersion", "1.00", "typeApi", "public",
			 "command", "pipeline", "subcommand", "start", "pipeline", "type_source", s->type, "job_id",
			 job, "number_of_streams", mem_printf(ctx, "%zu", json_array_size(made)), "source",
			 rendition(ctx, s->width, s->height, s->bitrate_bps), "transcoding", made, "nodes", nodes);
}

/* The job is named as the file. */
static struct error *job_name(struct vcli *v, const char **ret_job)
{
	const struct json_place at = {NULL, "job_id", 0};
	char *name = basename(mem_strdup(v, v->args[0])), *dot = strrchr(name, '.');
	struct error *e;

	if (dot)
		*dot = '\0';
	*ret_job = name;
	e = api_check_job(name, &at);
	return e ? error_wrap(e, "the job gets the file's name; choose another for %s", v->args[0]) : NULL;
}

static struct error *write_document(struct vcli *v, const json_t *made)
{
	struct api_pipeline *p = NULL;
	char *text, *out;
	struct error *e;

	TRY(api_pipeline_read(v, made, &p));
	text = json_text_flags(v, made, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	out = mem_printf(v, "%s\n", text);
	e = file_write_atomic(v->args[0], out, strlen(out), 0644);
	if (!e && !v->set.json)
		printf("%s: job %s, %zu nodes, %zu rendition%s; next: vcli pipeline start %s\n", v->args[0], p->job,
		       p->node_count, p->rendition_count, p->rendition_count == 1 ? "" : "s", v->args[0]);
	return e;
}

/* Nodes that are not known here report first, and are asked then. */
static struct error *find_nodes(struct vcli *v, struct client_known *k)
{
	bool listen = v->set.timeout_ms > 0 || k->count == 0;

	if (listen)
		TRY(discovery_run(v, k, v->set.timeout_ms > 0 ? v->timeout_ms : LISTEN_MS));
	TRY(discovery_run(v, k, 0));
	return client_known_save(k);
}

struct error *cmd_pipeline_init(struct vcli *v)
{
	struct chosen c = {0};
	struct client_known *k = NULL;
	struct init_source s;
	const char *job = NULL;
	size_t transcoders = 0;
	json_t *made;
	struct error *e;

	TRY(job_name(v, &job));
	if (file_exists(v->args[0]) && !v->set.force)
		return error_new(ERROR_EXISTS, "%s: is there already; --force overwrites it", v->args[0]);
	TRY(look_at(v, &s));
	TRY(client_known_open(v, &v->set.client, &k));
	TRY(find_nodes(v, k));
	for (size_t i = 0; i < k->count; i++)
		transcoders += usable(k->nodes[i], API_TRANSCODER);
	made = renditions(v, &s, transcoders);
	e = choose_nodes(k, &c, json_array_size(made));
	if (!e && !json_array_size(made))
		e = error_new(ERROR_INVALID, "the source is %dx%d: there is no smaller rendition to make of it",
			      s.width, s.height);
	if (!e) {
		vcli_answer(v, document(v, job, &s, &c, made));
		warn_of_loopback(v, &c);
		e = write_document(v, v->answer);
	}
	json_decref(made);
	mem_free(c.nodes);
	return e;
}
