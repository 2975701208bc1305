#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "http/client.h"
#include "node/runtime/runtime_docker.h"

#define ANSWER_LIMIT ((size_t)4 << 20)
/* The version this was written for and the oldest whose answers look the same. */
#define OURS 41
#define OLDEST 24

struct call {
	struct docker *d;
	const char *method;
	char *path, *body;
	int64_t deadline_ms;
	docker_answer_fn *fn;
	void *arg;
};

static int minor_of(const char *version)
{
	char *end;

	if (!version || strncmp(version, "1.", 2) != 0)
		return -1;
	long minor = strtol(version + 2, &end, 10);
	return end == version + 2 || *end || minor < 0 || minor > 999 ? -1 : (int)minor;
}

char *docker_agree_version(const void *ctx, const char *newest, const char *oldest)
{
	int high = minor_of(newest), low = oldest ? minor_of(oldest) : 0;

	if (high < OLDEST || low < 0 || low > high)
		return NULL;
	int minor = high < OURS ? high : OURS;
	return mem_printf(ctx, "v1.%d", minor < low ? low : minor);
}

void docker_user(const struct docker *d, uid_t *ret_uid, gid_t *ret_gid)
{
	*ret_uid = d->options.set_user ? d->options.uid : geteuid();
	*ret_gid = d->options.set_user ? d->options.gid : getegid();
}

static void finish(struct call *c, struct docker_answer *a)
{
	docker_answer_fn *fn = c->fn;
	void *arg = c->arg;

	mem_free(c);
	fn(a, arg);
}

/* No answer at all: say what to do about it. */
static struct error *unreachable(const struct docker *d, const struct error *why)
{
	switch (why->code) {
	case ERROR_UNAVAILABLE:
		return error_new(ERROR_UNAVAILABLE, "no Docker engine answers at %s (%s): is docker running?",
				 d->options.docker_socket, why->message);
	case ERROR_REFUSED:
		return error_new(
			ERROR_REFUSED,
			"the Docker engine's socket %s may not be opened (%s): is this user in the group docker?",
			d->options.docker_socket, why->message);
	default:
		return error_wrap(error_copy(why), "Docker engine");
	}
}

static enum error_code code_of(int status)
{
	switch (status) {
	case 400:
		return ERROR_INVALID;
	case 404:
		return ERROR_NOT_FOUND;
	case 409:
		return ERROR_EXISTS;
	default:
		return ERROR_FAILED;
	}
}

/* The engine's words on one line. */
static struct error *refusal(int status, const char *words)
{
	struct error *e = error_new(code_of(status), "Docker engine: %s", words ? words : "refused without a word");

	for (char *p = e->message; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	return e;
}

static void on_answer(const struct http_answer *a, void *arg)
{
	struct call *c = arg;
	struct docker_answer out = {.status = a->status, .body = a->body, .len = a->len};
	json_t *json = NULL;

	if (a->error) {
		out.error = unreachable(c->d, a->error);
	} else {
		error_free(json_parse(a->body, a->len, ANSWER_LIMIT, &json));
		out.json = json;
	}
	if (!a->error && a->status >= 400)
		out.error = refusal(a->status, json_string_value(json_object_get(json, "message")));
	finish(c, &out);
	json_decref(json);
}

static void send_call(struct call *c)
{
	char *path = mem_printf(c, "/%s%s", c->d->version, c->path);
	const struct http_exchange x = {
		.unix_path = c->d->options.docker_socket,
		.method = c->method,
		.path = path,
		.content_type = c->body ? "application/json" : NULL,
		.body = c->body,
		.body_len = c->body ? strlen(c->body) : 0,
		.deadline_ms = c->deadline_ms,
		.limit = ANSWER_LIMIT,
	};

	http_fetch(c, c->d->loop, &x, on_answer, c);
}

static void on_version(const struct http_answer *a, void *arg)
{
	struct call *c = arg;
	struct docker_answer out = {.body = ""};
	json_t *json = NULL;

	if (a->error) {
		out.error = unreachable(c->d, a->error);
		finish(c, &out);
		return;
	}
	error_free(json_parse(a->body, a->len, ANSWER_LIMIT, &json));
	const char *newest = json_string_value(json_object_get(json, "ApiVersion"));
	const char *oldest = json_string_value(json_object_get(json, "MinAPIVersion"));
	char *agreed = docker_agree_version(c->d, newest, oldest);
	if (agreed) {
		mem_free(c->d->version);
		c->d->version = agreed;
		send_call(c);
	} else {
		out.error = error_new(ERROR_FAILED,
				      "what answers at %s speaks the Docker engine's API %s, at least 1.%d is needed",
				      c->d->options.docker_socket, newest ? newest : "not at all", OLDEST);
		finish(c, &out);
	}
	json_decref(json);
}

void docker_call(const void *ctx, struct docker *d, const struct docker_request *r, docker_answer_fn *fn, void *arg)
{
	struct call *c = mem_new(ctx, struct call);
	const struct http_exchange version = {.unix_path = d->options.docker_socket,
					      .method = "GET",
					      .path = "/version",
					      .deadline_ms = r->deadline_ms};

	c->d = d;
	c->method = r->method;
	c->path = mem_strdup(c, r->path);
	c->body = r->body ? json_text(c, r->body) : NULL;
	c->deadline_ms = r->deadline_ms;
	c->fn = fn;
	c->arg = arg;
	mem_free(r->path);
	json_decref(r->body);
	if (d->version)
		send_call(c);
	else
		http_fetch(c, d->loop, &version, on_version, c);
}
