#include "bus/amqp_pipe.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

void amqp_list_init(struct amqp_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

void amqp_list_append(struct amqp_list *l, struct amqp_item *i)
{
	i->next = NULL;
	*l->last = i;
	l->last = &i->next;
}

struct amqp_item *amqp_list_take(struct amqp_list *l)
{
	struct amqp_item *i = l->first;

	if (!i)
		return NULL;
	l->first = i->next;
	if (!l->first)
		l->last = &l->first;
	return i;
}

void amqp_list_clear(struct amqp_list *l)
{
	struct amqp_item *i;

	while ((i = amqp_list_take(l)))
		mem_free(i);
}

static void list_move(struct amqp_list *from, struct amqp_list *to)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	amqp_list_init(from);
}

struct amqp_pipe {
	pthread_mutex_t lock;
	struct amqp_list down; /* loop to owner */
	struct amqp_list up;   /* owner to loop */
	struct amqp_list held; /* the owner's own: given, not yet flushed */
	bool loop_gone;
	int references;
	int wake_fd;
	uv_async_t async;
	void (*fn)(void *arg);
	void *arg;
};

static void on_async(uv_async_t *async)
{
	struct amqp_pipe *p = async->data;

	p->fn(p->arg);
}

struct error *amqp_pipe_new(uv_loop_t *loop, void (*fn)(void *arg), void *arg, struct amqp_pipe **ret_pipe)
{
	struct amqp_pipe *p = mem_new(NULL, struct amqp_pipe);
	int status;

	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake_fd < 0) {
		mem_free(p);
		return error_sys(errno, "broker connection: eventfd");
	}
	status = uv_async_init(loop, &p->async, on_async);
	if (status < 0) {
		close(p->wake_fd);
		mem_free(p);
		return error_uv(status, "broker connection: async handle");
	}
	p->async.data = p;
	pthread_mutex_init(&p->lock, NULL);
	amqp_list_init(&p->down);
	amqp_list_init(&p->up);
	amqp_list_init(&p->held);
	p->references = 2;
	p->fn = fn;
	p->arg = arg;
	*ret_pipe = p;
	return NULL;
}

void amqp_pipe_release(struct amqp_pipe *p)
{
	bool last;

	pthread_mutex_lock(&p->lock);
	last = --p->references == 0;
	pthread_mutex_unlock(&p->lock);
	if (!last)
		return;
	amqp_list_clear(&p->down);
	amqp_list_clear(&p->up);
	amqp_list_clear(&p->held);
	pthread_mutex_destroy(&p->lock);
	close(p->wake_fd);
	mem_free(p);
}

static void on_async_closed(uv_handle_t *handle)
{
	amqp_pipe_release(handle->data);
}

void amqp_pipe_close(struct amqp_pipe *p)
{
	pthread_mutex_lock(&p->lock);
	p->loop_gone = true;
	pthread_mutex_unlock(&p->lock);
	/* A loop that was drained has closed it already, without a word to us. */
	if (uv_is_closing((uv_handle_t *)&p->async))
		amqp_pipe_release(p);
	else
		uv_close((uv_handle_t *)&p->async, on_async_closed);
}

void amqp_pipe_wake(struct amqp_pipe *p)
{
	ssize_t n = write(p->wake_fd, &(uint64_t){1}, sizeof(uint64_t));

	(void)n; /* fails only when the counter is full, and then the owner is awake anyway */
}

void amqp_pipe_put_all(struct amqp_pipe *p, struct amqp_list *l)
{
	bool was_empty;

	if (!l->first)
		return;
	pthread_mutex_lock(&p->lock);
	was_empty = !p->down.first;
	list_move(l, &p->down);
	pthread_mutex_unlock(&p->lock);
	/* The owner takes the whole list each time it wakes, so one wake-up per list is enough. */
	if (was_empty)
		amqp_pipe_wake(p);
}

bool amqp_pipe_is_filled(struct amqp_pipe *p)
{
	bool filled;

	pthread_mutex_lock(&p->lock);
	filled = p->down.first;
	pthread_mutex_unlock(&p->lock);
	return filled;
}

void amqp_pipe_put(struct amqp_pipe *p, struct amqp_item *i)
{
	struct amqp_list one;

	amqp_list_init(&one);
	amqp_list_append(&one, i);
	amqp_pipe_put_all(p, &one);
}

void amqp_pipe_trigger(struct amqp_pipe *p)
{
	uv_async_send(&p->async);
}

void amqp_pipe_collect(struct amqp_pipe *p, struct amqp_list *l)
{
	pthread_mutex_lock(&p->lock);
	list_move(&p->up, l);
	pthread_mutex_unlock(&p->lock);
}

void amqp_pipe_collect_all(struct amqp_pipe *p, struct amqp_list *l)
{
	amqp_pipe_collect(p, l);
	list_move(&p->held, l);
}

void amqp_pipe_give(struct amqp_pipe *p, struct amqp_item *i)
{
	amqp_list_append(&p->held, i);
}

void amqp_pipe_flush(struct amqp_pipe *p)
{
	if (!p->held.first)
		return;
	pthread_mutex_lock(&p->lock);
	if (!p->loop_gone) {
		/* Sent under the lock, so that the handle cannot be closed in between. */
		if (!p->up.first)
			uv_async_send(&p->async);
		list_move(&p->held, &p->up);
	}
	pthread_mutex_unlock(&p->lock);
	amqp_list_clear(&p->held);
}

void amqp_pipe_fetch(struct amqp_pipe *p, struct amqp_list *l)
{
	uint64_t count;
	ssize_t n = read(p->wake_fd, &count, sizeof(count));

	(void)n; /* nothing to read is no failure: the list may still be filled a moment later */
	pthread_mutex_lock(&p->lock);
	list_move(&p->down, l);
	pthread_mutex_unlock(&p->lock);
}

int amqp_pipe_fd(const struct amqp_pipe *p)
{
	return p->wake_fd;
}
