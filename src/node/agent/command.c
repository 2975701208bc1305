#include "node/agent/command.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/dedupe.h"
#include "node/agent/answer.h"

/* The answer to a stranger is of use while he looks. */
#define REFUSAL_TTL_MS 10000

const struct command_verb command_verbs[API_VERB_COUNT] = {
	[API_NODE_CREATE] = {API_NODE_CREATE, command_keep_node_create, command_act_node_create},
	[API_NODE_LIST] = {API_NODE_LIST, NULL, command_act_node_list},
	[API_NODE_STATUS] = {API_NODE_STATUS, NULL, command_act_node_status},
	[API_NODE_REMOVE] = {API_NODE_REMOVE, NULL, command_act_node_leave},
	[API_NODE_PURGE] = {API_NODE_PURGE, NULL, command_act_node_leave},
	[API_NODE_HARDWARE] = {API_NODE_HARDWARE, NULL, command_act_hardware},
	[API_NODE_FREE_HARDWARE] = {API_NODE_FREE_HARDWARE, NULL, command_act_hardware},
	[API_NODE_MAINTENANCE] = {API_NODE_MAINTENANCE, command_keep_maintenance, command_act_maintenance},
	[API_NODE_PIPELINE] = {API_NODE_PIPELINE, NULL, command_act_jobs},
	[API_NODE_LOGS] = {API_NODE_LOGS, NULL, command_act_node_logs},
	[API_CONFIG] = {API_CONFIG, command_keep_config, command_act_config},
	[API_PIPELINE_STOP] = {API_PIPELINE_STOP, command_keep_stop, command_act_stop},
	[API_PIPELINE_LIST] = {API_PIPELINE_LIST, NULL, command_act_jobs},
	[API_PIPELINE_STATUS] = {API_PIPELINE_STATUS, NULL, command_act_job_status},
	[API_PIPELINE_MONITOR] = {API_PIPELINE_MONITOR, NULL, command_act_monitor},
	[API_PIPELINE_CLOSE] = {API_PIPELINE_CLOSE, command_keep_stop, command_act_stop},
};

static int command_destroy(struct command *c)
{
	struct agent *a = c->agent;

	json_decref(c->answer);
	error_free(c->failure);
	for (size_t i = 0; i < a->command_count; i++) {
		if (a->commands[i] != c)
			continue;
		memmove(&a->commands[i], &a->commands[i + 1], (--a->command_count - i) * sizeof(struct command *));
		break;
	}
	return 0;
}

static struct command *command_new(struct agent *a, const struct message *m)
{
	struct command *c = mem_new(a, struct command);

	c->agent = a;
	c->message = message_copy(c, m);
	a->commands = mem_resize(a, a->commands, struct command *, a->command_count + 1);
	a->commands[a->command_count++] = c;
	talloc_set_destructor(c, command_destroy);
	return c;
}

/* --- the result --- */

/* Dedupe record, outbox and the unfinished command change together. */
static struct error *store_result(struct command *c, const struct message *result)
{
	struct agent *a = c->agent;
	char *text = message_encode(c, result);
	struct error *e;

	TRY(db_begin(a->host.db));
	e = dedupe_finish(a->host.db, c->message->id, text);
	if (!e && !c->message->plain)
		e = outbox_put(a->outbox, result);
	if (!e)
		e = store_remove_command(a->host.db, c->message->id);
	if (!e)
		e = db_commit(a->host.db);
	if (e)
		db_rollback(a->host.db);
	return e;
}

static struct message *result_of(const void *ctx, const struct agent *a, const struct message *command,
				 const struct error *failure, json_t *data)
{
	return message_result(ctx, command, *command->to ? command->to : a->host.id, failure, data);
}

static bool is_question(const struct command *c)
{
	return c->api && !api_verbs[c->api->verb].changes;
}

static void send_result(struct command *c, const struct error *failure, json_t *data, bool stored)
{
	struct agent *a = c->agent;
	struct message *m = result_of(c, a, c->message, failure, data);
	struct error *e = stored ? store_result(c, m) : NULL;

	/* Who has asked waits no longer than for his question. */
	if (is_question(c) && c->message->ttl_ms > 0 && c->message->ttl_ms < m->ttl_ms)
		m->ttl_ms = c->message->ttl_ms;
	/* Without room on the disk the sender is still told, though not across a restart. */
	if ((e || !stored) && !c->message->plain)
		answers_send(a->answers, m);
	if (e)
		log_error("result.not_stored", "command=%s reason=%s", c->message->id, log_q(e->message));
	error_free(e);
}

