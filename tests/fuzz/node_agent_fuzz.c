/* The agent as a machine of states: the real src/node and src/bus, driven by a sequence of steps that the input names:
 * messages of owners and strangers, new and repeated, well-formed and not; programs that end; publishers; clocks that
 * are set; a bus that goes and comes; restarts. What stands around the agent is in agent/world.h.
 *
 * After each step: no stranger has changed anything; a stranger's message has at most one answer, and the answers of a
 * time are few; a command is applied once, however often it comes; what is in memory is what is stored; a new agent
 * finds what the one before it knew. At the end, when all that hinders is taken away, every command has its result. */
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/look.h"
#include "agent/people.h"
#include "agent/world.h"
#include "api/command.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/job/job.h"
#include "node/mode/classic.h"
#include "steps/drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS 64
#define PASS_MS 300000 /* in all, so that an input takes no seconds */
#define CLOCK_OFF_MS (INT64_C(4) * 24 * 3600 * 1000)
/* bus/strangers.c: a burst, and so many a second of each kind. */
#define STRANGERS_BURST 20
#define STRANGERS_PER_S 5
#define END_MS 200000 /* all is done by then */
#define SETTLE_MS 30000

struct drive_fixed fixed;
struct drive_world world;

/* --- the input --- */

uint8_t drive_take(void)
{
	return world.at < world.end ? *world.at++ : 0;
}

size_t drive_pick(size_t count)
{
	return drive_take() % count;
}

/* What follows, as far as a byte says. */
const char *drive_text(size_t *ret_len)
{
	size_t len = drive_take() * (size_t)4;
	const char *text = (const char *)world.at;

	if (len > (size_t)(world.end - world.at))
		len = (size_t)(world.end - world.at);
	world.at += len;
	*ret_len = len;
	return text;
}

/* --- the agent --- */

bool drive_is_owner(enum who who)
{
	for (char **o = fixed.settings.owners; o && *o; o++) {
		if (!strcmp(*o, people_id(who)))
			return true;
	}
	return false;
}

static void on_sent(const struct bus_item *item)
{
	for (size_t who = MALLORY; who < PEOPLE; who++) { /* who never was an owner */
		if (!people_is(who, item->to))
			continue;
		world.to_stranger++;
		world.answers[item->kind == MESSAGE_HELLO ? 0 : 1]++;
	}
}

static void on_end(int code, void *arg)
{
	(void)code;
	(void)arg;
	world.ended = true;
}

static void open_agent(void)
{
	struct error *e = agent_open(world.ctx, &fixed.loop, &fixed.settings, on_end, NULL, &world.agent);

	if (e)
		fprintf(stderr, "%s\n", e->message);
	must(!e);
	world.ended = false;
	world.since_ms = node_now();
	memset(world.answers, 0, sizeof(world.answers));
}

static void restart(void)
{
	uint64_t before = look_nodes(world.agent);

	if (drive_take() & 1)
		agent_stop(world.agent);
	if (drive_take() & 1)
		fixed.settings.owners[1] = fixed.settings.owners[1] ? NULL : fixed.owners[1];
	mem_free(world.agent);
	open_agent();
	must(look_nodes(world.agent) == before);
}

/* --- everything else --- */

static void pass(int64_t ms)
{
	int64_t past_ms;

	world.to_stranger = 0;
	time_pass(&fixed.loop, ms);
	/* Only what a stranger asks is answered, and at once. */
	must(!world.to_stranger || fixed.settings.accept_plain);
	past_ms = node_now() - world.since_ms;
	for (size_t i = 0; i < 2; i++)
		must(world.answers[i] <= STRANGERS_BURST + STRANGERS_PER_S * (past_ms / 1000 + 1));
}

static void step_pass(void)
{
	static const int64_t times_ms[] = {0, 1, 20, 200, 500, 1000, 5000, 20000, 61000};

	int64_t ms = times_ms[drive_pick(sizeof(times_ms) / sizeof(times_ms[0]))];

	world.passed_ms += ms;
	if (world.passed_ms <= PASS_MS)
		pass(ms);
}

