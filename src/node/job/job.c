#include "node/job/job.h"

#include <signal.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/job/digest.h"
#include "node/job/nginx.h"
#include "node/mode.h"
#include "node/store.h"

#define ROLE(value, name) [API_##value] = &role_##name,
static const struct role_ops *const roles[API_ROLE_COUNT] = {API_ROLES(ROLE)};

const struct role_ops *role_find(enum api_role role)
{
	return roles[role];
}

static const struct role_ops *role(const struct job *j)
{
	return roles[j->task->role];
}

static const struct mode_job_ops *ops(const struct job *j)
{
	return j->node->mode->job;
}

struct job *node_job(struct node *n, const char *name)
{
	for (size_t i = 0; i < n->job_count; i++) {
		if (!strcmp(n->jobs[i]->name, name))
			return n->jobs[i];
	}
	return NULL;
}

/* --- what a role names --- */

size_t job_input(struct job *j, const char *application, const char *name)
{
	j->inputs = mem_resize(j, j->inputs, struct stream *, j->input_count + 1);
	j->finished = mem_resize(j, j->finished, bool, j->input_count + 1);
	j->inputs[j->input_count] = node_stream(j->node, application, name);
	j->finished[j->input_count] = false;
	return j->input_count++;
}

static void unit_changed(struct unit *u)
{
	job_unit_changed(u->job);
}

struct unit *job_unit(struct job *j, const char *what, size_t index, unit_argv_fn *argv, struct stream *input)
{
	char *name = mem_printf(NULL, "%s-%s", j->name, what);
	struct unit *u = NULL;

	for (size_t i = 0; !u && i < j->unit_count; i++) {
		if (!strcmp(j->units[i]->name, name))
			u = j->units[i];
	}
	if (!u) {
		u = unit_new(j, j->node, j, name, index, argv, input);
		u->changed = unit_changed;
		j->units = mem_resize(j, j->units, struct unit *, j->unit_count + 1);
		j->units[j->unit_count++] = u;
	}
	u->index = index;
	u->argv = argv;
	u->input = input;
	u->marked = true;
	mem_free(name);
	return u;
}

void job_senders(struct job *j, const char *what, size_t index, const struct api_target *target, unit_argv_fn *argv,
		 struct stream *input)
{
	char *name = mem_printf(NULL, "%s-%zu", what, index + 1), *second = mem_printf(name, "%s-standby", name);
	struct unit *u = job_unit(j, name, index, argv, input);

	u->has_failover = target->failover_ip && !target->always;
	if (target->always) {
		u->use_failover = false;
		job_unit(j, second, index, argv, input)->use_failover = true;
	}
	mem_free(name);
}

int job_find_input(const struct job *j, const char *application, const char *name)
{
	for (size_t i = 0; i < j->input_count; i++) {
		if (!strcmp(j->inputs[i]->application, application) && !strcmp(j->inputs[i]->name, name))
			return (int)i;
	}
	return -1;
}

/* --- storing --- */

void job_store(struct job *j)
{
	struct error *e = store_job_source(j->node->host->db, j->node->row.id, j->name, j->epoch_ms, j->offset_ms,
					   j->carried, &j->mending);

	if (e)
		log_error("job.not_stored", "node=%s job=%s reason=%s", j->node->row.id, j->name, log_q(e->message));
	error_free(e);
}

static void name_units(struct job *j)
{
	for (size_t i = 0; i < j->unit_count; i++)
		j->units[i]->marked = false;
	j->input_count = 0;
	if (ops(j)->units)
		ops(j)->units(j);
	for (size_t i = 0; i < j->unit_count; i++) {
		if (!j->units[i]->marked)
			unit_stop(j->units[i], SIGINT, JOB_GRACE_MS);
	}
}

static int job_destroy(struct job *j)
{
	struct node *n = j->node;

	for (size_t i = 0; i < n->job_count; i++) {
		if (n->jobs[i] == j) {
			n->jobs[i] = n->jobs[--n->job_count];
			break;
		}
	}
	return 0;
}

static struct job *job_new(struct node *n, const char *name)
{
	struct job *j = mem_new(n, struct job);

	j->node = n;
	j->name = mem_strdup(j, name);
	n->jobs = mem_resize(n, n->jobs, struct job *, n->job_count + 1);
	n->jobs[n->job_count++] = j;
	talloc_set_destructor(j, job_destroy);
	return j;
}

struct error *job_set(struct node *n, const struct job_row *row, struct job **ret_job)
{
	const struct json_place at = {NULL, NULL, 0};
	struct job *j = node_job(n, row->job);
	struct api_task *task;
	char *hash;

