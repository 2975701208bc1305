/* What a client may send as a JSON-RPC document: every parameter type is read; the reply is well-formed JSON. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rpc_field fields[] = {
	{"symKeyID", RPC_STRING}, {"pubKey", RPC_HEX},       {"ttl", RPC_UINT32},    {"topic", RPC_TOPIC},
	{"topics", RPC_TOPICS},   {"powTarget", RPC_DOUBLE}, {"allowP2P", RPC_BOOL},
};
static const struct rpc_object object = {"whisperv6.NewMessage", fields, sizeof(fields) / sizeof(fields[0])};

static void write_value(struct json_writer *w, const struct rpc_value *v)
{
	json_write_string(w, v->text, v->bytes ? 0 : v->n);
	json_write_raw(w, ",");
	json_write_hex(w, v->bytes, v->bytes ? v->n : 0);
	json_write_raw(w, ",");
	json_write_double(w, v->number + v->integer);
}

static void echo(struct rpc_call *call, void *arg)
{
	struct json_writer *w = rpc_result(call);

	(void)arg;
	json_write_raw(w, "[");
	for (unsigned i = 0; i < 3; i++) {
		const struct rpc_value *v = rpc_param(call, i);

		if (!v->text)
			continue;
		write_value(w, v);
		for (size_t k = 0; v->members && k < object.count; k++) {
			json_write_raw(w, ",");
			write_value(w, &v->members[k]);
		}
		json_write_raw(w, ",");
	}
	json_write_raw(w, "0]");
	rpc_done(call);
}

static const struct rpc_method methods[] = {
	{.name = "t_s", .handle = echo, .count = 2, .params = {{RPC_STRING, NULL}, {RPC_UINT32, NULL}}},
	{.name = "t_o", .handle = echo, .count = 1, .params = {{RPC_OBJECT, &object}}},
	{.name = "t_h", .handle = echo, .count = 3, .params = {{RPC_HEX, NULL}, {RPC_DOUBLE, NULL}, {RPC_BOOL, NULL}}},
	{.name = "t_subscribe", .handle = echo, .count = 1, .params = {{RPC_OBJECT, &object}}, .subscription = "m"},
	{.name = "_unsubscribe", .handle = echo, .count = 1, .params = {{RPC_ID, NULL}}},
};

static bool fallback(struct rpc_call *call, const char *method, struct json_slice params, void *arg)
{
	(void)arg;
	if (strncmp(method, "eth_", 4) != 0)
		return false;
	json_write_bytes(rpc_result(call), params.n ? params.at : "0", params.n ? params.n : 1);
	rpc_done(call);
	return true;
}

/* Read by our own reader: ids and the fallback's parameters go back as they came, with whatever jansson refuses. */
static void on_reply(const char *text, size_t n, void *arg)
{
	struct json_slice value;
	struct error *e;

	(*(unsigned *)arg)++;
	if (!n)
		return;
	e = json_slice_read(text, n, &value);
	if (e || text[n - 1] != '\n' || value.n != n - 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rpc_limits limits = {.batch_limit = 50, .reply_limit = 65536};
	struct rpc *rpc = rpc_new(NULL, &limits);
	struct rpc_session *session = NULL;
	struct rpc_counters counters;
	unsigned replies = 0;

	rpc_add(rpc, methods, sizeof(methods) / sizeof(methods[0]), NULL);
	rpc_set_fallback(rpc, fallback, NULL);
	if (size && data[0] & 1)
		session = rpc_session_new(NULL, rpc, NULL);
	rpc_serve(rpc, session, (const char *)data, size, on_reply, &replies);
	rpc_count(rpc, &counters);
	if (replies != 1 || counters.open)
		abort();
	mem_free(session);
	mem_free(rpc);
	return 0;
}
