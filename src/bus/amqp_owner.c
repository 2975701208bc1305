#include "bus/amqp_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/amqp_link.h"

/* More than a good-bye takes that is not answered. */
#define STOP_PATIENCE_MS 1500
#define BROKEN_PATIENCE_MS 500
/* rabbitmq-c sends and checks heartbeats only inside its calls, so it is called at least this often. */
#define TICK_MS INT64_C(1000)
/* A request's usual patience (10 s) outlives this: a question asked as soon as a broker is back is answered. */
#define RECONNECT_MAX_MS 5000

static void tell_up(struct amqp_owner *o)
{
	struct amqp_report *r = amqp_report_new(REPORT_STATE);

	r->up = true;
	r->socket = fcntl(amqp_get_sockfd(o->link), F_DUPFD_CLOEXEC, 0);
	o->reported_down = false;
	amqp_pipe_give(o->pipe, &r->item);
}

/* Once per outage, and again when the reason changes. Takes e. */
static void tell_down(struct amqp_owner *o, struct error *e)
{
	struct amqp_report *r;

	if (o->reported_down && !strcmp(o->reported_reason, e->message)) {
		error_free(e);
		return;
	}
	mem_free(o->reported_reason);
	o->reported_reason = mem_strdup(o, e->message);
	o->reported_down = true;
	r = amqp_report_new(REPORT_STATE);
	r->error = e;
	amqp_pipe_give(o->pipe, &r->item);
}

static void set_socket(struct amqp_owner *o, int fd)
{
	pthread_mutex_lock(&o->socket_lock);
	o->socket = fd;
	pthread_mutex_unlock(&o->socket_lock);
}

static void serve(struct amqp_owner *o, const struct amqp_order *order)
{
	(void)amqp_mailbox_add(o, order->id, order->durable, NULL);
	if (!o->accept_plain || !order->durable)
		return;
	(void)amqp_mailbox_add(o, order->id, true, order->id);
	if (order->enode)
		(void)amqp_mailbox_add(o, order->id, true, order->enode);
}

/* Orders that need a connection find none: messages fail at once, acknowledgements are void. */
static struct error *execute(struct amqp_owner *o, struct amqp_order *order)
{
	struct error *e = NULL;

	switch (order->kind) {
	case ORDER_STOP:
		break; /* o->stop says it */
	case ORDER_SERVE:
		serve(o, order);
		break;
	case ORDER_WATCH:
		(void)amqp_mailbox_add(o, NULL, false, NULL);
		break;
	case ORDER_UNSERVE:
		amqp_mailbox_remove(o, order->id, order->remove);
		break;
	case ORDER_ACCEPT:
		e = amqp_publish_settle(o, order, true);
		break;
	case ORDER_SEND:
	case ORDER_REJECT:
		amqp_list_append(&o->waiting, &order->item);
		return NULL;
	}
	mem_free(order);
	return e;
}

struct error *amqp_owner_execute(struct amqp_owner *o, struct amqp_list *orders)
{
	struct error *e = NULL;
	struct amqp_item *i;

	while ((i = amqp_list_take(orders))) {
		struct error *next = execute(o, (struct amqp_order *)i);

		/* The connection is lost, but the orders are not. */
		if (e)
			error_free(next);
		else
			e = next;
	}
	return e ? e : amqp_publish_settled(o);
}

static struct error *execute_all(struct amqp_owner *o)
{
	struct amqp_list orders;

	amqp_list_init(&orders);
	amqp_pipe_fetch(o->pipe, &orders);
	return amqp_owner_execute(o, &orders);
}

static void wait_for_work(struct amqp_owner *o, int64_t timeout_ms)
{
	struct pollfd fds[2] = {{.fd = amqp_pipe_fd(o->pipe), .events = POLLIN},
				{.fd = o->link && !o->watched ? amqp_get_sockfd(o->link) : -1, .events = POLLIN}};

	if (timeout_ms > TICK_MS)
		timeout_ms = TICK_MS;
	pthread_mutex_unlock(&o->turn);
	(void)poll(fds, 2, timeout_ms > 0 ? (int)timeout_ms : 0);
	pthread_mutex_lock(&o->turn);
}

static bool can_publish_more(const struct amqp_owner *o)
{
	return o->waiting.first && !o->blocked && o->window_count < WINDOW_MESSAGES && o->window_bytes < WINDOW_BYTES;
}

void amqp_owner_needed(struct amqp_owner *o)
{
	o->needed = true;
}

static struct error *reopen_channels(struct amqp_owner *o)
{
	if (o->scratch_closed)
		TRY(amqp_link_open_channel(o->link, CHANNEL_SCRATCH));
	o->scratch_closed = false;
	if (!o->publish_closed)
		return NULL;
	TRY(amqp_publish_open(o));
	o->publish_closed = false;
	return amqp_owner_declare_network(o);
}

static struct error *take_broken(struct amqp_owner *o)
{
	struct error *e = o->broken;

	o->broken = NULL;
	return e;
}

static struct error *connection_turn(struct amqp_owner *o)
{
	int64_t next_ms;

	TRY(take_broken(o));
	o->needed = false;
	TRY(reopen_channels(o));
	TRY(execute_all(o));
	/* Mailboxes first: who serves one and then asks is ready for the answer. */
	TRY(amqp_mailboxes_open(o, clock_mono_ms(), &next_ms));
	TRY(amqp_publish_waiting(o));
	TRY(amqp_frames_read(o));
	amqp_pipe_flush(o->pipe);
	if (o->stop || o->needed || can_publish_more(o) || amqp_frames_ahead(o))
		return NULL;
	wait_for_work(o, next_ms - clock_mono_ms());
	return NULL;
}

