#include "rpc/subscriptions.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "rpc/endpoint.h"

#define PER_CLIENT 256
#define ID_DIGITS_MAX 32
/* Notes that may come before the reply has gone out. */
#define EARLY_MAX 1024
#define NOTIFICATION_LIMIT ((size_t)64 << 20)

struct subscriptions {
	size_t count;
	uint64_t sent;
};

struct subscription {
	struct subscription *next;
	struct subscriptions *all;
	struct endpoint_client *client;
	const char *method; /* of its notes */
	char id[2 + ID_DIGITS_MAX + 1];
	bool active;
	struct buf **early;
	size_t early_count;
};

static int subscription_destroy(struct subscription *s)
{
	for (struct subscription **p = endpoint_client_subscriptions(s->client); *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	s->all->count--;
	return 0;
}

static void send_note(struct subscription *s, const struct buf *text)
{
	if (endpoint_client_send(s->client, text->data, text->len))
		s->all->sent++;
}

void subscription_note(struct subscription *s, subscription_write_fn *write, const void *thing)
{
	struct json_writer w = {.to = buf_new(s, NOTIFICATION_LIMIT)};

	json_write_raw(&w, "{\"jsonrpc\":\"2.0\",\"method\":");
	json_write_text(&w, s->method);
	json_write_raw(&w, ",\"params\":{\"subscription\":");
	json_write_text(&w, s->id);
	json_write_raw(&w, ",\"result\":");
	write(&w, thing);
	json_write_raw(&w, "}}\n");
	if (!w.full && !s->active && s->early_count < EARLY_MAX) {
		s->early = mem_resize(s, s->early, struct buf *, s->early_count + 1);
		s->early[s->early_count++] = w.to;
		return;
	}
	if (!w.full && s->active)
		send_note(s, w.to);
	mem_free(w.to);
}

static void activate(void *arg)
{
	struct subscription *s = arg;

	s->active = true;
	for (size_t i = 0; i < s->early_count; i++) {
		send_note(s, s->early[i]);
		mem_free(s->early[i]);
	}
	s->early_count = 0;
}

static struct subscription *find(struct endpoint_client *c, const char *id)
{
	struct subscription *s = *endpoint_client_subscriptions(c);

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

static size_t count(struct endpoint_client *c)
{
	size_t n = 0;

	for (struct subscription *s = *endpoint_client_subscriptions(c); s; s = s->next)
		n++;
	return n;
}

struct subscription *subscription_new(struct jsonrpc_call *c, struct subscriptions *all, const char *method)
{
	struct endpoint_client *client = jsonrpc_session_arg(jsonrpc_call_session(c));
	struct subscription *s;

	if (count(client) >= PER_CLIENT) {
		jsonrpc_fail(c, "there are %d subscriptions already, no more are kept", PER_CLIENT);
		return NULL;
	}
	s = mem_new(client, struct subscription);
	s->all = all;
	s->client = client;
	s->method = method;
	name(s);
	all->count++;
	s->next = *endpoint_client_subscriptions(client);
	*endpoint_client_subscriptions(client) = s;
	talloc_set_destructor(s, subscription_destroy);
	return s;
}

void subscription_answer(struct subscription *s, struct jsonrpc_call *c)
{
	jsonrpc_after_reply(c, activate, s);
	jsonrpc_answer_text(c, s->id);
}

static void unsubscribe(struct jsonrpc_call *c, void *arg)
{
	struct jsonrpc_session *session = jsonrpc_call_session(c);
	struct subscription *s = session ? find(jsonrpc_session_arg(session), jsonrpc_param(c, 0)->text) : NULL;

	(void)arg;
	/* One whose reply is still to come is not known to the client yet. */
	if (!s || !s->active) {
		jsonrpc_fail(c, "subscription not found");
		return;
	}
	mem_free(s);
	jsonrpc_answer_bool(c, true);
}

static const struct jsonrpc_method methods[] = {
	{.name = "_unsubscribe", .handle = unsubscribe, .count = 1, .params = {{JSONRPC_ID, NULL}}},
};

struct subscriptions *subscriptions_new(const void *ctx, struct jsonrpc *rpc)
{
	struct subscriptions *all = mem_new(ctx, struct subscriptions);

	jsonrpc_add(rpc, methods, sizeof(methods) / sizeof(methods[0]), all);
	return all;
}

size_t subscriptions_count(const struct subscriptions *all)
{
	return all->count;
}

uint64_t subscriptions_sent(const struct subscriptions *all)
{
	return all->sent;
}
