#include "node/node.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "http/client.h"
#include "media/nginx.h"
#include "media/stat.h"
#include "node/callbacks.h"
#include "node/folders.h"
#include "node/job.h"
#include "node/modes.h"
#include "node/ready.h"
#include "node/store.h"

#define UP_POLL_MS 25
#define STAT_LIMIT (4 * 1024 * 1024)
#define NGINX_GRACE_MS 3000
#define REMOVE_AGAIN_MS 5000
/* /stat may not show yet what on_publish has allowed a moment ago. */
#define STAT_TRUST_MS 2000

int64_t node_now(void)
{
	return clock_mono_ms();
}

void node_changed(struct node *n)
{
	n->status_changed = true;
	agent_changed(n->agent);
}

void node_decide(struct node *n, const char *what, const char *why, ...)
{
	struct error *e;
	va_list ap;
	char *text;

	va_start(ap, why);
	text = mem_vprintf(NULL, why, ap);
	va_end(ap);
	log_info(what, "node=%s why=%s", n->row.id, log_q(text));
	e = store_put_decision(n->agent->db, n->row.id, what, text);
	if (e) {
		log_warn("decision.lost", "node=%s what=%s reason=%s", n->row.id, what, log_q(e->message));
		error_free(e);
	}
	mem_free(text);
	node_changed(n);
}

struct job *node_job(struct node *n, const char *name)
{
	for (size_t i = 0; i < n->job_count; i++) {
		if (!strcmp(n->jobs[i]->name, name))
			return n->jobs[i];
	}
	return NULL;
}

struct stream *node_stream(struct node *n, const char *application, const char *name)
{
	struct stream *s;

	for (size_t i = 0; i < n->stream_count; i++) {
		s = n->streams[i];
		if (!strcmp(s->application, application) && !strcmp(s->name, name))
			return s;
	}
	s = mem_new(n, struct stream);
	s->application = mem_strdup(s, application);
	s->name = mem_strdup(s, name);
	n->streams = mem_resize(n, n->streams, struct stream *, n->stream_count + 1);
	n->streams[n->stream_count++] = s;
	return s;
}

struct error *node_trouble(const struct node *n)
{
	if (n->up)
		return NULL;
	if (n->nginx->trouble)
		return error_new(ERROR_UNAVAILABLE, "nginx of the node does not serve: it %s; its log: %s",
				 n->nginx->trouble, n->nginx->log_path);
	return error_new(ERROR_UNAVAILABLE, "nginx of the node does not serve yet; its log: %s", n->nginx->log_path);
}

/* --- nginx --- */

/* nginx's own socket and nobody else's, whatever a unit has put there. */
static struct error *control_socket(const struct node *n, int *ret_fd)
{
	return beneath_socket(n->folder, NODE_CONTROL_SOCKET, n->units.set_user ? n->units.uid : geteuid(), ret_fd);
}

/* How connect(2) names the socket of a descriptor. */
static char *socket_path(const void *ctx, int fd)
{
	return mem_printf(ctx, "/proc/self/fd/%d", fd);
}

/* Does nginx listen there? A socket left by a killed nginx refuses. */
static bool control_answers(const struct node *n)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int control = -1, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct error *e = control_socket(n, &control);
	bool answers = false;

	if (!e && fd >= 0) {
		snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", control);
		answers = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN;
	}
	error_free(e);
	if (control >= 0)
		close(control);
	if (fd >= 0)
		close(fd);
	return answers;
}

static char **nginx_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	(void)progress_url;
	return u->node->mode->nginx_argv(ctx, u->node);
}

/* Where an nginx of an earlier agent serves, all is as it should be. */
static void make_folders(struct unit *u)
{
	const struct node *n = u->node;
	struct error *e = control_answers(n) ? NULL : media_nginx_folders(n->folder, folders_units(&n->units));

	if (e)
		log_error("node.folders", "node=%s reason=%s", n->row.id, log_q(e->message));
	error_free(e);
}

static void on_up_timer(void *arg)
{
	struct node *n = arg;

	n->mode->look(n);
	if (n->up) {
		mem_free(n->up_timer);
		n->up_timer = NULL;
		node_step(n);
	}
}

void node_nginx_started(struct node *n)
{
	if (!n->up_timer)
		n->up_timer = timer_start(n, n->agent->loop, 5, UP_POLL_MS, on_up_timer, n);
}

void node_nginx_ended(struct node *n)
{
	mem_free(n->up_timer);
	n->up_timer = NULL;
	n->up = false;
	if (n->mode->ended)
		n->mode->ended(n);
	for (size_t i = 0; i < n->stream_count; i++)
		stream_clear(n, n->streams[i]);
	node_step(n);
}

/* --- what nginx knows --- */

static void compare_streams(struct node *n, const struct media_stream *found, size_t count)
{
	int64_t now_ms = node_now();

	for (size_t i = 0; i < n->stream_count; i++) {
		struct stream *s = n->streams[i];
		bool publishing = false;

		for (size_t k = 0; k < count; k++) {
			if (found[k].publishing && !strcmp(found[k].application, s->application) &&
			    !strcmp(found[k].name, s->name)) {
				publishing = true;
				if (found[k].bytes_in != s->bytes_in)
					s->flow_ms = now_ms;
				s->bytes_in = found[k].bytes_in;
			}
		}
		if (publishing && !s->active)
			stream_publish(n, s, "?");
		else if (!publishing && s->active && now_ms - s->since_ms > STAT_TRUST_MS)
			stream_clear(n, s);
	}
}

