/* Commands about jobs: one node's part of a pipeline. */
#include <string.h>

#include "base/mem.h"
#include "node/agent/command.h"
#include "node/agent/policy.h"
#include "node/agent/status.h"
#include "node/job/digest.h"
#include "node/mode.h"

#define NGINX_RTMP_PORT 1935
#define STOP_MS 45000
#define WARNING_EQUAL_OUTPUTS \
	"outputs that say the same as an earlier one were left out: one copy of the stream goes there"

/* --- config --- */

/* "1935" of a 1.00 document means the node's own RTMP port, whichever that is. */
static struct error *check_port(const struct node *n, const struct api_task *t)
{
	if (t->listen_port == NGINX_RTMP_PORT || t->listen_port == n->row.rtmp.host_port)
		return NULL;
	return error_new(ERROR_INVALID, "nginx-rtmp-core.listen: \"%d\", but the RTMP port of node %s is %d",
			 t->listen_port, n->row.id, n->row.rtmp.host_port);
}

/* job "film_a" with variant "_b" and job "film" with variant "_a_b" would publish and store under one name. */
static struct error *check_streams(const struct node *n, const struct api_task *t)
{
	struct error *e = NULL;

	for (size_t i = 0; !e && i < t->hls.variant_count; i++) {
		char *name = mem_printf(NULL, "%s%s", t->source_stream, t->hls.variants[i].variant);

		for (size_t k = 0; !e && k < n->job_count; k++) {
			const struct job *j = n->jobs[k];

			if (strcmp(j->name, t->job) && job_find_input(j, MEDIA_LIVE, name) >= 0)
				e = error_new(
					ERROR_EXISTS,
					"hls_variant: \"%s\" makes stream %s, which is job %s's at this node: take another job_id or variant, or close that job first",
					t->hls.variants[i].variant, name, j->name);
		}
		mem_free(name);
	}
	return e;
}

static struct error *check_config(const struct node *n, const struct api_task *t)
{
	const struct job *j = node_job((struct node *)n, t->job);

	if (n->state == NODE_LEAVING)
		return error_new(ERROR_REFUSED, "node %s is being removed", n->row.id);
	if (t->role != n->row.role)
		return error_new(ERROR_INVALID, "type: \"%s\", but node %s is a %s", api_role_name(t->role), n->row.id,
				 api_role_name(n->row.role));
	if (n->row.maintenance && !(j && j->wanted))
		return error_new(ERROR_REFUSED, "node %s is in maintenance: it takes no new jobs", n->row.id);
	if (n->mode->takes)
		TRY(n->mode->takes(n, t));
	TRY(check_streams(n, t));
	return check_port(n, t);
}

struct error *command_keep_config(struct command *c)
{
	const struct api_task *t = c->api->task;
	const struct job *j;
	struct node *n;

	TRY(command_node(c, &n));
	TRY(check_config(n, t));
	TRY(policy_check(c, n));
	c->job = job_row_new(c, n->row.id, t->job, t->document);
	c->job->running = true;
	j = node_job(n, t->job);
	if (j) {
		c->job->epoch_ms = j->epoch_ms;
		c->job->offset_ms = j->offset_ms;
		memcpy(c->job->carried, j->carried, sizeof(j->carried));
		if (t->normalise)
			c->job->mending = j->mending;
	}
	return store_put_job(c->agent->host.db, c->job);
}

static json_t *config_data(struct job *j)
{
	struct node *n = j->node;
	json_t *o = json_object();

	json_put(o, "node_id", n->row.id);
	json_put(o, "job_id", j->name);
	json_put(o, "role", api_role_name(n->row.role));
	json_put(o, "mode", n->row.mode);
	json_put(o, "runtime", n->row.runtime);
	json_put(o, "config_hash", j->hash);
	if (j->task->equal_outputs)
		json_put(o, "warning", WARNING_EQUAL_OUTPUTS);
	json_object_set_new(o, "endpoint", job_endpoint(j));
	json_object_set_new(o, "units", status_units(j->units, j->unit_count));
	return o;
}

static struct job *find(struct command *c, const char *job)
{
	struct node *n = c->node_id ? agent_node(c->agent, c->node_id) : NULL;

	return n ? node_job(n, job) : NULL;
}

static bool job_configured(struct command *c, struct error **ret_e, json_t **ret_data)
{
	struct job *j = find(c, c->api->task->job);

	if (!j || !j->wanted) {
		*ret_e = error_new(ERROR_FAILED, "the job was stopped before it served");
		return true;
	}
	if (strcmp(j->hash, c->config_hash)) {
		*ret_e = error_new(ERROR_FAILED, "a later configuration of the job took its place");
		return true;
	}
	if (j->state == JOB_RUNNING) {
		*ret_data = config_data(j);
		return true;
	}
	if (j->trouble || c->late)
		*ret_e = job_trouble(j);
	if (c->late && !*ret_e)
		*ret_e = error_new(ERROR_TIMEOUT, "the job does not serve yet");
	return *ret_e != NULL;
}

/* Taken up again: the job is as it was stored, by this command or by a later one. */
static struct error *find_again(struct command *c, struct job **ret_job)
{
	struct node *n;

	TRY(command_node(c, &n));
	*ret_job = node_job(n, c->api->task->job);
	return *ret_job ? NULL : error_new(ERROR_FAILED, "the job was closed before it served");
}

