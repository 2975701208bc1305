#include "client/patience.h"

#include "base/loop.h"
#include "base/mem.h"

struct client_patience {
	struct client_patience_options options;
	struct client_patience_events events;
	struct client_link_user *user;
	struct timer *timer; /* NULL: nothing more to wait for */
	struct error *down;
	char *held;
	bool reached, given_up;
};

int64_t client_patience_ms(int64_t timeout_ms, int64_t patience_ms)
{
	return timeout_ms > 0 && timeout_ms < patience_ms ? timeout_ms : patience_ms;
}

struct error *client_patience_away(const struct client_options *client, int64_t within_ms, const struct error *why)
{
	if (why && (why->code == ERROR_REFUSED || why->code == ERROR_INVALID))
		return error_new(why->code, "%s: %s", client->bus, why->message);
	if (!why)
		return error_new(
			ERROR_UNAVAILABLE,
			"the broker at %s cannot be reached (--bus, $DSN_BUS): it has not let us in within %lld ms",
			client->bus, (long long)within_ms);
	return error_new(ERROR_UNAVAILABLE, "the broker at %s cannot be reached (--bus, $DSN_BUS): %s", client->bus,
			 why->message);
}

static void tell(const struct client_patience *p, enum client_waiting what, const char *why)
{
	if (p->events.waiting)
		p->events.waiting(what, why, p->events.arg);
}

static void stop_waiting(struct client_patience *p)
{
	mem_free(p->timer);
	p->timer = NULL;
}

static void give_up(struct client_patience *p)
{
	if (p->given_up)
		return;
	p->given_up = true;
	stop_waiting(p);
	p->events.given_up(p->events.arg);
}

static void on_late(void *arg)
{
	give_up(arg);
}

static bool hopeless(const struct client_patience *p, const struct error *why)
{
	return p->options.hasty || why->code == ERROR_REFUSED || why->code == ERROR_INVALID;
}

static void on_down(struct client_patience *p, const struct error *why)
{
	bool gives_up = !p->reached && hopeless(p, why);

	mem_free(p->held);
	p->held = NULL;
	tell(p, CLIENT_WAITING_BUS, why->message);
	if (gives_up)
		give_up(p);
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct client_patience *p = arg;

	error_free(p->down);
	p->down = error_copy(why);
	if (!up) {
		on_down(p, why);
		return;
	}
	/* What is begun now would be told as not begun. */
	if (p->given_up)
		return;
	p->reached = true;
	stop_waiting(p);
	tell(p, CLIENT_WAITING_ANSWERS, NULL);
	p->events.up(p->events.arg);
}

static void on_refused(const struct error *why, void *arg)
{
	tell(arg, CLIENT_WAITING_MAILBOX, why->message);
}

static void on_held(const char *why, void *arg)
{
	struct client_patience *p = arg;

	mem_free(p->held);
	p->held = why ? mem_strdup(p, why) : NULL;
	tell(p, why ? CLIENT_WAITING_ROOM : CLIENT_WAITING_ANSWERS, why);
}

static void on_status(const struct message *m, void *arg)
{
	struct client_patience *p = arg;

	p->events.status(m, p->events.arg);
}

static int patience_destroy(struct client_patience *p)
{
	error_free(p->down);
	return 0;
}

struct error *client_patience_new(const void *ctx, const struct client_patience_options *options,
				  const struct client_patience_events *events, struct client_patience **ret_patience)
{
	struct client_patience *p = mem_new(ctx, struct client_patience);
	const struct client_link_events heard = {.state = on_state,
						 .refused = on_refused,
						 .held = on_held,
						 .status = events->status ? on_status : NULL,
						 .arg = p};
	struct error *e;

	p->options = *options;
	p->events = *events;
	talloc_set_destructor(p, patience_destroy);
	e = client_link_join(p, options->link, &heard, &p->user);
	if (e) {
		mem_free(p);
		return e;
	}
	p->timer = timer_start(p, client_link_loop(options->link),
			       client_patience_ms(options->timeout_ms, options->patience_ms), 0, on_late, p);
	*ret_patience = p;
	return NULL;
}

bool client_patience_reached(const struct client_patience *p)
{
	return p->reached;
}

const struct error *client_patience_down(const struct client_patience *p)
{
	return p->down;
}

const char *client_patience_held(const struct client_patience *p)
{
	return p->held;
}

struct error *client_patience_error(const struct client_patience *p)
{
	const struct client_patience_options *o = &p->options;

	if (p->reached)
		return NULL;
	return client_patience_away(client_link_client(o->link), client_patience_ms(o->timeout_ms, o->patience_ms),
				    p->down);
}
