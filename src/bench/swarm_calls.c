#include "bench/swarm_calls.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#define READ_BYTES 65536
#define ANSWER_BYTES ((size_t)4 << 20)
#define TICK_MS 20

/* A connection that is kept, with one call under way at most. */
struct line {
	struct calls *all;
	uv_tcp_t tcp;
	uv_connect_t connecting;
	uv_write_t writing;
	struct buf *in;
	int64_t began_us;
	bool closed;
};

struct calls {
	struct swarm_calls_options options;
	struct swarm_calls_result result; /* of the thread, until it is over */
	uv_loop_t loop;
	struct line *lines;
	char *request;
	size_t begun;
	int64_t began_us;
	atomic_bool over;
	uv_async_t *news; /* on the caller's loop */
	bool closed;      /* that */
};

/* --- one connection --- */

static void on_line_closed(uv_handle_t *handle)
{
	((struct line *)handle->data)->closed = true;
}

static void close_line(struct line *l)
{
	if (!uv_is_closing((uv_handle_t *)&l->tcp))
		uv_close((uv_handle_t *)&l->tcp, on_line_closed);
}

static void fail(struct line *l, const char *why)
{
	struct swarm_calls_result *r = &l->all->result;

	r->failed++;
	if (!r->why)
		r->why = mem_printf(l->all, "%.300s", why);
}

/* Whoever waits for longer than that has no server any more. */
static void fail_line(struct line *l, const char *why)
{
	fail(l, why);
	close_line(l);
}

static void on_written(uv_write_t *request, int status)
{
	if (status < 0 && status != UV_ECANCELED)
		fail_line(request->handle->data, uv_strerror(status));
}

static void begin_next(struct line *l)
{
	struct calls *all = l->all;
	const int64_t now_us = clock_mono_us();
	uv_buf_t out = uv_buf_init(all->request, (unsigned)strlen(all->request));

	if (all->begun == all->options.count || now_us - all->began_us > all->options.most_ms * 1000) {
		close_line(l);
		return;
	}
	all->begun++;
	l->began_us = now_us;
	uv_write(&l->writing, (uv_stream_t *)&l->tcp, &out, 1, on_written);
}

/* The answer's body, when all of it is there; NULL: not yet. The server is ours and always says a length. */
static const char *whole_answer(const struct line *l)
{
	const char *head_end = strstr(l->in->data, "\r\n\r\n"),
		   *length = strcasestr(l->in->data, "\r\nContent-Length:");

	if (!head_end || !length || length > head_end)
		return NULL;
	head_end += strlen("\r\n\r\n");
	if (l->in->len - (size_t)(head_end - l->in->data) < strtoull(length + strlen("\r\nContent-Length:"), NULL, 10))
		return NULL;
	return head_end;
}

static void take(struct line *l)
{
	struct swarm_calls_result *r = &l->all->result;
	const char *body = whole_answer(l);

	if (!body)
		return;
	if (strncmp(l->in->data, "HTTP/1.1 200", 12) != 0 || !strstr(body, "\"result\""))
		fail(l, body);
	else
		r->ms[r->answered++] = (double)(clock_mono_us() - l->began_us) / 1000;
	r->took_s = (double)(clock_mono_us() - l->all->began_us) / 1e6;
	buf_clear(l->in);
	begin_next(l);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	static _Thread_local char bytes[READ_BYTES];

	(void)handle;
	(void)size;
	*ret = uv_buf_init(bytes, sizeof(bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct line *l = stream->data;
	struct error *e = n > 0 ? buf_append(l->in, bytes->base, (size_t)n) : NULL;

	if (n < 0)
		fail_line(l, uv_strerror((int)n));
	else if (e)
		fail_line(l, e->message);
	else if (n > 0)
		take(l);
	error_free(e);
}

static void on_connected(uv_connect_t *request, int status)
{
	struct line *l = request->handle->data;

	if (status < 0) {
		fail_line(l, uv_strerror(status));
		return;
	}
	uv_read_start((uv_stream_t *)&l->tcp, on_alloc, on_read);
	begin_next(l);
}

static void open_line(struct calls *all, struct line *l)
{
	struct sockaddr_in to;

	l->all = all;
	l->in = buf_new(all, ANSWER_BYTES);
	uv_ip4_addr("127.0.0.1", all->options.port, &to);
	uv_tcp_init(&all->loop, &l->tcp);
	uv_tcp_nodelay(&l->tcp, 1);
	l->tcp.data = l;
	uv_tcp_connect(&l->connecting, &l->tcp, (const struct sockaddr *)&to, on_connected);
}

/* --- all of them --- */

static void on_deadline(uv_timer_t *timer)
{
	struct calls *all = timer->data;
	const int64_t now_us = clock_mono_us();
	size_t closed = 0;

	for (size_t i = 0; i < all->options.at_once; i++) {
		struct line *l = &all->lines[i];

		if (!l->closed && l->began_us && now_us - l->began_us > all->options.answer_ms * 1000)
			fail_line(l, "no answer in time");
		closed += l->closed;
	}
	if (closed == all->options.at_once && !uv_is_closing((uv_handle_t *)timer))
		uv_close((uv_handle_t *)timer, NULL);
}

static void run(void *arg)
{
	struct calls *all = arg;
	uv_timer_t timer;

	all->began_us = clock_mono_us();
	for (size_t i = 0; i < all->options.at_once; i++)
		open_line(all, &all->lines[i]);
	uv_timer_init(&all->loop, &timer);
	timer.data = all;
	uv_timer_start(&timer, on_deadline, TICK_MS, TICK_MS);
	uv_run(&all->loop, UV_RUN_DEFAULT);
	uv_loop_close(&all->loop);
	atomic_store(&all->over, true);
	uv_async_send(all->news);
}

/* --- for the caller's loop --- */

static void on_news(uv_async_t *handle)
{
	(void)handle;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double swarm_calls_percentile(const double *ordered, size_t count, double percent)
{
	return count ? ordered[(size_t)((double)(count - 1) * percent / 100)] : 0;
}

static void on_closed(uv_handle_t *handle)
{
	((struct calls *)handle->data)->closed = true;
}

void swarm_calls_run(const void *ctx, uv_loop_t *loop, const struct swarm_calls_options *options,
		     struct swarm_calls_result *ret_result)
{
	struct calls *all = mem_new(NULL, struct calls); /* the thread's own tree */
	uv_thread_t thread;

	all->options = *options;
	all->result.ms = mem_array(all, double, options->count);
	all->lines = mem_array(all, struct line, options->at_once);
	all->request = mem_printf(all,
				  "POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
				  "Authorization: %s\r\nContent-Length: %zu\r\n\r\n%s",
				  options->port, options->authorization, strlen(options->body), options->body);
	uv_loop_init(&all->loop);
	all->news = mem_new(all, uv_async_t);
	uv_async_init(loop, all->news, on_news);
	all->news->data = all;
	uv_thread_create(&thread, run, all);
	while (!atomic_load(&all->over))
		uv_run(loop, UV_RUN_ONCE);
	uv_thread_join(&thread);
	uv_close((uv_handle_t *)all->news, on_closed);
	while (!all->closed)
		uv_run(loop, UV_RUN_ONCE);
	*ret_result = all->result;
	ret_result->ms = talloc_steal(ctx, all->result.ms);
	ret_result->why = all->result.why ? mem_strdup(ctx, all->result.why) : NULL;
	qsort(ret_result->ms, ret_result->answered, sizeof(double), ascending);
	mem_free(all);
}