void command_act_config(struct command *c)
{
	struct job *j;
	struct error *e = c->again ? find_again(c, &j) : job_set(agent_node(c->agent, c->node_id), c->job, &j);

	if (e) {
		command_end(c, e, NULL);
		return;
	}
	c->config_hash = digest_json(c, c->api->task->document);
	if (j->trouble) {
		mem_free(j->trouble); /* of an earlier try */
		j->trouble = NULL;
	}
	if (j->task->equal_outputs)
		node_decide(j->node, "task.warning", "%s: " WARNING_EQUAL_OUTPUTS, j->name);
	job_run(j);
	command_wait(c, c->agent->host.settings.apply_timeout_ms, job_configured);
}

/* --- stop, close --- */

typedef void job_fn(struct job *j, void *arg);

/* The job at the node the command is for, or at all nodes when it was sent to the agent. */
static size_t each_job(struct command *c, job_fn *fn, void *arg)
{
	size_t count = 0;

	for (size_t i = 0; i < c->agent->node_count; i++) {
		struct node *n = c->agent->nodes[i];
		struct job *j = node_job(n, c->api->job);

		if (!j || (c->node_id && strcmp(n->row.id, c->node_id)))
			continue;
		count++;
		if (fn)
			fn(j, arg);
	}
	return count;
}

static struct error *check_job(struct command *c)
{
	struct node *n;

	if (!c->api->job)
		return error_new(ERROR_INVALID, "job_id: is missing");
	if (c->node_id)
		TRY(command_node(c, &n));
	if (!each_job(c, NULL, NULL))
		return error_new(ERROR_NOT_FOUND, "job %s is unknown at %s", c->api->job,
				 c->node_id ? "this node" : "this agent's nodes");
	return NULL;
}

static void store_stopped(struct job *j, void *arg)
{
	struct error **e = arg;

	if (!*e)
		*e = store_job_wanted(j->node->host->db, j->node->row.id, j->name, false);
}

/* Says why the node cannot be opened. */
static struct error *check_lost(struct command *c)
{
	struct node *n;

	return c->node_id && agent_lost(c->agent, c->node_id) ? command_node(c, &n) : NULL;
}

/* Stopped and closed are wanted states: where the job never was, or is no more, it is so already. */
struct error *command_keep_stop(struct command *c)
{
	struct error *e = NULL;

	if (!c->api->job)
		return error_new(ERROR_INVALID, "job_id: is missing");
	TRY(check_lost(c));
	each_job(c, store_stopped, &e);
	return e;
}

static void stop(struct job *j, void *arg)
{
	const struct command *c = arg;

	if (c->again && j->wanted)
		return; /* it was started again since */
	j->close = j->close || c->api->verb == API_PIPELINE_CLOSE;
	job_stop(j);
	agent_changed(c->agent);
}

struct stopped {
	const char *running; /* a unit that still runs, or the job */
	bool close;
	const char *trouble;
	json_t *jobs;
};

static void look_stopped(struct job *j, void *arg)
{
	struct stopped *s = arg;

	if (j->wanted)
		s->trouble = "the job was started again meanwhile";
	else if (s->close && j->state == JOB_STOPPED && !j->close && j->trouble)
		s->trouble = j->trouble;
	if (s->close || j->state != JOB_STOPPED)
		s->running = j->name;
	for (size_t i = 0; i < j->unit_count; i++) {
		if (j->units[i]->state != UNIT_ENDED)
			s->running = j->units[i]->name;
	}
	json_array_append_new(s->jobs, status_job_row(j));
}

static bool job_stopped(struct command *c, struct error **ret_e, json_t **ret_data)
{
	struct stopped s = {.close = c->api->verb == API_PIPELINE_CLOSE, .jobs = json_array()};

	each_job(c, look_stopped, &s);
	if (s.trouble)
		*ret_e = error_new(ERROR_FAILED, "%s", s.trouble);
	else if (s.running && c->late)
		*ret_e = error_new(ERROR_TIMEOUT, "%s has not ended yet", s.running);
	else if (!s.running)
		*ret_data = json_pack("{s:s,s:O}", "job_id", c->api->job, "jobs", s.jobs);
	json_decref(s.jobs);
	return *ret_e || *ret_data;
}

void command_act_stop(struct command *c)
{
	struct error *e = check_lost(c);

	if (e) {
		command_end(c, e, NULL);
		return;
	}
	each_job(c, stop, c);
	command_wait(c, STOP_MS, job_stopped);
}

/* --- questions --- */

void command_act_jobs(struct command *c)
{
	json_t *list = json_array();
	struct node *n = NULL;
	struct error *e = c->node_id || c->api->verb == API_NODE_PIPELINE ? command_node(c, &n) : NULL;

	for (size_t i = 0; !e && i < c->agent->node_count; i++) {
		struct node *at = c->agent->nodes[i];

		for (size_t k = 0; k < at->job_count; k++) {
			if (!n || n == at)
				json_array_append_new(list, status_job_row(at->jobs[k]));
		}
	}
	command_end(c, e, e ? NULL : json_pack("{s:O}", "jobs", list));
	json_decref(list);
}

static void add_status(struct job *j, void *arg)
{
	json_array_append_new(arg, status_job(j));
}

/* At one node: its job. At an agent: {"nodes":[...]}. */
static json_t *job_status(struct command *c)
{
	json_t *list = json_array(), *data;

	each_job(c, add_status, list);
	data = c->node_id ? json_incref(json_array_get(list, 0)) : json_pack("{s:O}", "nodes", list);
	json_decref(list);
	return data;
}

void command_act_job_status(struct command *c)
{
	struct error *e = check_job(c);

	command_end(c, e, e ? NULL : job_status(c));
}

static void mark(struct job *j, void *arg)
{
	(void)arg;
	node_changed(j->node);
}

void command_act_monitor(struct command *c)
{
	struct error *e = check_job(c);

	if (!e)
		each_job(c, mark, NULL);
	command_end(c, e, e ? NULL : job_status(c));
}
