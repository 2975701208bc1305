/* vcli pipeline start: from a document to running nodes. */
#include <stdio.h>
#include <string.h>

#include "api/plan.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/desired.h"
#include "vcli/bus/detach.h"
#include "vcli/commands.h"
#include "vcli/pipeline/endpoints.h"
#include "vcli/pipeline/ingest.h"
#include "vcli/pipeline/job_request.h"

/* A public document that cannot work, whatever its nodes answer. */
static struct error *check_plan(struct vcli *v, const json_t *document)
{
	struct api_pipeline *p = NULL;
	struct api_plan *plan = NULL;
	struct error *e = NULL;

	TRY(api_pipeline_read(v, document, &p));
	api_plan_make(v, p, &plan);
	for (size_t i = 0; i < plan->remark_count && !v->set.quiet; i++)
		fprintf(stderr, "note: %s\n", plan->remarks[i]);
	e = api_plan_error(plan);
	if (!e || !v->set.force)
		return e ? error_wrap(e, "nothing was sent; --force starts it all the same") : NULL;
	if (!v->set.quiet)
		fprintf(stderr, "note: %s\n", e->message);
	error_free(e);
	return NULL;
}

static struct client_request_list *start_requests(struct user_job *j)
{
	struct client_request_list *l = client_requests_new(j);

	for (size_t i = 0; i < j->node_count; i++)
		client_requests_add(l, j->nodes[i].node_id, api_role_name(j->tasks[i].task->role),
				    json_incref(j->tasks[i].task->document));
	return l;
}

/* What comes after the address of a URL, from its slash on; NULL: nothing. */
static const char *path_of(const char *url)
{
	const char *host = url ? strstr(url, "://") : NULL;

	return host ? strchr(host + 3, '/') : NULL;
}

/* Where the distributor takes the stream in, where the document does not say. */
static void learn_url(struct user_job *j, const json_t *endpoint)
{
	const char *rtmp = json_string_value(json_object_get(endpoint, "rtmp"));

	if (j->url || !path_of(rtmp))
		return;
	j->url = mem_strdup(j, rtmp);
	*strrchr(j->url, '/') = '\0';
}

/* The storage knows its path, and the document at what address it is reached from outside. */
static void learn_watch(struct user_job *j, const json_t *endpoint)
{
	const char *hls = json_string_value(json_object_get(endpoint, "hls")), *path = path_of(hls);
	const char *own = path_of(j->watch);

	if (path && own)
		j->watch = mem_printf(j, "%.*s%s", (int)(own - j->watch), j->watch, path);
	else if (path)
		j->watch = mem_strdup(j, hls);
}

static void learn_addresses(struct user_job *j, const struct client_request_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		const json_t *endpoint = json_object_get(l->items[i].data, "endpoint");
		const char *role = l->items[i].role ? l->items[i].role : "";

		if (strcmp(role, "distributor") == 0)
			learn_url(j, endpoint);
		else if (strcmp(role, "storage") == 0)
			learn_watch(j, endpoint);
	}
}

/* What is wrong with the document by itself is said before anybody is asked. */
static struct error *settle(struct vcli *v, json_t *document)
{
	struct error *e = NULL;

	if (user_job_is_public(document))
		TRY(check_plan(v, document));
	e = v->set.detached.on ? endpoints_from_known(v, document) : endpoints_settle(v, document);
	if (!e || e->code != ERROR_INVALID)
		return e;
	return error_wrap(e, "nothing was sent; --force starts it all the same");
}

static struct error *start(struct vcli *v, struct user_job *j, struct client_request_list *l, json_t *answer)
{
	int64_t began_ms = clock_mono_ms();
	struct error *e = NULL;

	TRY(requests_run(v, l, v->set.json ? NULL : job_request_print_line, NULL));
	learn_addresses(j, l);
	TRY(user_job_store(&v->set.client.state, j));
	json_object_set_new(answer, "nodes", requests_json(l));
	ingest_put(v, j, answer);
	json_put_decimal(answer, "took", clock_mono_ms() - began_ms);
	e = requests_failure(l, mem_printf(v, "job %s", j->name));
	if (e)
		return e;
	json_put(answer, "state", "applied");
	if (!v->set.json) {
		printf("job %s: all %zu nodes serve after %lld ms\n", j->name, l->count,
		       (long long)(clock_mono_ms() - began_ms));
		ingest_print(v, j);
	}
	return NULL;
}

struct error *cmd_pipeline_start(struct vcli *v)
{
	struct client_request_list *l = NULL;
	struct user_job *j = NULL;
	struct error *e = NULL;
	json_t *answer = json_object();

	vcli_answer(v, answer);
	TRY(user_job_from_file_settled(v, v, v->args[0], settle, &j));
	json_put(answer, "job", j->name);
	l = start_requests(j);
	/* Before anything is sent: a node that has a key nobody knows is of no use. */
	TRY(user_job_store(&v->set.client.state, j));
	j->stored = true;
	TRY(client_desired_forget(&v->set.client, j->name));
	if (!v->set.detached.on)
		return start(v, j, l, answer);
	ingest_put(v, j, answer);
	e = detach_run(v, l, mem_printf(v, "pipeline start %s", j->name));
	if (!e && !v->set.json)
		ingest_print(v, j);
	return e;
}
