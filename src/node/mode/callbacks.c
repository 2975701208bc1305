#include "node/mode/callbacks.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/form.h"
#include "http/server.h"
#include "node/job/job.h"
#include "node/job/publishers.h"
#include "node/job/ready.h"
#include "node/job/stream.h"
#include "node/runtime/folders.h"

#define NAME_LIMIT 128
/* A source that cannot be stored is kept out for a while; what comes later is looked at anew, it may have been mended.
 */
#define REFUSED_MS 10000

/* What nginx tells of a publisher. nginx's own fields come first; what a client put behind '?' in its URL is appended,
 * so a client cannot change app and name, only add a key. */
struct report {
	const char *app, *name, *addr, *client, *key;
};

static bool read_report(const struct http_field *fields, struct report *r)
{
	*r = (struct report){
		.app = http_form_find(fields, "app"),
		.name = http_form_find(fields, "name"),
		.addr = http_form_find(fields, "addr"),
		.client = http_form_find(fields, "clientid"),
	};
	for (const struct http_field *f = fields; f->name; f++) {
		if (!strcmp(f->name, "key"))
			r->key = f->value;
	}
	return r->app && r->name && r->addr && r->client && strlen(r->app) <= NAME_LIMIT &&
	       strlen(r->name) <= NAME_LIMIT;
}

/* The time it takes tells nothing of the key but its length, which is no secret. */
static bool same_key(const char *wanted, const char *shown)
{
	size_t len = strlen(wanted);
	unsigned char differs = 0;

	if (!shown || strlen(shown) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		differs |= (unsigned char)(wanted[i] ^ shown[i]);
	return differs == 0;
}

static bool is_local(const char *addr)
{
	return !strcmp(addr, "127.0.0.1") || !strcmp(addr, "::1");
}

/* Why the publisher is refused, or NULL. */
static const char *judge(struct node *n, const struct report *r)
{
	const char *why = "no job at this node expects this stream";

	if (n->state == NODE_LEAVING)
		return "the node is being removed";
	for (size_t i = 0; i < n->job_count; i++) {
		struct job *j = n->jobs[i];

		if (job_find_input(j, r->app, r->name) < 0)
			continue;
		if (!j->wanted)
			why = "the job has been stopped";
		else if (j->refused && !strcmp(r->app, MEDIA_INGEST) && node_now() - j->refused_ms < REFUSED_MS)
			why = j->refused;
		else if (j->task->key && !same_key(j->task->key, r->key))
			why = r->key ? "wrong key" : "no key was given";
		else if ((j->task->role == API_DISTRIBUTOR ? strcmp(r->app, MEDIA_INGEST) != 0
							   : !strcmp(r->app, MEDIA_CLEAN)) &&
			 !is_local(r->addr))
			why = "only the node's own programs publish there";
		else
			return NULL;
	}
	return why;
}

static void answer(struct http_request *q, int status)
{
	http_respond(q, status, "text/plain", "", 0);
}

static void refuse(struct node *n, struct http_request *q, const struct report *r, const char *why)
{
	log_warn("publish.refused", "node=%s stream=%s/%s addr=%s why=%s", n->row.id, log_q(r->app), log_q(r->name),
		 log_q(r->addr), log_q(why));
	answer(q, 403);
}

/* A publisher that is let in when its readers are there. Lives as long as the request. */
struct entry {
	struct node *node;
	struct http_request *request;
	struct report report;
};

/* The job may have been stopped meanwhile, or its source refused. */
static void let_in(void *arg)
{
	struct entry *entry = arg;
	struct node *n = entry->node;
	const struct report *r = &entry->report;
	const char *why = judge(n, r);

	if (why) {
		refuse(n, entry->request, r, why);
		return;
	}
	stream_publish(n, node_stream(n, r->app, r->name), r->client);
	answer(entry->request, 200);
}

static void on_publish(struct node *n, struct http_request *q, const struct report *r)
{
	const char *why = judge(n, r);
	struct entry *entry;

	if (why) {
		refuse(n, q, r, why);
		return;
	}
	entry = mem_new(q, struct entry);
	entry->node = n;
	entry->request = q;
	entry->report =
		(struct report){mem_strdup(entry, r->app), mem_strdup(entry, r->name), mem_strdup(entry, r->addr),
				mem_strdup(entry, r->client), r->key ? mem_strdup(entry, r->key) : NULL};
	ready_wait(entry, n, node_stream(n, r->app, r->name), let_in, entry);
}

/* Of a refused publisher too: only streams some job expects are known. */
static void on_publish_done(struct node *n, struct http_request *q, const struct report *r)
{
	answer(q, 200);
	for (size_t i = 0; i < n->stream_count; i++) {
		struct stream *s = n->streams[i];

		if (!strcmp(s->application, r->app) && !strcmp(s->name, r->name)) {
			stream_unpublish(n, s, r->client);
			return;
		}
	}
}

static const struct {
	const char *event;
	void (*handle)(struct node *n, struct http_request *q, const struct report *r);
} events[] = {
	{"publish", on_publish},
	{"publish_done", on_publish_done},
};

static void on_request(struct http_request *q, void *arg)
{
	struct node *n = arg;
	const char *event = strrchr(http_request_path(q), '/'), *body;
	struct http_field *fields = NULL;
	struct report r;
	struct error *e;
	size_t len;
	void *tmp;

	body = http_request_body(q, &len);
	tmp = mem_strdup(NULL, "");
	e = http_form_parse(tmp, body ? body : "", len, &fields);
	if (e || !read_report(fields, &r)) {
		log_warn("callback.malformed", "node=%s reason=%s", n->row.id,
			 log_q(e ? e->message : "a field is missing"));
		error_free(e);
		answer(q, 400);
		mem_free(tmp);
		return;
	}
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (event && !strcmp(event + 1, events[i].event)) {
			events[i].handle(n, q, &r);
			mem_free(tmp);
			return;
		}
	}
	answer(q, 404);
	mem_free(tmp);
}

struct error *callbacks_open(struct node *n)
{
	char *path = mem_printf(n, "%s/" NODE_AGENT_SOCKET, n->folder);
	struct beneath_owner owner = folders_shared(&n->units);
	struct http_listen listen = {.unix_path = path, .unix_mode = 0660};

	TRY(http_server_open(n, n->host->loop, &listen, on_request, n, &n->callbacks));
	/* Its folder is ours: nobody puts another file in its place. */
	if (lchown(path, owner.uid, owner.gid) < 0)
		return error_sys(errno, "%s: letting nginx in", path);
	return NULL;
}
