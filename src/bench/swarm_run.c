#include "bench/swarm_run.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench/swarm_calls.h"
#include "bench/swarm_loss.h"

#define POLL_MS 100
#define TEXT_LIMIT ((size_t)1 << 20)
#define MIB 1048576.0
#define CALLS_MS 20000
#define CALL_ANSWER_MS 120000
#define LOST_PART 10 /* one agent of so many dies */
#define PLACES 4     /* of the order below */

/* Two renditions: a distributor, two transcoders, a storage. */
#define ORDER                                                                                                               \
	"{\"apiVersion\":\"1.00\",\"typeApi\":\"public\",\"command\":\"pipeline\",\"subcommand\":\"start\",\"pipeline\":{"  \
	"\"type_source\":\"live\",\"number_of_streams\":\"2\",\"source\":{\"resolution_name\":\"_720p\",\"resolution\":"    \
	"\"1280x720\",\"bitrate\":\"2500000\"},\"transcoding\":[{\"resolution_name\":\"_540p\",\"resolution\":\"960x540\"," \
	"\"bitrate\":\"1500000\"},{\"resolution_name\":\"_360p\",\"resolution\":\"640x360\",\"bitrate\":\"700000\"}],"      \
	"\"output\":{\"preset\":\"veryfast\",\"fragment\":\"4\",\"keep\":\"window\"}}}"

struct run {
	uv_loop_t *loop;
	const struct swarm_run_options *options;
	struct swarm_run_result *result;
	char *folder, *manager;
	struct swarm_broker broker;
	struct swarm_dsnd dsnd;
	struct swarm *swarm;
	struct timer *ticker; /* so that whoever waits looks again */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signum)
{
	interrupted = signum;
}

static void on_tick(void *arg)
{
	(void)arg;
}

__attribute__((format(printf, 2, 3))) static void tell(const struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(r->options->out, fmt, ap);
	va_end(ap);
	fflush(r->options->out);
}

static double since_s(int64_t from_ms)
{
	return (double)(clock_mono_ms() - from_ms) / 1000;
}

/* What the processes take grows while they work: the most counts. */
static void look_at_memory(struct run *r)
{
	const double dsnd = (double)swarm_proc_resident(swarm_dsnd_pid(&r->dsnd)) / MIB,
		     broker = (double)swarm_proc_resident(r->broker.pid) / MIB;

	r->result->dsnd_mib = dsnd > r->result->dsnd_mib ? dsnd : r->result->dsnd_mib;
	r->result->broker_mib = broker > r->result->broker_mib ? broker : r->result->broker_mib;
}

/* --- waiting --- */

typedef bool reached_fn(struct run *r);

/* ERROR_FAILED when somebody does not want to wait any more, or dsnd has ended. *ret_s: SWARM_RUN_NONE: not in time. */
static struct error *await(struct run *r, reached_fn *fn, int64_t from_ms, double *ret_s)
{
	const int64_t until_ms = clock_mono_ms() + r->options->patience_ms;

	*ret_s = SWARM_RUN_NONE;
	while (!fn(r)) {
		if (interrupted)
			return error_new(ERROR_FAILED, "interrupted");
		if (!r->dsnd.alive)
			return error_new(ERROR_FAILED, "dsnd has ended");
		if (clock_mono_ms() > until_ms)
			return NULL;
		uv_run(r->loop, UV_RUN_ONCE);
	}
	*ret_s = since_s(from_ms);
	return NULL;
}

static bool is_served(struct run *r)
{
	return swarm_all_served(r->swarm);
}

static double metric(struct run *r, const char *name)
{
	double value = -1;

	error_free(swarm_dsnd_metric(&r->dsnd, name, &value));
	return value;
}

static bool is_known(struct run *r)
{
	const double alive = (double)swarm_alive_nodes(r->swarm);

	for (int64_t until_ms = clock_mono_ms() + POLL_MS; clock_mono_ms() < until_ms;)
		uv_run(r->loop, UV_RUN_ONCE);
	return metric(r, "dsnd_nodes{state=\"online\"}") >= alive && metric(r, "dsnd_nodes_obeying") >= alive;
}

static void pass(struct run *r, int64_t ms)
{
	for (int64_t until_ms = clock_mono_ms() + ms; clock_mono_ms() < until_ms && !interrupted;)
		uv_run(r->loop, UV_RUN_ONCE);
}

/* --- the network --- */

