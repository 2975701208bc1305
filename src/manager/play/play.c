#include "manager/play/play.h"

#include <string.h>

#include "api/grammar.h"
#include "base/json.h"
#include "base/mem.h"
#include "http/server.h"
#include "manager/play/sources.h"

#define STEERING_TTL_S 10
#define MASTER_NAME "master.m3u8"
#define STEERING_NAME "steering.json"
#define RETRY_S "2"

struct play {
	struct sources *sources;
	uint64_t requests, missing;
};

static void respond(struct http_request *r, int status, const char *type, const char *text)
{
	/* Pages of any site may play it, and see why they cannot. */
	http_answer_header(r, "Access-Control-Allow-Origin", "*");
	http_answer_header(r, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
	http_answer_header(r, "Access-Control-Allow-Headers", "Range");
	http_answer_header(r, "Access-Control-Expose-Headers", "Content-Length, Retry-After");
	http_respond(r, status, type, text, strlen(text));
}

static void respond_text(struct http_request *r, int status, const char *text)
{
	respond(r, status, "text/plain; charset=utf-8", text);
}

/* --- what is answered --- */

struct play_asked {
	struct play *play;
	struct http_request *request;
	bool steering;
};

static size_t with_master(const struct play_source *const *list, size_t count, struct master_source ret[SOURCES_MOST])
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (list[i]->master)
			ret[n++] = (struct master_source){list[i]->base, list[i]->pathway, list[i]->master};
	}
	return n;
}

/* RFC 8216bis, 7.1: in which order pathways are to be tried. */
static char *steering_text(const void *ctx, const struct master_source *list, size_t count)
{
	json_t *o = json_object(), *order = json_array();
	char *text;

	json_object_set_new(o, "VERSION", json_integer(1));
	json_object_set_new(o, "TTL", json_integer(STEERING_TTL_S));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(order, json_string(list[i].pathway));
	json_object_set_new(o, "PATHWAY-PRIORITY", order);
	text = json_text(ctx, o);
	json_decref(o);
	return text;
}

static void on_sources(const struct play_source *const *list, size_t count, const struct error *e, void *arg)
{
	const struct play_asked a = *(struct play_asked *)arg;
	struct master_source found[SOURCES_MOST];
	size_t n = e ? 0 : with_master(list, count, found);

	mem_free(arg);
	a.play->missing += n == 0;
	if (e && e->code != ERROR_NOT_FOUND) {
		http_answer_header(a.request, "Retry-After", RETRY_S);
		respond_text(a.request, 503, "it cannot be told just now\n");
	} else if (!n || (a.steering && n < 2)) {
		respond_text(a.request, 404, "nothing can be watched here, or not yet\n");
	} else if (a.steering) {
		respond(a.request, 200, "application/json", steering_text(a.request, found, n));
	} else {
		respond(a.request, 200, "application/vnd.apple.mpegurl",
			master_text(a.request, found, n, STEERING_NAME));
	}
}

/* --- what is asked --- */

/* The job in PATH/JOB/FILE, a copy in ctx; NULL: it is none. */
static char *read_path(const void *ctx, const char *path, bool *ret_steering)
{
	const char *name = path + strlen(PLAY_PATH), *slash = strchr(name, '/');
	const struct json_place at = {NULL, "job", 0};
	char *job = slash ? mem_printf(ctx, "%.*s", (int)(slash - name), name) : NULL;
	struct error *e;

	if (!job)
		return NULL;
	*ret_steering = strcmp(slash + 1, STEERING_NAME) == 0;
	if (!*ret_steering && strcmp(slash + 1, MASTER_NAME) != 0)
		return NULL;
	e = api_check_job(job, &at);
	if (e)
		job = NULL;
	error_free(e);
	return job;
}

static void on_request(struct http_request *r, void *state)
{
	struct play *p = state;
	const char *method = http_request_method(r);
	struct play_asked *a;
	bool steering = false;
	char *job = read_path(r, http_request_path(r), &steering);

	p->requests++;
	if (strcmp(method, "OPTIONS") == 0) {
		http_answer_header(r, "Allow", "GET, HEAD, OPTIONS");
		respond(r, 204, NULL, "");
	} else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		http_answer_header(r, "Allow", "GET, HEAD, OPTIONS");
		respond_text(r, 405, "it is read with GET\n");
	} else if (!job) {
		p->missing++;
		respond_text(r, 404, "there is " PLAY_PATH "JOB/" MASTER_NAME "\n");
	} else {
		a = mem_new(p, struct play_asked);
		*a = (struct play_asked){p, r, steering};
		sources_ask(p->sources, job, on_sources, a);
	}
}

/* --- the service --- */

static struct error *open_play(const void *ctx, const struct service_host *host, void **ret_state)
{
	struct play *p = mem_new(ctx, struct play);

	p->sources = sources_new(p, host);
	*ret_state = p;
	return NULL;
}

static void measure(struct metrics_text *t, void *state)
{
	const struct play *p = state;

	metrics_counter(t, "watch_requests_total", "Requests below " PLAY_PATH ".", p->requests);
	metrics_counter(t, "watch_missing_total", "Those that there was nothing for.", p->missing);
}

const struct service_ops play_service = {
	.name = "play",
	.text = "where a job is watched: one address, whichever storages keep it",
	.calls = "jobs",
	.open = open_play,
	.path = PLAY_PATH,
	.request = on_request,
	.measure = measure,
};
