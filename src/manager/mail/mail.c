#include "manager/mail/mail.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "client/identity.h"
#include "manager/jsonrpc2.h"
#include "manager/mail/mail_check.h"
#include "manager/mail/mail_rows.h"
#include "manager/who.h"

#define STRANGERS_PER_S 20
#define CALLS 256 /* under way */
#define CALLS_EACH 16
#define ANSWER_BYTES (160U * 1024) /* sealed and encoded it is still a message */
#define EXPIRE_EVERY_MS 60000
#define MEMBERS (CALLER_CUSTOMER | CALLER_SUPPLIER | CALLER_OPERATOR)

struct mail {
	const struct service_host *host;
	void *open; /* what lives while this process leads; NULL: it does not */
	struct bus *bus;
	const char *id;
	struct mail_call *calls;
	size_t count;
	uint64_t taken, refused;
};

struct mail_call {
	struct mail *mail;
	struct mail_call *next, **at;
	struct message *command;
	bool kept; /* it is in the database */
};

/* --- answering --- */

static void on_sent(const struct error *e, void *arg)
{
	(void)arg;
	if (e) /* whoever waits for it asks again */
		log_debug("mail.answer", "why=%s", log_q(e->message));
}

/* One of the two; takes e and data. */
static void answer(struct mail *m, const struct message *command, struct error *e, json_t *data)
{
	struct message *result = message_result(m->open, command, m->id, e, data);

	m->refused += e != NULL;
	bus_send(m->bus, result, on_sent, NULL);
	mem_free(result);
	json_decref(data);
	error_free(e);
}

static void answer_text(struct mail *m, const struct message *command, const char *text)
{
	json_t *rpc = NULL;
	struct error *e;

	if (strlen(text) > ANSWER_BYTES)
		e = error_new(ERROR_LIMIT, "the answer has %zu bytes, and over the bus %u are the most: ask for less",
			      strlen(text), ANSWER_BYTES);
	else
		e = *text ? json_parse(text, strlen(text), ANSWER_BYTES, &rpc) : NULL;
	answer(m, command, e, e ? NULL : rpc ? json_pack("{s:o}", "rpc", rpc) : json_object());
}

static void on_reply(const char *text, size_t n, void *arg)
{
	struct mail_call *c = arg;
	struct mail *m = c->mail;
	struct error *e = c->kept ? mail_rows_answered(m->host->db, c->command, text) : NULL;

	(void)n;
	if (e)
		log_warn("mail.keep", "why=%s", log_q(e->message));
	error_free(e);
	answer_text(m, c->command, text);
	mem_free(c);
}

/* --- calls --- */

static int call_destroy(struct mail_call *c)
{
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	c->mail->count--;
	return 0;
}

static struct mail_call *call_new(struct mail *m, const struct message *command)
{
	struct mail_call *c = mem_new(m->open, struct mail_call);

	*c = (struct mail_call){.mail = m, .next = m->calls, .at = &m->calls, .command = message_copy(c, command)};
	if (c->next)
		c->next->at = &c->next;
	m->calls = c;
	m->count++;
	talloc_set_destructor(c, call_destroy);
	return c;
}

static bool is_under_way(const struct mail *m, const struct message *command)
{
	for (const struct mail_call *c = m->calls; c; c = c->next) {
		if (strcmp(c->command->id, command->id) == 0 && strcmp(c->command->signer, command->signer) == 0)
			return true;
	}
	return false;
}

static struct error *check(const struct mail *m, const struct message *command)
{
	size_t own = 0;

	TRY(mail_check(command, clock_wall_ms()));
	for (const struct mail_call *c = m->calls; c; c = c->next)
		own += strcmp(c->command->signer, command->signer) == 0;
	if (m->count >= CALLS || own >= CALLS_EACH)
		return error_new(ERROR_LIMIT, "%d calls over the bus are under way, or %d of this caller", CALLS,
				 CALLS_EACH);
	return NULL;
}

/* A call of somebody that may change something is made once. True: not this one, and it is answered. */
static bool was_made(struct mail *m, struct mail_call *c)
{
	char *before = NULL;
	bool fresh = true;
	struct error *e = mail_rows_accept(c, m->host->db, c->command, &fresh, &before);

	c->kept = true;
	if (!e && fresh)
		return false;
	if (e)
		answer(m, c->command, e, NULL);
	else if (before)
		answer_text(m, c->command, before);
	else
		answer(m, c->command,
		       error_new(
			       ERROR_UNAVAILABLE,
			       "this call was begun before dsnd ended, and what became of it is not known: look before it is made again"),
		       NULL);
	return true;
}

