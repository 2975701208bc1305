#include "node/agent/node_life.h"

#include <signal.h>
#include <string.h>

#include "base/beneath.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "node/job/job.h"
#include "node/mode/callbacks.h"
#include "node/mode/modes.h"
#include "node/mode/nginx_unit.h"
#include "node/runtime/folders.h"
#include "node/store.h"

#define NGINX_GRACE_MS 3000
#define REMOVE_AGAIN_MS 5000

static void on_swept(struct error *e, void *arg)
{
	struct node *n = arg;

	if (e)
		log_warn("node.sweep", "node=%s reason=%s", n->row.id, log_q(e->message));
	error_free(e);
	/* A job may have been stopped while no agent was there to see its units end. */
	for (size_t i = 0; i < n->job_count; i++) {
		if (!n->jobs[i]->wanted && n->jobs[i]->state == JOB_STOPPED)
			job_ended_unseen(n->jobs[i]);
	}
}

/* End what an earlier agent has left that is wanted no more. */
static void sweep(struct node *n)
{
	const char **keep = mem_array(NULL, const char *, 2);
	size_t count = 0;

	n->swept = true;
	keep[count++] = "nginx";
	for (size_t i = 0; i < n->job_count; i++) {
		struct job *j = n->jobs[i];

		if (!j->wanted && j->state == JOB_STOPPED)
			continue;
		keep = mem_resize(NULL, keep, const char *, count + j->unit_count + 1);
		for (size_t k = 0; k < j->unit_count; k++)
			keep[count++] = j->units[k]->name;
	}
	keep[count] = NULL;
	n->ops->sweep(n->runtime, keep, on_swept, n);
	mem_free(keep);
}

static struct error *remove_folder(const struct node *n)
{
	char *nodes = mem_printf(NULL, "%s/nodes", n->host->settings.state_dir);
	struct error *e = beneath_remove_tree(nodes, n->row.id);

	mem_free(nodes);
	return e;
}

/* What has left its session and its parent too. */
static struct error *end_all(const struct node *n)
{
	return n->claim ? process_kill_user(n->claim->uid) : NULL;
}

static void on_remove_again(void *arg)
{
	struct node *n = arg;

	mem_free(n->again_timer);
	n->again_timer = NULL;
	n->gone = false; /* the tick comes here again */
}

static void on_purged(struct error *e, void *arg)
{
	struct node *n = arg;
	struct host *h = n->host;

	if (e)
		log_warn("node.purge", "node=%s reason=%s", n->row.id, log_q(e->message));
	error_free(e);
	e = end_all(n);
	if (e)
		log_warn("node.purge", "node=%s reason=%s", n->row.id, log_q(e->message));
	error_free(e);
	e = store_remove_node(h->db, n->row.id);
	if (e) {
		/* The next agent would find it stored and start it: whoever asked for its end is told when it is so. */
		log_error("node.remove", "node=%s trying=again reason=%s", n->row.id, log_q(e->message));
		error_free(e);
		n->again_timer = timer_start(n, h->loop, REMOVE_AGAIN_MS, 0, on_remove_again, n);
		return;
	}
	if (n->purge)
		e = remove_folder(n);
	if (!e && n->purge)
		e = uids_give_back(h->db, n->row.id);
	if (e)
		log_error("node.remove", "node=%s reason=%s", n->row.id, log_q(e->message));
	error_free(e);
	log_info("node.removed", "node=%s purged=%s", n->row.id, n->purge ? "yes" : "no");
	agent_drop_node(h->agent, n);
}

static void step_leaving(struct node *n)
{
	for (size_t i = 0; i < n->job_count; i++) {
		if (n->jobs[i]->state != JOB_STOPPED)
			return;
	}
	if (n->nginx->state != UNIT_ENDED) {
		unit_stop(n->nginx, SIGTERM, NGINX_GRACE_MS);
		if (n->nginx->state != UNIT_ENDED)
			return;
	}
	if (n->gone)
		return;
	n->gone = true;
	n->ops->purge(n->runtime, on_purged, n);
}

static void step(struct node *n)
{
	if (n->state == NODE_LEAVING) {
		step_leaving(n);
		return;
	}
	if (n->up && n->state == NODE_STARTING) {
		n->state = state_next(&state_of_node, n->state, NODE_RUNNING);
		node_decide(n, "node.running", "nginx serves on RTMP port %d", n->row.rtmp.host_port);
	}
	if (n->up) {
		if (n->mode->up)
			n->mode->up(n);
		for (size_t i = 0; i < n->job_count; i++)
			job_run(n->jobs[i]);
		if (!n->swept)
			sweep(n);
	}
	node_changed(n);
}

void node_leave(struct node *n, bool purge)
{
	n->purge = n->purge || purge;
	if (n->state != NODE_LEAVING) {
		n->state = state_next(&state_of_node, n->state, NODE_LEAVING);
		node_decide(n, "node.leaving", "asked to %s the node", purge ? "purge" : "remove");
		for (size_t i = 0; i < n->job_count; i++)
			job_abort(n->jobs[i]);
	}
	step(n);
}

