/* Names of what a network has on a broker. Texts belong to ctx. See docs/broker.md. */
#ifndef DSN_BUS_AMQP_NAMES_H
#define DSN_BUS_AMQP_NAMES_H

#include "base/mem.h"

static inline char *amqp_name_exchange(const void *ctx, const char *network)
{
	return mem_printf(ctx, "dsn.%s", network);
}

static inline char *amqp_name_status(const void *ctx, const char *network)
{
	return mem_printf(ctx, "dsn.%s.status", network);
}

/* Exchange and queue of the dead letters. */
static inline char *amqp_name_dead(const void *ctx, const char *network)
{
	return mem_printf(ctx, "dsn.%s.dead", network);
}

static inline char *amqp_name_mailbox(const void *ctx, const char *network, const char *id)
{
	return mem_printf(ctx, "dsn.%s.%s", network, id);
}

/* The exclusive queue that shows that a mailbox is served. */
static inline char *amqp_name_lock(const void *ctx, const char *network, const char *id)
{
	return mem_printf(ctx, "dsn.%s.%s.lock", network, id);
}

static inline char *amqp_name_watch(const void *ctx, const char *network, const char *random)
{
	return mem_printf(ctx, "dsn.%s.watch.%s", network, random);
}

#endif