static struct error *enter(struct amqp_owner *o)
{
	char *name;
	struct error *e;

	TRY(amqp_link_dial(o->address, &o->link));
	set_socket(o, amqp_get_sockfd(o->link));
	/* Who stops us later than this breaks the socket. */
	if (o->stop)
		return error_new(ERROR_UNAVAILABLE, "stopped");
	name = mem_printf(o, "dsn %s", o->network);
	e = amqp_link_login(o->link, o->address, name, o->heartbeat_ms);
	mem_free(name);
	return e;
}

static struct error *connection_begin(struct amqp_owner *o)
{
	int64_t next_ms;

	TRY(enter(o));
	o->may_bind = true;
	o->blocked = false;
	o->publish_closed = o->scratch_closed = false;
	TRY(amqp_publish_open(o));
	TRY(amqp_link_send_open(o->link, CHANNEL_SCRATCH));
	TRY(amqp_owner_declare_network(o));
	/* Mailboxes before "up": who then sends a command can be answered. */
	TRY(execute_all(o));
	TRY(amqp_mailboxes_open(o, clock_mono_ms(), &next_ms));
	o->ready = true;
	tell_up(o);
	amqp_pipe_flush(o->pipe);
	return NULL;
}

/* Takes e; NULL: we leave by ourselves. */
static void connection_end(struct amqp_owner *o, struct error *e)
{
	amqp_connection_state_t link = o->link;
	struct error *outcome;

	o->link = NULL;
	o->ready = false;
	set_socket(o, -1);
	/* A broker that takes nothing does not read a good-bye either. */
	amqp_link_close(link, !e && !o->blocked);
	for (struct amqp_mailbox *m = o->mailboxes; m; m = m->next) {
		m->channel = 0;
		m->retry_at_ms = 0;
	}
	for (size_t i = 0; i < o->incoming_count; i++)
		amqp_frames_forget(o, (uint16_t)i);
	if (!e)
		e = error_new(ERROR_UNAVAILABLE, "the broker connection was closed");
	/* Whatever the reason is, for a message it means: not sent, try again. */
	outcome = error_new(ERROR_UNAVAILABLE, "%s", e->message);
	amqp_publish_fail(o, outcome);
	error_free(outcome);
	tell_down(o, e);
	amqp_pipe_flush(o->pipe);
}

static void wait_before_next(struct amqp_owner *o, int64_t delay_ms)
{
	int64_t until_ms = clock_mono_ms() + delay_ms;
	struct error *away = error_new(ERROR_UNAVAILABLE, "not connected to the broker: %s", o->reported_reason);

	while (!o->stop) {
		int64_t left_ms = until_ms - clock_mono_ms();

		error_free(execute_all(o));
		amqp_publish_fail(o, away);
		amqp_pipe_flush(o->pipe);
		if (left_ms <= 0)
			break;
		wait_for_work(o, left_ms);
	}
	error_free(away);
}

static void *owner_main(void *arg)
{
	struct amqp_owner *o = arg;

	pthread_mutex_lock(&o->turn);
	while (!o->stop) {
		int64_t began_ms = clock_mono_ms();
		struct error *e = connection_begin(o);

		while (!e && !o->stop)
			e = connection_turn(o);
		if (!e)
			e = execute_all(o); /* what was ordered before the stop: acknowledgements */
		if (!e)
			e = amqp_publish_waiting(o);
		connection_end(o, e);
		if (!o->stop)
			wait_before_next(o, backoff_next_ms(&o->backoff, clock_mono_ms() - began_ms));
	}
	pthread_mutex_unlock(&o->turn);
	return NULL;
}

struct error *amqp_owner_start(struct amqp_owner *o)
{
	sigset_t all, before;
	int status;

	amqp_list_init(&o->waiting);
	amqp_list_init(&o->window);
	o->backoff = (struct backoff){.first_ms = 200, .max_ms = RECONNECT_MAX_MS, .steady_ms = 5000};
	o->socket = -1;
	pthread_mutex_init(&o->socket_lock, NULL);
	pthread_mutex_init(&o->turn, NULL);
	/* Signals are the loop thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&o->thread, NULL, owner_main, o);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status ? error_sys(status, "broker connection: thread") : NULL;
}

static bool join_within(struct amqp_owner *o, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until); /* not the wall clock, which may be set meanwhile */
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_clockjoin_np(o->thread, NULL, CLOCK_MONOTONIC, &until) == 0;
}

static void break_socket(struct amqp_owner *o)
{
	pthread_mutex_lock(&o->socket_lock);
	if (o->socket >= 0)
		shutdown(o->socket, SHUT_RDWR);
	pthread_mutex_unlock(&o->socket_lock);
}

void amqp_owner_stop(struct amqp_owner *o)
{
	o->stop = true;
	amqp_pipe_put(o->pipe, &amqp_order_new(ORDER_STOP)->item);
	/* Of a broker that has not let us in nothing was ordered yet. */
	if (!o->ready || !join_within(o, STOP_PATIENCE_MS)) {
		break_socket(o);
		if (!join_within(o, BROKEN_PATIENCE_MS)) {
			log_warn("bus.stuck", "host=%s", log_q(o->address->host));
			pthread_detach(o->thread);
			return;
		}
	}
	amqp_pipe_release(o->pipe);
	amqp_list_clear(&o->waiting);
	amqp_list_clear(&o->window);
	pthread_mutex_destroy(&o->socket_lock);
	pthread_mutex_destroy(&o->turn);
	error_free(o->broken);
	mem_free(o);
}