static void step_clock(void)
{
	static const int64_t by_ms[] = {2000, 120000, 3600000, 86400000, CLOCK_OFF_MS};
	uint8_t how = drive_take();
	int64_t ms = by_ms[(how & 7) % 5];

	if (how & 8) {
		time_leap(ms);
		return;
	}
	ms = how & 16 ? -ms : ms;
	if (world.off_ms + ms > CLOCK_OFF_MS || world.off_ms + ms < -CLOCK_OFF_MS)
		return;
	world.off_ms += ms;
	time_set_wall(ms);
}

static void step_bus(void)
{
	uint8_t how = drive_take();

	if (how & 1)
		far_connect(how & 2);
	if (how & 4)
		far_refuse(how & 8);
	far_end.mood = (how >> 4) % FAR_MOODS;
}

static void step_program(void)
{
	static const int codes[] = {0, 1, -SIGKILL, -SIGSEGV};

	machine_end(drive_pick(16), codes[drive_pick(4)]);
}

static void step_machine(void)
{
	uint8_t how = drive_take();

	machine = (struct machine){.start_fails = how & 1, .stubborn = how & 2, .run_fails = how & 4};
}

static void step_publisher(void)
{
	static const char *const apps[] = {"ingest", "live", "clean", "film"};
	static const char *const streams[] = {"film", "film_1p", "film_2p", "film_360p", "j", "0200_1p", "film_a", ""};
	uint8_t how = drive_take();
	char body[128];
	size_t len;
	const char *text = body;

	snprintf(body, sizeof(body), "app=%s&name=%s&addr=127.0.0.1&clientid=%d", apps[how & 3],
		 streams[(how >> 2) & 7], how >> 7);
	len = strlen(body);
	if (drive_take() & 1)
		text = drive_text(&len);
	nginx_report(drive_pick(3), how & 32 ? "/publish" : "/publish_done", text, len);
}

/* What the n-th program reports. */
static void step_report(void)
{
	const char *folder, *name, *text;
	size_t len;
	bool log = drive_take() & 1;
	char *path;

	if (!machine_name(drive_pick(16), &folder, &name))
		return;
	path = mem_printf(world.ctx, log ? "%s/log/%s.log" : "%s/progress/%s.progress", folder, name);
	text = drive_text(&len);
	error_free(file_write_atomic(path, text, len, 0644));
}

static void step_stat(void)
{
	size_t len;
	uint8_t how = drive_take();
	const char *text = drive_text(&len);

	mem_free(world.stat);
	world.stat = NULL;
	if (how & 1)
		world.stat = mem_strndup(world.ctx, text, len);
	else if (how & 2)
		world.stat = mem_printf(
			world.ctx,
			"<rtmp><application><name>%s</name><live><stream><name>film%s</name>"
			"<nclients>%d</nclients><bytes_in>%d</bytes_in>%s</stream></live></application></rtmp>",
			how & 4 ? "live" : "ingest", how & 8 ? "_1p" : "", how >> 6, how,
			how & 16 ? "<publishing/>" : "");
	else if (how & 4)
		world.stat = mem_strdup(world.ctx, "<rtmp></rtmp>");
	nginx.stat = world.stat;
	nginx.stat_len = world.stat ? strlen(world.stat) : 0;
}

static void (*const steps[])(void) = {
	drive_step_command, drive_step_written, drive_step_other, drive_step_bytes,   drive_step_again, step_pass,
	step_clock,         step_bus,           restart,          step_program,       step_machine,     step_stat,
	step_publisher,     step_report,        step_pass,        drive_step_command,
};

/* --- the whole --- */

static void remove_agent(void)
{
	static const char *const names[] = {"agent.db", "agent.db-wal", "agent.db-shm", "hardware.json"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = file_join(NULL, fixed.folder, names[i]);

		error_free(file_remove(path));
		mem_free(path);
	}
}

static void remove_nodes(void)
{
	char *path = file_join(NULL, fixed.folder, "nodes");

	error_free(file_remove_tree(path));
	mem_free(path);
}

static void remove_all(void)
{
	error_free(file_remove_tree(fixed.folder));
}

