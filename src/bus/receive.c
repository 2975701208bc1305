/* What arrives: opened, decoded, and looked at before anybody hears of it. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/bus_impl.h"

/* What is signed but not sealed and comes into a mailbox is a hello, or below the bus: no long thing. */
#define OPEN_LIMIT 4096

/* NULL when the message is good for this mailbox. */
static const char *objection(const struct message *m, const char *id, enum seal_form form)
{
	bool open = m->kind == MESSAGE_STATUS || m->kind == MESSAGE_HELLO;

	if (!id && m->kind != MESSAGE_STATUS)
		return "only a status belongs here";
	if (id && m->kind == MESSAGE_STATUS)
		return "a status does not belong into a mailbox";
	if (m->kind == MESSAGE_ACK || m->kind == MESSAGE_CLAIM)
		return "belongs to a transport, not to a participant";
	if (form == SEAL_OPEN && !open)
		return "signed, but not sealed";
	if (form == SEAL_PLAIN && m->kind == MESSAGE_HELLO)
		return "a hello that is not signed says nothing";
	if (id && strcasecmp(m->to, id))
		return "meant for another mailbox";
	if (message_is_void(m, clock_wall_ms()))
		return "void: its time to live is over";
	return NULL;
}

/* Whoever is kept passes always; so does who answers our own hello. */
static bool pass_sealed(const char *signer, void *arg)
{
	struct bus *bus = arg;

	return keyring_keeps(bus->keyring, signer) || strangers_may(bus->strangers, STRANGERS_MESSAGE);
}

static bool pass_open(const char *signer, void *arg)
{
	struct bus *bus = arg;

	return keyring_keeps(bus->keyring, signer) || hellos_awaits(bus->hellos, signer) ||
	       strangers_may(bus->strangers, STRANGERS_HELLO);
}

static struct error *read_bytes(struct bus *bus, struct bus_delivery *d, const char *id, bool plain, const char *salt,
				const uint8_t *bytes, size_t len)
{
	const struct seal_gate sealed = {pass_sealed, bus}, open = {pass_open, bus};
	char *random = plain && !salt ? hex_random(d, 16) : NULL;

	switch (seal_form(bytes, len)) {
	case SEAL_OPEN:
		if (id && len > OPEN_LIMIT)
			return error_new(ERROR_INVALID, "signed, but not sealed");
		return seal_read_gated(d, bus->keyring, id && bus->keyring ? &open : NULL, id, bytes, len, &d->message);
	case SEAL_SEALED:
		if (bus->keyring)
			return seal_read_gated(d, bus->keyring, &sealed, id, bytes, len, &d->message);
		return error_new(ERROR_REFUSED, "sealed, but only plain messages are read here");
	case SEAL_PLAIN:
		if (bus->keyring && !bus->accept_plain)
			return error_new(
				ERROR_INVALID,
				"plain: only sealed messages are taken here, unless it is started with --accept-plain");
		break;
	case SEAL_UNKNOWN:
		break;
	}
	return message_decode(d, (const char *)bytes, len, plain, salt ? salt : random, &d->message);
}

static void answer_hello(struct bus *bus, struct bus_delivery *d)
{
	const struct message *m = d->message;

	bool known = bus->keyring && m->signer && keyring_keeps(bus->keyring, m->signer);

	if (bus->keyring && hello_asks(m) && keyring_own(bus->keyring, m->to) &&
	    (!known || strangers_hello_is_new(bus->strangers, m->id))) {
		struct message *answer = hello_new(d, m->to, m->from, false);

		bus_send_as(bus, answer, SEAL_OPEN, NULL, NULL);
	}
	bus_accept(d);
}

/* It can never be handled: to the dead letters, unless there have been too many. */
static void refuse(struct bus *bus, struct bus_delivery *d, const char *id, const char *reason, enum log_level level)
{
	if (!strangers_may(bus->strangers, STRANGERS_RUBBISH)) {
		bus_drop(d);
		return;
	}
	log_line(level, d->message ? "bus.rejected" : "bus.malformed", "mailbox=%s message=%s why=%s",
		 id ? id : "status", d->message ? d->message->id : "?", log_q(reason));
	bus_reject(d, reason);
}

/* It could not be read. Takes e. */
static void refuse_bytes(struct bus *bus, struct bus_delivery *d, const char *id, struct error *e)
{
	if (e->code == ERROR_UNAVAILABLE)
		bus_drop(d); /* the gate was closed, which is counted already */
	else
		refuse(bus, d, id, e->message, e->code == ERROR_REFUSED ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN);
	error_free(e);
}

void bus_receive(struct bus *bus, struct bus_delivery *d, const char *id, bool plain, const char *salt,
		 const uint8_t *bytes, size_t len)
{
	enum seal_form form = seal_form(bytes, len);
	const char *owner = id && bus->reserved ? reserved_owner(bus->reserved, id) : NULL, *reason;
	struct error *e;

	if (owner)
		id = owner;
	e = read_bytes(bus, d, id, plain, salt, bytes, len);
	if (e) {
		refuse_bytes(bus, d, id, e);
		return;
	}
	if (d->message->plain)
		d->message->to = mem_strdup(d->message, id);
	reason = objection(d->message, id, form);
	if (!reason && d->message->signer) {
		hellos_learned(bus->hellos, d->message->from);
		bus_reserve_for_signer(bus, d->message->signer);
	}
	if (reason) {
		refuse(bus, d, id, reason, LOG_LEVEL_WARN);
	} else if (d->message->kind == MESSAGE_HELLO) {
		answer_hello(bus, d);
	} else if (id) {
		bus->handlers.on_message(d, d->message, bus->handlers.arg);
	} else {
		struct message *m = talloc_steal(NULL, d->message);
		struct bus_handlers handlers = bus->handlers;

		bus_accept(d); /* first: the handler may free the bus */
		handlers.on_status(m, handlers.arg);
		mem_free(m);
	}
}
