#include "client/sender.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/steady.h"
#include "bus/outbox.h"
#include "client/desired.h"
#include "client/link.h"

#define LOOK_MS 500
/* What is void by a clock that was set this long ago or less may not be: it may be set back. */
#define CLOCK_STEADY_MS 600000

struct client_sender {
	const struct client_options *client;
	struct client_sender_events events;
	uv_loop_t *loop;
	struct client_outbox *store;
	struct client_link *link;
	struct client_link_user *user;
	struct outbox *outbox;
	struct timer *patience, *look;
	struct timer *teller; /* the caller may free all, also the link */
	struct error *why, *failure;
	struct steady clock;
	bool jumped; /* the clock, since this began */
	bool over;
};

/* What still waits; the marker goes when nothing does. */
static struct error *count_left(struct client_sender *s, int64_t *ret_left)
{
	int64_t desired = 0;

	TRY(client_outbox_waiting(s->store, ret_left));
	TRY(client_desired_settle(s->client, s->store, &desired));
	/* Looked at again by the next sender, when the clock may be right. */
	if (*ret_left == 0 && desired == 0 && !s->jumped)
		TRY(client_outbox_mark(s->store, false));
	return NULL;
}

static void tell_end(void *arg)
{
	struct client_sender *s = arg;
	struct error *e = s->failure ? error_copy(s->failure) : NULL, *why = error_copy(s->why);
	int64_t left = 0;

	if (!e)
		e = count_left(s, &left);
	s->events.ended(e, left, why, s->events.arg);
	error_free(e);
	error_free(why);
}

static void end(struct client_sender *s)
{
	if (!s->over)
		s->teller = timer_start(s, s->loop, 0, 0, tell_end, s);
	s->over = true;
}

static void on_outcome(const char *message_id, const struct error *e, void *arg)
{
	struct client_sender *s = arg;
	struct error *failed = client_outbox_record_outcome(s->store, message_id, e);

	if (failed)
		log_warn("outbox.fate", "message=%s why=%s", message_id, log_q(failed->message));
	error_free(failed);
	if (outbox_pending(s->outbox) == 0)
		end(s);
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct client_sender *s = arg;

	error_free(s->why);
	s->why = error_copy(why);
	if (up && s->outbox)
		outbox_kick(s->outbox);
	if (!up && s->events.waiting)
		s->events.waiting(CLIENT_WAITING_BUS, why->message, s->events.arg);
}

static bool clock_steady(struct client_sender *s)
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
	struct client_sender *s = arg;
	bool steady = clock_steady(s);
	int64_t waiting = 0;

	if (s->over)
		return;
	s->failure = client_outbox_waiting(s->store, &waiting);
	if (s->failure || (waiting == 0 && (steady || outbox_pending(s->outbox) == 0)))
		end(s);
	else if (bus_is_up(client_link_bus(s->link)))
		outbox_look(s->outbox);
}

static void on_patience(void *arg)
{
	end(arg);
}

struct client_sender_messages {
	struct client_sender *sender;
	struct message *const *messages;
	size_t count;
	const char *what;
};

static struct error *keep(struct db *db, const void *arg)
{
	const struct client_sender_messages *k = arg;

	(void)db; /* the store's */
	for (size_t i = 0; i < k->count; i++) {
		TRY(client_outbox_add(k->sender->store, k->messages[i], k->what));
		TRY(outbox_put(k->sender->outbox, k->messages[i]));
	}
	return NULL;
}

/* The state of the link is heard before the outbox looks by itself, so that nothing is sent twice. */
static struct error *join(struct client_sender *s)
{
	const struct client_link_events events = {.state = on_state, .arg = s};

	TRY(client_link_join(s, s->link, &events, &s->user));
	return outbox_open(s, s->store->db, client_link_bus(s->link), s->loop, on_outcome, s, &s->outbox);
}

static struct error *put_all(struct client_sender *s, const struct client_sender_messages *messages)
{
	TRY(join(s));
	TRY(client_outbox_mark(s->store, true));
	return db_together(s->store->db, keep, messages);
}

static int sender_destroy(struct client_sender *s)
{
	error_free(s->why);
	error_free(s->failure);
	return 0;
}

struct error *client_sender_begin(const void *ctx, struct client_link *link, struct client_outbox *store,
				  struct message *const *messages, size_t count, const char *what, int64_t patience_ms,
				  const struct client_sender_events *events, struct client_sender **ret_sender)
{
	struct client_sender *s = mem_new(ctx, struct client_sender);
	struct error *e;

	s->client = client_link_client(link);
	s->events = *events;
	s->link = link;
	s->loop = client_link_loop(link);
	s->store = store;
	talloc_set_destructor(s, sender_destroy);
	(void)clock_steady(s);
	e = put_all(s, &(struct client_sender_messages){s, messages, count, what});
	if (e) {
		mem_free(s);
		return e;
	}
	if (patience_ms > 0)
		s->patience = timer_start(s, s->loop, patience_ms, 0, on_patience, s);
	s->look = timer_start(s, s->loop, LOOK_MS, LOOK_MS, on_look, s);
	*ret_sender = s;
	return NULL;
}

struct error *client_sender_lock(struct client_outbox *s, int *ret_fd)
{
	return file_lock(file_join(s, s->folder, "sender.lock"), ret_fd);
}

struct error *client_sender_look(const struct client_options *client, struct client_outbox *s, bool *ret_works,
				 bool *ret_idle)
{
	int64_t waiting = 0, desired = 0;
	struct client_desired *due = NULL;
	size_t due_count = 0;

	TRY(client_outbox_waiting(s, &waiting));
	TRY(client_desired_settle(client, s, &desired));
	TRY(client_desired_due(s, s, &due, &due_count));
	*ret_works = waiting > 0 || due_count > 0;
	*ret_idle = waiting == 0 && desired == 0;
	return NULL;
}