static struct error *make_folder(struct run *r)
{
	const char *tmp = getenv("TMPDIR");
	char *folder = mem_printf(r, "%s/dsnf.XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (!mkdtemp(folder))
		return error_sys(errno, "%s", folder);
	r->folder = folder;
	return NULL;
}

static struct error *start_broker(struct run *r)
{
	const struct swarm_run_options *o = r->options;

	r->broker = (struct swarm_broker){
		.script = o->broker, .folder = file_join(r, r->folder, "broker"), .port = (int)o->broker_port};
	r->broker.url = o->broker ? mem_printf(r, "amqp://127.0.0.1:%d/", (int)o->broker_port) : mem_strdup(r, o->bus);
	return swarm_broker_start(&r->broker);
}

static struct error *start_dsnd(struct run *r)
{
	char path[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *body = NULL;
	json_t *network = NULL;

	if (n < 0)
		return error_sys(errno, "/proc/self/exe");
	path[n] = '\0';
	r->dsnd = (struct swarm_dsnd){
		.loop = r->loop,
		.program = file_join(r, dirname(path), "dsnd"),
		.folder = file_join(r, r->folder, "dsnd"),
		.log = file_join(r, r->folder, "dsnd.log"),
		.bus = r->broker.url,
		.network = mem_printf(r, "bench-%s", hex_random(r, 4)),
		.password_file = r->options->password_file ? mem_strdup(r, r->options->password_file) : NULL,
		.ca_file = r->options->ca_file ? mem_strdup(r, r->options->ca_file) : NULL};
	TRY(swarm_dsnd_start(r, &r->dsnd));
	TRY(swarm_dsnd_get(r, &r->dsnd, "/network.json", &body));
	TRY(json_parse(body, strlen(body), TEXT_LIMIT, &network));
	r->manager = mem_strdup(r, json_string_value(json_object_get(network, "manager")));
	json_decref(network);
	return NULL;
}

static void make_swarm(struct run *r)
{
	const struct swarm_run_options *o = r->options;
	const struct swarm_agent_options agent = {.loop = r->loop,
						  .bus = {.url = r->broker.url,
							  .network = r->dsnd.network,
							  .password_file = o->password_file,
							  .ca_file = o->ca_file},
						  .manager = r->manager,
						  .nodes = (size_t)o->nodes_per_agent,
						  .beat_ms = o->beat_ms,
						  .status_ms = o->status_ms};

	r->swarm = swarm_new(NULL, &agent, r->result->nodes);
	r->result->agents = r->swarm->agent_count;
	r->result->mailboxes = swarm_mailboxes(r->swarm);
}

/* --- the steps --- */

static void tell_time(const struct run *r, const char *what, double s, double goal_s)
{
	if (s < 0)
		tell(r, "  %-48s %10s", what, "not in time");
	else
		tell(r, "  %-48s %8.1f s", what, s);
	if (goal_s > 0)
		tell(r, "   goal: <= %.0f s  %s", goal_s, s >= 0 && s <= goal_s ? "met" : "MISSED");
	tell(r, "\n");
}

static struct error *step_up(struct run *r)
{
	const int64_t from_ms = clock_mono_ms();

	TRY(swarm_connect(r->swarm));
	TRY(await(r, is_served, from_ms, &r->result->served_s));
	tell_time(r, "from nothing until all mailboxes are served", r->result->served_s, SWARM_GOAL_SERVED_S);
	TRY(await(r, is_known, from_ms, &r->result->known_s));
	tell_time(r, "until dsnd knows all: online, obeying", r->result->known_s, 0);
	return NULL;
}

static struct error *step_quiet(struct run *r)
{
	const struct swarm_agent_counts before = swarm_counts(r->swarm);
	const int64_t from_ms = clock_mono_ms(), dsnd_ms = swarm_proc_cpu_ms(swarm_dsnd_pid(&r->dsnd)),
		      broker_ms = swarm_proc_cpu_ms(r->broker.pid);
	struct swarm_agent_counts after;
	double per;