static void on_who(const struct caller *caller, const struct error *e, void *arg)
{
	struct mail_call *c = arg;
	struct mail *m = c->mail;
	char *text;

	if (e || ((caller->roles & MEMBERS) && was_made(m, c))) {
		if (e)
			answer(m, c->command, error_copy(e), NULL);
		mem_free(c);
		return;
	}
	text = json_text(m->open, json_object_get(c->command->body, "rpc"));
	jsonrpc2_serve(c, m->host->methods, caller, text, strlen(text), on_reply, c);
	mem_free(text);
}

static void take(struct mail *m, const struct message *command)
{
	struct error *e = check(m, command);
	struct mail_call *c;

	m->taken++;
	if (e) {
		answer(m, command, e, NULL);
		return;
	}
	c = call_new(m, command);
	who_address(c, m->host->callers, m->host->methods, command->signer, on_who, c);
}

static void on_message(struct bus_delivery *d, const struct message *message, void *arg)
{
	struct mail *m = arg;

	if (message->kind != MESSAGE_COMMAND || !message->signer) {
		bus_drop(d);
		return;
	}
	if (!is_under_way(m, message))
		take(m, message);
	bus_accept(d);
}

/* --- the mailbox --- */

static void on_refused(const char *id, const struct error *why, void *arg)
{
	(void)arg;
	log_warn("mail.refused", "mailbox=%s why=%s", id, log_q(why->message));
}

static void on_state(bool up, const struct error *why, void *arg)
{
	(void)arg;
	if (!up)
		log_debug("mail.bus_down", "why=%s", log_q(why ? why->message : "none"));
}

static struct error *open_mailbox(struct mail *m)
{
	const struct client_options *client = client_link_client(m->host->link);
	const struct bus_handlers handlers = {
		.on_state = on_state, .on_message = on_message, .on_refused = on_refused, .arg = m};
	struct bus_options options = client_link_options(client);
	const char *listed;

	options.strangers_per_s = STRANGERS_PER_S;
	TRY(client_identity_keyring(m->open, client, &options.keyring, &m->id));
	for (size_t i = 0; (listed = callers_at(m->host->callers, i)); i++)
		keyring_keep(options.keyring, listed);
	TRY(bus_open(m->open, m->host->loop, &options, &handlers, &m->bus));
	return bus_serve(m->bus, m->id, false);
}

static void close_mailbox(struct mail *m)
{
	while (m->calls)
		mem_free(m->calls);
	mem_free(m->bus); /* before its keyring */
	mem_free(m->open);
	m->bus = NULL;
	m->open = NULL;
}

static void start(void *state)
{
	struct mail *m = state;
	struct error *e;

	m->open = mem_new(m, char);
	e = open_mailbox(m);
	if (e) {
		log_error("mail.open", "why=%s hint=%s", log_q(e->message), log_q("no calls are taken over the bus"));
		close_mailbox(m);
	}
	error_free(e);
}

static void stop(const struct error *why, void *state)
{
	(void)why;
	close_mailbox(state);
}

static void expire(void *state)
{
	const struct mail *m = state;
	struct error *e = mail_rows_expire(m->host->db, clock_wall_ms());

	if (e)
		log_warn("mail.expire", "why=%s", log_q(e->message));
	error_free(e);
}

static const struct service_task tasks[] = {{EXPIRE_EVERY_MS, expire}, {0, NULL}};

static int mail_destroy(struct mail *m)
{
	close_mailbox(m);
	return 0;
}

static struct error *open_mail(const void *ctx, const struct service_host *host, void **ret_state)
{
	struct mail *m = mem_new(ctx, struct mail);

	m->host = host;
	talloc_set_destructor(m, mail_destroy);
	*ret_state = m;
	return NULL;
}

static void measure(struct metrics_text *t, void *state)
{
	const struct mail *m = state;

	metrics_counter(t, "mail_calls_total", "Calls over the bus.", m->taken);
	metrics_counter(t, "mail_refused_total", "Calls over the bus that were answered with a failure of the message.",
			m->refused);
	metrics_gauge(t, "mail_calls_open", "Calls over the bus under way.", (double)m->count);
}

const struct service_ops mail_service = {
	.name = "mail",
	.text = "calls over the bus",
	.migrations = mail_migrations,
	.migration_count = MAIL_MIGRATIONS,
	.tasks = tasks,
	.open = open_mail,
	.start = start,
	.stop = stop,
	.measure = measure,
};
