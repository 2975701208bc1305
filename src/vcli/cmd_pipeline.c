/* vcli pipeline plan, private, start: from a document to running nodes. */
#include <stdio.h>
#include <string.h>

#include "api/plan.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/detach.h"
#include "vcli/job.h"
#include "vcli/job_request.h"
#include "vcli/render.h"
#include "vcli/request.h"

#define FILE_LIMIT (4 * 1024 * 1024)

/* A private document or a t45 task list says what each node runs already: there is nothing left to plan. */
static struct error *refuse_planned(const json_t *document)
{
	const char *type = json_string_value(json_object_get(document, "typeApi"));

	if (json_is_array(json_object_get(document, "tasks")))
		return error_new(ERROR_INVALID,
				 "is a t45 task list, planned already; \"vcli pipeline start\" sends it");
	if (type && strcmp(type, "private") == 0)
		return error_new(ERROR_INVALID,
				 "is a private document, planned already; \"vcli pipeline start\" sends it");
	return NULL;
}

static struct error *read_public(struct vcli *v, struct api_pipeline **ret_pipeline)
{
	json_t *document = NULL;
	struct error *e = NULL;

	TRY(json_parse_file(v->args[0], FILE_LIMIT, &document));
	e = refuse_planned(document);
	if (!e)
		e = api_pipeline_read(v, document, ret_pipeline);
	json_decref(document);
	return e ? error_wrap(e, "%s", v->args[0]) : NULL;
}

/* --- plan --- */

static json_t *plan_rows(const struct api_plan *plan)
{
	void *scope = mem_new(NULL, char);
	json_t *rows = json_array();

	for (size_t i = 0; i < plan->node_count; i++) {
		const struct api_plan_node *n = &plan->nodes[i];
		json_t *row = json_object();

		json_put(row, "node", n->node->node_id);
		json_put(row, "role", api_role_name(n->node->role));
		json_put(row, "address", mem_printf(scope, "%s:%d", n->node->ip, n->node->port));
		json_put(row, "in", render_bps(scope, n->in_bps));
		json_put(row, "out", render_bps(scope, n->out_bps));
		json_put(row, "cores", mem_printf(scope, "%.1f", n->cpu_cores));
		json_array_append_new(rows, row);
	}
	mem_free(scope);
	return rows;
}

static void print_plan(const struct api_pipeline *p, const struct api_plan *plan)
{
	json_t *rows = plan_rows(plan);

	printf("job %s: %zu nodes, %zu renditions\n", p->job, p->node_count, p->rendition_count);
	render_table(stdout, rows, NULL);
	json_decref(rows);
	for (size_t i = 0; i < plan->node_count; i++) {
		const struct api_plan_node *n = &plan->nodes[i];

		printf("%s %s\n", api_role_name(n->node->role), n->node->node_id);
		for (size_t s = 0; s < n->in_count; s++)
			printf("  <- %s\n", n->streams_in[s]);
		for (size_t s = 0; s < n->out_count; s++)
			printf("  -> %s\n", n->streams_out[s]);
	}
	for (size_t i = 0; i < plan->remark_count; i++)
		printf("note: %s\n", plan->remarks[i]);
	for (size_t i = 0; i < plan->problem_count; i++)
		printf("problem: %s\n", plan->problems[i]);
	if (!plan->problem_count)
		printf("feasible\n");
}

static struct error *plan_problem(const struct api_plan *plan)
{
	if (!plan->problem_count)
		return NULL;
	return error_new(ERROR_FAILED, "the pipeline cannot work: %s%s", plan->problems[0],
			 plan->problem_count > 1 ? " (and more)" : "");
}

struct error *cmd_pipeline_plan(struct vcli *v)
{
	struct api_pipeline *p = NULL;
	struct api_plan *plan = NULL;

	TRY(read_public(v, &p));
	api_plan_make(v, p, &plan);
	if (!v->set.json)
		print_plan(p, plan);
	vcli_answer(v, api_plan_json(plan));
	return plan_problem(plan);
}

/* --- private --- */

struct error *cmd_pipeline_private(struct vcli *v)
{
	struct api_pipeline *p = NULL;
	json_t *document = NULL;

	TRY(read_public(v, &p));
	TRY(api_pipeline_private(p, &document));
	if (!v->set.json) {
		json_dumpf(document, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
		fputc('\n', stdout);
	}
	vcli_answer(v, document);
	return NULL;
}

/* --- start --- */

/* What the plan says of a public document; nothing is known of others. */
static struct error *check_plan(struct vcli *v, const struct job *j)
{
	const char *type = json_string_value(json_object_get(j->document, "typeApi"));
	struct api_pipeline *p = NULL;
	struct api_plan *plan = NULL;
	struct error *e = NULL;

