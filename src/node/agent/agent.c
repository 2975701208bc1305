#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/grammar.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/dedupe.h"
#include "bus/keyring.h"
#include "node/agent/agent_impl.h"
#include "node/agent/agent_user.h"
#include "node/agent/answer.h"
#include "node/agent/command.h"
#include "node/agent/heartbeat.h"
#include "node/agent/node_life.h"
#include "node/agent/status.h"
#include "node/job/job_end.h"
#include "node/mode/classic_allow.h"
#include "node/runtime/cgroup.h"
#include "node/store.h"

#define TICK_MS 500
#define STATUS_SOON_MS 200
#define SEEN_KEEP_MS (INT64_C(8) * 24 * 3600 * 1000) /* after a command is void: clocks may be off by so much */
#define CLOCK_STEADY_MS INT64_C(3600000)
#define STRANGERS_PER_S 5 /* of each kind that bus/strangers.h has: people who err are answered, floods are not */
#define STOP_POLL_MS 50
#define STOP_LIMIT_MS 20000
/* sun_path, and the longest name below a node's folder. */
#define SOCKET_PATH 108

/* --- the bus --- */

static void on_state(bool up, const struct error *why, void *arg)
{
	struct agent *a = arg;

	if (up) {
		log_info("bus.up", "agent=%s", a->host.id);
		if (a->outbox)
			outbox_kick(a->outbox);
		if (a->answers)
			answers_kick(a->answers);
		status_send_all(a);
		if (a->heartbeat)
			heartbeat_send(a->heartbeat);
	} else {
		log_warn("bus.down", "why=%s", log_q(why ? why->message : "closed"));
	}
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct agent *a = arg;

	if (m->kind != MESSAGE_COMMAND) {
		log_debug("message.ignored", "id=%s from=%s", m->id, m->from);
		bus_drop(d);
		return;
	}
	command_take(a, d, m);
}

static struct error *open_bus(struct agent *a)
{
	const struct agent_settings *s = &a->host.settings;
	struct bus_options options = {
		.url = s->bus,
		.network = s->network,
		.password_file = s->password_file,
		.ca_file = s->ca_file,
		.cert_file = s->cert_file,
		.key_file = s->key_file,
		.keyring = a->keyring,
		.accept_plain = s->accept_plain,
		.strangers_per_s = STRANGERS_PER_S,
	};
	struct bus_handlers handlers = {.on_state = on_state,
					.on_message = on_message,
					.on_refused = agent_claim_refused,
					.on_served = agent_claim_served,
					.arg = a};

	TRY(bus_open(a, a->host.loop, &options, &handlers, &a->bus));
	a->answers = answers_new(a, a->bus);
	return outbox_open(a, a->host.db, a->bus, a->host.loop, NULL, NULL, &a->outbox);
}

/* --- stored nodes --- */

static void add_lost(struct agent_lost **list, size_t *count, const void *ctx, const char *id, const char *why)
{
	*list = mem_resize(ctx, *list, struct agent_lost, *count + 1);
	(*list)[*count].id = mem_strdup(*list, id);
	(*list)[(*count)++].why = mem_strdup(*list, why);
}

/* Those that are not open. One that cannot be (a full disk) is tried again; the others go on meanwhile, and its
 * commands say why it is missing. */
static struct error *open_nodes(struct agent *a)
{
	struct node_row **rows;
	struct agent_lost *lost = NULL;
	size_t count = 0;
	struct node *n;

	TRY(store_nodes(a, a->host.db, &rows));
	for (size_t i = 0; rows[i]; i++) {
		struct error *e = agent_node(a, rows[i]->id) ? NULL : node_open(a, rows[i], &n);
		const char *before = agent_lost(a, rows[i]->id);

		if (e) {
			if (!before || strcmp(before, e->message))
				log_error("node.lost", "node=%s trying=again reason=%s", rows[i]->id,
					  log_q(e->message));
			add_lost(&lost, &count, a, rows[i]->id, e->message);
		}
		error_free(e);
		agent_claim(a, rows[i]->id);
	}
	mem_free(rows);
	mem_free(a->lost);
	a->lost = lost;
	a->lost_count = count;
	return NULL;
}

/* --- timers --- */

static void on_tick(void *arg)
{
	struct agent *a = arg;
	int64_t now_ms = clock_mono_ms();

	for (size_t i = 0; i < a->node_count; i++)
		node_tick(a->nodes[i], now_ms);
}

/* By a clock that was just set it would be wrong to forget: it may be set back, and then what was void is not. */
static struct error *expire_seen(struct agent *a)
{
	int64_t wall_ms = clock_wall_ms(), mono_ms = clock_mono_ms();
	int64_t jump_ms = steady_look(&a->clock, wall_ms, mono_ms);

