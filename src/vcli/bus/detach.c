#include "vcli/bus/detach.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "client/identity.h"
#include "client/outbox.h"
#include "vcli/bus/sender.h"

/* Long enough for a broker that is there, short enough for a person when it is not. */
#define PATIENCE_MS 2000
#define TTL_MIN_MS 1000
#define TTL_MAX_MS (INT64_C(7) * 24 * 3600 * 1000)

static const char *told(const char *state)
{
	static const char *const words[][2] = {
		{"waiting", "kept in the outbox"}, {"sent", "sent"}, {"failed", "FAILED"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i][0], state) == 0)
			return words[i][1];
	}
	return state;
}

/* A row for each command; the first failure becomes *ret_failure. */
static struct error *report(struct vcli *v, const struct client_request_list *l, struct client_outbox *s,
			    struct message *const *messages, struct error **ret_failure)
{
	json_t *nodes = json_array();

	if (!v->answer)
		vcli_answer(v, json_object());
	json_object_set_new(v->answer, "nodes", nodes);
	for (size_t i = 0; i < l->count; i++) {
		const struct client_request *r = &l->items[i];
		char *state = NULL, *why = NULL;
		json_t *row = json_object();

		json_array_append_new(nodes, row);
		TRY(client_outbox_state(s, s, messages[i]->id, &state, &why));
		json_put(row, "node_id", r->to);
		if (r->role)
			json_put(row, "role", r->role);
		json_put(row, "state", state);
		if (why)
			json_put(row, "why", why);
		if (!v->set.json)
			printf("%-11s  %s  %s%s%s\n", r->role ? r->role : "node", r->to, told(state), why ? ": " : "",
			       why ? why : "");
		if (why && !*ret_failure)
			*ret_failure = error_new(ERROR_NOT_FOUND, "%s: %s", r->to, why);
	}
	return NULL;
}

/* Keeps the list's commands and tries to send them. */
static struct error *send_kept(struct vcli *v, const struct client_request_list *l, int64_t ttl_ms, const char *what,
			       struct client_outbox **ret_store, struct message ***ret_messages, int64_t *ret_left)
{
	struct message **messages = mem_array(v, struct message *, l->count + 1);
	struct client_outbox *s = NULL;
	struct error *why = NULL, *e = NULL;
	char *self = NULL;

	TRY(client_identity_id(v, &v->set.client, &self));
	TRY(client_outbox_open(v, &v->set.client, &s));
	for (size_t i = 0; i < l->count; i++)
		messages[i] = message_new(messages, MESSAGE_COMMAND, self, l->items[i].to, ttl_ms, l->items[i].body);
	TRY(sender_run(v, &v->set.client, s, messages, l->count, what, PATIENCE_MS, ret_left, &why));
	if (*ret_left > 0)
		e = sender_spawn(v, s);
	if (*ret_left > 0 && !e && why && !v->set.quiet)
		fprintf(stderr,
			"note: the broker is away: %s; a process in the background sends the rest when it is back\n",
			why->message);
	error_free(why);
	*ret_store = s;
	*ret_messages = messages;
	return e;
}

struct error *detach_run(struct vcli *v, struct client_request_list *l, const char *what)
{
	struct message **messages = NULL;
	struct client_outbox *s = NULL;
	struct error *failure = NULL;
	int64_t left = 0;

	if (v->set.detached.ttl_ms < TTL_MIN_MS || v->set.detached.ttl_ms > TTL_MAX_MS)
		return error_new(ERROR_INVALID, "--ttl: wants 1s to 168h");
	TRY(send_kept(v, l, v->set.detached.ttl_ms, what, &s, &messages, &left));
	TRY(report(v, l, s, messages, &failure));
	if (!failure)
		json_put(v->answer, "state", left > 0 ? "kept" : "sent");
	mem_free(s);
	return failure;
}

struct error *detach_away(struct vcli *v, const struct client_request_list *l, const char *what)
{
	struct client_request_list *away = client_requests_new(v);
	struct message **messages = NULL;
	struct client_outbox *s = NULL;
	int64_t left = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (l->items[i].away)
			client_requests_add(away, l->items[i].to, l->items[i].role, json_incref(l->items[i].body));
	}
	if (away->count)
		TRY(send_kept(v, away, TTL_MAX_MS, what, &s, &messages, &left));
	mem_free(s);
	return NULL;
}
