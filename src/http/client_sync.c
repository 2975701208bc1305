/* One exchange on a loop of its own, for programs that may wait. */
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "http/client.h"

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
