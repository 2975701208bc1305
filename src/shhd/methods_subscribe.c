/* shh_subscribe: messages as they are opened. */
#include "base/mem.h"
#include "rpc/subscriptions.h"
#include "shhd/criteria.h"
#include "shhd/shhd.h"

struct subscription_source {
	struct subscription *subscription;
	struct filter *filter;
};

static int source_destroy(struct subscription_source *s)
{
	filter_remove(s->filter);
	return 0;
}

static void write_message(struct json_writer *w, const void *thing)
{
	criteria_message_write(w, thing);
}

static void on_message(struct whisper_message *m, void *arg)
{
	struct subscription_source *s = arg;

	subscription_note(s->subscription, write_message, m);
}

static void subscribe(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct filter_options options;
	uint8_t from[SECP_PUBLIC_BYTES];
	struct subscription *s;
	struct subscription_source *source;
	struct error *e = criteria_read(d, jsonrpc_param(c, 0)->members, true, from, &options);

	if (e) {
		jsonrpc_fail_error(c, e);
		return;
	}
	s = subscription_new(c, d->subscriptions, "shh_subscription");
	if (!s)
		return;
	source = mem_new(s, struct subscription_source);
	source->subscription = s;
	options.message = on_message;
	options.arg = source;
	source->filter = shh_add_filter(d->shh, &options);
	talloc_set_destructor(source, source_destroy);
	subscription_answer(s, c);
}

static const struct jsonrpc_method methods[] = {
	{.name = "shh_subscribe",
	 .handle = subscribe,
	 .count = 1,
	 .params = {{JSONRPC_OBJECT, &criteria_object}},
	 .subscription = "messages"},
};

void methods_subscribe_add(struct shhd *d)
{
	jsonrpc_add(d->rpc, methods, sizeof(methods) / sizeof(methods[0]), d);
}
