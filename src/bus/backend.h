/* What a bus backend provides. Add one: implement these, put a row into the table in bus.c. */
#ifndef DSN_BUS_BACKEND_H
#define DSN_BUS_BACKEND_H

#include "bus/bus.h"

struct bus_backend {
	const char *scheme; /* "amqp" */
	/* Is this a URL for open? NULL: any with the scheme is. */
	struct error *(*check_url)(const char *url);
	/* `self` of the other calls is what open returns; it is a child of ctx and is freed with it. */
	struct error *(*open)(const void *ctx, uv_loop_t *loop, const struct bus_options *options,
			      const struct bus_handlers *handlers, void **ret_self);
	struct error *(*serve)(void *self, const char *id, bool durable);
	void (*unserve)(void *self, const char *id, bool remove);
	void (*send)(void *self, const struct message *m, bus_sent_fn *fn, void *arg);
	void (*accept)(void *self, struct bus_delivery *d);
	void (*reject)(void *self, struct bus_delivery *d, const char *reason);
	struct error *(*watch_status)(void *self);
	bool (*is_up)(const void *self);
};

/* The head of a backend's delivery, a child of `self`. accept and reject free it. */
struct bus_delivery {
	const struct bus_backend *backend;
	void *self;
	struct message *message; /* set by bus_receive() */
};

/* A text has arrived in the mailbox `id` (NULL: a status). Decodes it, sends what is malformed, void by age or meant
 * for somebody else to the dead letters, and hands the rest to the handlers. `salt` is for plain messages: what tells
 * two of the same bytes apart (bus/message.h); NULL: nothing does, each is new. */
void bus_receive(struct bus_delivery *d, const struct bus_handlers *handlers, const char *id, bool plain,
		 const char *salt, const char *text, size_t len);

extern const struct bus_backend bus_backend_amqp;
extern const struct bus_backend bus_backend_amqps; /* the same over TLS */
extern const struct bus_backend bus_backend_memory;

#endif
