#include "vcli/watch.h"

#include <signal.h>
#include <string.h>

#include "base/hex.h"
#include "base/loop.h"
#include "base/mem.h"
#include "vcli/link.h"
#include "vcli/progress.h"
#include "vcli/sender.h"
#include "vcli/wait.h"

struct status_watch {
	struct vcli *v;
	const char *what;
	watch_fn *fn;
	void *arg;
	struct request_list *ask;
	struct bus *bus;
	struct progress *progress;
	struct timer *patience;
	bool was_up, over;
	struct error *why_down, *failure;
};

static void end(struct status_watch *w)
{
	w->over = true;
}

static void on_asked(const struct error *e, void *arg)
{
	struct status_watch *w = arg;

	if (!e || e->code == ERROR_UNAVAILABLE || w->failure)
		return;
	w->failure = error_copy(e);
	end(w);
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct status_watch *w = arg;

	error_free(w->why_down);
	w->why_down = error_copy(why);
	if (!up) {
		progress_say(w->progress, "waiting for the broker: %s", why->message);
		if (!w->was_up && (why->code == ERROR_REFUSED || why->code == ERROR_INVALID))
			end(w);
		return;
	}
	w->was_up = true;
	mem_free(w->patience);
	w->patience = NULL;
	progress_say(w->progress, "%s", w->what);
	for (size_t i = 0; w->ask && i < w->ask->count; i++)
		bus_send(w->bus, w->ask->items[i].message, on_asked, w);
}

/* Results of what was asked: only a failure matters. */
static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct status_watch *w = arg;
	struct error *failure = NULL;
	json_t *data = NULL;

	if (m->kind == MESSAGE_RESULT)
		error_free(message_read_result(m, &failure, &data));
	bus_accept(d);
	if (failure && !w->failure) {
		w->failure = error_wrap(failure, "%s", m->from);
		end(w);
	} else {
		error_free(failure);
	}
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	struct status_watch *w = arg;

	(void)id;
	progress_say(w->progress, "waiting: %s", why->message);
}

static void on_status(const struct message *m, void *arg)
{
	struct status_watch *w = arg;

	if (w->over)
		return;
	progress_wipe(w->progress);
	if (!w->fn(m, w->arg))
		end(w);
}

static void on_end(void *arg)
{
	end(arg);
}

static void on_signal(int signum, void *arg)
{
	(void)signum;
	end(arg);
}

static struct error *watch_open(struct status_watch *w)
{
	const struct bus_handlers handlers = {.on_state = on_state,
					      .on_message = on_message,
					      .on_refused = on_refused,
					      .on_status = on_status,
					      .arg = w};
	struct link link;

	TRY(link_open(w, w->v, &w->v->set.client, &handlers, &link));
	w->bus = link.bus;
	for (size_t i = 0; w->ask && i < w->ask->count; i++) {
		struct request *r = &w->ask->items[i];

		r->message = message_new(w, MESSAGE_COMMAND, link.self, r->to, request_ttl_ms(w->v), r->body);
	}
	return bus_watch_status(w->bus);
}

struct error *watch_asking(struct vcli *v, const char *what, struct request_list *ask, watch_fn *fn, void *arg)
{
	struct status_watch *w = mem_new(NULL, struct status_watch);
	struct error *e = NULL;

	sender_restart(v);
	*w = (struct status_watch){.v = v, .what = what, .ask = ask, .fn = fn, .arg = arg};
	w->progress = progress_new(w, v);
	progress_say(w->progress, "connecting to the broker");
	e = watch_open(w);
	if (!e) {
		signal_start(w, &v->loop, SIGINT, on_signal, w);
		signal_start(w, &v->loop, SIGTERM, on_signal, w);
		if (v->timeout_ms > 0)
			timer_start(w, &v->loop, v->timeout_ms, 0, on_end, w);
		w->patience = timer_start(w, &v->loop, link_patience_ms(v), 0, on_end, w);
		vcli_wait(&v->loop, &w->over, VCLI_WAIT_FOREVER);
		if (w->failure)
			e = w->failure;
		else if (!w->was_up)
			e = link_away(v, w->why_down);
	}
	error_free(w->why_down);
	mem_free(w);
	return e;
}

struct error *watch_status(struct vcli *v, const char *what, watch_fn *fn, void *arg)
{
	return watch_asking(v, what, NULL, fn, arg);
}
