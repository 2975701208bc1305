#include "bus/bus.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/bus_impl.h"
#include "bus/complete.h"

#define NETWORK_LENGTH 32

static const struct bus_backend *const backends[] = {
	&bus_backend_amqp,
	&bus_backend_amqps,
	&bus_backend_memory,
	&bus_backend_whisper,
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
	return error_new(ERROR_INVALID, "broker URL: wants amqp://..., amqps://..., shh://... or memory:NAME");
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

/* --- sending --- */

/* `place`: the mailbox, where it is not that of m->to. */
static void send_bytes(struct bus *bus, const struct message *m, enum seal_form form, const char *place, bool once,
		       bus_sent_fn *fn, void *arg)
{
	uint8_t *bytes = NULL;
	size_t n = 0;
	struct error *e = seal_write(NULL, bus->keyring, m, form, &bytes, &n);

	if (e) {
		/* Not ERROR_NOT_FOUND: that would say that the recipient does not exist. */
		if (e->code == ERROR_NOT_FOUND)
			e->code = ERROR_INVALID;
		bus_complete_later(bus, bus->loop, e, fn, arg);
	} else {
		struct bus_item item = {.id = m->id,
					.kind = m->kind,
					.from = m->from,
					.to = place ? place : m->to,
					.until_ms = m->ttl_ms ? m->time_ms + m->ttl_ms : 0,
					.once = once,
					.bytes = bytes,
					.len = n};

		bus->backend->send(bus->self, &item, fn, arg);
	}
	mem_free(bytes);
}

void bus_send_as(struct bus *bus, const struct message *m, enum seal_form form, bus_sent_fn *fn, void *arg)
{
	send_bytes(bus, m, form, NULL, false, fn, arg);
}

static void send_sealed(void *arg, const struct message *m, bus_sent_fn *fn, void *fn_arg)
{
	bus_send_as(arg, m, SEAL_SEALED, fn, fn_arg);
}

static void ask_for_key(void *arg, const char *to, bus_sent_fn *fn, void *fn_arg)
{
	struct bus *bus = arg;
	struct message *m = hello_new(NULL, bus->asking, to, true);

	bus_send_as(bus, m, SEAL_OPEN, fn, fn_arg);
	mem_free(m);
}

/* Somebody is to be told that it cannot be sealed. */
static struct error *no_way(const struct bus *bus, const struct message *m)
{
	if (!bus_is_up(bus))
		return error_new(ERROR_UNAVAILABLE, "not connected");
	return error_new(ERROR_INVALID,
			 "%s: its public key is not known, and no mailbox of ours with a key could take the answer",
			 m->to);
}

/* What was tried in one mailbox, and is tried in the other when the first has no room or is not there. */
struct attempt {
	struct bus *bus;
	struct message *message;
	char place[KEYRING_ID_SIZE]; /* that is next; "": the common mailbox */
	struct error *first;         /* why the common mailbox did not take it; NULL: it was not tried */
	bus_sent_fn *fn;
	void *arg;
};

/* Whom we command is no stranger. */
static void keep_commanded(struct bus *bus, const struct message *m)
{
	if (bus->keyring && m->kind == MESSAGE_COMMAND)
		keyring_keep(bus->keyring, m->to);
}

static bool find_place(struct bus *bus, const struct message *m, char ret_place[KEYRING_ID_SIZE])
{
	const struct secp_key *identity = bus->keyring ? keyring_identity(bus->keyring) : NULL;
	const uint8_t *public = identity ? keyring_public(bus->keyring, m->to) : NULL;
	struct error *e;

	if (!public || !bus->backend->reserves || m->kind != MESSAGE_COMMAND)
		return false;
	e = reserved_name(identity, public, bus->network, m->to, ret_place);
	error_free(e);
	return !e;
}

static int attempt_destroy(struct attempt *t)
{
	error_free(t->first);
	return 0;
}

static void on_second(const struct error *e, void *arg)
{
	struct attempt *t = talloc_steal(NULL, (struct attempt *)arg);

	/* That there is no reserved place says nothing of the recipient. */
	if (t->fn)
		t->fn(e && e->code == ERROR_NOT_FOUND && t->first ? t->first : e, t->arg);
	mem_free(t);
}

static void on_attempt(const struct error *e, void *arg)
{
	struct attempt *t = arg;

	/* Without the common mailbox there is no other: nobody serves the id. */
	if (!e || (e->code != ERROR_LIMIT && (e->code != ERROR_NOT_FOUND || *t->place))) {
		on_second(e, t);
		return;
	}
	t->first = *t->place ? error_copy(e) : NULL;
	send_bytes(t->bus, t->message, SEAL_SEALED, *t->place ? t->place : NULL, false, on_second, t);
}

static struct attempt *attempt_new(struct bus *bus, const struct message *m, const char *then, bus_sent_fn *fn,
				   void *arg)
{
	struct attempt *t = mem_new(bus, struct attempt);

	*t = (struct attempt){.bus = bus, .message = message_copy(t, m), .fn = fn, .arg = arg};
	memcpy(t->place, then, strlen(then) + 1);
	talloc_set_destructor(t, attempt_destroy);
	return t;
}

/* A mailbox that strangers have filled still has a place for who is kept there. */
static void send_or_else(struct bus *bus, const struct message *m, const char *place, bus_sent_fn *fn, void *arg)
{
	send_bytes(bus, m, SEAL_SEALED, NULL, false, on_attempt, attempt_new(bus, m, place, fn, arg));
}

void bus_send(struct bus *bus, const struct message *m, bus_sent_fn *fn, void *arg)
{
	bool signs = bus->keyring && keyring_own(bus->keyring, m->from), is_status = m->kind == MESSAGE_STATUS;
	char place[KEYRING_ID_SIZE];
	bool reaches;

	keep_commanded(bus, m);
	reaches = signs && (is_status || keyring_public(bus->keyring, m->to));

	/* Where plain messages are taken, they are sent too to whom nothing can be sealed. */
	if (!bus->keyring || (bus->accept_plain && !reaches))
		bus_send_as(bus, m, SEAL_PLAIN, fn, arg);
	else if (is_status)
		bus_send_as(bus, m, SEAL_OPEN, fn, arg);
	else if (reaches && find_place(bus, m, place))
		send_or_else(bus, m, place, fn, arg);
	else if (!signs || reaches)
		bus_send_as(bus, m, SEAL_SEALED, fn, arg);
	else if (bus->asking && bus_is_up(bus))
		hellos_wait(bus->hellos, m, fn, arg);
	else
		bus_complete_later(bus, bus->loop, no_way(bus, m), fn, arg);
}

void bus_send_once(struct bus *bus, const struct message *m)
{
	if (bus->keyring && keyring_own(bus->keyring, m->from) && keyring_public(bus->keyring, m->to))
		send_bytes(bus, m, SEAL_SEALED, NULL, true, NULL, NULL);
}

void bus_send_prompt(struct bus *bus, const struct message *m, bus_sent_fn *fn, void *arg)
{
	char place[KEYRING_ID_SIZE];

	keep_commanded(bus, m);
	if (find_place(bus, m, place) && keyring_own(bus->keyring, m->from))
		send_bytes(bus, m, SEAL_SEALED, place, false, on_attempt, attempt_new(bus, m, "", fn, arg));
	else
		bus_send(bus, m, fn, arg);
}

bool bus_forget(struct bus *bus, const struct message *m, const void *arg)
{
	return hellos_forget(bus->hellos, m->to, arg) ||
	       (bus->backend->forget && bus->backend->forget(bus->self, m->from, m->to, arg));
}

/* --- reserved places here --- */

static void reserve(struct bus *bus, const char *id, const char *peer)
{
	const char *name = reserved_add(bus->reserved, id, peer);
	struct error *e = name ? bus->backend->serve(bus->self, name, false) : NULL;

	if (e)
		log_warn("bus.unreserved", "id=%s peer=%s why=%s", id, peer, log_q(e->message));
	error_free(e);
}

/* A durable mailbox is served from now on. */
static void reserve_for_kept(struct bus *bus, const char *id)
{
	char peer[KEYRING_ID_SIZE];

	if (!bus->reserved)
		return;
	bus->durable = mem_resize(bus, bus->durable, char *, bus->durable_count + 1);
	bus->durable[bus->durable_count++] = mem_strdup(bus, id);
	for (size_t i = 0; keyring_stored_id(bus->keyring, i, peer); i++)
		reserve(bus, id, peer);
}

/* The key of who is kept may have become known just now. */
void bus_reserve_for_signer(struct bus *bus, const char *signer)
{
	if (!bus->reserved || !keyring_keeps(bus->keyring, signer))
		return;
	for (size_t i = 0; i < bus->durable_count; i++)
		reserve(bus, bus->durable[i], signer);
}

static void unreserve(struct bus *bus, const char *id)
{
	char *name;

	while (bus->reserved && (name = reserved_drop(bus->reserved, NULL, id))) {
		bus->backend->unserve(bus->self, name, false);
		mem_free(name);
	}
	for (size_t i = 0; i < bus->durable_count; i++) {
		if (strcasecmp(bus->durable[i], id) != 0)
			continue;
		mem_free(bus->durable[i]);
		bus->durable[i] = bus->durable[--bus->durable_count];
		break;
	}
}

/* --- opening --- */

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
		complete.prefetch = 32;
	if (complete.prefetch > UINT16_MAX)
		return error_new(ERROR_INVALID, "prefetch: at most %d", UINT16_MAX);
	if (!complete.heartbeat_ms)
		complete.heartbeat_ms = 10000;

	b = mem_new(ctx, struct bus);
	b->backend = backend;
	b->loop = loop;
	b->handlers = *handlers;
	b->keyring = complete.keyring;
	b->accept_plain = complete.accept_plain;
	b->network = mem_strdup(b, complete.network);
	if (b->keyring && complete.strangers_per_s && backend->reserves)
		b->reserved = reserved_new(b, b->keyring, b->network);
	b->strangers = strangers_new(b, complete.keyring ? complete.strangers_per_s : 0);
	b->hellos = hellos_new(b, loop, &(struct hellos_events){.ask = ask_for_key, .ready = send_sealed, .arg = b});
	e = backend->open(b, loop, &complete, b, &b->self);
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
	if (!hex_id_valid(id))
		return error_new(ERROR_INVALID, "mailbox %s: wants %d hexadecimal digits", log_q(id), ID_DIGITS);
	if (!bus->asking && bus->keyring && keyring_own(bus->keyring, id))
		bus->asking = mem_strdup(bus, id);
	TRY(bus->backend->serve(bus->self, id, durable));
	if (durable)
		reserve_for_kept(bus, id);
	return NULL;
}

