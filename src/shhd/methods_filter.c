/* Filters that clients poll: shh_newMessageFilter, shh_getFilterMessages, shh_deleteMessageFilter. */
#include "base/mem.h"
#include "shhd/criteria.h"
#include "shhd/shhd.h"

static const char not_found[] = "filter not found";

/* A filter belongs to the node's filters; this is what the table of ids holds. */
struct box {
	struct filter *filter;
};

static int box_destroy(struct box *b)
{
	filter_remove(b->filter);
	return 0;
}

static void new_filter(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct filter_options options;
	uint8_t from[SECP_PUBLIC_BYTES];
	char id[ID_TEXT + 1];
	struct box *b;
	struct error *e = criteria_read(d, jsonrpc_param(c, 0)->members, false, from, &options);

	if (e) {
		jsonrpc_fail_error(c, e);
		return;
	}
	b = mem_new(d, struct box);
	b->filter = shh_add_filter(d->shh, &options);
	talloc_set_destructor(b, box_destroy);
	e = ids_add(d->filters, b, id);
	if (e) {
		mem_free(b);
		jsonrpc_fail_error(c, e);
		return;
	}
	jsonrpc_answer_text(c, id);
}

static void get_messages(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct box *b = ids_find(d->filters, jsonrpc_param(c, 0)->text);
	struct whisper_message **messages;
	struct json_writer *w;
	size_t count;

	if (!b) {
		jsonrpc_fail(c, "%s", not_found);
		return;
	}
	messages = filter_take(b->filter, c, &count);
	w = jsonrpc_result(c);
	json_write_raw(w, "[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			json_write_raw(w, ",");
		criteria_message_write(w, messages[i]);
	}
	json_write_raw(w, "]");
	d->polled += count;
	jsonrpc_done(c);
}

static void delete_filter(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	if (ids_remove(d->filters, jsonrpc_param(c, 0)->text))
		jsonrpc_answer_bool(c, true);
	else
		jsonrpc_fail(c, "Unsubscribe: Invalid ID");
}

static const struct jsonrpc_method methods[] = {
	{.name = "shh_newMessageFilter",
	 .handle = new_filter,
	 .count = 1,
	 .params = {{JSONRPC_OBJECT, &criteria_object}}},
	{.name = "shh_getFilterMessages", .handle = get_messages, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "shh_deleteMessageFilter", .handle = delete_filter, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
};

void methods_filter_add(struct shhd *d)
{
	jsonrpc_add(d->rpc, methods, sizeof(methods) / sizeof(methods[0]), d);
}
