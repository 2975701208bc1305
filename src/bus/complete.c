#include "bus/complete.h"

#include "base/loop.h"
#include "base/mem.h"

struct completion {
	struct error *error;
	bus_sent_fn *fn;
	void *arg;
};

static int completion_destroy(struct completion *t)
{
	error_free(t->error);
	return 0;
}

static void on_tell(void *arg)
{
	struct completion *t = talloc_steal(NULL, (struct completion *)arg); /* the callback may free the bus */

	t->fn(t->error, t->arg);
	mem_free(t);
}

void bus_complete_later(const void *ctx, uv_loop_t *loop, struct error *e, bus_sent_fn *fn, void *arg)
{
	struct completion *t;

	if (!fn) {
		error_free(e);
		return;
	}
	t = mem_new(ctx, struct completion);
	*t = (struct completion){e, fn, arg};
	talloc_set_destructor(t, completion_destroy);
	timer_start(t, loop, 0, 0, on_tell, t);
}
