/* The thread that owns a broker connection, since rabbitmq-c blocks.
 *
 * It connects, declares, consumes, publishes, and does it all again after a failure, with back-off. The loop gives it
 * orders through bus/amqp_pipe.h. While it sleeps, waiting for the broker, the loop thread may borrow the connection to
 * carry out orders and to read, as far as that cannot block: it spares each message two changes of threads. The parts
 * are in amqp_owner.c (life cycle), amqp_topology.c (what a network needs on a broker), amqp_mailbox.c (serving),
 * amqp_publish.c (sending and confirms), amqp_frame.c (what the broker sends).
 */
#ifndef DSN_BUS_AMQP_OWNER_H
#define DSN_BUS_AMQP_OWNER_H

#include <amqp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/backoff.h"
#include "bus/amqp_address.h"
#include "bus/amqp_item.h"
#include "bus/amqp_settle.h"

#define CHANNEL_PUBLISH 1
#define CHANNEL_SCRATCH 2 /* declarations that may be refused */
#define CHANNEL_FIRST_MAILBOX 3

/* Published and not yet confirmed: bounds what a broker that stops reading can make us hold in the connection. */
#define WINDOW_MESSAGES 512
#define WINDOW_BYTES ((size_t)8 * 1024 * 1024)

/* One consumed queue. */
struct amqp_mailbox {
	struct amqp_mailbox *next;
	char *id;    /* NULL: the watch queue */
	char *queue; /* its name on the broker */
	bool durable;
	bool removing;
	unsigned generation;
	bool plain;                /* of messages without envelope: its name is the bare id, or the enode of it */
	uint16_t channel;          /* 0: not open */
	uint16_t channel_to_close; /* its consumer was cancelled; 0: none */
	int64_t retry_at_ms;       /* monotonic; when to try again while channel == 0 */
	struct backoff backoff;
	int64_t opened_at_ms;
	struct amqp_settle settle; /* its deliveries */
};

/* A message that arrives in pieces: method, header, bodies. One per channel, as AMQP does not mix them within one. */
struct amqp_incoming {
	enum { INCOMING_NONE, INCOMING_DELIVERY, INCOMING_RETURN } kind;
	uint64_t number;
	uint8_t *bytes; /* of one that is too large only the head */
	size_t len, size;
	bool have_header;
	char *message_id;
	int reply_code;
	char *reply_text;
};

struct amqp_owner {
	/* Set before the thread starts, then read only. */
	struct amqp_address *address;
	struct amqp_pipe *pipe;
	char *network;
	char *exchange, *status_exchange, *dead_exchange;
	uint16_t prefetch;
	int64_t heartbeat_ms;
	bool accept_plain;
	atomic_bool stop;    /* set by the loop */
	atomic_bool ready;   /* set by the owner: the broker has let us in and has all we need */
	atomic_bool watched; /* set by the loop: it watches the socket, so the owner need not */
	pthread_t thread;
	pthread_mutex_t socket_lock;
	int socket; /* for the loop to break what blocks; -1: none; under socket_lock */

	/* Of who uses what follows: the owner, but for its sleep in poll(). */
	pthread_mutex_t turn;
	struct error *broken; /* the loop thread found the connection lost */
	bool needed;          /* there is work for the owner's next turn */

	amqp_connection_state_t link; /* NULL: not connected */
	unsigned next_generation;
	int last_channel; /* given to a mailbox */
	struct backoff backoff;
	bool reported_down;
	char *reported_reason;
	bool may_bind; /* false once the broker has refused a binding: rights are set up by the operator then */
	bool blocked;  /* the broker asked us not to publish */
	bool publish_closed, scratch_closed; /* the broker closed the channel; it is to be opened again */
	struct amqp_mailbox *mailboxes;
	struct amqp_incoming *incoming; /* by channel */
	size_t incoming_count;

	struct amqp_list waiting; /* orders to publish, in order */
	struct amqp_list window;  /* published, unconfirmed, oldest first */
	size_t window_count, window_bytes;
	uint64_t next_number;
};

