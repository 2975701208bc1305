#include "bus/amqp_watch.h"

#include <unistd.h>

#include "base/mem.h"

struct amqp_watch {
	uv_poll_t poll;
	int fd;
	void (*fn)(void *arg);
	void *arg;
};

static void on_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct amqp_watch *w = poll->data;

	(void)status; /* whoever reads learns it */
	(void)events;
	w->fn(w->arg);
}

struct error *amqp_watch_new(uv_loop_t *loop, int fd, void (*fn)(void *arg), void *arg, struct amqp_watch **ret_watch)
{
	struct amqp_watch *w = mem_new(NULL, struct amqp_watch);
	int status = uv_poll_init(loop, &w->poll, fd);

	if (status < 0) {
		close(fd);
		mem_free(w);
		return error_uv(status, "broker connection: watch");
	}
	w->poll.data = w;
	w->fd = fd;
	w->fn = fn;
	w->arg = arg;
	*ret_watch = w;
	return NULL;
}

void amqp_watch_pause(struct amqp_watch *w)
{
	(void)uv_poll_stop(&w->poll);
}

bool amqp_watch_resume(struct amqp_watch *w)
{
	return !uv_is_active((uv_handle_t *)&w->poll) && !uv_poll_start(&w->poll, UV_READABLE, on_event);
}

void amqp_watch_free(struct amqp_watch *w)
{
	if (!w)
		return;
	(void)uv_poll_stop(&w->poll);
	close(w->fd);
	/* A loop that was drained has closed it already, without a word to us. */
	if (uv_is_closing((uv_handle_t *)&w->poll))
		mem_free(w);
	else
		uv_close((uv_handle_t *)&w->poll, on_closed);
}
