/* vcli pipeline stop, status and close of a job that this user has no file of, because dsnd has started it: from any
 * machine of a customer, by its id. */
#include <stdio.h>

#include "api/grammar.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/order/ask.h"
#include "vcli/order/context.h"
#include "vcli/pipeline/user_job.h"
#include "vcli/render.h"

static struct error *knows_a_dsnd(struct vcli *v, bool *ret)
{
	json_t *all = NULL;

	*ret = v->set.order.dsnd != NULL;
	if (*ret)
		return NULL;
	TRY(contexts_read(v, &all));
	*ret = contexts_current(all) != NULL;
	json_decref(all);
	return NULL;
}

static bool is_id(const char *text)
{
	const struct json_place at = {NULL, "JOB", 0};
	struct error *e = api_check_job(text, &at);
	const bool is = !e;

	error_free(e);
	return is;
}

/* Is JOB|FILE an id that there is no file of, and is it known which dsnd to ask? */
static struct error *is_ordered(struct vcli *v, bool *ret)
{
	void *scope = mem_strdup(NULL, "");
	struct user_job *j = NULL;
	struct error *e = user_job_find(scope, v, v->args[0], &j);
	const bool missing = e && e->code == ERROR_NOT_FOUND && is_id(v->args[0]);

	/* What else may be wrong with it is the command's to say. */
	error_free(e);
	mem_free(scope);
	*ret = false;
	return missing ? knows_a_dsnd(v, ret) : NULL;
}

static void print_job(const json_t *answer)
{
	const json_t *node = NULL;
	size_t i = 0;

	printf("job ");
	render_text(stdout, json_string_value(json_object_get(answer, "job")));
	printf(": ");
	render_text(stdout, json_string_value(json_object_get(answer, "state")));
	printf("\n");
	json_array_foreach (json_object_get(answer, "nodes"), i, node) {
		printf("\n");
		render_value(stdout, node);
	}
}

static struct error *here_or_there(struct vcli *v, command_fn *here, const char *method)
{
	bool ordered = false;
	json_t *answer = NULL;

	TRY(is_ordered(v, &ordered));
	if (!ordered)
		return here(v);
	TRY(ask_dsnd(v, method, json_pack("{s:s}", "job", v->args[0]), &answer));
	json_object_del(answer, "ingest"); /* it has the key */
	if (!v->set.json)
		print_job(answer);
	vcli_answer(v, answer);
	return NULL;
}

struct error *cmd_ordered_stop(struct vcli *v)
{
	return here_or_there(v, cmd_pipeline_stop, "pipelines.stop");
}

struct error *cmd_ordered_status(struct vcli *v)
{
	return here_or_there(v, cmd_pipeline_status, "pipelines.status");
}

struct error *cmd_ordered_close(struct vcli *v)
{
	return here_or_there(v, cmd_pipeline_close, "pipelines.close");
}