/* Starts the thread. `o` is a top-level object that belongs to amqp_owner_stop() from now on. */
struct error *amqp_owner_start(struct amqp_owner *o) MUST_CHECK;
/* Ends the thread, after it has done what was ordered before, and frees `o`. Waits two seconds at most for a broker
 * that does not answer, and half a second for one that has not let us in; a thread that is stuck even then (connecting)
 * is left to the end of the process. */
void amqp_owner_stop(struct amqp_owner *o);

/* --- on the loop thread, while the owner sleeps (amqp_borrow.c); false: it does not, or the call could block; nothing
 * was done --- */

/* Carries the orders out and empties the list. Only ORDER_SEND and ORDER_ACCEPT, and only when nothing waits before
 * them. */
bool amqp_owner_try_orders(struct amqp_owner *o, struct amqp_list *orders);
/* Handles what has arrived; what there is to report is appended to `reports`. */
bool amqp_owner_try_read(struct amqp_owner *o, struct amqp_list *reports);
/* The socket is watched (by a descriptor of the caller's own), or the owner is to do it again. */
void amqp_owner_set_watched(struct amqp_owner *o, bool watched);

/* --- between the parts; a returned error of ERROR_UNAVAILABLE means: connection lost --- */

/* On the scratch channel, which is open. */
struct error *amqp_owner_declare_network(struct amqp_owner *o) MUST_CHECK;
/* Does what is ordered and empties the list; the first error of several. */
struct error *amqp_owner_execute(struct amqp_owner *o, struct amqp_list *orders) MUST_CHECK;
/* There is something to do that waits for the broker's answer: for the owner's next turn, and it comes soon. */
void amqp_owner_needed(struct amqp_owner *o);

/* `plain_queue`: the name of a queue of plain messages; NULL: the id's mailbox (or, without an id, the watch queue). */
struct amqp_mailbox *amqp_mailbox_add(struct amqp_owner *o, const char *id, bool durable, const char *plain_queue);
void amqp_mailbox_remove(struct amqp_owner *o, const char *id, bool remove);
/* Does anybody hold the lock of the id's mailbox? The loop is told; not without a connection. */
struct error *amqp_mailbox_probe(struct amqp_owner *o, const char *id) MUST_CHECK;
struct amqp_mailbox *amqp_mailbox_of_channel(struct amqp_owner *o, uint16_t channel);
/* Try those whose time has come; *ret_next_ms becomes the earliest time of the rest. */
struct error *amqp_mailboxes_open(struct amqp_owner *o, int64_t now_ms, int64_t *ret_next_ms) MUST_CHECK;
/* Its channel was closed by the broker: tell the loop, try again later. Takes e. */
void amqp_mailbox_failed(struct amqp_owner *o, struct amqp_mailbox *m, struct error *e);

struct error *amqp_publish_open(struct amqp_owner *o) MUST_CHECK;
/* Publish what waits, as far as the window allows. */
struct error *amqp_publish_waiting(struct amqp_owner *o) MUST_CHECK;
/* The broker confirmed (or refused) up to `number`. */
struct error *amqp_publish_confirmed(struct amqp_owner *o, uint64_t number, bool multiple, bool ack) MUST_CHECK;
/* What is too large to be a message: its head goes to the dead letters, and the whole is let go. */
void amqp_publish_too_large(struct amqp_owner *o, const struct amqp_mailbox *m, const struct amqp_incoming *in);
void amqp_publish_returned(struct amqp_owner *o, const struct amqp_incoming *in);
/* All that waits or is unconfirmed has this outcome. `e` is copied. */
void amqp_publish_fail(struct amqp_owner *o, const struct error *e);
/* A delivery is accepted, or let go to the dead letters without a reason. */
struct error *amqp_publish_settle(struct amqp_owner *o, const struct amqp_order *order, bool accept) MUST_CHECK;
/* Tell the broker what was accepted since the last time. */
struct error *amqp_publish_settled(struct amqp_owner *o) MUST_CHECK;

/* Handle what has arrived without waiting. */
struct error *amqp_frames_read(struct amqp_owner *o) MUST_CHECK;
/* rabbitmq-c has read something that poll() does not see any more. */
bool amqp_frames_ahead(const struct amqp_owner *o);
void amqp_frames_forget(struct amqp_owner *o, uint16_t channel);

#endif
