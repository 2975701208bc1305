#include "bus/tell.h"

#include "base/loop.h"
#include "base/mem.h"

struct told {
	struct error *error;
	bus_sent_fn *fn;
	void *arg;
};

static int told_destroy(struct told *t)
{
	error_free(t->error);
	return 0;
}

static void on_tell(void *arg)
{
	struct told *t = talloc_steal(NULL, (struct told *)arg); /* the callback may free the bus */

	t->fn(t->error, t->arg);
	mem_free(t);
}

void bus_tell_later(const void *ctx, uv_loop_t *loop, struct error *e, bus_sent_fn *fn, void *arg)
{
	struct told *t;

	if (!fn) {
		error_free(e);
		return;
	}
	t = mem_new(ctx, struct told);
	*t = (struct told){e, fn, arg};
	talloc_set_destructor(t, told_destroy);
	timer_start(t, loop, 0, 0, on_tell, t);
}
