/* vcli outbox list and flush: what --detach has kept; the list has transactions too (cmd_outbox_chain.c). */
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "client/desired.h"
#include "client/sender.h"
#include "vcli/bus/outbox_rows.h"
#include "vcli/bus/sender.h"
#include "vcli/commands.h"
#include "vcli/render.h"

#define LOCK_TRIES 50
#define LOCK_EVERY_US 100000

struct error *cmd_outbox_list(struct vcli *v)
{
	static const char *const columns[] = {"what", "node_id", "state", "until", "why", NULL};
	static const char *const of_chain[] = {"id", "state", "nonce", "gap", "to", "value", NULL};
	json_t *answer = json_object(), *all = json_array(), *transactions = json_array();
	char **names = NULL;

	json_object_set_new(answer, "commands", all);
	json_object_set_new(answer, "transactions", transactions);
	vcli_answer(v, answer);
	TRY(client_outbox_names(v, &v->set.client, false, &names));
	for (char **n = names; *n; n++) {
		struct client_options own = v->set.client;
		struct client_outbox *s = NULL;
		json_t *rows = NULL;

		TRY(client_outbox_named(v, &v->set.client, *n, &own, &s));
		TRY(client_outbox_rows(s, &rows));
		json_array_extend(all, rows);
		json_decref(rows);
	}
	TRY(outbox_rows(v, transactions));
	if (v->set.json)
		return NULL;
	if (json_array_size(all))
		render_table(stdout, all, columns);
	if (json_array_size(transactions))
		render_table(stdout, transactions, of_chain);
	if (json_array_size(all) + json_array_size(transactions) == 0)
		printf("the outbox is empty\n");
	return NULL;
}

/* One background sender a store. One that is just ending may not have seen the newest commands, so wait for it a
 * little. */
static struct error *lock(struct client_outbox *s, int *ret_fd)
{
	struct error *e = client_sender_lock(s, ret_fd);

	for (int i = 0; e && e->code == ERROR_EXISTS && i < LOCK_TRIES; i++) {
		error_free(e);
		usleep(LOCK_EVERY_US);
		e = client_sender_lock(s, ret_fd);
	}
	return e;
}

static struct error *flush(struct vcli *v, const char *name, int64_t *left)
{
	struct client_options own = v->set.client;
	struct client_outbox *s = NULL;
	struct error *why = NULL, *e = NULL;
	size_t ends = 0;
	int64_t rest = 0;
	int fd = -1;

	TRY(client_outbox_named(v, &v->set.client, name, &own, &s));
	/* For ever: that is the background sender. */
	if (v->timeout_ms == 0)
		e = lock(s, &fd);
	if (e && e->code == ERROR_EXISTS) {
		error_free(e);
		mem_free(s);
		return NULL;
	}
	if (!e)
		e = client_desired_put(&own, s, "the end of a job, told again", &ends);
	if (!e)
		e = sender_run(v, &own, s, NULL, 0, "", v->timeout_ms, &rest, &why);
	*left += rest;
	if (!e && rest > 0)
		e = error_new(ERROR_UNAVAILABLE, "%s: %lld commands still wait%s%s", own.bus, (long long)rest,
			      why ? ": " : "", why ? why->message : "");
	error_free(why);
	if (fd >= 0)
		close(fd);
	mem_free(s);
	return e;
}

struct error *cmd_outbox_flush(struct vcli *v)
{
	struct error *first = NULL;
	char **names = v->args;
	json_t *answer = json_object();
	int64_t left = 0;

	vcli_answer(v, answer);
	if (!v->arg_count)
		TRY(client_outbox_names(v, &v->set.client, true, &names));
	for (char **n = names; *n; n++) {
		struct error *e = flush(v, *n, &left);

		if (!first)
			first = e;
		else
			error_free(e);
	}
	json_put_decimal(answer, "waiting", left);
	if (!first && !v->set.json)
		printf("nothing waits any more\n");
	if (!first)
		json_put(answer, "state", "sent");
	return first;
}
