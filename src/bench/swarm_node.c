#include "bench/swarm_node.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" /* as long as a real one */

/* --- its jobs --- */

struct swarm_job *swarm_node_job(const struct swarm_node *n, const char *job)
{
	for (size_t i = 0; i < n->job_count; i++) {
		if (strcmp(n->jobs[i]->name, job) == 0)
			return n->jobs[i];
	}
	return NULL;
}

const struct api_target *swarm_node_target(const struct swarm_job *j, size_t n)
{
	const struct api_task *t = j->task;

	if (n < t->output_count)
		return &t->outputs[n];
	n -= t->output_count;
	return n < t->rendition_count ? &t->renditions[n].target : NULL;
}

static void drop(struct swarm_node *n, const char *job)
{
	for (size_t i = 0; i < n->job_count; i++) {
		if (strcmp(n->jobs[i]->name, job) != 0)
			continue;
		mem_free(n->jobs[i]);
		n->jobs[i] = n->jobs[--n->job_count];
		n->changed = true;
		return;
	}
}

/* What goes on from an earlier task of the job are the streams that come in. */
static void add(struct swarm_node *n, struct api_command *c)
{
	struct swarm_job *j = mem_new(n, struct swarm_job), *before = swarm_node_job(n, c->task->job);

	j->name = mem_strdup(j, c->task->job);
	j->task = talloc_steal(j, c->task);
	j->output_count = c->task->output_count + c->task->rendition_count;
	j->outputs = mem_array(j, struct swarm_output, j->output_count);
	if (before) {
		j->inputs = talloc_steal(j, before->inputs);
		j->input_count = before->input_count;
		drop(n, j->name);
	}
	n->jobs = n->jobs ? mem_resize(n, n->jobs, struct swarm_job *, n->job_count + 1)
			  : mem_array(n, struct swarm_job *, 1);
	n->jobs[n->job_count++] = j;
	n->changed = true;
}

/* --- what it tells --- */

static json_t *unit_json(const char *job, const char *name, const struct swarm_output *output)
{
	json_t *o = json_object();
	char *text = mem_printf(NULL, "%s%s", job, name);

	json_put(o, "name", text);
	mem_free(text);
	json_put(o, "state", output && output->fails ? "failing" : "running");
	json_put(o, "pid", "4711");
	json_put_decimal(o, "restarts", output ? output->restarts : 0);
	if (output && output->fails)
		json_put(o, "last_exit", "exit code 1");
	return o;
}

/* A program for each output of a distributor, one encoder, one segmenter for each rendition. */
static json_t *units_json(const struct swarm_job *j)
{
	json_t *list = json_array();
	struct swarm_output any = {0};
	char name[32];

	for (size_t i = 0; j->task->role == API_DISTRIBUTOR && i < j->output_count; i++) {
		snprintf(name, sizeof(name), "-to-%zu", i + 1);
		json_array_append_new(list, unit_json(j->name, name, &j->outputs[i]));
	}
	for (size_t i = 0; i < j->output_count; i++) {
		any.fails = any.fails || j->outputs[i].fails;
		any.restarts += j->outputs[i].restarts;
	}
	if (j->task->role == API_TRANSCODER)
		json_array_append_new(list, unit_json(j->name, "-encode", &any));
	for (size_t i = 0; i < j->task->hls.variant_count; i++)
		json_array_append_new(list, unit_json(j->name, j->task->hls.variants[i].variant, NULL));
	return list;
}

static json_t *published_json(const struct swarm_job *j)
{
	json_t *list = json_array();

	for (size_t i = 0; i < j->input_count; i++) {
		char *text = j->inputs[i].arrives ? mem_printf(NULL, API_LIVE "/%s", j->inputs[i].stream) : NULL;

		if (text)
			json_array_append_new(list, json_string(text));
		mem_free(text);
	}
	return list;
}

static json_t *endpoint_json(const struct swarm_node *n, const struct swarm_job *j)
{
	const char *application = n->role == API_DISTRIBUTOR ? API_INGEST : API_LIVE;
	char *rtmp = mem_printf(NULL, "rtmp://%s:%d/%s/%s", n->ip, n->rtmp_port, application, j->name);
	char *hls = mem_printf(rtmp, "http://%s:%d/hls/%s/%s.m3u8", n->ip, n->http_port, j->name, j->name);
	json_t *o = json_object();

	json_put(o, "rtmp", rtmp);
	if (n->http_port)
		json_put(o, "hls", hls);
	mem_free(rtmp);
	return o;
}

static json_t *row_json(const struct swarm_node *n, const struct swarm_job *j)
{
	json_t *o = json_object();

	json_put(o, "node_id", n->id);
	json_put(o, "role", api_role_name(n->role));
	json_put(o, "job_id", j->name);
	json_put(o, "state", "running");
	json_put(o, "wanted", "running");
	return o;
}

static json_t *job_json(const struct swarm_node *n, const struct swarm_job *j)
{
	json_t *o = row_json(n, j);

	json_put(o, "config_hash", HASH);
	json_object_set_new(o, "endpoint", endpoint_json(n, j));
	json_object_set_new(o, "published", published_json(j));
	json_object_set_new(o, "units", units_json(j));
	return o;
}

