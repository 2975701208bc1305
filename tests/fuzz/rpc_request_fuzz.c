/* What a client may send as a JSON-RPC document: every parameter type is read; the reply is well-formed JSON. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rpc/jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct jsonrpc_field fields[] = {
	{"symKeyID", JSONRPC_STRING}, {"pubKey", JSONRPC_HEX},    {"ttl", JSONRPC_UINT32},
	{"topic", JSONRPC_TOPIC},     {"topics", JSONRPC_TOPICS}, {"powTarget", JSONRPC_DOUBLE},
	{"allowP2P", JSONRPC_BOOL},
};
static const struct jsonrpc_object object = {"whisperv6.NewMessage", fields, sizeof(fields) / sizeof(fields[0])};

static void write_value(struct json_writer *w, const struct jsonrpc_value *v)
{
	json_write_string(w, v->text, v->bytes ? 0 : v->n);
	json_write_raw(w, ",");
	json_write_hex(w, v->bytes, v->bytes ? v->n : 0);
	json_write_raw(w, ",");
	json_write_double(w, v->number + v->integer);
}

static void echo(struct jsonrpc_call *call, void *arg)
{
	struct json_writer *w = jsonrpc_result(call);

	(void)arg;
	json_write_raw(w, "[");
	for (unsigned i = 0; i < 3; i++) {
		const struct jsonrpc_value *v = jsonrpc_param(call, i);

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
	jsonrpc_done(call);
}

static const struct jsonrpc_method methods[] = {
	{.name = "t_s", .handle = echo, .count = 2, .params = {{JSONRPC_STRING, NULL}, {JSONRPC_UINT32, NULL}}},
	{.name = "t_o", .handle = echo, .count = 1, .params = {{JSONRPC_OBJECT, &object}}},
	{.name = "t_h",
	 .handle = echo,
	 .count = 3,
	 .params = {{JSONRPC_HEX, NULL}, {JSONRPC_DOUBLE, NULL}, {JSONRPC_BOOL, NULL}}},
	{.name = "t_subscribe", .handle = echo, .count = 1, .params = {{JSONRPC_OBJECT, &object}}, .subscription = "m"},
	{.name = "_unsubscribe", .handle = echo, .count = 1, .params = {{JSONRPC_ID, NULL}}},
};

static bool fallback(struct jsonrpc_call *call, const char *method, struct json_slice params, void *arg)
{
	(void)arg;
	if (strncmp(method, "eth_", 4) != 0)
		return false;
	json_write_bytes(jsonrpc_result(call), params.n ? params.at : "0", params.n ? params.n : 1);
	jsonrpc_done(call);
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
	static const struct jsonrpc_limits limits = {.batch_limit = 50, .reply_limit = 65536};
	struct jsonrpc *rpc = jsonrpc_new(NULL, &limits);
	struct jsonrpc_session *session = NULL;
	struct jsonrpc_counters counters;
	unsigned replies = 0;

	jsonrpc_add(rpc, methods, sizeof(methods) / sizeof(methods[0]), NULL);
	jsonrpc_set_fallback(rpc, fallback, NULL);
	if (size && data[0] & 1)
		session = jsonrpc_session_new(NULL, rpc, NULL);
	jsonrpc_serve(rpc, session, (const char *)data, size, on_reply, &replies);
	jsonrpc_count(rpc, &counters);
	if (replies != 1 || counters.open)
		abort();
	mem_free(session);
	mem_free(rpc);
	return 0;
}
