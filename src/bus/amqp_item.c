#include "bus/amqp_item.h"

#include <unistd.h>

#include "base/mem.h"

struct amqp_order *amqp_order_new(enum amqp_order_kind kind)
{
	struct amqp_order *o = mem_new(NULL, struct amqp_order);

	o->kind = kind;
	return o;
}

static int report_destroy(struct amqp_report *r)
{
	error_free(r->error);
	if (r->socket >= 0)
		close(r->socket);
	return 0;
}

struct amqp_report *amqp_report_new(enum amqp_report_kind kind)
{
	struct amqp_report *r = mem_new(NULL, struct amqp_report);

	r->kind = kind;
	r->socket = -1;
	talloc_set_destructor(r, report_destroy);
	return r;
}
