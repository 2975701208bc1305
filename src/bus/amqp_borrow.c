/* What the loop thread does on the broker connection itself, while the owner sleeps. */
#include "bus/amqp_link.h"
#include "bus/amqp_owner.h"

/* Of a message's frames, without its body: method, header with all properties, ends. */
#define FRAMES_BYTES 1024
/* What is written while reading: acknowledgements of what is refused, answers to the broker's closing. */
#define ANSWERS_BYTES 65536

static bool try_turn(struct amqp_owner *o)
{
	if (pthread_mutex_trylock(&o->turn))
		return false;
	if (o->link && !o->broken && !o->needed && !o->stop)
		return true;
	pthread_mutex_unlock(&o->turn);
	return false;
}

static void end_turn(struct amqp_owner *o, struct error *e)
{
	o->broken = e;
	if (o->broken || o->needed || amqp_frames_ahead(o))
		amqp_pipe_wake(o->pipe);
	pthread_mutex_unlock(&o->turn);
}

static bool cannot_block(const struct amqp_owner *o, const struct amqp_list *orders)
{
	size_t bytes = 0, messages = 0;

	for (const struct amqp_item *i = orders->first; i; i = i->next) {
		const struct amqp_order *order = (const struct amqp_order *)i;

		if (order->kind != ORDER_SEND && order->kind != ORDER_ACCEPT)
			return false;
		bytes += order->len + FRAMES_BYTES;
		messages++;
	}
	return o->window_count + messages <= WINDOW_MESSAGES && o->window_bytes + bytes <= WINDOW_BYTES &&
	       amqp_link_has_room(o->link, bytes);
}

bool amqp_owner_try_orders(struct amqp_owner *o, struct amqp_list *orders)
{
	struct error *e;

	if (!try_turn(o))
		return false;
	if (o->blocked || o->waiting.first || amqp_pipe_is_filled(o->pipe) || !cannot_block(o, orders)) {
		pthread_mutex_unlock(&o->turn);
		return false;
	}
	e = amqp_owner_execute(o, orders);
	if (!e)
		e = amqp_publish_waiting(o);
	amqp_pipe_flush(o->pipe);
	end_turn(o, e);
	return true;
}

bool amqp_owner_try_read(struct amqp_owner *o, struct amqp_list *reports)
{
	struct error *e;

	if (!try_turn(o))
		return false;
	if (!amqp_link_has_room(o->link, ANSWERS_BYTES)) {
		pthread_mutex_unlock(&o->turn);
		return false;
	}
	e = amqp_frames_read(o);
	amqp_pipe_collect_all(o->pipe, reports);
	/* What the window held back may be sent now. */
	if (o->waiting.first)
		amqp_owner_needed(o);
	end_turn(o, e);
	return true;
}

void amqp_owner_set_watched(struct amqp_owner *o, bool watched)
{
	o->watched = watched;
	/* It may sleep on the other footing. */
	amqp_pipe_wake(o->pipe);
}
