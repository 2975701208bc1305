#include "vcli/pipeline/watch.h"

#include <signal.h>

#include "base/loop.h"
#include "base/mem.h"
#include "vcli/bus/link.h"
#include "vcli/bus/patience.h"
#include "vcli/bus/request.h"
#include "vcli/bus/sender.h"
#include "vcli/progress.h"
#include "vcli/wait.h"

struct watch_wait {
	const char *what;
	struct progress *progress;
	struct client_watch *watch;
	watch_fn *fn;
	void *arg;
	struct error *failure;
	bool ended;
};

static bool on_status(const struct message *m, void *arg)
{
	struct watch_wait *w = arg;

	progress_wipe(w->progress);
	return w->fn(m, w->arg);
}

static void on_waiting(enum client_waiting what, const char *why, void *arg)
{
	struct watch_wait *w = arg;

	if (what == CLIENT_WAITING_ANSWERS)
		progress_say(w->progress, "%s", w->what);
	else
		progress_waits(w->progress, what, why);
}

static void on_ended(const struct error *e, void *arg)
{
	struct watch_wait *w = arg;

	w->failure = error_copy(e);
	w->ended = true;
}

static void on_signal(int signum, void *arg)
{
	struct watch_wait *w = arg;

	(void)signum;
	client_watch_end(w->watch);
}

struct error *watch_asking(struct vcli *v, const char *what, const struct client_request_list *ask, watch_fn *fn,
			   void *arg)
{
	void *scope = mem_new(NULL, char);
	struct watch_wait w = {.what = what, .fn = fn, .arg = arg};
	struct client_watch_options options = {
		.timeout_ms = v->timeout_ms, .patience_ms = vcli_patience_ms(v), .ttl_ms = request_ttl_ms(v)};
	const struct client_watch_events events = {
		.status = on_status, .waiting = on_waiting, .ended = on_ended, .arg = &w};
	struct error *e;

	sender_restart(v);
	w.progress = progress_new(scope, v);
	progress_say(w.progress, "connecting to the broker");
	e = vcli_link(v, &options.link);
	if (!e)
		e = client_watch_begin(scope, &options, ask, &events, &w.watch);
	if (!e) {
		signal_start(scope, &v->loop, SIGINT, on_signal, &w);
		signal_start(scope, &v->loop, SIGTERM, on_signal, &w);
		vcli_wait(&v->loop, &w.ended, VCLI_WAIT_FOREVER);
		e = w.failure;
	}
	mem_free(scope);
	return e;
}