	pass(r, r->options->quiet_ms);
	after = swarm_counts(r->swarm);
	per = since_s(from_ms) * (double)r->result->nodes;
	r->result->beat_messages = (double)(after.beats + after.statuses - before.beats - before.statuses) / per;
	r->result->beat_bytes = (double)(after.bytes - before.bytes) / per;
	r->result->idle_dsnd_cores =
		(double)(swarm_proc_cpu_ms(swarm_dsnd_pid(&r->dsnd)) - dsnd_ms) / 1000 / since_s(from_ms);
	r->result->idle_broker_cores = (double)(swarm_proc_cpu_ms(r->broker.pid) - broker_ms) / 1000 / since_s(from_ms);
	look_at_memory(r);
	tell(r, "  of a node in a second, in peace                  %8.2f messages, %.0f bytes\n",
	     r->result->beat_messages, r->result->beat_bytes);
	tell(r, "  cores that this takes                            %8.2f of dsnd, %.2f of the broker\n",
	     r->result->idle_dsnd_cores, r->result->idle_broker_cores);
	return NULL;
}

static void call(struct run *r, const char *method, size_t count, int64_t most_ms, struct swarm_calls_result *ret)
{
	char *body = mem_printf(r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"order\":" ORDER "}}",
				method);
	const struct swarm_calls_options options = {.port = r->dsnd.port,
						    .authorization = r->dsnd.authorization,
						    .body = body,
						    .at_once = (size_t)r->options->at_once,
						    .count = count,
						    .most_ms = most_ms,
						    .answer_ms = CALL_ANSWER_MS};

	swarm_calls_run(r, r->loop, &options, ret);
	look_at_memory(r);
	if (ret->failed)
		tell(r, "  %s: %zu calls failed: %.300s\n", method, ret->failed, ret->why);
}

static struct error *step_plans(struct run *r)
{
	struct swarm_run_result *to = r->result;
	struct swarm_calls_result done = {0};

	call(r, "orders.plan", (size_t)r->options->plans, CALLS_MS, &done);
	to->plans_per_s = done.took_s > 0 ? (double)done.answered / done.took_s : 0;
	to->places_per_s = to->plans_per_s * PLACES;
	to->plan_p50_ms = swarm_calls_percentile(done.ms, done.answered, 50);
	to->plan_p99_ms = swarm_calls_percentile(done.ms, done.answered, 99);
	tell(r, "  orders placed a second                           %8.0f     goal: >= %d  %s\n", to->plans_per_s,
	     SWARM_GOAL_PLANS, to->plans_per_s >= SWARM_GOAL_PLANS ? "met" : "MISSED");
	tell(r, "  nodes given to them a second                     %8.0f\n", to->places_per_s);
	tell(r, "  a plan, 50 %% and 99 %%                            %8.1f ms, %.1f ms   goal: 99 %% <= %d ms  %s\n",
	     to->plan_p50_ms, to->plan_p99_ms, SWARM_GOAL_PLAN_MS,
	     done.answered && to->plan_p99_ms <= SWARM_GOAL_PLAN_MS ? "met" : "MISSED");
	return NULL;
}

static struct error *step_orders(struct run *r)
{
	struct swarm_run_result *to = r->result;
	struct swarm_calls_result done = {0};

	call(r, "orders.create", r->options->jobs ? (size_t)r->options->jobs : (to->nodes + 9) / 10,
	     r->options->patience_ms, &done);
	to->jobs = done.answered;
	to->orders_per_s = done.took_s > 0 ? (double)done.answered / done.took_s : 0;
	to->order_p50_ms = swarm_calls_percentile(done.ms, done.answered, 50);
	to->order_p99_ms = swarm_calls_percentile(done.ms, done.answered, 99);
	tell(r,
	     "  orders created until their nodes serve, a second %8.0f     %zu orders; 50 %% and 99 %%: %.0f ms, %.0f ms\n",
	     to->orders_per_s, to->jobs, to->order_p50_ms, to->order_p99_ms);
	pass(r, 2 * r->options->beat_ms); /* streams come to flow, and all of that is told */
	look_at_memory(r);
	return NULL;
}

static struct error *step_loss(struct run *r)
{
	struct swarm_run_result *to = r->result;
	struct swarm_loss *loss = swarm_loss_new(r, r->swarm);
	const int64_t from_ms = clock_mono_ms(), until_ms = from_ms + r->options->patience_ms;

