/* Which methods there are, and who calls them. */
#include <string.h>

#include "base/mem.h"
#include "rpc/jsonrpc_impl.h"

#define BATCH_LIMIT 1024
#define CALL_LIMIT 4096
#define REPLY_LIMIT ((size_t)128 << 20)

struct jsonrpc *jsonrpc_new(const void *ctx, const struct jsonrpc_limits *limits)
{
	struct jsonrpc *rpc = mem_new(ctx, struct jsonrpc);

	rpc->limits.batch_limit = limits->batch_limit ? limits->batch_limit : BATCH_LIMIT;
	rpc->limits.call_limit = limits->call_limit ? limits->call_limit : CALL_LIMIT;
	rpc->limits.reply_limit = limits->reply_limit ? limits->reply_limit : REPLY_LIMIT;
	return rpc;
}

void jsonrpc_add(struct jsonrpc *rpc, const struct jsonrpc_method *rows, size_t count, void *arg)
{
	rpc->tables = mem_resize(rpc, rpc->tables, struct jsonrpc_table, rpc->table_count + 1);
	rpc->tables[rpc->table_count++] = (struct jsonrpc_table){rows, count, arg};
}

void jsonrpc_set_fallback(struct jsonrpc *rpc, jsonrpc_fallback_fn *fn, void *arg)
{
	rpc->fallback = fn;
	rpc->fallback_arg = arg;
}

void jsonrpc_set_turns(struct jsonrpc *rpc, struct turns *turns)
{
	rpc->turns = turns;
}

void jsonrpc_set_namespaces(struct jsonrpc *rpc, char **names)
{
	rpc->namespaces = names;
}

bool jsonrpc_serves(const struct jsonrpc *rpc, const char *name, size_t n)
{
	if (!rpc->namespaces || !n)
		return true;
	for (char **p = rpc->namespaces; *p; p++)
		if (strlen(*p) == n && !memcmp(*p, name, n))
			return true;
	return false;
}

size_t jsonrpc_namespace_length(const char *method)
{
	const char *end = strchr(method, '_');

	return end ? (size_t)(end - method) : 0;
}

void jsonrpc_namespaces(const struct jsonrpc *rpc, void (*fn)(const char *name, void *arg), void *arg)
{
	char last[32] = "";

	for (;;) {
		char next[32] = "";

		for (size_t t = 0; t < rpc->table_count; t++)
			for (size_t i = 0; i < rpc->tables[t].count; i++) {
				const char *name = rpc->tables[t].rows[i].name;
				size_t n = jsonrpc_namespace_length(name);
				char one[32] = "";

				if (!n || n >= sizeof(one) || !jsonrpc_serves(rpc, name, n))
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

const struct jsonrpc_method *jsonrpc_find(const struct jsonrpc *rpc, const char *name, const char *subscription,
					  void **ret_arg)
{
	if (!jsonrpc_serves(rpc, name, jsonrpc_namespace_length(name)))
		return NULL;
	for (size_t t = 0; t < rpc->table_count; t++)
		for (size_t i = 0; i < rpc->tables[t].count; i++) {
			const struct jsonrpc_method *m = &rpc->tables[t].rows[i];

			if (!strcmp(m->name, name) && !m->subscription == !subscription &&
			    (!subscription || !strcmp(m->subscription, subscription))) {
				*ret_arg = rpc->tables[t].arg;
				return m;
			}
		}
	return NULL;
}

static int session_destroy(struct jsonrpc_session *s)
{
	for (struct jsonrpc_document *d = s->rpc->documents; d; d = d->next)
		if (d->session == s) {
			d->session = NULL;
			d->reply = NULL;
			d->dropped = true;
		}
	return 0;
}

struct jsonrpc_session *jsonrpc_session_new(const void *ctx, struct jsonrpc *rpc, void *arg)
{
	struct jsonrpc_session *s = mem_new(ctx, struct jsonrpc_session);

	s->rpc = rpc;
	s->arg = arg;
	talloc_set_destructor(s, session_destroy);
	return s;
}

void jsonrpc_session_on_begun(struct jsonrpc_session *s, void (*fn)(void *arg))
{
	s->begun = fn;
}

void *jsonrpc_session_arg(const struct jsonrpc_session *s)
{
	return s->arg;
}

void jsonrpc_count(const struct jsonrpc *rpc, struct jsonrpc_counters *ret_counters)
{
	*ret_counters = rpc->counters;
}