static void begin_once(void)
{
	mem_init();
	must(uv_loop_init(&fixed.loop) == 0);
	snprintf(fixed.folder, sizeof(fixed.folder), "%s/dsn-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	must(mkdtemp(fixed.folder) && chmod(fixed.folder, 0755) == 0);
	atexit(remove_all);
	people_begin(fixed.folder);
	fixed.settings = (struct agent_settings){
		.bus = "memory:fuzz",
		.network = "fuzz",
		.port_range = "12000-12999", /* none of the end-to-end tests (tests/CMakeLists.txt) */
		.public_ip = "127.0.0.1",
		.mode = "managed",
		.runtime = "process",
		.run_as = "nobody",
		.nginx = "nginx",
		.rtmp_module = "/nonexistent/module.so",
		.ffmpeg = "/nonexistent/ffmpeg",
		.ffprobe = "/nonexistent/ffprobe",
		.segmenter = "dsn-hls",
		.relay = "dsn-relay",
		.docker_socket = "/nonexistent/docker.sock",
		.image = "none",
		.preset = "veryfast",
		.stall_after_ms = 8000,
		.end_after_ms = 8000,
		.status_every_ms = 60000,
		.apply_timeout_ms = 20000,
		.claim_timeout_ms = 30000,
		.state_dir = fixed.folder,
		.owners = fixed.owners,
	};
	if (!getenv("DSN_FUZZ_LOG")) {
		enum log_level level = LOG_LEVEL_ERROR;

		log_set_level(level);
	}
}

/* Whoever gave commands tells his key when he is asked for it. */
static void tell_keys(void)
{
	json_t *body = json_pack("{s:s}", "ask", "no");

	for (int i = 0; i < 4; i++) {
		struct message *m =
			people_message(i & 1 ? ALICE : BOB, i & 2, MESSAGE_HELLO, AGENT, drive_fresh_id(), body);

		drive_send(i & 1 ? ALICE : BOB, m, SEAL_OPEN, place_id(AGENT));
		mem_free(m);
	}
	json_decref(body);
}

static bool is_done(struct agent *a)
{
	return !a->command_count && !look_count(a, "select count(*) from command", NULL) &&
	       !look_count(a, "select count(*) from outbox", NULL);
}

/* All that hinders is gone: every command that was accepted has its result, and what runs is what is wanted. */
static void check_end(void)
{
	struct agent *a = world.agent;

	far_refuse(false);
	far_connect(true);
	far_end.mood = FAR_TAKES;
	machine = (struct machine){0};
	nginx = (struct nginx){.stat = "<rtmp></rtmp>", .stat_len = 13};
	for (int64_t ms = 0; ms < END_MS && !is_done(a); ms += 1000) {
		pass(1000);
		tell_keys();
	}
	must(is_done(a));
	pass(SETTLE_MS);
	must(!look_count(a, "select count(*) from seen where result is null", NULL));
	for (size_t i = 0; i < a->node_count; i++) {
		const struct node *n = a->nodes[i];
		size_t units = 0;

		for (size_t k = 0; k < n->job_count; k++) {
			const struct job *j = n->jobs[k];

			must(j->wanted || j->state == JOB_STOPPED);
			for (size_t u = 0; u < j->unit_count; u++) {
				must(j->units[u]->wanted == j->wanted || n->mode == &mode_classic);
				units += j->units[u]->wanted;
			}
		}
		if (n->up && n->mode != &mode_classic)
			must(machine_count(n->row.id, NULL) == units + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!fixed.folder[0])
		begin_once();
	memset(&world, 0, sizeof(world));
	world.at = data;
	world.end = data + size;
	world.ctx = mem_strdup(NULL, "world");
	fixed.owners[0] = (char *)people_id(ALICE);
	fixed.owners[1] = (char *)people_id(BOB);
	fixed.settings.accept_plain = drive_take() == 1;
	far_end.on_sent = on_sent;
	far_reset();
	time_reset();
	nginx = (struct nginx){.stat = "<rtmp></rtmp>", .stat_len = 13};
	open_agent();
	for (size_t i = 0; i < STEPS && world.at < world.end; i++) {
		steps[drive_pick(sizeof(steps) / sizeof(steps[0]))]();
		look_agrees(world.agent);
		if (world.ended)
			restart();
	}
	check_end();
	mem_free(world.agent);
	for (size_t i = 0; i < LETTERS; i++)
		mem_free(world.letters[i].bytes);
	uv_run(&fixed.loop, UV_RUN_NOWAIT);
	mem_free(world.ctx);
	machine_reset();
	remove_agent();
	remove_nodes();
	return 0;
}