static void on_stat(const struct http_answer *a, void *arg)
{
	struct node *n = arg;
	struct media_stream *found;
	struct error *e;
	size_t count;
	void *tmp;

	n->asked = false;
	if (a->error || a->status != 200 || n->nginx->state != UNIT_RUNNING)
		return;
	tmp = mem_strdup(NULL, "");
	e = media_stat_parse(tmp, a->body, a->len, &found, &count);
	if (e) {
		log_warn("node.stat", "node=%s reason=%s", n->row.id, log_q(e->message));
		error_free(e);
	} else {
		compare_streams(n, found, count);
		ready_look(n, found, count);
		n->stat_at_ms = node_now();
	}
	mem_free(tmp);
	if (!n->up && !e) {
		n->up = true;
		mem_free(n->up_timer);
		n->up_timer = NULL;
		node_step(n);
	}
}

/* False: nginx does not listen (yet). */
static bool ask_nginx(struct node *n, struct http_exchange *x, http_answer_fn *fn)
{
	int fd = -1;
	struct error *e = control_socket(n, &fd);
	char *path;

	if (e) {
		log_debug("node.control", "node=%s reason=%s", n->row.id, log_q(e->message));
		error_free(e);
		return false;
	}
	path = socket_path(NULL, fd);
	x->unix_path = path;
	http_fetch(n, n->agent->loop, x, fn, n); /* connects at once: the descriptor has done its work then */
	mem_free(path);
	close(fd);
	return true;
}

void node_ask_streams(struct node *n)
{
	struct http_exchange x = {.method = "GET", .path = "/stat", .deadline_ms = 5000, .limit = STAT_LIMIT};

	if (n->asked)
		return;
	n->asked = ask_nginx(n, &x, on_stat);
}

static void on_control(const struct http_answer *a, void *arg)
{
	struct node *n = arg;

	if (a->error)
		log_warn("node.control", "node=%s reason=%s", n->row.id, log_q(a->error->message));
}

void node_control(struct node *n, const char *path)
{
	struct http_exchange x = {.method = "GET", .path = path, .deadline_ms = 5000};

	ask_nginx(n, &x, on_control);
}

void node_drop_publisher(struct node *n, const char *application, const char *name)
{
	/* Both are of the narrow grammar of api/grammar.h: nothing to encode. */
	char *path = mem_printf(NULL, "/control/drop/publisher?app=%s&name=%s", application, name);

	node_control(n, path);
	mem_free(path);
}

/* --- life --- */

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
	char *nodes = mem_printf(NULL, "%s/nodes", n->agent->settings.state_dir);
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
	struct agent *a = n->agent;

	if (e)
		log_warn("node.purge", "node=%s reason=%s", n->row.id, log_q(e->message));
	error_free(e);
	e = end_all(n);
	if (e)
		log_warn("node.purge", "node=%s reason=%s", n->row.id, log_q(e->message));
	error_free(e);
	e = store_remove_node(a->db, n->row.id);
	if (e) {
		/* The next agent would find it stored and start it: whoever asked for its end is told when it is so. */
		log_error("node.remove", "node=%s trying=again reason=%s", n->row.id, log_q(e->message));
		error_free(e);
		n->again_timer = timer_start(n, a->loop, REMOVE_AGAIN_MS, 0, on_remove_again, n);
		return;
	}
	if (n->purge)
		e = remove_folder(n);
	if (!e && n->purge)
		e = uids_give_back(a->db, n->row.id);
	if (e)
		log_error("node.remove", "node=%s reason=%s", n->row.id, log_q(e->message));
	error_free(e);
	log_info("node.removed", "node=%s purged=%s", n->row.id, n->purge ? "yes" : "no");
	agent_drop_node(a, n);
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

void node_step(struct node *n)
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
	node_step(n);
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
	const struct agent_settings *s = &n->agent->settings;
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
	struct agent *a = n->agent;
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
	if (n->mode->local_port && n->ops != &runtime_process)
		TRY(n->mode->local_port(n, &node.local_port));
	/* The runtime keeps copies. */
	// cppcheck-suppress returnDanglingLifetime
	TRY(n->ops->open(n, a->loop, &n->units, &node, &n->runtime));
	n->path = n->ops->path(n->runtime);
	set_programs(n);
	return NULL;
}

static struct error *load_jobs(struct node *n)
{
	void *tmp = mem_strdup(NULL, "");
	struct job_row **rows;
	struct error *e = store_jobs(tmp, n->agent->db, n->row.id, &rows);

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
	struct agent *a = n->agent;

	n->units = a->runtime_options;
	if (!n->units.set_user || !a->uids.first)
		return NULL;
	TRY(uids_claim(n, a->db, &a->uids, n->row.id, &n->claim));
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
	n->nginx = unit_new(n, n, NULL, "nginx", 0, nginx_argv, NULL);
	n->nginx->begins = make_folders;
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
	n->agent = a;
	copy_row(n, row);
	n->folder = mem_printf(n, "%s/nodes/%s", a->settings.state_dir, row->id);
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