void bus_unserve(struct bus *bus, const char *id, bool remove)
{
	if (bus->asking && !strcasecmp(bus->asking, id)) {
		mem_free(bus->asking);
		bus->asking = NULL;
	}
	unreserve(bus, id);
	bus->backend->unserve(bus->self, id, remove);
}

void bus_accept(struct bus_delivery *d)
{
	d->backend->accept(d->self, d);
}

void bus_reject(struct bus_delivery *d, const char *reason)
{
	d->backend->reject(d->self, d, reason);
}

void bus_drop(struct bus_delivery *d)
{
	d->backend->drop(d->self, d);
}

struct error *bus_watch_status(struct bus *bus)
{
	return bus->backend->watch_status(bus->self);
}

bool bus_is_up(const struct bus *bus)
{
	return bus->backend->is_up(bus->self);
}

/* --- what the backend reports --- */

void bus_report_state(struct bus *bus, bool up, const struct error *why)
{
	if (!up)
		hellos_lost(bus->hellos);
	if (bus->handlers.on_state)
		bus->handlers.on_state(up, why, bus->handlers.arg);
}

void bus_report_held(struct bus *bus, const char *why)
{
	if (bus->handlers.on_held)
		bus->handlers.on_held(why, bus->handlers.arg);
}

void bus_report_refused(struct bus *bus, const char *id, const struct error *why)
{
	if (bus->reserved && reserved_owner(bus->reserved, id))
		log_debug("bus.unreserved", "id=%s why=%s", reserved_owner(bus->reserved, id), log_q(why->message));
	else if (bus->handlers.on_refused)
		bus->handlers.on_refused(id, why, bus->handlers.arg);
}

bool bus_probe(struct bus *bus, const char *id)
{
	return bus->backend->probe && bus->backend->probe(bus->self, id);
}

void bus_report_probed(struct bus *bus, const char *id, bool served)
{
	if (bus->handlers.on_probed)
		bus->handlers.on_probed(id, served, bus->handlers.arg);
}

void bus_report_served(struct bus *bus, const char *id)
{
	if (bus->handlers.on_served && !(bus->reserved && reserved_owner(bus->reserved, id)))
		bus->handlers.on_served(id, bus->handlers.arg);
}
