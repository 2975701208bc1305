#include "client/watch.h"

#include "base/loop.h"
#include "base/mem.h"
#include "client/patience.h"
#include "client/post.h"

/* One whom we ask. */
struct client_watch_asked {
	struct client_watch *watch;
	char *to;
	struct client_post *post;
};

struct client_watch {
	struct client_watch_options options;
	struct client_watch_events events;
	uv_loop_t *loop;
	struct client_patience *patience;
	struct client_watch_asked *asked;
	size_t asked_count;
	struct timer *deadline;
	struct timer *teller; /* the caller may free all, also the link */
	bool over;
	struct error *failure;
};

static void tell_end(void *arg)
{
	struct client_watch *w = arg;
	struct error *e = w->failure ? error_copy(w->failure) : client_patience_error(w->patience);

	w->events.ended(e, w->events.arg);
	error_free(e);
}

static void end(void *arg)
{
	struct client_watch *w = arg;

	if (!w->over)
		w->teller = timer_start(w, w->loop, 0, 0, tell_end, w);
	w->over = true;
}

/* Takes e. */
static void fail(struct client_watch *w, struct error *e)
{
	if (w->failure) {
		error_free(e);
		return;
	}
	w->failure = e;
	end(w);
}

static void on_waiting(enum client_waiting what, const char *why, void *arg)
{
	struct client_watch *w = arg;

	if (w->events.waiting)
		w->events.waiting(what, why, w->events.arg);
}

static void on_sent(const struct error *e, void *arg)
{
	const struct client_watch_asked *a = arg;

	if (e && e->code != ERROR_UNAVAILABLE)
		fail(a->watch, error_copy(e));
}

/* Only a failure matters. */
static void on_result(const struct message *m, void *arg)
{
	const struct client_watch_asked *a = arg;
	struct error *failure = NULL;
	json_t *data = NULL;

	error_free(message_read_result(m, &failure, &data));
	if (failure)
		fail(a->watch, error_wrap(failure, "%s", a->to));
}

static void on_up(void *arg)
{
	struct client_watch *w = arg;

	/* It has ended: nothing is asked any more. */
	for (size_t i = 0; !w->over && i < w->asked_count; i++)
		client_post_send(w->asked[i].post, false);
}

static void on_status(const struct message *m, void *arg)
{
	struct client_watch *w = arg;

	if (!w->over && !w->events.status(m, w->events.arg))
		end(w);
}

static int watch_destroy(struct client_watch *w)
{
	error_free(w->failure);
	return 0;
}

static struct error *make_posts(struct client_watch *w, const struct client_request_list *ask)
{
	w->asked_count = ask ? ask->count : 0;
	w->asked = mem_array(w, struct client_watch_asked, w->asked_count + 1);
	for (size_t i = 0; i < w->asked_count; i++) {
		struct client_watch_asked *a = &w->asked[i];
		const struct client_post_events events = {.sent = on_sent, .answered = on_result, .arg = a};

		a->watch = w;
		a->to = mem_strdup(w, ask->items[i].to);
		TRY(client_post_new(w, w->options.link, a->to, w->options.ttl_ms, ask->items[i].body, &events,
				    &a->post));
	}
	return NULL;
}

static struct error *begin(struct client_watch *w, const struct client_request_list *ask)
{
	const struct client_patience_options options = {
		.link = w->options.link, .timeout_ms = w->options.timeout_ms, .patience_ms = w->options.patience_ms};
	const struct client_patience_events events = {
		.up = on_up, .given_up = end, .waiting = on_waiting, .status = on_status, .arg = w};

	TRY(make_posts(w, ask));
	return client_patience_new(w, &options, &events, &w->patience);
}

struct error *client_watch_begin(const void *ctx, const struct client_watch_options *options,
				 const struct client_request_list *ask, const struct client_watch_events *events,
				 struct client_watch **ret_watch)
{
	struct client_watch *w = mem_new(ctx, struct client_watch);
	struct error *e;

	*w = (struct client_watch){.options = *options, .events = *events};
	w->loop = client_link_loop(options->link);
	talloc_set_destructor(w, watch_destroy);
	e = begin(w, ask);
	if (e) {
		mem_free(w);
		return e;
	}
	if (options->timeout_ms > 0)
		w->deadline = timer_start(w, w->loop, options->timeout_ms, 0, end, w);
	*ret_watch = w;
	return NULL;
}

void client_watch_end(struct client_watch *w)
{
	end(w);
}
