#include "node/job/ready.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/job/job.h"
#include "node/job/nginx.h"

/* Between two looks. */
#define LOOK_MS 40

struct ready_wait {
	struct ready_wait *next;
	struct node *node;
	struct stream *stream;
	ready_fn *fn;
	void *arg;
	int64_t until_ms;
	struct timer *timer;
};

/* A reader of what was published before: it ends, and another one takes its place. One without frames is that other
 * one, which may have come before we heard that the publisher has left. */
static bool is_old(const struct unit *u, const struct stream *s)
{
	return s->left_ms && u->started_ms < s->left_ms && u->has_progress && u->progress.frames > 0;
}

/* Units that are to read the stream; false when one of them does not run yet, or is old. */
static bool readers(const struct node *n, const struct stream *s, int *ret_count)
{
	*ret_count = 0;
	for (size_t i = 0; i < n->job_count; i++) {
		const struct job *j = n->jobs[i];

		for (size_t k = 0; k < j->unit_count; k++) {
			const struct unit *u = j->units[k];

			/* One that keeps failing is no reason to let the others wait. */
			if (u->input != s || !u->wanted || (u->state == UNIT_PAUSED && u->failures))
				continue;
			if (u->state != UNIT_RUNNING || is_old(u, s))
				return false;
			(*ret_count)++;
		}
	}
	return true;
}

/* Will anybody read it? Then it may be worth waiting. */
static bool any_reader(const struct node *n, const struct stream *s)
{
	int count;

	return !readers(n, s, &count) || count > 0;
}

static int destroy(struct ready_wait *w)
{
	for (struct ready_wait **at = &w->node->waits; *at; at = &(*at)->next) {
		if (*at == w) {
			*at = w->next;
			break;
		}
	}
	return 0;
}

static void end(struct ready_wait *w)
{
	ready_fn *fn = w->fn;
	void *arg = w->arg;

	mem_free(w);
	fn(arg);
}

static void on_timer(void *arg)
{
	struct ready_wait *w = arg;

	if (node_now() < w->until_ms) {
		nginx_ask_streams(w->node);
		return;
	}
	log_warn("stream.readers", "node=%s stream=%s/%s is let in before all its readers have connected",
		 w->node->row.id, w->stream->application, w->stream->name);
	end(w);
}

void ready_wait(const void *ctx, struct node *n, struct stream *s, ready_fn *fn, void *arg)
{
	struct ready_wait *w;

	if (!any_reader(n, s)) {
		fn(arg);
		return;
	}
	w = mem_new(ctx, struct ready_wait);
	*w = (struct ready_wait){n->waits, n, s, fn, arg, node_now() + READY_MS, NULL};
	n->waits = w;
	talloc_set_destructor(w, destroy);
	w->timer = timer_start(w, n->host->loop, LOOK_MS, LOOK_MS, on_timer, w);
	nginx_ask_streams(n);
}

static bool connected(const struct ready_wait *w, const struct media_stream *found, size_t count)
{
	int wanted, there = 0;

	if (!readers(w->node, w->stream, &wanted))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(found[i].application, w->stream->application) && !strcmp(found[i].name, w->stream->name))
			there = found[i].clients;
	}
	return there >= wanted;
}

bool ready_waited_for(const struct node *n, const struct stream *s)
{
	for (const struct ready_wait *w = n->waits; w; w = w->next)
		if (w->stream == s)
			return true;
	return false;
}

void ready_look(struct node *n, const struct media_stream *found, size_t count)
{
	struct ready_wait *w = n->waits;

	while (w) {
		/* Letting one in may free others. */
		if (connected(w, found, count)) {
			end(w);
			w = n->waits;
		} else {
			w = w->next;
		}
	}
}
