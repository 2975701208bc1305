/* vcli pipeline stop, status, close, list: questions and changes for all nodes of a job that runs. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "client/desired.h"
#include "vcli/bus/detach.h"
#include "vcli/commands.h"
#include "vcli/node/resolve.h"
#include "vcli/pipeline/ingest.h"
#include "vcli/pipeline/job_request.h"
#include "vcli/render.h"

struct client_request_list *job_requests(const void *ctx, const struct user_job *j, enum api_verb verb)
{
	struct client_request_list *l = client_requests_new(ctx);

	for (size_t i = 0; i < j->node_count; i++)
		client_requests_add(l, j->nodes[i].node_id, j->nodes[i].role,
				    api_command_document(verb, j->nodes[i].node_id, j->name, NULL));
	return l;
}

void job_request_print_line(struct vcli *v, const struct client_request *r, void *arg)
{
	const char *warning = json_string_value(json_object_get(r->data, "warning"));

	(void)v;
	(void)arg;
	printf("%-11s  %s  %s  %lld ms", r->role ? r->role : "node", r->to,
	       r->error  ? "FAILED "
	       : r->held ? "held   "
	       : r->away ? "away   "
			 : "applied",
	       (long long)r->took_ms);
	if (r->held) {
		printf("  not sent yet: ");
		render_text(stdout, r->held);
	} else if (r->away)
		printf("  %s", r->gone ? "nobody serves this id now" : "it learns it when it is back");
	if (r->error) {
		printf("  ");
		render_text(stdout, r->error->message);
	}
	if (warning) {
		printf("  warning: ");
		render_text(stdout, warning);
	}
	printf("\n");
	fflush(stdout);
}

static json_t *job_answer(struct vcli *v, const struct user_job *j)
{
	json_t *answer = json_object();

	json_put(answer, "job", j->name);
	vcli_answer(v, answer);
	return answer;
}

static size_t count_away(const struct client_request_list *l)
{
	size_t away = 0;

	for (size_t i = 0; i < l->count; i++)
		away += l->items[i].away;
	return away;
}

static size_t count_held(const struct client_request_list *l)
{
	size_t held = 0;

	for (size_t i = 0; i < l->count; i++)
		held += l->items[i].held != NULL;
	return held;
}

static void print_end(const struct vcli *v, const struct user_job *j, const struct client_request_list *l,
		      const char *done)
{
	size_t away = count_away(l), held = count_held(l);

	if (v->set.json)
		return;
	if (held)
		printf("job %s: told %zu of %zu nodes; %zu will be told when the broker takes messages again (\"vcli outbox list\")\n",
		       j->name, l->count - away, l->count, away);
	else if (away)
		printf("job %s: told %zu of %zu nodes; %zu %s away and will be told when back (\"vcli outbox list\")\n",
		       j->name, l->count - away, l->count, away, away == 1 ? "is" : "are");
	else
		printf("job %s %s\n", j->name, done);
}

/* The end of a job is a state that its nodes are to be in: those that are away learn it later, and nothing of the job
 * stays here for their sake. */
static struct error *end_job(struct vcli *v, enum api_verb verb, const char *done)
{
	struct user_job *j = NULL;
	struct client_request_list *l = NULL;
	json_t *answer = NULL;
	char *what = NULL;

	TRY(user_job_find(v, v, v->args[0], &j));
	answer = job_answer(v, j);
	l = job_requests(v, j, verb);
	l->lasting = true;
	what = mem_printf(v, "%s %s", v->command->words, j->name);
	if (v->set.detached.on) {
		TRY(detach_run(v, l, what));
	} else {
		TRY(requests_run(v, l, v->set.json ? NULL : job_request_print_line, NULL));
		json_object_set_new(answer, "nodes", requests_json(l));
		TRY(detach_away(v, l, what));
	}
	TRY(client_desired_keep(&v->set.client, j->name, verb, l, v->set.detached.on));
	TRY(requests_failure(l, mem_printf(v, "job %s", j->name)));
	if (!v->set.detached.on)
		json_put(answer, "state", count_away(l) ? "kept" : "applied");
	if (verb == API_PIPELINE_CLOSE)
		TRY(user_job_forget(&v->set.client.state, j));
	if (!v->set.detached.on)
		print_end(v, j, l, done);
	return NULL;
}

