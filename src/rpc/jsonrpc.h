/* JSON-RPC 2.0, the server's side, as go-ethereum v1.9.20 speaks it: single requests, batches, notifications, typed
 * positional parameters with its error texts, subscriptions. No input or output of its own: a document goes in, a reply
 * comes out, over HTTP, WebSocket or whatever.
 *
 * Handlers answer at once or later, each call exactly once. Replies to documents come in whatever order they get done;
 * in a batch all calls are begun in order and the answers stand in order. With jsonrpc_set_turns() a long batch is
 * begun in slices, others' calls come in between. Bounds: `batch_limit` calls in a document, `call_limit` calls under
 * way, `reply_limit` bytes of a reply. Threads: loop thread.
 */
#ifndef DSN_RPC_JSONRPC_H
#define DSN_RPC_JSONRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json_write.h"
#include "http/json_slice.h"
#include "http/jsonrpc_codes.h"

#define JSONRPC_PARAMS_MAX 3
#define JSONRPC_FIELDS_MAX 16

enum jsonrpc_type {
	JSONRPC_STRING,
	JSONRPC_ID,     /* a string: a subscription's id */
	JSONRPC_HEX,    /* "0x..." with an even number of digits; "" and "0x" are empty */
	JSONRPC_UINT32, /* an integer without fraction, exponent or quotes */
	JSONRPC_DOUBLE,
	JSONRPC_BOOL,
	JSONRPC_TOPIC,  /* exactly 4 bytes in hexadecimal */
	JSONRPC_TOPICS, /* array of topics */
	JSONRPC_OBJECT, /* an object with known members */
};

/* Object members: keys match in any case, the exact one first; unknown ones are ignored; null is as absent. */
struct jsonrpc_field {
	const char *name;
	enum jsonrpc_type type;
};
struct jsonrpc_object {
	const char *type; /* in error texts: "whisperv6.NewMessage" */
	const struct jsonrpc_field *fields;
	size_t count;
};

struct jsonrpc_param {
	enum jsonrpc_type type;
	const struct jsonrpc_object *object; /* of JSONRPC_OBJECT */
};

/* A parameter or member that was read. Absent ones are all zero, with text "". */
struct jsonrpc_value {
	bool given;
	const char *text;     /* STRING, ID: NUL-terminated, n bytes */
	const uint8_t *bytes; /* HEX: n bytes; TOPIC: 4; TOPICS: n times 4 */
	size_t n;
	uint32_t integer;
	double number;
	bool flag;
	const struct jsonrpc_value *members; /* OBJECT: in the order of its fields */
};

struct jsonrpc;
struct jsonrpc_call; /* a talloc context that lasts until the call is answered */
typedef void jsonrpc_handler_fn(struct jsonrpc_call *call, void *arg);

struct jsonrpc_method {
	const char *name; /* "shh_post" */
	jsonrpc_handler_fn *handle;
	unsigned count; /* of params */
	struct jsonrpc_param params[JSONRPC_PARAMS_MAX];
	/* "shh_subscribe" only: its first parameter, which `params` leaves out. A method "_unsubscribe" serves every
	 * namespace. */
	const char *subscription;
};

struct jsonrpc_limits {
	size_t batch_limit; /* 0: 1024 */
	size_t call_limit;  /* 0: 4096 */
	size_t reply_limit; /* bytes; 0: 128 MiB */
};

struct jsonrpc *jsonrpc_new(const void *ctx, const struct jsonrpc_limits *limits);
/* The rows must outlive rpc; methods of one table share `arg`. */
void jsonrpc_add(struct jsonrpc *rpc, const struct jsonrpc_method *rows, size_t count, void *arg);
/* For methods that no table has. False: not served either; it must not have answered then. */
typedef bool jsonrpc_fallback_fn(struct jsonrpc_call *call, const char *method, struct json_slice params, void *arg);
void jsonrpc_set_fallback(struct jsonrpc *rpc, jsonrpc_fallback_fn *fn, void *arg);
/* Only methods of these namespaces (NULL-terminated) are served; NULL: all. */
void jsonrpc_set_namespaces(struct jsonrpc *rpc, char **names);
/* Calls `fn` with each namespace that has methods and is served, once, sorted. */
void jsonrpc_namespaces(const struct jsonrpc *rpc, void (*fn)(const char *name, void *arg), void *arg);

/* Long batches are begun in slices. Before the first jsonrpc_serve(). */
struct turns;
void jsonrpc_set_turns(struct jsonrpc *rpc, struct turns *turns);

/* A client that can be sent notifications. Freeing it drops what would still be replied; calls go on, those of a batch
 * that are not begun yet are dropped. */
struct jsonrpc_session;
struct jsonrpc_session *jsonrpc_session_new(const void *ctx, struct jsonrpc *rpc, void *arg);
void *jsonrpc_session_arg(const struct jsonrpc_session *s);
/* Called when a document that jsonrpc_serve() was not done with is begun as a whole; its reply may still be to come. */
void jsonrpc_session_on_begun(struct jsonrpc_session *s, void (*fn)(void *arg));

/* The reply to a document: n == 0 when there is nothing to say (notifications only). Valid during the call. */
typedef void jsonrpc_reply_fn(const char *text, size_t n, void *arg);
/* Serves a document. `reply` is called exactly once, maybe before this returns; not when the session was freed before.
 * `session` NULL: the client cannot be sent notifications. False: the document is begun in slices; give no other of the
 * same client until it is (jsonrpc_session_on_begun()), or they pile up. */
bool jsonrpc_serve(struct jsonrpc *rpc, struct jsonrpc_session *session, const char *text, size_t n,
		   jsonrpc_reply_fn *reply, void *arg);

/* In handlers: */

const struct jsonrpc_value *jsonrpc_param(const struct jsonrpc_call *call, unsigned i);
/* NULL when there is none, also when it has gone meanwhile. */
struct jsonrpc_session *jsonrpc_call_session(const struct jsonrpc_call *call);
/* Calls `fn` when the reply that holds this call's answer has been given out; not when the session goes first. */
void jsonrpc_after_reply(struct jsonrpc_call *call, void (*fn)(void *arg), void *arg);

/* Exactly one of these ends the call. */
struct json_writer *jsonrpc_result(struct jsonrpc_call *call); /* write one value, then */
void jsonrpc_done(struct jsonrpc_call *call);
void jsonrpc_answer_bool(struct jsonrpc_call *call, bool b);
void jsonrpc_answer_text(struct jsonrpc_call *call, const char *text);
void jsonrpc_answer_hex(struct jsonrpc_call *call, const uint8_t *bytes, size_t n);
void jsonrpc_fail(struct jsonrpc_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* JSONRPC_FAILED */
void jsonrpc_fail_code(struct jsonrpc_call *call, int code, const char *text, size_t n);
void jsonrpc_fail_error(struct jsonrpc_call *call, struct error *e); /* takes e */
/* An error object made elsewhere. */
void jsonrpc_fail_raw(struct jsonrpc_call *call, struct json_slice object);

#define JSONRPC_BUCKETS 8
extern const double jsonrpc_bucket_seconds[JSONRPC_BUCKETS]; /* upper bounds */
struct jsonrpc_counters {
	uint64_t calls, failed;
	uint64_t took_us;                 /* in all */
	uint64_t within[JSONRPC_BUCKETS]; /* answered within jsonrpc_bucket_seconds[i] and not the one before */
	size_t open;                      /* calls under way */
};
void jsonrpc_count(const struct jsonrpc *rpc, struct jsonrpc_counters *ret_counters);

#endif
