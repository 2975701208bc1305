/* What the files of http/jsonrpc.h share: nobody else includes it. */
#ifndef DSN_HTTP_JSONRPC_IMPL_H
#define DSN_HTTP_JSONRPC_IMPL_H

#include "base/turns.h"
#include "http/jsonrpc.h"
#include "http/jsonrpc_params.h"

#define RPC_TABLES 8

struct rpc_table {
	const struct rpc_method *rows;
	size_t count;
	void *arg;
};

struct rpc {
	struct rpc_limits limits;
	struct rpc_table tables[RPC_TABLES];
	size_t table_count;
	rpc_fallback_fn *fallback;
	void *fallback_arg;
	char **namespaces;
	struct rpc_document *documents; /* that wait for answers */
	struct turns *turns;            /* NULL: a batch is begun at once */
	size_t beginning;               /* calls of documents that are being begun; counted as open too */
	struct rpc_counters counters;
};

struct rpc_session {
	struct rpc *rpc;
	void *arg;
	void (*begun)(void *arg);
};

struct rpc_hook {
	struct rpc_hook *next;
	void (*fn)(void *arg);
	void *arg;
};

/* What one rpc_serve() has taken: its calls belong to it. */
struct rpc_document {
	struct rpc_document *next, **link; /* link: what points here */
	struct rpc *rpc;
	struct rpc_session *session;
	rpc_reply_fn *reply; /* NULL: nobody waits any more */
	void *arg;
	bool batch;
	bool dropped; /* who sent it has gone: what is not begun stays so */
	struct json_slice value;
	size_t offset; /* of the next call in a batch */
	struct rpc_call **calls;
	size_t count, begun;
	size_t open;      /* begun and not answered; one more until all are begun */
	size_t beginning; /* its share of the rpc's */
	size_t counted;   /* its share of the calls under way */
	bool waited;      /* rpc_serve() has returned before all were begun */
	struct rpc_hook *hooks, **last_hook;
};

struct rpc_call {
	struct rpc_document *document;
	char *text; /* of the request: method, params and id point into it */
	struct json_slice id, params;
	char *method; /* NUL-terminated */
	size_t method_n;
	bool notification, done;
	struct rpc_value values[RPC_PARAMS_MAX];
	struct json_writer out; /* the answer */
	int64_t started_us;
};

/* --- jsonrpc.c: which methods there are --- */

/* Whether methods of the namespace are served. */
bool rpc_serves(const struct rpc *rpc, const char *name, size_t n);
size_t rpc_namespace_length(const char *method);
/* NULL: there is none. `subscription` NULL: a method. */
const struct rpc_method *rpc_find(const struct rpc *rpc, const char *name, const char *subscription, void **ret_arg);

/* --- jsonrpc_call.c: one call --- */

/* What the message is, and what is done with it. Its document may be gone afterwards. */
void rpc_begin_call(struct rpc_call *c, struct json_slice message);

/* --- jsonrpc_answer.c: its answer --- */

void rpc_end_call(struct rpc_call *c);
/* Owns e. */
void rpc_fail_params(struct rpc_call *c, struct error *e);

/* --- jsonrpc_document.c: what came as one text --- */

/* All is answered: the reply goes out, then the hooks run. Frees d. */
void rpc_finish(struct rpc_document *d);

#endif