	TRY(api_task_read(n, row->task, &at, &task));
	if (!j)
		j = job_new(n, row->job);
	j->mending = row->mending; /* its units depend on it */
	hash = digest_json(j, row->task);
	if (!j->hash || strcmp(hash, j->hash)) {
		mem_free(j->task);
		j->task = talloc_steal(j, task);
		mem_free(j->hash);
		j->hash = hash;
		j->prepared = false;
		mem_free(j->refused);
		j->refused = NULL;
		if (j->state == JOB_RUNNING)
			j->state = state_next(&state_of_job, j->state, JOB_STARTING);
		name_units(j);
	} else {
		mem_free(task);
		mem_free(hash);
	}
	j->wanted = row->running;
	if (j->wanted)
		j->close = false; /* started again before a close was through */
	j->epoch_ms = row->epoch_ms;
	j->offset_ms = row->offset_ms;
	memcpy(j->carried, row->carried, sizeof(j->carried));
	if (j->wanted && j->state == JOB_DRAINING) {
		mem_free(j->timer);
		j->timer = NULL;
		j->state = state_next(&state_of_job, j->state, JOB_STARTING);
		j->prepared = false;
	}
	*ret_job = j;
	return NULL;
}

/* --- starting --- */

void job_in_trouble(struct job *j, struct error *e)
{
	if (!j->trouble || strcmp(j->trouble, e->message))
		node_decide(j->node, "job.trouble", "%s: %s", j->name, e->message);
	mem_free(j->trouble);
	j->trouble = mem_strdup(j, e->message);
	error_free(e);
	node_changed(j->node);
}

void job_serves(struct job *j)
{
	mem_free(j->trouble);
	j->trouble = NULL;
	if (j->state == JOB_RUNNING)
		return;
	j->state = state_next(&state_of_job, j->state, JOB_RUNNING);
	node_decide(j->node, "job.running", "%s: all %zu units serve, configuration %.12s", j->name, j->unit_count,
		    j->hash);
}

void job_run(struct job *j)
{
	if (!j->wanted || !j->node->up || j->node->state == NODE_LEAVING || j->state == JOB_DRAINING ||
	    j->node->host->stopping)
		return;
	ops(j)->run(j);
}

void job_rename_units(struct job *j)
{
	name_units(j);
	j->prepared = false;
	job_run(j);
}

/* --- draining --- */

void job_has_stopped(struct job *j)
{
	mem_free(j->timer);
	j->timer = NULL;
	if (ops(j)->stopped)
		ops(j)->stopped(j);
	j->state = state_next(&state_of_job, j->state, JOB_STOPPED);
	j->prepared = false;
	node_decide(j->node, "job.stopped", "%s: all units have ended", j->name);
	node_step(j->node);
}

void job_ended_unseen(struct job *j)
{
	if (ops(j)->stopped)
		ops(j)->stopped(j);
}

void job_stop(struct job *j)
{
	j->wanted = false;
	ops(j)->stop(j);
}

void job_abort(struct job *j)
{
	j->wanted = false;
	ops(j)->stop_now(j);
}

/* --- events --- */

void job_unit_changed(struct job *j)
{
	if (j->state != JOB_STARTING || !j->prepared)
		return;
	for (size_t i = 0; i < j->unit_count; i++) {
		if (j->units[i]->marked && j->units[i]->state != UNIT_RUNNING)
			return;
	}
	job_serves(j);
}

void job_published(struct job *j, size_t input)
{
	j->finished[input] = false;
	if (role(j)->published)
		role(j)->published(j, input);
}

void job_unpublished(struct job *j, size_t input)
{
	if (role(j)->unpublished)
		role(j)->unpublished(j, input);
}

void job_tick(struct job *j, int64_t now_ms)
{
	for (size_t i = 0; i < j->unit_count; i++)
		unit_tick(j->units[i], now_ms);
	if (ops(j)->tick)
		ops(j)->tick(j, now_ms);
}

struct error *job_trouble(const struct job *j)
{
	struct error *e = nginx_trouble(j->node);

	if (e)
		return e;
	if (j->trouble)
		return error_new(ERROR_FAILED, "%s", j->trouble);
	for (size_t i = 0; i < j->unit_count; i++) {
		const struct unit *u = j->units[i];

		if (u->state == UNIT_RUNNING)
			continue;
		if (u->trouble)
			return error_new(ERROR_FAILED, "unit %s %s%s%s; its log: vcli node logs %s %s", u->name,
					 u->trouble, u->why ? ": " : "", u->why ? u->why : "", j->node->row.id,
					 u->name);
		return error_new(ERROR_TIMEOUT, "unit %s has not started yet", u->name);
	}
	return NULL;
}

json_t *job_endpoint(const struct job *j)
{
	const struct node *n = j->node;
	const char *ip = n->host->settings.public_ip;
	char *rtmp =
		media_rtmp_url(NULL, ip, n->row.rtmp.host_port, ops(j)->application(j), j->task->source_stream, NULL);
	json_t *o = json_object();

	json_put(o, "rtmp", rtmp);
	if (n->row.http.host_port) {
		bool v6 = strchr(ip, ':') != NULL;
		char *hls = mem_printf(NULL, "http://%s%s%s:%d/%s/%s.m3u8", v6 ? "[" : "", ip, v6 ? "]" : "",
				       n->row.http.host_port, ops(j)->hls_folder(rtmp, j), j->name);

		json_put(o, "hls", hls);
		mem_free(hls);
	}
	mem_free(rtmp);
	return o;
}
