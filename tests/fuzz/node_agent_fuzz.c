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
#include "bus/hello.h"
#include "node/job/job.h"
#include "node/mode/classic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS 64
#define IDS 128
#define LETTERS 16
#define PASS_MS 300000 /* in all, so that an input takes no seconds */
#define CLOCK_OFF_MS (INT64_C(4) * 24 * 3600 * 1000)
/* bus/strangers.c: a burst, and so many a second of each kind. */
#define STRANGERS_BURST 20
#define STRANGERS_PER_S 5
#define END_MS 200000 /* all is done by then */
#define SETTLE_MS 30000

struct letter {
	enum who who;
	uint8_t *bytes;
	size_t n;
	char id[33], to[KEYRING_ID_SIZE];
};

static struct {
	uv_loop_t loop;
	char folder[64];
	struct agent_settings settings;
	char *owners[3];
} fixed;

/* Of one input. */
static struct {
	const uint8_t *at, *end;
	void *ctx;
	struct agent *agent;
	bool ended;
	struct letter letters[LETTERS];
	size_t letter;
	char accepted[IDS][33];
	size_t accepted_count;
	unsigned number;
	int64_t passed_ms;
	int64_t off_ms; /* how far the wall clock was set */
	int64_t since_ms;
	unsigned answers[2];  /* to strangers, since since_ms: hellos, others */
	unsigned to_stranger; /* since the last look */
	char *stat;
} world;

/* --- the input --- */

static uint8_t take(void)
{
	return world.at < world.end ? *world.at++ : 0;
}

static size_t pick(size_t count)
{
	return take() % count;
}

/* What follows, as far as a byte says. */
static const char *take_text(size_t *ret_len)
{
	size_t len = take() * (size_t)4;
	const char *text = (const char *)world.at;

	if (len > (size_t)(world.end - world.at))
		len = (size_t)(world.end - world.at);
	world.at += len;
	*ret_len = len;
	return text;
}

/* --- the agent --- */

static bool is_owner(enum who who)
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

	if (take() & 1)
		agent_stop(world.agent);
	if (take() & 1)
		fixed.settings.owners[1] = fixed.settings.owners[1] ? NULL : fixed.owners[1];
	mem_free(world.agent);
	open_agent();
	must(look_nodes(world.agent) == before);
}

/* --- messages --- */

static bool was_accepted(const char *id)
{
	for (size_t i = 0; i < world.accepted_count; i++) {
		if (!strcmp(world.accepted[i], id))
			return true;
	}
	return false;
}

static void deliver(const struct letter *l, bool obeyed)
{
	uint64_t all = look_all(world.agent), wanted = look_wanted(world.agent), memory = look_memory(world.agent);
	bool before = was_accepted(l->id);

	world.to_stranger = 0;
	far_deliver(l->to, l->bytes, l->n);
	must(world.to_stranger <= 1);
	if (!obeyed)
		must(look_all(world.agent) == all && look_memory(world.agent) == memory);
	if (before)
		must(look_wanted(world.agent) == wanted && look_memory(world.agent) == memory);
	if (!before && obeyed && world.accepted_count < IDS &&
	    look_count(world.agent, "select count(*) from seen where id=?", l->id))
		memcpy(world.accepted[world.accepted_count++], l->id, sizeof(l->id));
}

static void send_message(enum who who, struct message *m, enum seal_form form, const char *place)
{
	struct letter *l = &world.letters[world.letter++ % LETTERS];

	mem_free(l->bytes);
	*l = (struct letter){.who = who};
	l->bytes = people_seal(who, m, form, &l->n);
	if (!l->bytes)
		return;
	memcpy(l->id, m->id, sizeof(l->id));
	memcpy(l->to, place, strlen(place) + 1);
	deliver(l, is_owner(who) || (form == SEAL_PLAIN && fixed.settings.accept_plain));
}

static const char *fresh_id(void)
{
	static char id[33];

	snprintf(id, sizeof(id), "%032x", ++world.number);
	return id;
}

/* A mailbox: the participant's own, or any that the agent serves. */
static const char *place_of(enum at at, bool reserved)
{
	const char *place = reserved ? far_served(pick(8)) : NULL;

	return place ? place : place_id(at);
}

