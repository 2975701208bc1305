#include "vcli/sender.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/steady.h"
#include "vcli/link.h"
#include "vcli/progress.h"
#include "vcli/wait.h"
#include "vcli/wanted.h"

#define LOOK_MS 500
/* What is void by a clock that was set this long ago or less may not be: it may be set back. */
#define CLOCK_STEADY_MS 600000

struct outbox_sender {
	struct vcli *v;
	struct outstore *store;
	struct bus *bus;
	struct outbox *outbox;
	struct progress *progress;
	struct error *why, *failure;
	struct steady clock;
	bool jumped; /* the clock, since this process began */
	bool over;
};

static void on_outcome(const char *message_id, const struct error *e, void *arg)
{
	struct outbox_sender *s = arg;
	struct error *failed = outstore_record_outcome(s->store, message_id, e);

	if (failed)
		log_warn("outbox.fate", "message=%s why=%s", message_id, log_q(failed->message));
	error_free(failed);
	if (outbox_pending(s->outbox) == 0)
		s->over = true;
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct outbox_sender *s = arg;

	error_free(s->why);
	s->why = error_copy(why);
	if (up && s->outbox)
		outbox_kick(s->outbox);
	if (!up)
		progress_say(s->progress, "waiting for the broker: %s", why->message);
}

/* Only public keys are told here; nobody waits for an answer. */
static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	(void)m;
	(void)arg;
	bus_accept(d);
}

static bool clock_steady(struct outbox_sender *s)
{
	int64_t mono_ms = clock_mono_ms(), jump_ms = steady_look(&s->clock, clock_wall_ms(), mono_ms);

	if (jump_ms)
		log_warn("clock.jumped", "by_s=%lld why=%s", (long long)(jump_ms / 1000),
			 log_q("commands are void by their time; keep clocks in step (NTP)"));
	s->jumped = s->jumped || jump_ms;
	return !s->jumped || mono_ms - s->clock.since_ms >= CLOCK_STEADY_MS;
}

/* Other processes may have put more; what is void is waited for no longer. */
static void on_look(void *arg)
{
	struct outbox_sender *s = arg;
	bool steady = clock_steady(s);
	int64_t waiting = 0;

	s->failure = outstore_waiting(s->store, &waiting);
	if (s->failure || (waiting == 0 && (steady || outbox_pending(s->outbox) == 0)))
		s->over = true;
	else if (bus_is_up(s->bus))
		outbox_look(s->outbox);
}

static void on_patience(void *arg)
{
	struct outbox_sender *s = arg;

	s->over = true;
}

struct outbox_messages {
	struct outbox_sender *sender;
	struct message *const *messages;
	size_t count;
	const char *what;
};

static struct error *keep(struct db *db, const void *arg)
{
	const struct outbox_messages *k = arg;

	(void)db; /* the store's */
	for (size_t i = 0; i < k->count; i++) {
		TRY(outstore_add(k->sender->store, k->messages[i], k->what));
		TRY(outbox_put(k->sender->outbox, k->messages[i]));
	}
	return NULL;
}

static struct error *sender_go(struct outbox_sender *s, const struct vcli_client_options *client,
			       struct message *const *messages, size_t count, const char *what, int64_t patience_ms,
			       int64_t *ret_left)
{
	const struct bus_handlers handlers = {.on_state = on_state, .on_message = on_message, .arg = s};
	int64_t left = 0, wanted = 0;
	struct link link;

	TRY(link_open(s, s->v, client, &handlers, &link));
	s->bus = link.bus;
	TRY(outbox_open(s, s->store->db, s->bus, &s->v->loop, on_outcome, s, &s->outbox));
	TRY(outstore_mark(s->store, true));
	TRY(db_together(s->store->db, keep, &(struct outbox_messages){s, messages, count, what}));
	if (patience_ms > 0)
		timer_start(s, &s->v->loop, patience_ms, 0, on_patience, s);
	timer_start(s, &s->v->loop, LOOK_MS, LOOK_MS, on_look, s);
	vcli_wait(&s->v->loop, &s->over, VCLI_WAIT_FOREVER);
	if (s->failure)
		return s->failure;
	TRY(outstore_waiting(s->store, &left));
	TRY(wanted_settle(s->v, s->store, &wanted));
	/* Looked at again by the next run of vcli, when the clock may be right. */
	if (left == 0 && wanted == 0 && !s->jumped)
		TRY(outstore_mark(s->store, false));
	*ret_left = left;
	return NULL;
}

struct error *sender_run(struct vcli *v, const struct vcli_client_options *client, struct outstore *store,
			 struct message *const *messages, size_t count, const char *what, int64_t patience_ms,
			 int64_t *ret_left, struct error **ret_why)
{
	struct outbox_sender *s = mem_new(NULL, struct outbox_sender);
	struct error *e = NULL;

	s->v = v;
	s->store = store;
	s->progress = progress_new(s, v);
	(void)clock_steady(s);
	progress_say(s->progress, "sending");
	e = sender_go(s, client, messages, count, what, patience_ms, ret_left);
	if (!e && ret_why)
		*ret_why = s->why;
	else
		error_free(s->why);
	mem_free(s);
	return e;
}

struct error *sender_lock(struct outstore *s, int *ret_fd)
{
	return file_lock(file_join(s, s->folder, "sender.lock"), ret_fd);
}

static void on_ended(const struct child_exit *ex, void *arg)
{
	(void)ex;
	(void)arg;
}

struct error *sender_spawn(struct vcli *v, struct outstore *s)
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
	e = child_start(s, &v->loop, &spec, on_ended, NULL, &child);
	if (spec.stderr_fd >= 0)
		close(spec.stderr_fd);
	return e;
}

/* Is there something for a sender to do now, or nothing any more? */
static struct error *look(struct vcli *v, struct outstore *s, bool *ret_works, bool *ret_idle)
{
	int64_t waiting = 0, wanted = 0;
	struct wanted *due = NULL;
	size_t due_count = 0;

	TRY(outstore_waiting(s, &waiting));
	TRY(wanted_settle(v, s, &wanted));
	TRY(wanted_due(s, s, &due, &due_count));
	*ret_works = waiting > 0 || due_count > 0;
	*ret_idle = waiting == 0 && wanted == 0;
	return NULL;
}

void sender_restart(struct vcli *v)
{
	void *scope = mem_new(NULL, char);
	char **names = NULL;
	struct error *e = outstore_names(scope, &v->set.client, true, &names);

	for (char **n = names; !e && *n; n++) {
		struct vcli_client_options own = v->set.client;
		struct outstore *s = NULL;
		bool works = false, idle = false;

		e = outstore_named(scope, &v->set.client, *n, &own, &s);
		if (!e)
			e = look(v, s, &works, &idle);
		if (!e && works)
			e = sender_spawn(v, s);
		else if (!e && idle)
			e = outstore_mark(s, false);
	}
	if (e)
		log_warn("outbox.revive", "why=%s", log_q(e->message));
	error_free(e);
	mem_free(scope);
}
