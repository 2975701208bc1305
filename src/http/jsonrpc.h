/* JSON-RPC 2.0, the server's side, as go-ethereum v1.9.20 speaks it: single requests, batches, notifications, typed
 * positional parameters with its error texts, subscriptions. No input or output of its own: a document goes in, a reply
 * comes out, over HTTP, WebSocket or whatever.
 *
 * Handlers answer at once or later, each call exactly once. Replies to documents come in whatever order they get done;
 * in a batch all calls are begun in order and the answers stand in order. With rpc_set_turns() a long batch is begun in
 * slices, others' calls come in between. Bounds: `batch_limit` calls in a document, `call_limit` calls under way,
 * `reply_limit` bytes of a reply. Threads: loop thread.
 */
#ifndef DSN_HTTP_JSONRPC_H
#define DSN_HTTP_JSONRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "http/json_slice.h"
#include "http/json_write.h"

/* Error codes. What a method itself refuses is RPC_FAILED. */
#define RPC_PARSE (-32700)
#define RPC_INVALID_REQUEST (-32600)
#define RPC_NO_METHOD (-32601)
#define RPC_INVALID_PARAMS (-32602)
#define RPC_FAILED (-32000)

#define RPC_PARAMS_MAX 3
#define RPC_FIELDS_MAX 16

enum rpc_type {
	RPC_STRING,
	RPC_ID,     /* a string: a subscription's id */
	RPC_HEX,    /* "0x..." with an even number of digits; "" and "0x" are empty */
	RPC_UINT32, /* an integer without fraction, exponent or quotes */
	RPC_DOUBLE,
	RPC_BOOL,
	RPC_TOPIC,  /* exactly 4 bytes in hexadecimal */
	RPC_TOPICS, /* array of topics */
	RPC_OBJECT, /* an object with known members */
};

/* Object members: keys match in any case, the exact one first; unknown ones are ignored; null is as absent. */
struct rpc_field {
	const char *name;
	enum rpc_type type;
};
struct rpc_object {
	const char *type; /* in error texts: "whisperv6.NewMessage" */
	const struct rpc_field *fields;
	size_t count;
};

struct rpc_param {
	enum rpc_type type;
	const struct rpc_object *object; /* of RPC_OBJECT */
};

/* A parameter or member that was read. Absent ones are all zero, with text "". */
struct rpc_value {
	bool given;
	const char *text;     /* STRING, ID: NUL-terminated, n bytes */
	const uint8_t *bytes; /* HEX: n bytes; TOPIC: 4; TOPICS: n times 4 */
	size_t n;
	uint32_t integer;
	double number;
	bool flag;
	const struct rpc_value *members; /* OBJECT: in the order of its fields */
};

struct rpc;
struct rpc_call; /* a talloc context that lasts until the call is answered */
typedef void rpc_handler_fn(struct rpc_call *call, void *arg);

struct rpc_method {
	const char *name; /* "shh_post" */
	rpc_handler_fn *handle;
	unsigned count; /* of params */
	struct rpc_param params[RPC_PARAMS_MAX];
	/* "shh_subscribe" only: its first parameter, which `params` leaves out. A method "_unsubscribe" serves every
	 * namespace. */
	const char *subscription;
};

struct rpc_limits {
	size_t batch_limit; /* 0: 1024 */
	size_t call_limit;  /* 0: 4096 */
	size_t reply_limit; /* bytes; 0: 128 MiB */
};

struct rpc *rpc_new(const void *ctx, const struct rpc_limits *limits);
/* The rows must outlive rpc; methods of one table share `arg`. */
void rpc_add(struct rpc *rpc, const struct rpc_method *rows, size_t count, void *arg);
/* For methods that no table has. False: not served either; it must not have answered then. */
typedef bool rpc_fallback_fn(struct rpc_call *call, const char *method, struct json_slice params, void *arg);
void rpc_set_fallback(struct rpc *rpc, rpc_fallback_fn *fn, void *arg);
/* Only methods of these namespaces (NULL-terminated) are served; NULL: all. */
void rpc_set_namespaces(struct rpc *rpc, char **names);
/* Calls `fn` with each namespace that has methods and is served, once, sorted. */
void rpc_namespaces(const struct rpc *rpc, void (*fn)(const char *name, void *arg), void *arg);

/* Long batches are begun in slices. Before the first rpc_serve(). */
struct turns;
void rpc_set_turns(struct rpc *rpc, struct turns *turns);

/* A client that can be sent notifications. Freeing it drops what would still be replied; calls go on, those of a batch
 * that are not begun yet are dropped. */
struct rpc_session;
struct rpc_session *rpc_session_new(const void *ctx, struct rpc *rpc, void *arg);
void *rpc_session_arg(const struct rpc_session *s);
/* Called when a document that rpc_serve() was not done with is begun as a whole; its reply may still be to come. */
void rpc_session_on_begun(struct rpc_session *s, void (*fn)(void *arg));

/* The reply to a document: n == 0 when there is nothing to say (notifications only). Valid during the call. */
typedef void rpc_reply_fn(const char *text, size_t n, void *arg);
/* Serves a document. `reply` is called exactly once, maybe before this returns; not when the session was freed before.
 * `session` NULL: the client cannot be sent notifications. False: the document is begun in slices; give no other of the
 * same client until it is (rpc_session_on_begun()), or they pile up. */
bool rpc_serve(struct rpc *rpc, struct rpc_session *session, const char *text, size_t n, rpc_reply_fn *reply,
	       void *arg);

/* In handlers: */

const struct rpc_value *rpc_param(const struct rpc_call *call, unsigned i);
/* NULL when there is none, also when it has gone meanwhile. */
struct rpc_session *rpc_call_session(const struct rpc_call *call);
/* Calls `fn` when the reply that holds this call's answer has been given out; not when the session goes first. */
void rpc_after_reply(struct rpc_call *call, void (*fn)(void *arg), void *arg);

/* Exactly one of these ends the call. */
struct json_writer *rpc_result(struct rpc_call *call); /* write one value, then */
void rpc_done(struct rpc_call *call);
void rpc_answer_bool(struct rpc_call *call, bool b);
void rpc_answer_text(struct rpc_call *call, const char *text);
void rpc_answer_hex(struct rpc_call *call, const uint8_t *bytes, size_t n);
void rpc_fail(struct rpc_call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* RPC_FAILED */
void rpc_fail_code(struct rpc_call *call, int code, const char *text, size_t n);
void rpc_fail_error(struct rpc_call *call, struct error *e); /* takes e */
/* An error object made elsewhere. */
void rpc_fail_raw(struct rpc_call *call, struct json_slice object);

#define RPC_BUCKETS 8
extern const double rpc_bucket_seconds[RPC_BUCKETS]; /* upper bounds */
struct rpc_counters {
	uint64_t calls, failed;
	uint64_t took_us;             /* in all */
	uint64_t within[RPC_BUCKETS]; /* answered within rpc_bucket_seconds[i] and not the one before */
	size_t open;                  /* calls under way */
};
void rpc_count(const struct rpc *rpc, struct rpc_counters *ret_counters);

#endif