	swarm_loss_begin(loss, (r->swarm->agent_count + LOST_PART - 1) / LOST_PART);
	while (!swarm_loss_over(loss) && clock_mono_ms() < until_ms && !interrupted && r->dsnd.alive)
		pass(r, POLL_MS);
	TRY(swarm_loss_end(loss, r->dsnd.log, to));
	to->work_off_s = swarm_loss_over(loss) ? to->work_off_s : SWARM_RUN_NONE;
	look_at_memory(r);
	tell(r, "  lost at once: %zu nodes, with %zu places of %zu orders\n", to->lost_nodes, to->lost_parts,
	     to->jobs_hit);
	tell_time(r, "until dsnd declares the first one lost", to->noted_first_s, 0);
	tell_time(r, "until dsnd declares the last one lost", to->noted_last_s, 0);
	tell_time(r, "until all of those orders have all their nodes", to->work_off_s, 0);
	tell_time(r, "from declared lost until whole: median", to->dispatch_p50_s, 0);
	tell_time(r, "from declared lost until whole: the most",
		  to->jobs_not_whole ? SWARM_RUN_NONE : to->dispatch_most_s, SWARM_GOAL_DISPATCH_S);
	return NULL;
}

static struct error *step_broker(struct run *r)
{
	const int64_t from_ms = clock_mono_ms();
	int64_t until_ms = from_ms + r->options->patience_ms;

	TRY(swarm_broker_kill(&r->broker));
	/* All have seen it before it is there again. */
	while (swarm_served(r->swarm) && clock_mono_ms() < until_ms)
		uv_run(r->loop, UV_RUN_ONCE);
	TRY(swarm_broker_start(&r->broker));
	r->result->broker_boot_s = since_s(from_ms);
	tell_time(r, "broker killed: until it serves again", r->result->broker_boot_s, 0);
	TRY(await(r, is_served, from_ms, &r->result->broker_served_s));
	tell_time(r, "broker killed: until all mailboxes are served", r->result->broker_served_s, SWARM_GOAL_SERVED_S);
	look_at_memory(r);
	return NULL;
}

static struct error *step_dsnd(struct run *r)
{
	int64_t from_ms;

	swarm_dsnd_stop(&r->dsnd, SIGKILL);
	from_ms = clock_mono_ms();
	TRY(swarm_dsnd_start(r, &r->dsnd));
	TRY(await(r, is_known, from_ms, &r->result->dsnd_known_s));
	tell_time(r, "dsnd killed: until it knows all again", r->result->dsnd_known_s, 0);
	look_at_memory(r);
	return NULL;
}

static struct error *run_steps(struct run *r)
{
	TRY(start_broker(r));
	TRY(start_dsnd(r));
	make_swarm(r);
	tell(r, "%zu nodes of %zu agents, %zu mailboxes\n", r->result->nodes, r->result->agents, r->result->mailboxes);
	TRY(step_up(r));
	TRY(step_quiet(r));
	TRY(step_plans(r));
	TRY(step_orders(r));
	TRY(step_loss(r));
	if (r->options->broker)
		TRY(step_broker(r));
	TRY(step_dsnd(r));
	tell(r, "  resident memory of dsnd, at most                 %8.0f MiB   goal: <= %d MiB  %s\n",
	     r->result->dsnd_mib, SWARM_GOAL_DSND_MIB, r->result->dsnd_mib <= SWARM_GOAL_DSND_MIB ? "met" : "MISSED");
	if (r->options->broker)
		tell(r, "  resident memory of the broker, at most           %8.0f MiB\n", r->result->broker_mib);
	tell(r, "\n");
	return interrupted ? error_new(ERROR_FAILED, "interrupted") : NULL;
}

static void end(struct run *r)
{
	swarm_end(r->swarm, !r->options->broker);
	swarm_dsnd_stop(&r->dsnd, SIGTERM);
	if (r->broker.script)
		swarm_broker_end(&r->broker);
	mem_free(r->ticker);
	uv_run(r->loop, UV_RUN_NOWAIT);
	if (r->folder)
		error_free(file_remove_tree(r->folder));
	mem_free(r);
}

struct error *swarm_run(uv_loop_t *loop, const struct swarm_run_options *options, size_t nodes,
			struct swarm_run_result *ret_result)
{
	struct run *r = mem_new(NULL, struct run);
	struct error *e;

	*ret_result = (struct swarm_run_result){.nodes = nodes,
						.work_off_s = SWARM_RUN_NONE,
						.noted_first_s = SWARM_RUN_NONE,
						.noted_last_s = SWARM_RUN_NONE,
						.dispatch_p50_s = SWARM_RUN_NONE,
						.dispatch_most_s = SWARM_RUN_NONE,
						.broker_boot_s = SWARM_RUN_NONE,
						.broker_served_s = SWARM_RUN_NONE,
						.dsnd_known_s = SWARM_RUN_NONE};
	r->loop = loop;
	r->options = options;
	r->result = ret_result;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	r->ticker = timer_start(r, loop, POLL_MS, POLL_MS, on_tick, r);
	e = make_folder(r);
	if (!e)
		e = run_steps(r);
	end(r);
	return e;
}
