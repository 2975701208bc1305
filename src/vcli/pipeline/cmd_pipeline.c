/* vcli pipeline plan, private: what a document comes to, without sending anything. */
#include <stdio.h>
#include <string.h>

#include "api/plan.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/pipeline/endpoints.h"
#include "vcli/render.h"

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
		e = endpoints_from_known(v, document);
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

	printf("job %s: %zu nodes, %zu rendition%s\n", p->job, p->node_count, p->rendition_count,
	       p->rendition_count == 1 ? "" : "s");
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

struct error *cmd_pipeline_plan(struct vcli *v)
{
	struct api_pipeline *p = NULL;
	struct api_plan *plan = NULL;

	TRY(read_public(v, &p));
	api_plan_make(v, p, &plan);
	if (!v->set.json)
		print_plan(p, plan);
	vcli_answer(v, api_plan_json(plan));
	return api_plan_error(plan);
}

/* --- private --- */

struct error *cmd_pipeline_private(struct vcli *v)
{
	struct api_pipeline *p = NULL;
	struct api_node_task *tasks = NULL;
	json_t *document = NULL;
	size_t count = 0;

	TRY(read_public(v, &p));
	TRY(api_pipeline_tasks(v, p, API_KEYS_NONE, &tasks, &count));
	document = api_pipeline_private(p, tasks, count);
	if (!v->set.json) {
		json_dumpf(document, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
		fputc('\n', stdout);
	}
	vcli_answer(v, document);
	return NULL;
}
