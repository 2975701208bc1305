#include "vcli/bus/sender.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/child.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/sender.h"
#include "vcli/bus/link.h"
#include "vcli/progress.h"
#include "vcli/wait.h"

struct sender_wait {
	struct progress *progress;
	int64_t left;
	struct error *failure, *why;
	bool ended;
};

static void on_waiting(enum client_waiting what, const char *why, void *arg)
{
	struct sender_wait *w = arg;

	progress_waits(w->progress, what, why);
}

static void on_ended(const struct error *e, int64_t left, const struct error *why, void *arg)
{
	struct sender_wait *w = arg;

	w->failure = error_copy(e);
	w->left = left;
	w->why = error_copy(why);
	w->ended = true;
}

/* That of the run, or to the bus of another outbox one for this sender. */
static struct error *link_of(struct vcli *v, const void *ctx, const struct client_options *client,
			     struct client_link **ret_link)
{
	return client == &v->set.client ? vcli_link(v, ret_link) : client_link_open(ctx, &v->loop, client, ret_link);
}

struct error *sender_run(struct vcli *v, const struct client_options *client, struct client_outbox *store,
			 struct message *const *messages, size_t count, const char *what, int64_t patience_ms,
			 int64_t *ret_left, struct error **ret_why)
{
	void *scope = mem_new(NULL, char);
	struct sender_wait w = {0};
	const struct client_sender_events events = {.waiting = on_waiting, .ended = on_ended, .arg = &w};
	struct client_sender *sender = NULL;
	struct client_link *link = NULL;
	struct error *e;

	w.progress = progress_new(scope, v);
	progress_say(w.progress, "sending");
	e = link_of(v, scope, client, &link);
	if (!e)
		e = client_sender_begin(scope, link, store, messages, count, what, patience_ms, &events, &sender);
	if (!e) {
		vcli_wait(&v->loop, &w.ended, VCLI_WAIT_FOREVER);
		e = w.failure;
		*ret_left = w.left;
	}
	if (!e && ret_why)
		*ret_why = w.why;
	else
		error_free(w.why);
	mem_free(scope);
	return e;
}

static void on_child_ended(const struct child_exit *ex, void *arg)
{
	(void)ex;
	(void)arg;
}

struct error *sender_spawn(struct vcli *v, struct client_outbox *s)
{
	char *self = mem_array(s, char, PATH_MAX + 1), *log_path = file_join(s, s->folder, "sender.log");
	const char *const argv[] = {
		self,      "outbox",      "flush", s->name,     "--state-dir", mem_printf(s, "%s/../..", s->folder),
		"--quiet", "--log-level", "warn",  "--timeout", "0s",          NULL};
	struct child_spec spec = {.argv = argv,
				  .env = (const char *const *)environ,
				  .folder = "/",
				  .stdin_fd = -1,
				  .stdout_fd = -1,
				  .extra_fd = -1};
	struct child *child = NULL;
	struct error *e = NULL;
	ssize_t n = readlink("/proc/self/exe", self, PATH_MAX);

	if (n < 0)
		return error_sys(errno, "/proc/self/exe");
	spec.stderr_fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	e = child_start(s, &v->loop, &spec, on_child_ended, NULL, &child);
	if (spec.stderr_fd >= 0)
		close(spec.stderr_fd);
	return e;
}

void sender_restart(struct vcli *v)
{
	void *scope = mem_new(NULL, char);
	char **names = NULL;
	struct error *e = client_outbox_names(scope, &v->set.client, true, &names);

	for (char **n = names; !e && *n; n++) {
		struct client_options own = v->set.client;
		struct client_outbox *s = NULL;
		bool works = false, idle = false;

		e = client_outbox_named(scope, &v->set.client, *n, &own, &s);
		if (!e)
			e = client_sender_look(&own, s, &works, &idle);
		if (!e && works)
			e = sender_spawn(v, s);
		else if (!e && idle)
			e = client_outbox_mark(s, false);
	}
	if (e)
		log_warn("outbox.revive", "why=%s", log_q(e->message));
	error_free(e);
	mem_free(scope);
}
