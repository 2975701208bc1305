/* pipelines.list and status: the streams of orders, as they are at the nodes. */
#include "api/command.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/request.h"
#include "manager/jobs/jobs_impl.h"

#define ANSWER_MS 10000

void jobs_pipelines_list(struct method_call *c, void *arg)
{
	struct jobs *j = arg;
	void *scope = mem_strdup(NULL, "");
	struct order_row **rows = NULL;
	size_t count = 0;
	json_t *list = json_array();
	struct error *e = order_rows_streams(scope, j->host->db, jobs_owner(c), &rows, &count);

	for (size_t i = 0; !e && i < count; i++)
		json_array_append_new(list, jobs_order_json(j, rows[i], false));
	if (e)
		method_fail(c, e);
	else
		method_answer(c, json_pack("{s:O}", "pipelines", list));
	json_decref(list);
	mem_free(scope);
}

/* --- status --- */

struct jobs_question {
	struct method_call *call;
	json_t *answer;
	struct client_request_list *list;
	struct client_requests *requests;
};

static int question_destroy(struct jobs_question *q)
{
	json_decref(q->answer);
	return 0;
}

static json_t *node_json(const struct client_request *r)
{
	json_t *o = json_pack("{s:s,s:s}", "node_id", r->to, "role", r->role);

	if (r->error)
		json_put(o, "why", r->error->message);
	else if (r->data)
		json_object_set(o, "status", r->data);
	return o;
}

static void on_ended(const struct error *away, void *arg)
{
	struct jobs_question *q = arg;
	json_t *nodes = json_array();

	for (size_t i = 0; i < q->list->count; i++)
		json_array_append_new(nodes, node_json(&q->list->items[i]));
	json_object_set_new(q->answer, "nodes", nodes);
	if (away)
		method_fail(q->call, error_copy(away));
	else
		method_answer(q->call, json_incref(q->answer));
	mem_free(q);
}

static void add(struct jobs_question *q, const char *id, const char *role, const char *job)
{
	client_requests_add(q->list, id, role, api_command_document(API_PIPELINE_STATUS, id, job, NULL));
}

static void add_nodes(struct jobs_question *q, const struct order_row *row)
{
	const json_t *nodes = json_object_get(json_object_get(row->document, "pipeline"), "nodes");

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);
		const char *standby = json_string_value(json_object_get(node, "failover_node_id")),
			   *role = json_string_value(json_object_get(node, "type"));

		add(q, json_string_value(json_object_get(node, "node_id")), role, row->job);
		if (standby)
			add(q, standby, role, row->job);
	}
}

static struct error *ask(struct jobs *j, struct method_call *c, const struct order_row *row)
{
	const struct client_request_options options = {.link = j->host->link,
						       .timeout_ms = ANSWER_MS,
						       .patience_ms = ANSWER_MS,
						       .ttl_ms = CLIENT_TTL_LEAST_MS};
	struct jobs_question *q = mem_new(j, struct jobs_question);
	const struct client_request_events events = {.ended = on_ended, .arg = q};
	struct error *e;

	q->call = c;
	talloc_set_destructor(q, question_destroy);
	q->answer = json_object();
	json_put(q->answer, "job", row->job);
	json_put(q->answer, "state", order_state_name(row->state));
	q->list = client_requests_new(q);
	add_nodes(q, row);
	e = client_requests_begin(q, &options, q->list, &events, &q->requests);
	if (e)
		mem_free(q);
	return e;
}

void jobs_pipelines_status(struct method_call *c, void *arg)
{
	struct jobs *j = arg;
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = NULL;
	struct error *e = order_rows_find(scope, j->host->db, method_text(c, "job"), jobs_owner(c), &row);

	if (!e)
		e = ask(j, c, row);
	if (e)
		method_fail(c, e);
	mem_free(scope);
}