static json_t *ports_json(const struct swarm_node *n)
{
	json_t *o = json_object();

	json_put_decimal(o, "rtmp", n->rtmp_port);
	if (n->http_port)
		json_put_decimal(o, "http", n->http_port);
	return o;
}

json_t *swarm_node_status(const struct swarm_node *n)
{
	json_t *o = json_object(), *jobs = json_array(), *units = json_array();
	char *folder = mem_printf(NULL, "/var/lib/dsn/nodes/%s", n->id);

	json_put(o, "node_id", n->id);
	json_put(o, "role", api_role_name(n->role));
	json_put(o, "state", "running");
	json_put(o, "maintenance", "off");
	json_put(o, "runtime", "process");
	json_put(o, "mode", "managed");
	json_put(o, "ip", n->ip);
	json_object_set_new(o, "ports", ports_json(n));
	json_put_decimal(o, "job_count", (int64_t)n->job_count);
	json_put(o, "agent_id", n->agent_id);
	json_put(o, "folder", folder);
	json_array_append_new(units, unit_json("nginx", "", NULL));
	json_object_set_new(o, "units", units);
	for (size_t i = 0; i < n->job_count; i++)
		json_array_append_new(jobs, job_json(n, n->jobs[i]));
	json_object_set_new(o, "jobs", jobs);
	mem_free(folder);
	return o;
}

/* --- what it is told --- */

static json_t *config_json(const struct swarm_node *n, const struct swarm_job *j)
{
	json_t *o = job_json(n, j);

	json_object_del(o, "published");
	json_object_del(o, "wanted");
	json_put(o, "mode", "managed");
	json_put(o, "runtime", "process");
	return o;
}

static json_t *jobs_json(const struct swarm_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->job_count; i++)
		json_array_append_new(list, row_json(n, n->jobs[i]));
	return json_pack("{s:o}", "jobs", list);
}

static struct error *configure(struct swarm_node *n, struct api_command *c, json_t **ret_data)
{
	const char *job = c->task->job;

	if (c->task->role != n->role)
		return error_new(ERROR_INVALID, "type: \"%s\", but node %s is a %s", api_role_name(c->task->role),
				 n->id, api_role_name(n->role));
	add(n, c);
	*ret_data = config_json(n, swarm_node_job(n, job));
	return NULL;
}

static struct error *carry_out(struct swarm_node *n, struct api_command *c, json_t **ret_data)
{
	switch (c->verb) {
	case API_CONFIG:
		return configure(n, c, ret_data);
	case API_PIPELINE_STOP:
	case API_PIPELINE_CLOSE:
		if (!c->job)
			return error_new(ERROR_INVALID, "job_id: is missing");
		drop(n, c->job);
		*ret_data = json_pack("{s:s,s:[]}", "job_id", c->job, "jobs");
		return NULL;
	case API_NODE_STATUS:
		*ret_data = swarm_node_status(n);
		return NULL;
	case API_NODE_PIPELINE:
	case API_PIPELINE_LIST:
		*ret_data = jobs_json(n);
		return NULL;
	default:
		return error_new(ERROR_INVALID, "a simulated node does not know this command");
	}
}

struct error *swarm_node_obey(struct swarm_node *n, const json_t *body, json_t **ret_data)
{
	void *scope = mem_strdup(NULL, "");
	struct api_command *c = NULL;
	struct error *e = api_command_read(scope, body, &c);

	if (!e)
		e = carry_out(n, c, ret_data);
	mem_free(scope);
	return e;
}

/* --- how its streams fare --- */

void swarm_node_begin_look(struct swarm_node *n)
{
	for (size_t i = 0; i < n->job_count; i++) {
		struct swarm_job *j = n->jobs[i];

		for (size_t k = 0; k < j->input_count; k++) {
			j->inputs[k].arrived = j->inputs[k].arrives;
			j->inputs[k].arrives = false;
		}
	}
}

void swarm_node_arrived(struct swarm_job *j, const char *stream)
{
	size_t i = 0;

	while (i < j->input_count && strcmp(j->inputs[i].stream, stream) != 0)
		i++;
	if (i == j->input_count) {
		j->inputs = j->inputs ? mem_resize(j, j->inputs, struct swarm_input, i + 1)
				      : mem_array(j, struct swarm_input, 1);
		j->inputs[j->input_count++] = (struct swarm_input){.stream = mem_strdup(j->inputs, stream)};
	}
	j->inputs[i].arrives = true;
}

void swarm_node_reached(struct swarm_node *n, struct swarm_job *j, size_t output, bool takes)
{
	struct swarm_output *o = &j->outputs[output];

	if (o->fails == !takes)
		return;
	o->fails = !takes;
	o->restarts += !takes;
	n->changed = true;
}

void swarm_node_end_look(struct swarm_node *n)
{
	for (size_t i = 0; i < n->job_count; i++) {
		for (size_t k = 0; k < n->jobs[i]->input_count; k++) {
			const struct swarm_input *in = &n->jobs[i]->inputs[k];

			n->changed = n->changed || in->arrives != in->arrived;
		}
	}
}