static void report(const struct command *c, const struct error *e)
{
	const struct api_verb_row *row = c->api ? &api_verbs[c->api->verb] : NULL;

	if (e)
		log_warn("command.failed", "id=%s to=%s what=%s-%s code=%s why=%s", c->message->id, c->message->to,
			 row ? row->command : "?", row ? row->subcommand : "?", error_code_name(e->code),
			 log_q(e->message));
	else
		log_info("command.applied", "id=%s to=%s what=%s-%s", c->message->id, c->message->to, row->command,
			 row->subcommand);
}

static void end(struct command *c, struct error *e, json_t *data, bool stored)
{
	report(c, e);
	send_result(c, e, data, stored);
	error_free(e);
	json_decref(data);
	mem_free(c->deadline);
	c->deadline = NULL;
	c->done = true; /* freed by command_check(): a verb may still hold it */
	agent_changed(c->agent);
}

void command_end(struct command *c, struct error *e, json_t *data)
{
	end(c, e, data, !is_question(c));
}

/* --- waiting --- */

static bool look(struct command *c)
{
	struct error *e = NULL;
	json_t *data = NULL;

	/* What units do while the agent ends them is no answer: the next agent takes the command up. */
	if (c->agent->host.stopping || !c->ready || !c->ready(c, &e, &data))
		return false;
	c->ready = NULL;
	command_end(c, e, data);
	return true;
}

static void on_deadline(void *arg)
{
	struct command *c = arg;
	struct error *e = NULL;
	json_t *data = NULL;

	c->late = true;
	if (!c->ready || !c->ready(c, &e, &data))
		e = error_new(ERROR_TIMEOUT, "not done within the deadline");
	c->ready = NULL;
	command_end(c, e, data);
}

void command_wait(struct command *c, int64_t deadline_ms, command_ready_fn *ready)
{
	c->ready = ready;
	if (look(c))
		return;
	c->deadline = timer_start(c, c->agent->host.loop, deadline_ms, 0, on_deadline, c);
}

void command_check(struct agent *a)
{
	for (size_t i = 0; i < a->command_count;) {
		struct command *c = a->commands[i];

		if (!c->done)
			look(c);
		if (c->done)
			mem_free(c);
		else
			i++;
	}
}

/* --- taking --- */

struct error *command_node(struct command *c, struct node **ret_node)
{
	struct node *n = c->node_id ? agent_node(c->agent, c->node_id) : NULL;
	const char *why;

	if (n) {
		*ret_node = n;
		return NULL;
	}
	why = c->node_id ? agent_lost(c->agent, c->node_id) : NULL;
	if (why)
		return error_new(ERROR_UNAVAILABLE, "node %s cannot be opened; it is tried again every %lld ms: %s",
				 c->node_id, (long long)c->agent->host.settings.status_every_ms, why);
	if (!c->node_id)
		return error_new(ERROR_INVALID, "node_id is missing: this is an agent, it serves %zu nodes",
				 c->agent->node_count);
	return error_new(ERROR_NOT_FOUND, "node %s has not been created here: `node create` comes first", c->node_id);
}

/* Read the document, see whether its signer may ask for that, and whom it is for. */
static struct error *read_body(struct command *c)
{
	const char *to = c->message->to;

	TRY(api_command_read(c, c->message->body, &c->api));
	TRY(agent_check_right(c->agent, c->message->signer, c->api->verb));
	if (strcmp(to, c->agent->host.id) && *to)
		c->node_id = c->message->to;
	if (!c->api->node_id)
		return NULL;
	if (c->node_id && strcasecmp(c->node_id, c->api->node_id))
		return error_new(ERROR_INVALID, "node_id: %s, but the command was sent to node %s", c->api->node_id,
				 c->node_id);
	c->node_id = c->api->node_id;
	return NULL;
}

/* Accept: the command, its dedupe record and what it asks for become one; ret_refused tells a command that must fail
 * without changing anything. The error is the database's. */
static struct error *keep_all(struct command *c, struct error **ret_refused)
{
	struct db *db = c->agent->host.db;
	struct error *e = store_put_command(db, c->message);

	if (e || !c->api || !command_verbs[c->api->verb].keep)
		return e;
	*ret_refused = command_verbs[c->api->verb].keep(c);
	return NULL;
}

static bool is_storage_trouble(const struct error *e)
{
	return e && (e->code == ERROR_LIMIT || e->code == ERROR_IO);
}

/* The command and the term that it bears become known. *ret_refused: a higher one was seen of this manager. */
static struct error *note(struct command *c, bool *ret_new, char **ret_result, struct error **ret_refused)
{
	const struct message *m = c->message;
	struct db *db = c->agent->host.db;
	int64_t highest = 0;

	TRY(dedupe_accept(c, db, m, clock_wall_ms(), ret_new, ret_result));
	if (!m->term || !m->signer || !*ret_new)
		return NULL;
	TRY(store_manager_term(db, m->signer, m->to, m->term, &highest));
	if (m->term < highest && !*ret_refused)
		*ret_refused = error_new(
			ERROR_REFUSED,
			"stale: manager %s gave this command in its term %lld, and has given others in term %lld since: another dsnd leads now",
			m->signer, (long long)m->term, (long long)highest);
	return NULL;
}

