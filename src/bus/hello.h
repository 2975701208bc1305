/* Asking for keys: what is to be sealed to somebody whose public key is not known waits here, a hello goes out to his
 * mailbox, and he answers with a signed hello of his own, which holds the key (an id is a key's address, so nobody else
 * can answer for him). Asked again with back-off, until the message is void or the connection is lost.
 *
 * Bounds: HELLO_WAITING messages. Threads: loop thread.
 */
#ifndef DSN_BUS_HELLO_H
#define DSN_BUS_HELLO_H

#include "bus/bus.h"

#define HELLO_WAITING 1024
#define HELLO_TTL_MS 10000

struct hellos;

struct hellos_events {
	/* Send a hello to `to`; `fn` learns that nobody has such a mailbox. */
	void (*ask)(void *arg, const char *to, bus_sent_fn *fn, void *fn_arg);
	/* The key of m->to has become known. */
	void (*ready)(void *arg, const struct message *m, bus_sent_fn *fn, void *fn_arg);
	void *arg;
};

struct hellos *hellos_new(const void *ctx, uv_loop_t *loop, const struct hellos_events *events);
/* The message is copied; `fn` is called if it is given up, and not from within this call. */
void hellos_wait(struct hellos *h, const struct message *m, bus_sent_fn *fn, void *arg);
/* What waits for the key of `to` with this `arg` waits no longer, and its `fn` is not called. False: nothing does. */
bool hellos_forget(struct hellos *h, const char *to, const void *arg);
/* The public key of `id` is known now. */
void hellos_learned(struct hellos *h, const char *id);
/* Does something wait for the key of this id? */
bool hellos_awaits(const struct hellos *h, const char *id);
/* Give up all: ERROR_UNAVAILABLE. */
void hellos_lost(struct hellos *h);

/* The message itself. */
struct message *hello_new(const void *ctx, const char *from, const char *to, bool ask);
/* Does it ask for an answer? */
bool hello_asks(const struct message *m);

#endif