	if (jump_ms)
		log_warn(
			"clock.jumped", "by_s=%lld why=%s", (long long)(jump_ms / 1000),
			log_q("commands are void by their time: those given before, or by whose clock differs, may not be obeyed; keep clocks in step (NTP)"));
	if (mono_ms - a->clock.since_ms < CLOCK_STEADY_MS)
		return NULL;
	return dedupe_expire(a->host.db, wall_ms - SEEN_KEEP_MS);
}

static void on_status_timer(void *arg)
{
	struct agent *a = arg;
	struct error *e = expire_seen(a);

	if (e)
		log_warn("seen.expire", "reason=%s", log_q(e->message));
	error_free(e);
	e = a->lost_count ? open_nodes(a) : NULL;
	if (e)
		log_warn("node.lost", "reason=%s", log_q(e->message));
	error_free(e);
	status_send_all(a);
	heartbeat_send(a->heartbeat);
}

static void on_status_soon(void *arg)
{
	struct agent *a = arg;

	mem_free(a->soon_timer);
	a->soon_timer = NULL;
	status_send_changed(a);
}

static void on_change(void *arg)
{
	struct agent *a = arg;

	mem_free(a->change_timer);
	a->change_timer = NULL;
	for (size_t i = 0; i < a->node_count; i++) {
		struct node *n = a->nodes[i];

		/* Backwards: reaping may take a job out of the list. */
		for (size_t k = n->job_count; k > 0; k--) {
			if (k <= n->job_count)
				job_reap(n->jobs[k - 1]);
		}
	}
	command_check(a);
	if (!a->soon_timer)
		a->soon_timer = timer_start(a, a->host.loop, STATUS_SOON_MS, 0, on_status_soon, a);
}

/* --- opening --- */

static struct error *check_settings(struct agent *a)
{
	struct agent_settings *s = &a->host.settings;
	struct ports_range range;

	TRY(s->name ? api_check_name(s->name, &(struct json_place){NULL, "--name", 0}) : NULL);
	TRY(heartbeat_check(s));
	TRY(ports_parse_range(s->port_range, &range));
	a->port_first = range.first;
	a->port_last = range.last;
	if (strlen(s->state_dir) + sizeof("/nodes//run/control.sock") + ID_DIGITS > SOCKET_PATH)
		return error_new(
			ERROR_INVALID,
			"--state-dir: %s is too long by %zu characters: unix sockets below it would not fit; take a shorter one",
			s->state_dir,
			strlen(s->state_dir) + sizeof("/nodes//run/control.sock") + ID_DIGITS - SOCKET_PATH);
	TRY(classic_allow_check(s->classic_allow));
	for (char **n = s->nodes; n && *n; n++) {
		if (!hex_id_valid(*n) && !hex_is(*n, KEYRING_ENODE_DIGITS))
			return error_new(ERROR_INVALID,
					 "--node: \"%s\" is no node id (40 hex digits) and no enode's public key (128)",
					 *n);
	}
	for (char **o = s->owners; o && *o; o++) {
		if (!hex_id_valid(*o))
			return error_new(ERROR_INVALID, "--owner: \"%s\" is no address: 40 hex digits", *o);
	}
	for (char **m = s->managers; m && *m; m++) {
		if (!hex_id_valid(*m))
			return error_new(ERROR_INVALID, "--manager: \"%s\" is no address: 40 hex digits", *m);
	}
	if (!s->owners && !s->accept_plain)
		return error_new(
			ERROR_INVALID,
			"--owner is missing: whose commands shall be obeyed? \"vcli key show\" tells yours; or --accept-plain obeys whoever reaches the broker");
	if (!runtime_find(s->runtime))
		return error_new(ERROR_INVALID, "--runtime: \"%s\" is none of process, docker", s->runtime);
	return NULL;
}

/* Absolute: nginx and ffmpeg run in folders of their own. */
static struct error *open_folder(struct agent *a)
{
	char *path, *real;
	struct error *e;

	TRY(file_mkdirs(a->host.settings.state_dir, 0711));
	real = realpath(a->host.settings.state_dir, NULL);
	if (!real)
		return error_sys(errno, "--state-dir: %s", a->host.settings.state_dir);
	a->host.settings.state_dir = mem_strdup(a, real);
	free(real);
	TRY(check_settings(a));
	path = file_join(a, a->host.settings.state_dir, "agent.lock");
	e = file_lock(path, &a->lock_fd);
	if (e && e->code == ERROR_EXISTS)
		return error_wrap(e, "another agent runs on the state folder %s", a->host.settings.state_dir);
	TRY(e);
	path = file_join(a, a->host.settings.state_dir, "nodes");
	TRY(file_mkdirs(path, 0711));
	TRY(agent_user(a));
	return cgroup_open(a, a->host.loop, a->host.settings.cgroup, &a->host.runtime_options.cgroup);
}

