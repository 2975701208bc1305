#include "bus/bus.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/backend.h"

#define NETWORK_LENGTH 32

static const struct bus_backend *const backends[] = {
	&bus_backend_amqp,
	&bus_backend_amqps,
	&bus_backend_memory,
};

struct bus {
	const struct bus_backend *backend;
	void *self;
};

static const struct bus_backend *find_backend(const char *url)
{
	size_t len = url ? strcspn(url, ":") : 0;

	for (size_t i = 0; len && url[len] && i < sizeof(backends) / sizeof(backends[0]); i++) {
		if (strlen(backends[i]->scheme) == len && !strncmp(url, backends[i]->scheme, len))
			return backends[i];
	}
	return NULL;
}

static struct error *unknown_backend(void)
{
	return error_new(ERROR_INVALID, "broker URL: wants amqp://..., amqps://... or memory:NAME");
}

struct error *bus_check_url(const char *url)
{
	const struct bus_backend *backend = find_backend(url);

	if (!backend)
		return unknown_backend();
	return backend->check_url ? backend->check_url(url) : NULL;
}

struct error *bus_check_network(const char *network)
{
	size_t len = strlen(network);

	for (size_t i = 0; i < len; i++) {
		if (!islower((unsigned char)network[i]) && !isdigit((unsigned char)network[i]) && network[i] != '-')
			len = 0;
	}
	if (len < 1 || len > NETWORK_LENGTH)
		return error_new(ERROR_INVALID, "network name: wants 1 to %d lower-case letters, digits and hyphens",
				 NETWORK_LENGTH);
	return NULL;
}

struct error *bus_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options,
		       const struct bus_handlers *handlers, struct bus **ret_bus)
{
	struct bus_options complete = *options;
	const struct bus_backend *backend = find_backend(options->url);
	struct error *e;
	struct bus *b;

	if (!backend)
		return unknown_backend();
	if (!complete.network)
		complete.network = "default";
	TRY(bus_check_network(complete.network));
	if (!complete.prefetch)
		complete.prefetch = 16;
	if (complete.prefetch > UINT16_MAX)
		return error_new(ERROR_INVALID, "prefetch: at most %d", UINT16_MAX);
	if (!complete.heartbeat_ms)
		complete.heartbeat_ms = 10000;

	b = mem_new(ctx, struct bus);
	b->backend = backend;
	e = backend->open(b, loop, &complete, handlers, &b->self);
	if (e) {
		mem_free(b);
		/* cppcheck-suppress returnDanglingLifetime ; an error holds no pointer to the options */
		return e;
	}
	*ret_bus = b;
	return NULL;
}

struct error *bus_serve(struct bus *bus, const char *id, bool durable)
{
	if (!id_valid(id))
		return error_new(ERROR_INVALID, "mailbox %s: wants %d hexadecimal digits", log_q(id), ID_DIGITS);
	return bus->backend->serve(bus->self, id, durable);
}

void bus_unserve(struct bus *bus, const char *id, bool remove)
{
	bus->backend->unserve(bus->self, id, remove);
}

void bus_send(struct bus *bus, const struct message *m, bus_sent_fn *fn, void *arg)
{
	bus->backend->send(bus->self, m, fn, arg);
}

void bus_accept(struct bus_delivery *d)
{
	d->backend->accept(d->self, d);
}

void bus_reject(struct bus_delivery *d, const char *reason)
{
	d->backend->reject(d->self, d, reason);
}

struct error *bus_watch_status(struct bus *bus)
{
	return bus->backend->watch_status(bus->self);
}

bool bus_is_up(const struct bus *bus)
{
	return bus->backend->is_up(bus->self);
}

/* NULL when the message is good for this mailbox. */
static const char *objection(const struct message *m, const char *id)
{
	if (!id && m->kind != MESSAGE_STATUS)
		return "only a status belongs here";
	if (id && m->kind == MESSAGE_STATUS)
		return "a status does not belong into a mailbox";
	if (id && strcasecmp(m->to, id))
		return "meant for another mailbox";
	if (message_expired(m, clock_wall_ms()))
		return "void: its time to live is over";
	return NULL;
}

void bus_receive(struct bus_delivery *d, const struct bus_handlers *handlers, const char *id, bool plain,
		 const char *salt, const char *text, size_t len)
{
	char *random = plain && !salt ? hex_random(d, 16) : NULL;
	struct error *e = message_decode(d, text, len, plain, salt ? salt : random, &d->message);
	const char *reason;

	if (e) {
		log_warn("bus.malformed", "mailbox=%s why=%s", id ? id : "status", log_q(e->message));
		bus_reject(d, e->message);
		error_free(e);
		return;
	}
	if (d->message->plain)
		d->message->to = mem_strdup(d->message, id);
	reason = objection(d->message, id);
	if (reason) {
		log_warn("bus.rejected", "mailbox=%s message=%s why=%s", id ? id : "status", d->message->id,
			 log_q(reason));
		bus_reject(d, reason);
	} else if (id) {
		handlers->on_message(d, d->message, handlers->arg);
	} else {
		struct message *m = talloc_steal(NULL, d->message);

		bus_accept(d); /* first: the handler may free the bus */
		handlers->on_status(m, handlers->arg);
		mem_free(m);
	}
}