struct error *cmd_pipeline_stop(struct vcli *v)
{
	return end_job(v, API_PIPELINE_STOP, "has ended; what was stored stays");
}

struct error *cmd_pipeline_close(struct vcli *v)
{
	return end_job(v, API_PIPELINE_CLOSE, "is closed; nothing is stored of it any more");
}

/* --- status --- */

static void print_status(struct vcli *v, const struct client_request *r, void *arg)
{
	(void)v;
	(void)arg;
	if (r->error) {
		printf("%s %s: ", r->role, r->to);
		render_text(stdout, r->error->message);
		printf("\n\n");
		return;
	}
	printf("%s %s\n", r->role, r->to);
	if (r->data) {
		json_t *rest = json_copy(r->data);

		json_object_del(rest, "node_id");
		json_object_del(rest, "role");
		render_value(stdout, rest);
		json_decref(rest);
	}
	printf("\n");
}

struct error *cmd_pipeline_status(struct vcli *v)
{
	struct user_job *j = NULL;
	struct client_request_list *l = NULL;
	json_t *answer = NULL;

	TRY(user_job_find(v, v, v->args[0], &j));
	answer = job_answer(v, j);
	l = job_requests(v, j, API_PIPELINE_STATUS);
	TRY(requests_run(v, l, v->set.json ? NULL : print_status, NULL));
	json_object_set_new(answer, "nodes", requests_json(l));
	ingest_put(v, j, answer);
	if (!v->set.json)
		ingest_print(v, j);
	return requests_failure(l, mem_printf(v, "job %s", j->name));
}

/* --- list --- */

/* Nodes to ask: those named, else all of the jobs started from here. */
static struct error *nodes_to_ask(struct vcli *v, struct client_request_list *l)
{
	json_t *seen = json_object();
	char **names = NULL;
	const char *id = NULL;
	json_t *role = NULL;
	struct error *e = user_job_names(v, &v->set.client.state, &names);

	for (size_t i = 0; !e && i < v->arg_count; i++) {
		char *node_id = NULL;

		e = resolve_id(v, &v->set.client, v->args[i], RESOLVE_NODE, &node_id);
		if (!e)
			json_object_set_new(seen, node_id, json_null());
	}
	for (char **n = names; !e && !v->arg_count && *n; n++) {
		struct user_job *j = NULL;

		e = user_job_load(v, &v->set.client.state, *n, &j);
		for (size_t i = 0; !e && i < j->node_count; i++)
			json_object_set_new(seen, j->nodes[i].node_id, json_string(j->nodes[i].role));
	}
	json_object_foreach (seen, id, role) {
		if (!e)
			client_requests_add(l, id, json_string_value(role),
					    api_command_document(API_PIPELINE_LIST, id, NULL, NULL));
	}
	json_decref(seen);
	return e;
}

/* A row for each job at each node. */
static json_t *job_rows(const struct client_request_list *l)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < l->count; i++) {
		const struct client_request *r = &l->items[i];
		json_t *jobs = json_object_get(r->data, "jobs"), *job = NULL;
		size_t k = 0;

		json_array_foreach (jobs, k, job) {
			json_t *row = json_copy(job);

			json_put(row, "node_id", r->to);
			json_array_append_new(rows, row);
		}
	}
	return rows;
}

struct error *cmd_pipeline_list(struct vcli *v)
{
	struct client_request_list *l = client_requests_new(v);
	json_t *answer = json_object(), *rows = NULL;

	vcli_answer(v, answer);
	TRY(nodes_to_ask(v, l));
	if (l->count)
		TRY(requests_run(v, l, NULL, NULL));
	rows = job_rows(l);
	json_object_set_new(answer, "jobs", rows);
	if (!v->set.json && json_array_size(rows))
		render_table(stdout, rows, NULL);
	else if (!v->set.json)
		printf("no jobs\n");
	return requests_failure(l, "pipeline list");
}