static const int64_t ttls_ms[] = {1000, 60000, 3600000, INT64_C(7) * 24 * 3600 * 1000};
static const int64_t ahead_ms[] = {0, -500, 1000, 240000, -3600000, 360000, INT64_C(-7) * 24 * 3600 * 1000, 0};

/* Who, how and where, for a body; takes the reference. */
static void send_body(enum message_kind kind, json_t *body)
{
	uint8_t how = take(), when = take();
	enum who who = how & 3;
	enum at to = (how >> 2) & 3;
	bool ephemeral = how & 16, again = how & 32;
	enum seal_form form = how & 64 ? (how & 128 ? SEAL_PLAIN : SEAL_OPEN) : SEAL_SEALED;
	const char *id = again && world.accepted_count ? world.accepted[pick(world.accepted_count)] : fresh_id();
	struct message *m = people_message(who, ephemeral, kind, to, id, body);

	m->ttl_ms = ttls_ms[when & 3];
	m->time_ms += ahead_ms[(when >> 2) & 7];
	if (kind == MESSAGE_RESULT || kind == MESSAGE_ACK)
		m->re = mem_strdup(m, id);
	if (form == SEAL_SEALED && kind == MESSAGE_HELLO)
		form = SEAL_OPEN;
	send_message(who, m, form, place_of(to, when & 64));
	mem_free(m);
	json_decref(body);
}

static const char *const jobs[] = {"film", "film_a", "j", "0200"};
static const char *const words[] = {"distributor", "transcoder", "storage", "on", "off", "nothing", "", "process"};

static json_t *config(void)
{
	uint8_t shape = take(), role = ((shape >> 2) & 3) % 3;
	json_t *o = json_object(), *part, *list = json_array();
	const char *job = jobs[shape & 3];

	json_put(o, "command", "config");
	json_put(o, "type", words[role]);
	json_object_set_new(o, "nginx-rtmp-core",
			    json_pack("{s:s,s:s}", "listen", shape & 128 ? "1936" : "1935", "application", job));
	json_object_set_new(o, "nginx-rtmp-live", json_pack("{s:s}", "live", "on"));
	for (int i = 0; i <= ((shape >> 4) & 3); i++) {
		char variant[8];

		snprintf(variant, sizeof(variant), "_%dp", i + (shape & 64 ? 2 : 1));
		part = role == 0 ? json_pack("{s:s,s:s,s:s}", "ip", "127.0.0.1", "failover_ip", "127.0.0.2", "variant",
					     variant)
				 : json_pack("{s:s,s:s}", "variant", variant, "params",
					     "BANDWIDTH=800000,RESOLUTION=640x360");
		json_array_append_new(list, part);
	}
	if (role == 0)
		part = json_pack("{s:O}", "outputs", list);
	else if (role == 1)
		part = json_pack("{s:{s:s,s:s,s:s,s:s,s:s,s:s,s:s}}", "output", "application", job, "variant", "_360p",
				 "codec", "libx264", "bitrate", "800000", "resolution", "640x360", "ip", "127.0.0.1",
				 "failover_ip", "127.0.0.2");
	else
		part = json_pack("{s:s,s:s,s:O}", "hls_fragment", "5", "hls_playlist_length", "30", "hls_variant",
				 list);
	json_object_set_new(o, role == 2 ? "nginx-rtmp-hls" : "ffmpeg-rtmp", part);
	json_decref(list);
	return o;
}

static void step_command(void)
{
	uint8_t what = take(), more = take();
	enum api_verb verb = what % API_VERB_COUNT;
	const char *node = more & 4 ? place_id(more & 3) : NULL;
	json_t *o;

	if (verb == API_CONFIG) {
		send_body(MESSAGE_COMMAND, config());
		return;
	}
	o = api_command_document(verb, node, (what >> 4) & 1 ? jobs[more >> 6] : NULL,
				 (what >> 5) & 1 ? words[(more >> 3) & 7] : NULL);
	if (verb == API_NODE_CREATE) {
		json_put(o, "params", words[((more >> 3) & 3) % 3]);
		if (what & 64)
			json_put(o, "name", more & 128 ? "front" : "back");
		if (what & 128)
			json_object_set_new(o, "spec",
					    json_pack("{s:s,s:s}", "runtime", more & 64 ? "docker" : "process", "mode",
						      more & 128 ? "classic" : "managed"));
	}
	send_body(MESSAGE_COMMAND, o);
}