/* Returns the error that keeps the command from being accepted at all. */
static struct error *admit(struct command *c, bool *ret_new, char **ret_result, struct error **ret_refused)
{
	struct db *db = c->agent->host.db;
	struct error *e;

	TRY(db_begin(db));
	e = note(c, ret_new, ret_result, ret_refused);
	if (!e && *ret_new && !*ret_refused)
		e = keep_all(c, ret_refused);
	if (!e && *ret_refused && !is_storage_trouble(*ret_refused) && *ret_new) {
		/* Nothing of it stays but that it was answered. */
		db_rollback(db);
		e = db_begin(db);
		if (!e)
			e = note(c, ret_new, ret_result, ret_refused);
	}
	if (!e && is_storage_trouble(*ret_refused)) {
		e = *ret_refused;
		*ret_refused = NULL;
	}
	if (!e)
		e = db_commit(db);
	if (e)
		db_rollback(db);
	return e;
}

/* A command that was here before: its result goes out again; without one it is under way. */
static void repeat(struct command *c, const char *text)
{
	struct agent *a = c->agent;
	struct message *m;
	struct error *e;

	log_info("command.repeated", "id=%s", c->message->id);
	if (!text || c->message->plain)
		return;
	e = message_decode(c, text, strlen(text), false, NULL, &m);
	if (!e) {
		m->time_ms = clock_wall_ms();
		e = outbox_put(a->outbox, m);
	}
	if (e)
		log_warn("command.repeat", "id=%s reason=%s", c->message->id, log_q(e->message));
	error_free(e);
}

static void carry_out(struct command *c, struct error *refused)
{
	if (refused)
		command_end(c, refused, NULL);
	else
		command_verbs[c->api->verb].act(c);
}

/* Nothing of it is kept, and what it cost was bounded before (bus/strangers.h): it may come from anybody. */
static void refuse_stranger(struct agent *a, struct bus_delivery *d, const struct message *m)
{
	struct error *e = error_new(ERROR_REFUSED, "%s obeys its owners only; %s is none of them (dsn-agent --owner)",
				    m->to, m->signer ? m->signer : "who does not sign");
	struct message *result = result_of(NULL, a, m, e, NULL);

	log_warn("command.failed", "id=%s to=%s what=? code=%s why=%s", m->id, m->to, error_code_name(e->code),
		 log_q(e->message));
	result->ttl_ms = REFUSAL_TTL_MS;
	bus_accept(d); /* takes m along */
	bus_send_once(a->bus, result);
	mem_free(result);
	error_free(e);
}

void command_take(struct agent *a, struct bus_delivery *d, const struct message *m)
{
	struct command *c;
	struct error *e, *refused;
	char *result = NULL;
	bool fresh = false;

	if (!agent_obeys(a, m->signer)) {
		refuse_stranger(a, d, m);
		return;
	}
	if (message_is_void(m, clock_wall_ms())) {
		log_warn("command.expired", "id=%s from=%s", m->id, m->from);
		bus_reject(d, "expired");
		return;
	}
	c = command_new(a, m);
	refused = read_body(c);
	if (is_question(c)) {
		/* Asked twice, answered twice; on a full disk too: that is when people ask. */
		bus_accept(d);
		carry_out(c, refused);
		return;
	}
	e = admit(c, &fresh, &result, &refused);
	bus_accept(d);
	if (e) {
		error_free(refused);
		end(c, error_wrap(e, "the command could not be stored, nothing was changed"), NULL, false);
	} else if (!fresh) {
		error_free(refused);
		repeat(c, result);
		c->done = true;
		agent_changed(a);
	} else {
		carry_out(c, refused);
	}
}

/* Owners may have changed since it was accepted. */
static struct error *check_signer(const struct command *c)
{
	const struct message *m = c->message;

	if (agent_obeys(c->agent, m->signer))
		return NULL;
	return error_new(
		ERROR_REFUSED,
		"%s was started anew and obeys its owners only; %s, who gave this command before, is none of them (dsn-agent --owner)",
		*m->to ? m->to : c->agent->host.id,
		m->signer ? m->signer : "who did not sign or is not known any more");
}

struct error *command_resume(struct agent *a)
{
	void *tmp = mem_strdup(NULL, "");
	struct message **list;
	struct error *e = store_commands(tmp, a->host.db, &list);

	for (size_t i = 0; !e && list[i]; i++) {
		struct command *c = command_new(a, list[i]);
		struct error *refused = check_signer(c);

		c->again = true;
		if (!refused)
			refused = read_body(c);
		carry_out(c, refused);
	}
	mem_free(tmp);
	return e;
}
