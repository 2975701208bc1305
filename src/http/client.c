#include "http/client.h"

#include <string.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"
#include "http/body.h"
#include "http/dial.h"
#include "http/head.h"

#define DEADLINE_MS 30000
#define BODY_LIMIT ((size_t)1 << 20)
#define ONE_READ 16384

struct exchange {
	uv_loop_t *loop;
	http_answer_fn *fn;
	void *arg;
	char *where; /* for messages: "unix:/path" or "host:port" */
	bool to_head;
	struct wire *wire;
	struct timer *deadline;
	int64_t deadline_ms;
	struct error *failed; /* reported by the next turn of the loop */
	char *request;
	size_t request_len;
	struct buf *in, *out;
	struct http_head head;
	char *head_text;
	bool has_head;
	struct http_body body;
};

static int exchange_destroy(struct exchange *x)
{
	error_free(x->failed);
	return 0;
}

/* Ends the exchange: the callback may free anything, so nothing of the exchange is touched after it. */
static void finish(struct exchange *x, struct error *e)
{
	void *keep = talloc_new(NULL);
	struct http_answer answer = {.error = e, .body = ""};
	http_answer_fn *fn = x->fn;
	void *arg = x->arg;

	if (e) {
		answer.error = error_wrap(e, "%s", x->where);
	} else {
		answer.status = x->head.status;
		answer.body = x->out->data ? x->out->data : "";
		answer.len = x->out->len;
		talloc_steal(keep, x->out);
	}
	mem_free(x);
	fn(&answer, arg);
	error_free(answer.error);
	mem_free(keep);
}

static void fail_later_now(void *arg)
{
	struct exchange *x = arg;
	struct error *e = x->failed;

	x->failed = NULL;
	finish(x, e);
}

/* Never from inside http_fetch(): the callback comes with the loop's next turn. */
static void fail_later(struct exchange *x, struct error *e)
{
	x->failed = e;
	mem_free(x->deadline);
	x->deadline = timer_start(x, x->loop, 0, 0, fail_later_now, x);
}

static void on_deadline(void *arg)
{
	struct exchange *x = arg;

	finish(x, error_new(ERROR_TIMEOUT, "no complete HTTP answer within %lld ms", (long long)x->deadline_ms));
}

static struct error *take_head(struct exchange *x)
{
	enum http_framing framing;
	uint64_t length;
	size_t n = http_head_length(x->in->data ? x->in->data : "", x->in->len);

	if (n > HTTP_HEAD_BYTES || (!n && x->in->len > HTTP_HEAD_BYTES))
		return error_new(ERROR_LIMIT, "head of the HTTP answer is over %d bytes", HTTP_HEAD_BYTES);
	if (!n)
		return NULL;
	mem_free(x->head_text);
	x->head_text = mem_memdup(x, x->in->data, n);
	buf_consume(x->in, n);
	TRY(http_head_answer(x->head_text, n, &x->head));
	if (x->head.status == 101)
		return error_new(ERROR_INVALID, "HTTP upgrade that nobody asked for");
	if (x->head.status < 200)
		return take_head(x); /* an interim answer: the real one follows */
	TRY(http_head_framing(&x->head, x->to_head, &framing, &length));
	TRY(http_body_begin(&x->body, framing, length, x->out));
	x->has_head = true;
	return NULL;
}

static struct error *take(struct exchange *x, const char *bytes, ssize_t len)
{
	size_t used;

	if (len < 0)
		return error_uv((int)len, "reading the HTTP answer");
	if (!x->has_head && len)
		TRY(buf_append(x->in, bytes, (size_t)len));
	if (!x->has_head) {
		TRY(take_head(x));
		if (!x->has_head)
			return len ? NULL : error_new(ERROR_UNAVAILABLE, "connection closed before an HTTP answer");
		TRY(http_body_feed(&x->body, x->in->data, x->in->len, &used));
	} else if (len) {
		TRY(http_body_feed(&x->body, bytes, (size_t)len, &used));
	}
	return len ? NULL : http_body_closed(&x->body);
}

static void on_data(const char *bytes, ssize_t len, void *arg)
{
	struct exchange *x = arg;
	struct error *e = take(x, bytes, len);

	if (e || (x->has_head && http_body_done(&x->body)))
		finish(x, e);
}