/* A node that could not be opened keeps its programs until it can. */
static bool is_stored(const char *node_id, const char *unit, void *arg)
{
	struct agent *a = arg;

	(void)unit;
	return agent_node(a, node_id) || agent_lost(a, node_id);
}

static struct error *open_parts(struct agent *a)
{
	TRY(open_folder(a));
	TRY(store_open(a, file_join(a, a->host.settings.state_dir, "agent.db"), &a->host.db));
	TRY(agent_open_keys(a));
	a->heartbeat = heartbeat_new(a, a);
	TRY(open_bus(a));
	agent_claim(a, a->host.id);
	for (char **n = a->host.settings.nodes; n && *n; n++) {
		TRY(agent_read_node(a, n));
		TRY(agent_needs_key(a, *n));
		agent_claim(a, *n);
	}
	TRY(open_nodes(a));
	cgroup_sweep(a->host.runtime_options.cgroup, is_stored, a);
	TRY(command_resume(a));
	a->tick = timer_start(a, a->host.loop, TICK_MS, TICK_MS, on_tick, a);
	a->status_timer = timer_start(a, a->host.loop, a->host.settings.status_every_ms,
				      a->host.settings.status_every_ms, on_status_timer, a);
	return NULL;
}

/* Before its children: what they would take themselves out of goes too. */
static int agent_destroy(struct agent *a)
{
	a->command_count = 0;
	for (size_t i = 0; i < a->claim_count; i++)
		error_free(a->claims[i].refusal);
	if (a->lock_fd >= 0)
		close(a->lock_fd);
	return 0;
}

struct error *agent_open(const void *ctx, uv_loop_t *loop, const struct agent_settings *settings, agent_end_fn *end,
			 void *arg, struct agent **ret_agent)
{
	struct agent *a = mem_new(ctx, struct agent);
	struct error *e;

	a->host.loop = loop;
	a->host.agent = a;
	a->host.changed = agent_changed;
	a->on_change = on_change;
	a->host.settings = *settings;
	a->end = end;
	a->end_arg = arg;
	a->lock_fd = -1;
	a->started_ms = clock_mono_ms();
	talloc_set_destructor(a, agent_destroy);
	e = open_parts(a);
	if (e) {
		mem_free(a);
		return e;
	}
	log_info("agent.started", "agent=%s state=%s nodes=%zu cgroup=%s", a->host.id, a->host.settings.state_dir,
		 a->node_count, cgroup_path(a->host.runtime_options.cgroup));
	*ret_agent = a;
	return NULL;
}

/* --- the end --- */

static bool all_ended(struct agent *a)
{
	bool ended = true;

	for (size_t i = 0; i < a->node_count; i++) {
		struct node *n = a->nodes[i];
		bool jobs = false;

		for (size_t k = 0; k < n->job_count; k++)
			jobs = jobs || n->jobs[k]->state != JOB_STOPPED;
		if (!jobs && n->nginx->state != UNIT_ENDED)
			unit_stop(n->nginx, SIGTERM, 3000);
		ended = ended && !jobs && n->nginx->state == UNIT_ENDED;
	}
	return ended;
}

static void on_stop_poll(void *arg)
{
	struct agent *a = arg;

	if (!all_ended(a) && clock_mono_ms() - a->stop_ms < STOP_LIMIT_MS)
		return;
	mem_free(a->stop_timer);
	a->stop_timer = NULL;
	log_info("agent.ended", "agent=%s", a->host.id);
	agent_finish(a, 0);
}

void agent_stop(struct agent *a)
{
	if (a->host.stopping)
		return;
	a->host.stopping = true;
	if (!a->host.settings.stop_units) {
		log_info("agent.ended", "agent=%s units=go on running for the next agent", a->host.id);
		agent_finish(a, 0);
		return;
	}
	/* Wanted state stays as it is: the next agent starts all of it again. */
	for (size_t i = 0; i < a->node_count; i++) {
		for (size_t k = 0; k < a->nodes[i]->job_count; k++)
			job_abort(a->nodes[i]->jobs[k]);
	}
	a->stop_ms = clock_mono_ms();
	a->stop_timer = timer_start(a, a->host.loop, 1, STOP_POLL_MS, on_stop_poll, a);
}