	if (!type || strcmp(type, "public") != 0)
		return NULL;
	TRY(api_pipeline_read(v, j->document, &p));
	api_plan_make(v, p, &plan);
	for (size_t i = 0; i < plan->remark_count && !v->set.quiet; i++)
		fprintf(stderr, "note: %s\n", plan->remarks[i]);
	e = plan_problem(plan);
	if (!e || !v->set.force)
		return e ? error_wrap(e, "nothing was sent; --force starts it all the same") : NULL;
	if (!v->set.quiet)
		fprintf(stderr, "note: %s\n", e->message);
	error_free(e);
	return NULL;
}

static struct error *start_requests(struct job *j, struct request_list **ret_list)
{
	struct request_list *l = requests_new(j);
	struct api_task_message *tasks = NULL;
	size_t count = 0;

	TRY(api_private_tasks(j, j->sent, j->folder, &tasks, &count));
	for (size_t i = 0; i < count; i++)
		requests_add(l, tasks[i].node_id, j->nodes[i].role, json_incref(tasks[i].message));
	*ret_list = l;
	return NULL;
}

/* The distributor knows its address when the document does not. */
static void learn_url(struct job *j, const struct request_list *l)
{
	for (size_t i = 0; i < l->count && !j->url; i++) {
		const json_t *endpoint = json_object_get(l->items[i].data, "endpoint");
		const char *rtmp = json_string_value(json_object_get(endpoint, "rtmp"));

		if (!l->items[i].role || strcmp(l->items[i].role, "distributor") != 0 || !rtmp || !strrchr(rtmp, '/'))
			continue;
		j->url = mem_strdup(j, rtmp);
		*strrchr(j->url, '/') = '\0';
	}
}

static json_t *ingest_json(struct vcli *v, const struct job *j)
{
	json_t *o = json_object();
	char *path = NULL;

	if (j->url) {
		json_put(o, "url", j->url);
		json_put(o, "stream", j->name);
	}
	if (j->key && v->set.show_key)
		json_put(o, "key", j->key);
	if (j->key && !job_path(v, v, j->name, &path))
		json_put(o, "key_file", path);
	return o;
}

static void print_ingest(struct vcli *v, const struct job *j)
{
	char *path = NULL;

	if (!j->url || v->set.quiet)
		return;
	printf("send a file:   vcli pipeline push %s FILE\n", j->name);
	if (!j->key) {
		printf("or publish to: %s/%s\n", j->url, j->name);
		return;
	}
	if (v->set.show_key)
		printf("or publish to: %s/%s?key=%s\n", j->url, j->name, j->key);
	else if (!job_path(v, v, j->name, &path))
		printf("or publish to: %s/%s?key=KEY, with \"key\" of %s\n", j->url, j->name, path);
}

struct error *cmd_pipeline_start(struct vcli *v)
{
	struct request_list *l = NULL;
	struct job *j = NULL;
	struct error *e = NULL;
	json_t *answer = json_object();
	int64_t began_ms = clock_mono_ms();

	vcli_answer(v, answer);
	TRY(job_from_file(v, v, v->args[0], &j));
	json_put(answer, "job", j->name);
	TRY(check_plan(v, j));
	TRY(start_requests(j, &l));
	/* Before anything is sent: a node that has a key nobody knows is of no use. */
	TRY(job_store(v, j));
	if (v->set.detach) {
		json_object_set_new(answer, "ingest", ingest_json(v, j));
		e = detach_run(v, l, mem_printf(v, "pipeline start %s", j->name));
		if (!e && !v->set.json)
			print_ingest(v, j);
		return e;
	}
	TRY(requests_run(v, l, v->set.json ? NULL : job_print_line, NULL));
	learn_url(j, l);
	TRY(job_store(v, j));
	json_object_set_new(answer, "nodes", requests_json(l));
	json_object_set_new(answer, "ingest", ingest_json(v, j));
	json_put_decimal(answer, "took", clock_mono_ms() - began_ms);
	e = requests_failure(l, mem_printf(v, "job %s", j->name));
	if (e)
		return e;
	json_put(answer, "state", "applied");
	if (!v->set.json) {
		printf("job %s: all %zu nodes serve after %lld ms\n", j->name, l->count,
		       (long long)(clock_mono_ms() - began_ms));
		print_ingest(v, j);
	}
	return NULL;
}
