/* The bus: addressed messages between participants (agents, nodes, clients), one interface, several backends.
 *
 * Participants have 40-digit hex ids. A bus handle serves one or more ids: it owns their mailboxes and receives what is
 * sent to them. Delivery is at least once and in order per sender; receivers drop duplicates with bus/dedupe.h.
 *
 * With a keyring all is signed and, but for status, encrypted to its recipient (bus/seal.h). A recipient whose key is
 * not known is asked for it first; the message waits until it has answered or the message is void. Whom we command is
 * kept in the keyring.
 *
 * URL: amqp://[user@]host[:port]/vhost, amqps://..., shh://... (bus/whisper_address.h), memory:NAME (one process, for
 * tests).
 * Threads: all calls and all callbacks on the loop thread; backends hide their own threads.
 */
#ifndef DSN_BUS_BUS_H
#define DSN_BUS_BUS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "bus/message.h"

struct bus;
struct keyring;
struct bus_delivery; /* one received message that waits for accept or reject */

struct bus_options {
	const char *url;
	const char *network;       /* exchange is dsn.<network>; NULL: "default" */
	const char *password_file; /* 0600 file; NULL: $DSN_BROKER_PASSWORD, else the broker's default account on
				      loopback */
	const char *ca_file;       /* amqps: trust anchors; NULL: the system's. Verification is always on. */
	const char *cert_file;     /* amqps client certificate or NULL */
	const char *key_file;
	struct keyring *keyring; /* seals what is sent and opens what comes; borrowed. NULL: all is plain */
	/* Take messages that are not sealed too, and bodies without envelope from the queue named by the bare id; send
	 * plain to those whose key is not known. */
	bool accept_plain;
	/* With a keyring: so many hellos, messages and malformed things a second of those whom it does not keep; what
	 * is over that is dropped (bus/strangers.h), and those whom it keeps have reserved places (bus/reserved.h) at
	 * the durable mailboxes. 0: without limit, and none has. */
	unsigned strangers_per_s;
	unsigned prefetch;    /* unacknowledged deliveries per mailbox; 0: 32 */
	int64_t heartbeat_ms; /* 0: 10 s */
};

struct bus_handlers {
	/* Connection state changed. `why` is NULL when up, else the reason (borrowed). Reconnects by itself with
	 * back-off. */
	void (*on_state)(bool up, const struct error *why, void *arg);
	/* A message for one of our mailboxes. Exactly one of bus_accept / bus_reject / bus_drop must follow, later or
	 * at once. `m` belongs to the delivery and goes with it. */
	void (*on_message)(struct bus_delivery *d, const struct message *m, void *arg);
	/* A mailbox was refused: ERROR_EXISTS when another participant serves the id. It is tried again with back-off.
	 */
	void (*on_refused)(const char *id, const struct error *why, void *arg);
	/* A mailbox is served from now on: the first time, after a refusal, after each reconnection. */
	void (*on_served)(const char *id, void *arg);
	/* The transport takes nothing for now, and says why (borrowed); what is sent waits. NULL: it takes again. */
	void (*on_held)(const char *why, void *arg);
	/* What bus_probe() asked; NULL: nothing is. */
	void (*on_probed)(const char *id, bool served, void *arg);
	/* A status message from anybody; only after bus_watch_status(). */
	void (*on_status)(const struct message *m, void *arg);
	void *arg;
};

/* Returns at once; connecting goes on in the background. Fails only for bad options. Freed with mem_free(). */
struct error *bus_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options,
		       const struct bus_handlers *handlers, struct bus **ret_bus) MUST_CHECK;

/* Serve a mailbox. `durable`: it outlives us (nodes, agents); otherwise it goes with the connection (vcli). */
struct error *bus_serve(struct bus *bus, const char *id, bool durable) MUST_CHECK;
/* Stop serving; `remove` also deletes a durable mailbox and what waits in it. */
void bus_unserve(struct bus *bus, const char *id, bool remove);

/* e == NULL: the transport holds the message safely (publisher confirm), or the receiver has accepted it (Whisper).
 * ERROR_NOT_FOUND: nobody has such a mailbox. ERROR_TIMEOUT: void before it was sent. ERROR_UNAVAILABLE: connection
 * lost before the confirm; it may or may not have arrived, sending again is harmless. The error is borrowed. */
typedef void bus_sent_fn(const struct error *e, void *arg);
/* Send to m->to (a status goes to the watchers). The message is copied. Not connected: fails at once through the
 * callback with ERROR_UNAVAILABLE; what must survive goes through bus/outbox.h. */
void bus_send(struct bus *bus, const struct message *m, bus_sent_fn *fn, void *arg);

/* The same for what need not keep its order behind what was sent to m->to before (a question): it takes the place that
 * is reserved for us there (bus/reserved.h), where there is one. */
void bus_send_prompt(struct bus *bus, const struct message *m, bus_sent_fn *fn, void *arg);
/* Sends an answer that is of use at once or never: once, not repeated, not kept by the transport across a restart, and
 * not at all where the key of m->to is not known or there is no room. Nobody is told. */
void bus_send_once(struct bus *bus, const struct message *m);

/* Gives up a message that was sent with this `arg`. True: it still waited here (for its recipient's key, or, over
 * Whisper, to be acknowledged), is not sent any more, and its callback is not called. False: it is out of our hands, or
 * already over, and the callback comes, or has come. */
bool bus_forget(struct bus *bus, const struct message *m, const void *arg);

/* The receiver has stored the message (or needs it no more): it will not come again. */
void bus_accept(struct bus_delivery *d);
/* The message can never be handled: to the dead letters, with the reason. */
void bus_reject(struct bus_delivery *d, const char *reason);

/* It is not wanted: gone without a trace, and the sender is not told that it has come. */
void bus_drop(struct bus_delivery *d);

struct error *bus_watch_status(struct bus *bus) MUST_CHECK;
/* Asks the transport, not the one who serves it, whether anybody serves the durable mailbox of `id` now. The answer is
 * on_probed(), soon, or never where the connection is lost. False: this transport cannot tell. */
bool bus_probe(struct bus *bus, const char *id);
bool bus_is_up(const struct bus *bus);

/* ERROR_INVALID unless bus_open() can take the URL; the message does not repeat it, since it may hold a password, which
 * is refused. Opens nothing. */
struct error *bus_check_url(const char *url) MUST_CHECK;

/* ERROR_INVALID unless `network` can be a network's name: it becomes part of queue names and of regular expressions. */
struct error *bus_check_network(const char *network) MUST_CHECK;

#endif