static void step_written(void)
{
	size_t len;
	const char *text = take_text(&len);
	json_t *o = NULL;
	struct error *e = json_parse(text, len, MESSAGE_LIMIT, &o);

	error_free(e);
	if (!e)
		send_body(MESSAGE_COMMAND, o);
}

static void step_other(void)
{
	uint8_t how = take();

	send_body(how & 8 ? MESSAGE_HELLO : (enum message_kind)(how % 6),
		  json_pack("{s:s,s:s}", how & 16 ? "ask" : "state", how & 32 ? "yes" : "no", "x", "y"));
}

static void step_bytes(void)
{
	struct letter l = {.who = MALLORY};
	const char *place = place_of(pick(PLACES), take() & 1), *text;

	memcpy(l.to, place, strlen(place) + 1);
	text = take_text(&l.n);
	l.bytes = (uint8_t *)text;
	deliver(&l, fixed.settings.accept_plain);
}

static void step_again(void)
{
	const struct letter *l = &world.letters[pick(LETTERS)];

	if (l->bytes)
		deliver(l, is_owner(l->who) || fixed.settings.accept_plain);
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

	int64_t ms = times_ms[pick(sizeof(times_ms) / sizeof(times_ms[0]))];

	world.passed_ms += ms;
	if (world.passed_ms <= PASS_MS)
		pass(ms);
}

static void step_clock(void)
{
	static const int64_t by_ms[] = {2000, 120000, 3600000, 86400000, CLOCK_OFF_MS};
	uint8_t how = take();
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
	uint8_t how = take();

	if (how & 1)
		far_connect(how & 2);
	if (how & 4)
		far_refuse(how & 8);
	far_end.mood = (how >> 4) % FAR_MOODS;
}

static void step_program(void)
{
	static const int codes[] = {0, 1, -SIGKILL, -SIGSEGV};

	machine_end(pick(16), codes[pick(4)]);
}

static void step_machine(void)
{
	uint8_t how = take();

	machine = (struct machine){.start_fails = how & 1, .stubborn = how & 2, .run_fails = how & 4};
}

static void step_publisher(void)
{
	static const char *const apps[] = {"ingest", "live", "clean", "film"};
	static const char *const streams[] = {"film", "film_1p", "film_2p", "film_360p", "j", "0200_1p", "film_a", ""};
	uint8_t how = take();
	char body[128];
	size_t len;
	const char *text = body;

	snprintf(body, sizeof(body), "app=%s&name=%s&addr=127.0.0.1&clientid=%d", apps[how & 3],
		 streams[(how >> 2) & 7], how >> 7);
	len = strlen(body);
	if (take() & 1)
		text = take_text(&len);
	nginx_report(pick(3), how & 32 ? "/publish" : "/publish_done", text, len);
}

/* What the n-th program reports. */
static void step_report(void)
{
	const char *folder, *name, *text;
	size_t len;
	bool log = take() & 1;
	char *path;

	if (!machine_name(pick(16), &folder, &name))
		return;
	path = mem_printf(world.ctx, log ? "%s/log/%s.log" : "%s/progress/%s.progress", folder, name);
	text = take_text(&len);
	error_free(file_write_atomic(path, text, len, 0644));
}

static void step_stat(void)
{
	size_t len;
	uint8_t how = take();
	const char *text = take_text(&len);

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
	step_command, step_written, step_other,   step_bytes, step_again,     step_pass,   step_clock, step_bus,
	restart,      step_program, step_machine, step_stat,  step_publisher, step_report, step_pass,  step_command,
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
		struct message *m = people_message(i & 1 ? ALICE : BOB, i & 2, MESSAGE_HELLO, AGENT, fresh_id(), body);

		send_message(i & 1 ? ALICE : BOB, m, SEAL_OPEN, place_id(AGENT));
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
	fixed.settings.accept_plain = take() == 1;
	far_end.on_sent = on_sent;
	far_reset();
	time_reset();
	nginx = (struct nginx){.stat = "<rtmp></rtmp>", .stat_len = 13};
	open_agent();
	for (size_t i = 0; i < STEPS && world.at < world.end; i++) {
		steps[pick(sizeof(steps) / sizeof(steps[0]))]();
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
