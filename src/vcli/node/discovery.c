#include "vcli/node/discovery.h"

#include <signal.h>

#include "base/loop.h"
#include "base/mem.h"
#include "client/discovery.h"
#include "vcli/bus/link.h"
#include "vcli/bus/patience.h"
#include "vcli/bus/request.h"
#include "vcli/bus/sender.h"
#include "vcli/progress.h"
#include "vcli/wait.h"

struct discovery_wait {
	struct progress *progress;
	struct client_discovery *discovery;
	bool listens, ended;
	struct error *away;
};

static void on_waiting(enum client_waiting what, const char *why, void *arg)
{
	struct discovery_wait *w = arg;

	if (what == CLIENT_WAITING_ANSWERS)
		progress_say(w->progress, w->listens ? "listening for nodes that report" : "waiting for answers");
	else
		progress_waits(w->progress, what, why);
}

static void on_ended(const struct error *e, void *arg)
{
	struct discovery_wait *w = arg;

	w->away = error_copy(e);
	w->ended = true;
}

static void on_signal(int signum, void *arg)
{
	struct discovery_wait *w = arg;

	(void)signum;
	client_discovery_end(w->discovery);
}

struct error *discovery_run(struct vcli *v, struct client_known *k, int64_t listen_ms)
{
	void *scope = mem_new(NULL, char);
	struct discovery_wait w = {.listens = listen_ms > 0};
	struct client_discovery_options options = {.listen_ms = listen_ms,
						   .timeout_ms = v->timeout_ms,
						   .patience_ms = vcli_patience_ms(v),
						   .ttl_ms = request_ttl_ms(v)};
	const struct client_discovery_events events = {.waiting = on_waiting, .ended = on_ended, .arg = &w};
	struct error *e;

	sender_restart(v);
	w.progress = progress_new(scope, v);
	progress_say(w.progress, "connecting to the broker");
	e = vcli_link(v, &options.link);
	if (!e)
		e = client_discovery_begin(scope, &options, k, &events, &w.discovery);
	if (!e) {
		signal_start(scope, &v->loop, SIGINT, on_signal, &w);
		signal_start(scope, &v->loop, SIGTERM, on_signal, &w);
		vcli_wait(&v->loop, &w.ended, VCLI_WAIT_FOREVER);
		e = w.away;
	}
	mem_free(scope);
	return e;
}
