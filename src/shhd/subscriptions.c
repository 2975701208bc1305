/* shh_subscribe and _unsubscribe: messages sent to the client as they are opened, none before the reply that names the
 * subscription. */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "shhd/criteria.h"
#include "shhd/endpoint.h"
#include "shhd/shhd.h"

#define PER_CLIENT 256
#define ID_DIGITS_MAX 32
/* Messages that may come before the reply has gone out. */
#define EARLY_MAX 1024
#define NOTIFICATION_LIMIT ((size_t)64 << 20)

struct subscription {
	struct subscription *next;
	struct shhd *daemon;
	struct client *client;
	struct filter *filter;
	char id[2 + ID_DIGITS_MAX + 1];
	bool active;
	struct whisper_message **early;
	size_t early_count;
};

static int subscription_destroy(struct subscription *s)
{
	for (struct subscription **p = client_subscriptions(s->client); *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	for (size_t i = 0; i < s->early_count; i++)
		whisper_message_unref(s->early[i]);
	filter_remove(s->filter);
	s->daemon->subscriptions--;
	return 0;
}

static void send_message(struct subscription *s, const struct whisper_message *m)
{
	struct json_writer w = {.to = buf_new(NULL, NOTIFICATION_LIMIT)};

	json_write_raw(&w, "{\"jsonrpc\":\"2.0\",\"method\":\"shh_subscription\",\"params\":{\"subscription\":");
	json_write_text(&w, s->id);
	json_write_raw(&w, ",\"result\":");
	message_write(&w, m);
	json_write_raw(&w, "}}\n");
	if (!w.full && client_send(s->client, w.to->data, w.to->len))
		s->daemon->delivered++;
	mem_free(w.to);
}

static void on_message(struct whisper_message *m, void *arg)
{
	struct subscription *s = arg;

	if (s->active) {
		send_message(s, m);
		return;
	}
	if (s->early_count == EARLY_MAX)
		return;
	s->early = mem_resize(s, s->early, struct whisper_message *, s->early_count + 1);
	s->early[s->early_count++] = whisper_message_ref(m);
}

static void activate(void *arg)
{
	struct subscription *s = arg;

	s->active = true;
	for (size_t i = 0; i < s->early_count; i++) {
		send_message(s, s->early[i]);
		whisper_message_unref(s->early[i]);
	}
	s->early_count = 0;
}

static struct subscription *find(struct client *c, const char *id)
{
	struct subscription *s = *client_subscriptions(c);

	while (s && strcmp(s->id, id) != 0)
		s = s->next;
	return s;
}

/* Random, in the form of a number: without leading zeros. */
static void name(struct subscription *s)
{
	char *digits = hex_random(NULL, ID_DIGITS_MAX / 2);
	const char *p = digits + strspn(digits, "0");

	snprintf(s->id, sizeof(s->id), "0x%s", *p ? p : "0");
	mem_free(digits);
}

static size_t count(struct client *c)
{
	size_t n = 0;

	for (struct subscription *s = *client_subscriptions(c); s; s = s->next)
		n++;
	return n;
}

static void subscribe(struct rpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct client *client = rpc_session_arg(rpc_call_session(c));
	struct filter_options options;
	uint8_t from[SECP_PUBLIC_BYTES];
	struct subscription *s;
	struct error *e = criteria_read(d, rpc_param(c, 0)->members, true, from, &options);

	if (e) {
		rpc_fail_error(c, e);
		return;
	}
	if (count(client) >= PER_CLIENT) {
		rpc_fail(c, "there are %d subscriptions already, no more are kept", PER_CLIENT);
		return;
	}
	s = mem_new(client, struct subscription);
	s->daemon = d;
	s->client = client;
	name(s);
	options.message = on_message;
	options.arg = s;
	s->filter = shh_add_filter(d->shh, &options);
	d->subscriptions++;
	s->next = *client_subscriptions(client);
	*client_subscriptions(client) = s;
	talloc_set_destructor(s, subscription_destroy);
	rpc_after_reply(c, activate, s);
	rpc_answer_text(c, s->id);
}

static void unsubscribe(struct rpc_call *c, void *arg)
{
	struct rpc_session *session = rpc_call_session(c);
	struct subscription *s = session ? find(rpc_session_arg(session), rpc_param(c, 0)->text) : NULL;

	(void)arg;
	/* One whose reply is still to come is not known to the client yet. */
	if (!s || !s->active) {
		rpc_fail(c, "subscription not found");
		return;
	}
	mem_free(s);
	rpc_answer_bool(c, true);
}

static const struct rpc_method methods[] = {
	{.name = "shh_subscribe",
	 .handle = subscribe,
	 .count = 1,
	 .params = {{RPC_OBJECT, &criteria_object}},
	 .subscription = "messages"},
	{.name = "_unsubscribe", .handle = unsubscribe, .count = 1, .params = {{RPC_ID, NULL}}},
};

void subscriptions_add(struct shhd *d)
{
	rpc_add(d->rpc, methods, sizeof(methods) / sizeof(methods[0]), d);
}
