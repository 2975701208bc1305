/* dsn_*: Whisper for who keeps his keys to himself: posts data that is sealed already, and hands out envelopes as they
 * are. The bus over Whisper (bus/whisper_port.h) uses it, so that no private key ever comes here. */
#include <string.h>

#include "base/mem.h"
#include "rpc/subscriptions.h"
#include "shhd/shhd.h"

#define TOPICS_MAX 16384

enum { POST_TOPIC, POST_TTL, POST_DATA, POST_POW_TARGET, POST_POW_TIME };

static const struct jsonrpc_field post_fields[] = {
	[POST_TOPIC] = {"topic", JSONRPC_TOPIC},       [POST_TTL] = {"ttl", JSONRPC_UINT32},
	[POST_DATA] = {"data", JSONRPC_HEX},           [POST_POW_TARGET] = {"powTarget", JSONRPC_DOUBLE},
	[POST_POW_TIME] = {"powTime", JSONRPC_UINT32},
};
static const struct jsonrpc_object sealed_message = {"dsn.SealedMessage", post_fields,
						     sizeof(post_fields) / sizeof(post_fields[0])};

static const struct jsonrpc_field topics_fields[] = {{"topics", JSONRPC_TOPICS}};
static const struct jsonrpc_object topics_object = {"dsn.Topics", topics_fields, 1};

static void post(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	const struct jsonrpc_value *m = jsonrpc_param(c, 0)->members;
	struct shh_post message = {
		.ttl = m[POST_TTL].integer,
		.data = m[POST_DATA].bytes,
		.data_bytes = m[POST_DATA].n,
		.pow_target = m[POST_POW_TARGET].given ? m[POST_POW_TARGET].number : shh_wanted_pow(d->shh),
		.pow_time = m[POST_POW_TIME].integer,
	};

	if (!m[POST_TOPIC].given) {
		jsonrpc_fail(c, "missing topic");
		return;
	}
	if (!m[POST_DATA].n) {
		jsonrpc_fail(c, "missing data");
		return;
	}
	if (message.data_bytes + ENVELOPE_OVERHEAD > shh_max_message(d->shh)) {
		jsonrpc_fail(c, "message of %zu bytes: this node takes at most %zu",
			     message.data_bytes + ENVELOPE_OVERHEAD, shh_max_message(d->shh));
		return;
	}
	memcpy(message.topic, m[POST_TOPIC].bytes, TOPIC_BYTES);
	shh_post(d->shh, d->postings, &message, shhd_answer_posted, c);
}

static void write_envelope(struct json_writer *w, const void *thing)
{
	const struct envelope *e = thing;

	json_write_raw(w, "{\"topic\":");
	json_write_hex(w, e->topic, TOPIC_BYTES);
	json_write_raw(w, ",\"data\":");
	json_write_hex(w, e->data, e->data_bytes);
	json_write_raw(w, ",\"expiry\":");
	json_write_integer(w, e->expiry);
	json_write_raw(w, ",\"hash\":");
	json_write_hex(w, e->hash, ENVELOPE_HASH_BYTES);
	json_write_raw(w, "}");
}

static void on_envelope(const struct envelope *e, void *arg)
{
	subscription_note(arg, write_envelope, e);
}

static void subscribe(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	const struct jsonrpc_value *topics = &jsonrpc_param(c, 0)->members[0];
	struct subscription *s;

	if (topics->n > TOPICS_MAX) {
		jsonrpc_fail(c, "topics: at most %d", TOPICS_MAX);
		return;
	}
	s = subscription_new(c, d->subscriptions, "dsn_subscription");
	if (!s)
		return;
	shh_watch(d->shh, s, (const uint8_t(*)[TOPIC_BYTES])topics->bytes, topics->n, on_envelope, s);
	subscription_answer(s, c);
}

static const struct jsonrpc_method methods[] = {
	{.name = "dsn_post", .handle = post, .count = 1, .params = {{JSONRPC_OBJECT, &sealed_message}}},
	{.name = "dsn_subscribe",
	 .handle = subscribe,
	 .count = 1,
	 .params = {{JSONRPC_OBJECT, &topics_object}},
	 .subscription = "envelopes"},
};

void methods_raw_add(struct shhd *d)
{
	jsonrpc_add(d->rpc, methods, sizeof(methods) / sizeof(methods[0]), d);
}