void node_tick(struct node *n, int64_t now_ms)
{
	for (size_t i = 0; i < n->job_count; i++)
		job_tick(n->jobs[i], now_ms);
	if (n->mode->tick)
		n->mode->tick(n, now_ms);
}

static void set_programs(struct node *n)
{
	const struct agent_settings *s = &n->host->settings;
	bool here = n->ops == &runtime_process;

	n->programs = (struct media_programs){
		.ffmpeg = here ? s->ffmpeg : "ffmpeg",
		.ffprobe = here ? s->ffprobe : "ffprobe",
		.segmenter = here ? s->segmenter : "dsn-hls",
		.relay = here ? s->relay : "dsn-relay",
		.keys = mem_printf(n, "%s/keys", n->path),
	};
}

static struct error *open_runtime(struct node *n)
{
	struct host *h = n->host;
	struct runtime_port ports[2] = {n->row.rtmp, n->row.http};
	struct runtime_node node = {
		.node_id = n->row.id,
		.role = api_role_name(n->row.role),
		.folder = n->folder,
		.ports = ports,
		.port_count = n->row.http.host_port ? 2 : 1,
		.image = n->row.image,
		.mounts = (const char *const *)n->row.mounts,
		.memory_bytes = n->row.memory_bytes,
		.cpus = n->row.cpus,
	};

	n->ops = runtime_find(n->row.runtime);
	if (!n->ops)
		return error_new(ERROR_INVALID, "runtime %s is unknown; there are process and docker", n->row.runtime);
	if (n->ops != &runtime_process && n->mode->check)
		TRY(n->mode->check(&h->settings, true));
	if (n->ops != &runtime_process && n->mode->local_port)
		node.local_port = n->mode->local_port(n);
	/* The runtime keeps copies. */
	// cppcheck-suppress returnDanglingLifetime
	TRY(n->ops->open(n, h->loop, &n->units, &node, &n->runtime));
	n->path = n->ops->path(n->runtime);
	set_programs(n);
	return NULL;
}

static struct error *load_jobs(struct node *n)
{
	void *tmp = mem_strdup(NULL, "");
	struct job_row **rows;
	struct error *e = store_jobs(tmp, n->host->db, n->row.id, &rows);

	for (size_t i = 0; !e && rows[i]; i++) {
		struct job *j;
		struct error *bad = job_set(n, rows[i], &j);

		if (bad) {
			log_error("job.unreadable", "node=%s job=%s reason=%s", n->row.id, rows[i]->job,
				  log_q(bad->message));
			error_free(bad);
		}
	}
	mem_free(tmp);
	return e;
}

static struct error *set_user(struct node *n)
{
	struct host *h = n->host;

	n->units = h->runtime_options;
	if (!n->units.set_user || !h->uids.first)
		return NULL;
	TRY(uids_claim(n, h->db, &h->uids, n->row.id, &n->claim));
	n->units.own_user = true;
	n->units.uid = n->units.gid = n->claim->uid;
	return NULL;
}

static struct error *open_parts(struct node *n)
{
	n->mode = mode_find(n->row.mode);
	if (!n->mode)
		return error_new(ERROR_INVALID, "mode %s is unknown; there are managed and classic", n->row.mode);
	TRY(file_mkdirs(n->folder, 0711));
	TRY(set_user(n));
	TRY(folders_open(n->folder, &n->units));
	TRY(open_runtime(n));
	n->nginx = nginx_unit_new(n);
	TRY(callbacks_open(n));
	TRY(n->mode->open(n));
	TRY(load_jobs(n));
	return n->mode->tidy ? n->mode->tidy(n) : NULL;
}

static void copy_row(struct node *n, const struct node_row *row)
{
	n->row = *row;
	n->row.id = mem_strdup(n, row->id);
	n->row.name = row->name ? mem_strdup(n, row->name) : NULL;
	n->row.runtime = mem_strdup(n, row->runtime);
	n->row.mode = mem_strdup(n, row->mode);
	n->row.image = mem_strdup(n, row->image);
	n->row.mounts = mem_array(n, char *, row->mount_count + 1);
	for (size_t i = 0; i < row->mount_count; i++)
		n->row.mounts[i] = mem_strdup(n, row->mounts[i]);
}

/* Before its children: jobs need not take themselves out of a list that goes too. */
static int node_destroy(struct node *n)
{
	n->job_count = 0;
	return 0;
}

struct error *node_open(struct agent *a, const struct node_row *row, struct node **ret_node)
{
	struct node *n = mem_new(a, struct node);
	struct error *e;

	talloc_set_destructor(n, node_destroy);
	n->host = &a->host;
	n->step = step;
	copy_row(n, row);
	n->folder = mem_printf(n, "%s/nodes/%s", a->host.settings.state_dir, row->id);
	e = open_parts(n);
	if (e) {
		mem_free(n);
		return error_wrap(e, "node %s", row->id);
	}
	agent_add_node(a, n);
	unit_start(n->nginx);
	*ret_node = n;
	return NULL;
}
