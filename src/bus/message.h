/* The bus message: one JSON object, the same on every transport.
 *
 *   {"dsn":"1","id":"<32 hex>","kind":"command","from":"<id>","to":"<id>","time":"<ms>","ttl":"<ms>",
 *    "re":"<id of the command>","term":"<number>","body":{...}}
 *
 * kind: command (wanted state or question for a node), result (answer to a command, `re` names it),
 * status (periodic and on change, `to` is empty); hello ({"ask":"yes|no"}: who has this id tells its public key by
 * signing, see bus/hello.h); ack and claim, which belong to a backend. A message whose signer is not `from` carries the
 * public key of `from` in `key` (128 hex digits, see bus/seal.h). A manager's command that changes something carries
 * its `term` (store/lease.h): an agent refuses one that is lower than it has seen of that manager. All values but
 * `body` are strings, as everywhere in API 1.00. `body` of a command is a private API document or a bare config message
 * (see api/); of a result:
 *   {"state":"applied|failed","error":{"code":"...","message":"..."},"data":{...}}.
 * A plain message (the seed's) is a body without this envelope.
 * Bounds: 256 KiB a message; id 32 hex digits; ids 40 hex digits; ttl 1 s..7 days.
 */
#ifndef DSN_BUS_MESSAGE_H
#define DSN_BUS_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define MESSAGE_LIMIT (256 * 1024)
#define MESSAGE_ID_DIGITS 32
#define MESSAGE_KEY_DIGITS 128
#define MESSAGE_CLOCKS_MS INT64_C(300000) /* by which two machines' clocks may differ */
#define MESSAGE_TTL_MIN_MS INT64_C(1000)
#define MESSAGE_TTL_MAX_MS (INT64_C(7) * 24 * 3600 * 1000)
/* Year 9999: later than any sane clock, early enough that time + ttl cannot overflow. */
#define MESSAGE_TIME_MAX_MS INT64_C(253402300799999)

enum message_kind { MESSAGE_COMMAND, MESSAGE_RESULT, MESSAGE_STATUS, MESSAGE_HELLO, MESSAGE_ACK, MESSAGE_CLAIM };

struct message {
	char *id; /* 32 hex digits */
	enum message_kind kind;
	char *from;      /* 40 hex digits; "" only in a plain message */
	char *to;        /* 40 hex digits; "" for a status */
	int64_t time_ms; /* sender's wall clock */
	int64_t ttl_ms;  /* the message is void after time_ms + ttl_ms; 0: no limit (plain messages) */
	char *re;        /* id of the command a result answers, of what an ack confirms, else NULL */
	char *key;       /* public key of `from`, 128 hex digits, when somebody else signs; else NULL */
	int64_t term;    /* of a manager's command; 0: none */
	json_t *body;    /* owned reference */
	bool plain;      /* came without the envelope */
	char *signer;    /* 40 hex digits, whose signature it bore; NULL: it was plain. Not part of the text */
};

/* A new message with a fresh random id and the present time; takes a new reference to body. */
struct message *message_new(const void *ctx, enum message_kind kind, const char *from, const char *to, int64_t ttl_ms,
			    json_t *body);
struct message *message_copy(const void *ctx, const struct message *m);
/* A result for `command`: state "applied" with `data` (may be NULL), or "failed" when e is given (not taken). */
struct message *message_result(const void *ctx, const struct message *command, const char *from, const struct error *e,
			       json_t *data);
/* Text on the wire; belongs to ctx. */
char *message_encode(const void *ctx, const struct message *m);
/* Refuses anything malformed, oversized or unknown, naming the place in the message. With allow_plain, an object
 * without a "dsn" member becomes a plain command: its id is the first 32 hex digits of the SHA-256 of its bytes and
 * `salt`. */
struct error *message_decode(const void *ctx, const char *text, size_t len, bool allow_plain, const char *salt,
			     struct message **ret_message) MUST_CHECK;
/* By the sender's clock. */
bool message_expired(const struct message *m, int64_t now_ms);
/* By a receiver's, which may be ahead of the sender's by MESSAGE_CLOCKS_MS: what has waited in a queue for too long has
 * been dropped there, by one clock. */
bool message_is_void(const struct message *m, int64_t now_ms);

/* Reading a result's body. state is "applied" or "failed"; *ret_failure is NULL when applied. data is borrowed, may be
 * NULL. */
struct error *message_read_result(const struct message *m, struct error **ret_failure, json_t **ret_data) MUST_CHECK;

#endif
