/* Which methods there are, and who calls them. */
#include <string.h>

#include "base/mem.h"
#include "http/jsonrpc_impl.h"

#define BATCH_LIMIT 1024
#define CALL_LIMIT 4096
#define REPLY_LIMIT ((size_t)128 << 20)

struct rpc *rpc_new(const void *ctx, const struct rpc_limits *limits)
{
	struct rpc *rpc = mem_new(ctx, struct rpc);

	rpc->limits.batch_limit = limits->batch_limit ? limits->batch_limit : BATCH_LIMIT;
	rpc->limits.call_limit = limits->call_limit ? limits->call_limit : CALL_LIMIT;
	rpc->limits.reply_limit = limits->reply_limit ? limits->reply_limit : REPLY_LIMIT;
	return rpc;
}

void rpc_add(struct rpc *rpc, const struct rpc_method *rows, size_t count, void *arg)
{
	if (rpc->table_count < RPC_TABLES)
		rpc->tables[rpc->table_count++] = (struct rpc_table){rows, count, arg};
}

void rpc_set_fallback(struct rpc *rpc, rpc_fallback_fn *fn, void *arg)
{
	rpc->fallback = fn;
	rpc->fallback_arg = arg;
}

void rpc_set_turns(struct rpc *rpc, struct turns *turns)
{
	rpc->turns = turns;
}

void rpc_set_namespaces(struct rpc *rpc, char **names)
{
	rpc->namespaces = names;
}

bool rpc_serves(const struct rpc *rpc, const char *name, size_t n)
{
	if (!rpc->namespaces || !n)
		return true;
	for (char **p = rpc->namespaces; *p; p++)
		if (strlen(*p) == n && !memcmp(*p, name, n))
			return true;
	return false;
}

size_t rpc_namespace_length(const char *method)
{
	const char *end = strchr(method, '_');

	return end ? (size_t)(end - method) : 0;
}

void rpc_namespaces(const struct rpc *rpc, void (*fn)(const char *name, void *arg), void *arg)
{
	char last[32] = "";

	for (;;) {
		char next[32] = "";

		for (size_t t = 0; t < rpc->table_count; t++)
			for (size_t i = 0; i < rpc->tables[t].count; i++) {
				const char *name = rpc->tables[t].rows[i].name;
				size_t n = rpc_namespace_length(name);
				char one[32] = "";

				if (!n || n >= sizeof(one) || !rpc_serves(rpc, name, n))
					continue;
				memcpy(one, name, n);
				if (strcmp(one, last) > 0 && (!next[0] || strcmp(one, next) < 0))
					memcpy(next, one, sizeof(next));
			}
		if (!next[0])
			return;
		fn(next, arg);
		memcpy(last, next, sizeof(last));
	}
}

const struct rpc_method *rpc_find(const struct rpc *rpc, const char *name, const char *subscription, void **ret_arg)
{
	if (!rpc_serves(rpc, name, rpc_namespace_length(name)))
		return NULL;
	for (size_t t = 0; t < rpc->table_count; t++)
		for (size_t i = 0; i < rpc->tables[t].count; i++) {
			const struct rpc_method *m = &rpc->tables[t].rows[i];

			if (!strcmp(m->name, name) && !m->subscription == !subscription &&
			    (!subscription || !strcmp(m->subscription, subscription))) {
				*ret_arg = rpc->tables[t].arg;
				return m;
			}
		}
	return NULL;
}

static int session_destroy(struct rpc_session *s)
{
	for (struct rpc_document *d = s->rpc->documents; d; d = d->next)
		if (d->session == s) {
			d->session = NULL;
			d->reply = NULL;
			d->dropped = true;
		}
	return 0;
}

struct rpc_session *rpc_session_new(const void *ctx, struct rpc *rpc, void *arg)
{
	struct rpc_session *s = mem_new(ctx, struct rpc_session);

	s->rpc = rpc;
	s->arg = arg;
	talloc_set_destructor(s, session_destroy);
	return s;
}

void rpc_session_on_begun(struct rpc_session *s, void (*fn)(void *arg))
{
	s->begun = fn;
}

void *rpc_session_arg(const struct rpc_session *s)
{
	return s->arg;
}

void rpc_count(const struct rpc *rpc, struct rpc_counters *ret_counters)
{
	*ret_counters = rpc->counters;
}
