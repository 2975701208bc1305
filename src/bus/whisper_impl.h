/* Inside of the bus over Whisper: shared by whisper.c, whisper_send.c, whisper_receive.c and whisper_claim.c; private
 * to them.
 *
 * Whisper carries envelopes to everybody and promises nothing. What makes a bus of it:
 *  - The topic of an id is the first bytes of Keccak-256 of "dsn/<network>/<id>", of status "dsn/<network>/status".
 * Sealed bytes travel as an envelope's data; open ones are encrypted with the network's symmetric key, which is that of
 * the password "dsn/<network>": it keeps them out of strangers' filters, it is no secret.
 *  - Who has accepted a sealed message says so with an open MESSAGE_ACK, signed with his mailbox's key; `re` is the
 * first half of Keccak-256 of the sealed bytes. Until then it is sent again with back-off, in a fresh envelope, and
 * what was accepted is remembered and acknowledged again when it is repeated, but not delivered again.
 *  - Between a sender and a recipient one message is on its way at a time (a lane): so they come in order.
 *  - An ephemeral id, one that a person's key vouches for, goes with its process: when it has been silent for long,
 * what waits for it is given up as if nobody had such a mailbox.
 *  - Who serves a durable id claims it (MESSAGE_CLAIM); see whisper_claim.c.
 * Threads: loop thread.
 */
#ifndef DSN_BUS_WHISPER_IMPL_H
#define DSN_BUS_WHISPER_IMPL_H

#include "base/loop.h"
#include "bus/backend.h"
#include "bus/whisper_port.h"
#include "bus/whisper_seen.h"
#include "crypto/aes.h"
#include "whisper/payload.h"

#define WHISPER_TTL_S 20       /* of envelopes: longer than the longest pause before one is repeated */
#define WHISPER_BRIEF_TTL_S 10 /* of what is of use at once or never */

#define RE_DIGITS 32 /* of MESSAGE_ACK's `re` */
#define RE_BYTES (RE_DIGITS / 2)

struct wbus_envelope_item { /* came from the port and waits for its turn */
	struct wbus_envelope_item *next;
	uint8_t topic[TOPIC_BYTES];
	uint8_t *data;
	size_t n;
};

struct wbus_envelope_queue {
	struct wbus_envelope_item *first, **last;
	size_t count, bytes;
};

enum wbus_mailbox_state {
	MAILBOX_DOWN,     /* the port is */
	MAILBOX_CLAIMING, /* nobody has objected so far */
	MAILBOX_SERVED,
	MAILBOX_REFUSED, /* another instance has it */
};

struct wbus_mailbox {
	struct wbus_mailbox *next;
	struct wbus *w;
	char *id; /* as it was given */
	uint8_t topic[TOPIC_BYTES];
	bool durable;
	enum wbus_mailbox_state state;
	int64_t since_ms;                 /* wall clock: when this instance began to serve it; 0: not yet */
	int64_t answered_ms;              /* monotonic: when it last answered a claim */
	struct timer *timer;              /* the state's */
	unsigned delivering;              /* not yet accepted or rejected */
	struct wbus_envelope_queue early; /* came while claiming */
};

/* Who we send as: acknowledgements come to his topic. */
struct wbus_sender {
	struct wbus_sender *next;
	char *id;
	uint8_t topic[TOPIC_BYTES];
};

struct wbus {
	uv_loop_t *loop;
	struct bus *bus;
	struct keyring *keyring;
	char *network;
	unsigned prefetch;
	char *instance; /* 32 hex digits, of this process */
	uint8_t key[SYM_KEY_BYTES];
	bool keyed; /* the key is there */
	struct whisper_port *port;
	bool port_up, up, reported_down;
	struct wbus_mailbox *mailboxes;
	struct wbus_sender *senders;
	bool watching;
	uint8_t status_topic[TOPIC_BYTES];
	struct wbus_lane *lanes;
	size_t waiting_count, waiting_bytes; /* in lanes */
	int64_t rtt_ms;                      /* smoothed; 0: not known */
	struct whisper_seen *envelopes;      /* by the envelope's hash */
	struct whisper_seen *accepted;       /* by the sealed bytes' hash; pinned: being delivered */
	struct whisper_seen *ephemeral;      /* ids that somebody vouched for: they go with his process */
	struct wbus_envelope_queue inbox;
	struct timer *inbox_timer, *watch_timer;
	size_t posting; /* acknowledgements, claims and what is sent once under way */
	bool *gone;     /* set when it is freed from within a handler */
};

/* whisper.c */
void wbus_topic(const struct wbus *w, const char *id, uint8_t ret_topic[TOPIC_BYTES]);
/* Tells the port what is wanted, at the next turn of the loop: many changes at once are one. Nothing is missed, since a
 * port begins with what is about already. */
void wbus_watch(struct wbus *w);
#define WHISPER_WRAP_BYTES (AES_GCM_TAG_BYTES + AES_GCM_NONCE_BYTES)
/* Encrypts with the network's key, as a symmetric Whisper message is; belongs to ctx. */
uint8_t *wbus_wrap(const struct wbus *w, const void *ctx, const uint8_t *plain, size_t n, size_t *ret_n);
/* ERROR_REFUSED: not with this key. n > WHISPER_WRAP_BYTES; gives n - WHISPER_WRAP_BYTES bytes. */
struct error *wbus_unwrap(const struct wbus *w, const void *ctx, const uint8_t *data, size_t n,
			  uint8_t **ret_plain) MUST_CHECK;
/* Signs and posts a message of ours (MESSAGE_ACK, MESSAGE_CLAIM) to an id's topic, and forgets it. */
void wbus_say(struct wbus *w, const struct message *m, const char *to_topic_of, uint32_t ttl_s, bool urgent);
/* The bytes of Keccak-256 that name something sealed. */
void wbus_hash(const uint8_t *bytes, size_t n, uint8_t ret_key[WHISPER_KEY_BYTES]);

#define WHISPER_POSTING_MAX 1024 /* more are not even begun: they come again, or are not worth it */

/* whisper_send.c */
/* A message's sender is an ephemeral id. */
void wbus_ephemeral(struct wbus *w, const char *id);
void wbus_send(void *self, const struct bus_item *item, bus_sent_fn *fn, void *arg);
bool wbus_forget(void *self, const char *from, const char *to, const void *arg);
void wbus_acked(struct wbus *w, const struct message *ack);
/* Gives up all that is not acknowledged: ERROR_UNAVAILABLE. */
void wbus_lost(struct wbus *w, const struct error *why);

/* whisper_receive.c */
void wbus_got(const uint8_t topic[TOPIC_BYTES], const uint8_t hash[ENVELOPE_HASH_BYTES], const uint8_t *data, size_t n,
	      void *arg);
void wbus_wake(struct wbus *w);
void wbus_accept(void *self, struct bus_delivery *d);
void wbus_reject(void *self, struct bus_delivery *d, const char *reason);
void wbus_drop(void *self, struct bus_delivery *d);
/* What came while the mailbox was being claimed has its turn now (or never, `drop`). */
void wbus_release(struct wbus_mailbox *box, bool drop);

/* whisper_claim.c */
struct error *wbus_serve(void *self, const char *id, bool durable);
void wbus_unserve(void *self, const char *id, bool remove);
struct wbus_mailbox *wbus_mailbox(const struct wbus *w, const char *id);
void wbus_mailbox_up(struct wbus_mailbox *box);
void wbus_mailbox_down(struct wbus_mailbox *box);
/* A claim of an id of ours. May free the bus. */
void wbus_mailbox_heard(struct wbus_mailbox *box, const struct message *claim);

#endif