static void on_written(int status, void *arg)
{
	/* A peer may answer and close before it has read everything: its answer counts, reading tells. */
	(void)status;
	(void)arg;
}

static const struct wire_events events = {.data = on_data, .written = on_written};

static void on_connected(struct error *e, struct wire *wire, void *arg)
{
	struct exchange *x = arg;

	x->wire = wire;
	if (!e)
		e = wire_write(wire, x->request, x->request_len);
	if (!e)
		e = wire_read(wire);
	if (e)
		finish(x, e);
}

static bool plain(const char *s, bool blanks)
{
	for (; *s; s++)
		if ((unsigned char)*s < (blanks ? 0x20 : 0x21) || *s == 0x7f)
			return false;
	return true;
}

/* The request as bytes; a value that could end its line early is refused. */
static struct error *compose(struct exchange *x, const struct http_exchange *in)
{
	if (!plain(in->method, false) || !plain(in->path, false) || in->path[0] != '/' ||
	    (in->content_type && !plain(in->content_type, true)) ||
	    (in->authorization && !plain(in->authorization, true)))
		return error_new(ERROR_INVALID, "HTTP request with blanks or control bytes in its head");
	char *head = mem_printf(x, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nAccept: */*\r\n", in->method,
				in->path, in->unix_path ? "localhost" : in->host);
	if (in->authorization)
		head = talloc_asprintf_append_buffer(head, "Authorization: %s\r\n", in->authorization);
	if (in->content_type)
		head = talloc_asprintf_append_buffer(head, "Content-Type: %s\r\n", in->content_type);
	if (in->body || strcmp(in->method, "GET") != 0)
		head = talloc_asprintf_append_buffer(head, "Content-Length: %zu\r\n", in->body ? in->body_len : 0);
	head = talloc_asprintf_append_buffer(head, "\r\n");
	size_t n = strlen(head), body = in->body ? in->body_len : 0;
	x->request_len = n + body;
	x->request = mem_array(x, char, x->request_len);
	memcpy(x->request, head, n);
	if (body)
		memcpy(x->request + n, in->body, body);
	mem_free(head);
	return NULL;
}

void http_fetch(const void *ctx, uv_loop_t *loop, const struct http_exchange *in, http_answer_fn *fn, void *arg)
{
	struct exchange *x = mem_new(ctx, struct exchange);

	talloc_set_destructor(x, exchange_destroy);
	x->loop = loop;
	x->fn = fn;
	x->arg = arg;
	x->to_head = !strcmp(in->method, "HEAD");
	x->where = in->unix_path ? mem_printf(x, "unix:%s", in->unix_path) : mem_printf(x, "%s:%d", in->host, in->port);
	x->in = buf_new(x, HTTP_HEAD_BYTES + ONE_READ);
	x->out = buf_new(x, in->limit ? in->limit : BODY_LIMIT);
	x->deadline_ms = in->deadline_ms ? in->deadline_ms : DEADLINE_MS;
	x->deadline = timer_start(x, loop, x->deadline_ms, 0, on_deadline, x);
	struct error *e = compose(x, in);
	if (e)
		fail_later(x, e);
	else
		http_dial_start(x, loop, in->unix_path, in->host, in->port, &events, on_connected, x);
}

struct sync {
	struct http_answer *answer;
	uv_loop_t *loop;
};

static void on_sync(const struct http_answer *a, void *arg)
{
	struct sync *s = arg;

	s->answer->status = a->status;
	s->answer->len = a->len;
	s->answer->error = a->error ? error_copy(a->error) : NULL;
	char *body = mem_array(s->answer, char, a->len + 1);
	memcpy(body, a->body, a->len);
	s->answer->body = body;
	uv_stop(s->loop);
}

static int sync_answer_destroy(struct http_answer *a)
{
	error_free(a->error);
	return 0;
}

struct http_answer *http_fetch_sync(const void *ctx, const struct http_exchange *x)
{
	uv_loop_t loop;
	struct sync s = {.answer = mem_new(ctx, struct http_answer), .loop = &loop};

	talloc_set_destructor(s.answer, sync_answer_destroy);
	uv_loop_init(&loop);
	http_fetch(NULL, &loop, x, on_sync, &s);
	uv_run(&loop, UV_RUN_DEFAULT);
	loop_drain(&loop);
	uv_loop_close(&loop);
	return s.answer;
}
