#include "node/agent/answer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define HELD_MAX 64 /* that wait for the bus to come up */

struct answer {
	struct answer *next; /* of those that are held */
	struct answers *all;
	struct message *message;
};

struct answers {
	struct bus *bus;
	struct answer *held;
	size_t held_count;
};

struct answers *answers_new(const void *ctx, struct bus *bus)
{
	struct answers *a = mem_new(ctx, struct answers);

	a->bus = bus;
	return a;
}

static bool hold(struct answer *one, const struct error *e)
{
	struct answers *a = one->all;

	if (e->code != ERROR_UNAVAILABLE || a->held_count >= HELD_MAX || message_expired(one->message, clock_wall_ms()))
		return false;
	one->next = a->held;
	a->held = one;
	a->held_count++;
	return true;
}

static void on_sent(const struct error *e, void *arg)
{
	struct answer *one = arg;

	if (e && hold(one, e))
		return;
	if (e)
		log_warn("result.not_sent", "command=%s reason=%s", one->message->re, log_q(e->message));
	mem_free(one);
}

void answers_send(struct answers *a, const struct message *m)
{
	struct answer *one = mem_new(a, struct answer);

	one->all = a;
	one->message = message_copy(one, m);
	bus_send(a->bus, one->message, on_sent, one);
}

void answers_kick(struct answers *a)
{
	struct answer *next = a->held;

	a->held = NULL;
	a->held_count = 0;
	while (next) {
		struct answer *one = next;

		next = one->next;
		bus_send(a->bus, one->message, on_sent, one);
	}
}
