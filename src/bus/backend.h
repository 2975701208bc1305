/* What a bus backend provides. Add one: implement these, put a row into the table in bus.c.
 *
 * A backend carries bytes (bus/seal.h); what they hold is none of its concern, except for those of its own kinds
 * (MESSAGE_ACK, MESSAGE_CLAIM), should it need them.
 */
#ifndef DSN_BUS_BACKEND_H
#define DSN_BUS_BACKEND_H

#include "bus/bus.h"
#include "bus/seal.h"

/* What is to be sent. All is borrowed for the call. */
struct bus_item {
	const char *id; /* of the message */
	enum message_kind kind;
	const char *from, *to; /* `to` is "" for a status */
	int64_t until_ms;      /* wall clock; 0: no limit */
	bool once;             /* bus_send_once(): not repeated, not kept, given up where there is little room */
	const uint8_t *bytes;
	size_t len;
};

struct bus_backend {
	const char *scheme; /* "amqp" */
	bool reserves;      /* mailboxes are places of their own, and it is known at once that there is none */
	/* Is this a URL for open? NULL: any with the scheme is. */
	struct error *(*check_url)(const char *url);
	/* `self` of the other calls is what open returns; it is a child of ctx and is freed with it. */
	struct error *(*open)(const void *ctx, uv_loop_t *loop, const struct bus_options *options, struct bus *bus,
			      void **ret_self);
	struct error *(*serve)(void *self, const char *id, bool durable);
	void (*unserve)(void *self, const char *id, bool remove);
	/* A hello (MESSAGE_HELLO) is sent once and needs no confirm of its receiver: the bus asks again. */
	void (*send)(void *self, const struct bus_item *item, bus_sent_fn *fn, void *arg);
	/* bus_forget(). NULL: what was sent is out of our hands. */
	bool (*forget)(void *self, const char *from, const char *to, const void *arg);
	void (*accept)(void *self, struct bus_delivery *d);
	void (*reject)(void *self, struct bus_delivery *d, const char *reason);
	void (*drop)(void *self, struct bus_delivery *d); /* bus_drop() */
	struct error *(*watch_status)(void *self);
	bool (*probe)(void *self, const char *id); /* bus_probe(). NULL: it cannot tell */
	bool (*is_up)(const void *self);
};

/* The head of a backend's delivery, a child of `self`. accept, reject and drop free it. */
struct bus_delivery {
	const struct bus_backend *backend;
	void *self;
	struct message *message; /* set by bus_receive() */
};

/* Bytes have arrived in the mailbox `id` (NULL: a status). Opens and reads them, sends what is malformed, void by age,
 * not sealed where it must be or meant for somebody else to the dead letters, answers a hello, and hands the rest to
 * the handlers. `plain`: a body without envelope may be among them; `salt` tells two of the same bytes apart
 * (bus/message.h); NULL: nothing does, each is new. */
void bus_receive(struct bus *bus, struct bus_delivery *d, const char *id, bool plain, const char *salt,
		 const uint8_t *bytes, size_t len);
/* The other events, for the handlers of bus_open(). */
void bus_report_state(struct bus *bus, bool up, const struct error *why);
void bus_report_held(struct bus *bus, const char *why);
void bus_report_refused(struct bus *bus, const char *id, const struct error *why);
void bus_report_served(struct bus *bus, const char *id);
void bus_report_probed(struct bus *bus, const char *id, bool served);

extern const struct bus_backend bus_backend_amqp;
extern const struct bus_backend bus_backend_amqps; /* the same over TLS */
extern const struct bus_backend bus_backend_memory;
extern const struct bus_backend bus_backend_whisper;

#endif
