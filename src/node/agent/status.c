#include "node/agent/status.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/mode.h"
#include "node/store.h"

#define STATUS_TTL_MS 60000

static void put_number(json_t *o, const char *key, double value)
{
	char *text = mem_printf(NULL, "%.2f", value);

	json_put(o, key, text);
	mem_free(text);
}

static void put_pid(json_t *o, const struct unit *u)
{
	const struct runtime_ops *ops = u->node->ops;
	pid_t pid = u->state == UNIT_RUNNING && ops->pid ? ops->pid(u->node->runtime, u->handle) : 0;

	if (pid)
		json_put_decimal(o, "pid", pid);
}

/* A program of a wanted job that has not been started yet, as right after a restart of the agent, is not stopped. */
static const char *unit_state(const struct unit *u)
{
	return u->state == UNIT_ENDED && u->marked && u->job && u->job->wanted ? "starting" : unit_state_name(u);
}

static json_t *unit_status(const struct unit *u)
{
	json_t *o = json_object();

	json_put(o, "name", u->name);
	json_put(o, "state", unit_state(u));
	put_pid(o, u);
	json_put_decimal(o, "restarts", u->restarts);
	if (u->trouble)
		json_put(o, "last_exit", u->trouble);
	if (u->why)
		json_put(o, "why", u->why);
	if (u->has_failover)
		json_put(o, "target", u->use_failover ? "failover" : "first");
	if (u->has_progress) {
		json_put_decimal(o, "frames", u->progress.frames);
		put_number(o, "fps", u->progress.fps);
		put_number(o, "speed", u->progress.speed);
		json_put_decimal(o, "bitrate_bps", u->progress.bitrate_bps);
		json_put_decimal(o, "dropped", u->progress.dropped_frames);
		json_put_decimal(o, "out_time_ms", u->progress.out_time_ms);
	}
	return o;
}

json_t *status_units(struct unit *const *units, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, unit_status(units[i]));
	return list;
}

static const char *job_state_name(const struct job *j)
{
	/* After a restart of the agent a job waits for its node's nginx; "stopped" is what nobody wants. */
	enum job_state state = j->state == JOB_STOPPED && j->wanted ? JOB_STARTING : j->state;

	if (state == JOB_STARTING && j->trouble)
		return "failing";
	for (size_t i = 0; j->state == JOB_RUNNING && i < j->unit_count; i++) {
		if (j->units[i]->state == UNIT_PAUSED && j->units[i]->failures)
			return "failing";
	}
	return state_of_job.names[state];
}

static const char *node_state_name(const struct node *n)
{
	if (n->state != NODE_LEAVING && !n->up)
		return n->nginx->failures ? "failing" : "starting";
	return state_of_node.names[n->state];
}

static json_t *published(const struct job *j)
{
	json_t *list = json_array();

	for (size_t i = 0; i < j->input_count; i++) {
		const struct stream *s = j->inputs[i];
		char *text;

		if (!s->active)
			continue;
		text = mem_printf(NULL, "%s/%s", s->application, s->name);
		json_array_append_new(list, json_string(text));
		mem_free(text);
	}
	return list;
}

json_t *status_job_row(struct job *j)
{
	json_t *o = json_object();

	json_put(o, "node_id", j->node->row.id);
	json_put(o, "role", api_role_name(j->task->role));
	json_put(o, "job_id", j->name);
	json_put(o, "state", job_state_name(j));
	json_put(o, "wanted", j->wanted ? "running" : "stopped");
	return o;
}

json_t *status_job(struct job *j)
{
	const struct mode_job_ops *ops = j->node->mode->job;
	json_t *o = status_job_row(j);

	json_put(o, "config_hash", j->hash);
	json_object_set_new(o, "endpoint", job_endpoint(j));
	json_object_set_new(o, "published", published(j));
	json_object_set_new(o, "units", status_units(j->units, j->unit_count));
	if (j->trouble)
		json_put(o, "trouble", j->trouble);
	if (j->epoch_ms) {
		char *time = clock_format(NULL, j->epoch_ms);

		json_put(o, "first_published", time);
		mem_free(time);
	}
	if (ops->status)
		ops->status(j, o);
	return o;
}

static json_t *ports(const struct node *n)
{
	json_t *o = json_object();

	json_put_decimal(o, "rtmp", n->row.rtmp.host_port);
	if (n->row.http.host_port)
		json_put_decimal(o, "http", n->row.http.host_port);
	return o;
}

json_t *status_node_row(struct node *n)
{
	json_t *o = json_object();

	json_put(o, "node_id", n->row.id);
	if (n->row.name)
		json_put(o, "name", n->row.name);
	json_put(o, "role", api_role_name(n->row.role));
	json_put(o, "state", node_state_name(n));
	json_put(o, "maintenance", n->row.maintenance ? "on" : "off");
	json_put(o, "runtime", n->row.runtime);
	json_put(o, "mode", n->row.mode);
	json_put(o, "ip", n->host->settings.public_ip);
	json_object_set_new(o, "ports", ports(n));
	json_put_decimal(o, "job_count", (int64_t)n->job_count);
	return o;
}

json_t *status_node(struct node *n, bool with_decisions)
{
	json_t *o = status_node_row(n), *jobs = json_array();

	json_put(o, "agent_id", n->host->id);
	if (n->host->settings.name)
		json_put(o, "agent_name", n->host->settings.name);
	json_put(o, "folder", n->folder);
	json_object_set_new(o, "units", status_units(&n->nginx, 1));
	for (size_t i = 0; i < n->job_count; i++)
		json_array_append_new(jobs, status_job(n->jobs[i]));
	json_object_set_new(o, "jobs", jobs);
	if (with_decisions)
		json_object_set_new(o, "decisions", store_decisions_json(n->host->db, n->row.id));
	return o;
}

/* --- status messages --- */

static void on_sent(const struct error *e, void *arg)
{
	(void)arg;
	if (e)
		log_debug("status.not_sent", "reason=%s", log_q(e->message));
}

static void send_node(struct agent *a, struct node *n)
{
	json_t *body = status_node(n, false);
	struct message *m = message_new(NULL, MESSAGE_STATUS, n->row.id, "", STATUS_TTL_MS, body);

	n->status_changed = false;
	json_decref(body);
	bus_send(a->bus, m, on_sent, NULL);
	mem_free(m);
}

void status_send_all(struct agent *a)
{
	for (size_t i = 0; i < a->node_count && bus_is_up(a->bus); i++)
		send_node(a, a->nodes[i]);
}

void status_send_changed(struct agent *a)
{
	for (size_t i = 0; i < a->node_count && bus_is_up(a->bus); i++) {
		if (a->nodes[i]->status_changed)
			send_node(a, a->nodes[i]);
	}
}
