#include "bus/amqp_settle.h"

#include <string.h>

#include "base/mem.h"

void amqp_settle_begin(struct amqp_settle *s)
{
	s->count = s->done = 0;
}

void amqp_settle_delivered(struct amqp_settle *s, const void *ctx, uint64_t number)
{
	if (s->count == s->size) {
		s->size = s->size ? 2 * s->size : 16;
		s->open = mem_resize(ctx, s->open, struct amqp_delivered, s->size);
	}
	s->open[s->count++] = (struct amqp_delivered){.number = number};
}

static struct amqp_delivered *find(struct amqp_settle *s, uint64_t number)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->open[i].number == number)
			return &s->open[i];
	}
	return NULL;
}

/* `n` of them, from `first` on, are open no more. */
static void cut(struct amqp_settle *s, size_t first, size_t n)
{
	s->count -= n;
	memmove(s->open + first, s->open + first + n, (s->count - first) * sizeof(*s->open));
}

void amqp_settle_done(struct amqp_settle *s, uint64_t number)
{
	struct amqp_delivered *d = find(s, number);

	if (!d || d->done)
		return;
	d->done = true;
	s->done++;
}

void amqp_settle_forget(struct amqp_settle *s, uint64_t number)
{
	struct amqp_delivered *d = find(s, number);

	if (!d)
		return;
	s->done -= d->done;
	cut(s, (size_t)(d - s->open), 1);
}

bool amqp_settle_take(struct amqp_settle *s, uint64_t *ret_number, bool *ret_multiple)
{
	size_t first = 0, n = 0;

	if (!s->done)
		return false;
	while (n < s->count && s->open[n].done)
		n++;
	/* One that came before them is still being handled: each on its own. */
	while (!n) {
		if (s->open[first].done)
			n = 1;
		else
			first++;
	}
	*ret_number = s->open[first + n - 1].number;
	*ret_multiple = n > 1;
	s->done -= n;
	cut(s, first, n);
	return true;
}
