/* The agent's inside without a broker: lifetimes, and what one event must not do to another. Nothing here gets as far
 * as a program that runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/backend.h"
#include "bus/dedupe.h"
#include "node/agent/command.h"
#include "node/agent/node_life.h"
#include "node/agent/status.h"
#include "node/job/ingest.h"
#include "node/job/job.h"
#include "node/job/job_end.h"
#include "node/store.h"

#define NODE "1111111111111111111111111111111111111111"
#define LIMIT_MS 10000
#define CHANGES 20

struct world {
	uv_loop_t loop;
	char folder[64];
	struct agent_settings settings;
	struct agent *agent;
	struct node *node;
};

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void on_end(int code, void *arg)
{
	(void)code;
	(void)arg;
}

/* The node is opened anew, as by the next agent. */
static void open_node(struct world *w, char *mode)
{
	char *mounts[] = {NULL}, runtime[] = "process", image[] = "none", id[] = NODE;
	struct node_row row = {.id = id,
			       .role = API_DISTRIBUTOR,
			       .runtime = runtime,
			       .mode = mode,
			       .image = image,
			       .mounts = mounts,
			       .rtmp = {20001, 20001},
			       .control_port = 20002};

	if (w->node)
		agent_drop_node(w->agent, w->node);
	must(store_put_node(w->agent->host.db, &row));
	must(node_open(w->agent, &row, &w->node));
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);
	struct agent_settings s = {
		.bus = mem_strdup(w, "memory:node_agent_test"),
		.network = mem_strdup(w, "test"),
		.port_range = mem_strdup(w, "20000-20999"),
		.public_ip = mem_strdup(w, "127.0.0.1"),
		.mode = mem_strdup(w, "managed"),
		.runtime = mem_strdup(w, "process"),
		.run_as = mem_strdup(w, "nobody"),
		.nginx = mem_strdup(w, "/nonexistent/nginx"),
		.rtmp_module = mem_strdup(w, "/nonexistent/module.so"),
		.ffmpeg = mem_strdup(w, "/nonexistent/ffmpeg"),
		.ffprobe = mem_strdup(w, "/nonexistent/ffprobe"),
		.segmenter = mem_strdup(w, "dsn-hls"),
		.relay = mem_strdup(w, "dsn-relay"),
		.docker_socket = mem_strdup(w, "/nonexistent/docker.sock"),
		.image = mem_strdup(w, "none"),
		.preset = mem_strdup(w, "veryfast"),
		.stall_after_ms = 8000,
		.end_after_ms = 8000,
		.status_every_ms = 60000,
		.apply_timeout_ms = 20000,
		.claim_timeout_ms = 30000,
	};

	strcpy(w->folder, "/tmp/dsn-agent-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	assert_int_equal(chmod(w->folder, 0755), 0);
	s.state_dir = w->folder;
	assert_int_equal(uv_loop_init(&w->loop), 0);
	s.accept_plain = true; /* its commands come from within */
	w->settings = s;
	must(agent_open(w, &w->loop, &s, on_end, NULL, &w->agent));
	open_node(w, s.mode);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mem_free(w->agent);
	loop_drain(&w->loop);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	must(file_remove_tree(w->folder));
	mem_free(w);
	return 0;
}

static void on_wake(void *arg)
{
	(void)arg;
}

typedef bool condition_fn(struct world *w);

static void run_until(struct world *w, condition_fn *fn, const char *what)
{
	int64_t end_ms = clock_mono_ms() + LIMIT_MS;
	/* Wakes the loop where nothing else does. */
	struct timer *t = timer_start(w, &w->loop, 10, 10, on_wake, NULL);

	while (!fn(w)) {
		if (clock_mono_ms() > end_ms)
			fail_msg("%s: not within %d ms", what, LIMIT_MS);
		uv_run(&w->loop, UV_RUN_ONCE);
	}
	mem_free(t);
}

static bool settled(struct world *w)
{
	return !w->agent->change_timer && !w->agent->soon_timer;
}

/* A row as a command makes it. */
static struct job *set_job(struct world *w, const char *fragment, bool running)
{
	json_t *task = json_pack("{s:s,s:s,s:{s:s,s:s},s:{s:s},s:s,s:{s:[{s:s,s:s,s:s}]}}", "command", "config", "type",
				 "distributor", "nginx-rtmp-core", "listen", "1935", "application", "job1",
				 "nginx-rtmp-live", "live", "on", "fragment", fragment, "ffmpeg-rtmp", "outputs", "ip",
				 "127.0.0.1", "failover_ip", "127.0.0.1", "port", "1");
	struct job_row *row = job_row_new(w, NODE, "job1", task);
	struct job *j;

	row->running = running;
	must(store_put_job(w->agent->host.db, row));
	must(job_set(w->node, row, &j));
	mem_free(row);
	json_decref(task);
	return j;
}

/* A stream that comes and goes, a unit that fails again and again: for weeks. */
static void test_changes_leave_nothing_behind(void **state)
{
	struct world *w = *state;
	size_t before;

	mem_free(w->node->nginx->timer);
	w->node->nginx->wanted = false;
	run_until(w, settled, "quiet");
	before = talloc_total_blocks(w->agent);
	for (int i = 0; i < CHANGES; i++) {
		agent_changed(w->agent);
		run_until(w, settled, "quiet again");
	}
	/* A message of status may be on its way. */
	assert_in_range(talloc_total_blocks(w->agent), 1, before + CHANGES / 2);
}

static bool failed_once(struct world *w)
{
	return w->node->nginx->failures >= 1;
}

static bool failed_thrice(struct world *w)
{
	return w->node->nginx->failures >= 3;
}

static void test_failing_unit_leaves_nothing_behind(void **state)
{
	struct world *w = *state;
	size_t before;

	run_until(w, failed_once, "a failure");
	before = talloc_total_blocks(w->node->nginx);
	run_until(w, failed_thrice, "three failures");
	assert_int_equal(talloc_total_blocks(w->node->nginx), before);
}

static bool node_gone(struct world *w)
{
	return !agent_node(w->agent, NODE);
}

static void test_node_leaves_while_nginx_fails_to_start(void **state)
{
	struct world *w = *state;

	assert_int_equal(w->node->nginx->state, UNIT_STARTING);
	node_leave(w->node, true);
	run_until(w, node_gone, "node gone");
}

static bool has_sites(struct world *w)
{
	char *path = file_join(NULL, w->node->folder, "derived/sites-enabled");
	bool there = file_exists(path);

	mem_free(path);
	return there;
}

/* To name nginx's arguments is to look; its folders are made when it is started. */
static void test_start_of_nginx_makes_its_folders(void **state)
{
	struct world *w = *state;
	char *path = file_join(w, w->node->folder, "derived/sites-enabled");

	assert_true(has_sites(w));
	assert_int_equal(rmdir(path), 0);
	assert_non_null(w->node->nginx->argv(w, w->node->nginx, NULL));
	assert_false(has_sites(w));
	run_until(w, has_sites, "the next start makes the folder again");
}

static void test_start_revokes_close(void **state)
{
	struct world *w = *state;
	struct job *j = set_job(w, "2", false);

	j->close = true;
	set_job(w, "2", true);
	job_reap(j);
	assert_ptr_equal(node_job(w->node, "job1"), j);
	job_stop(j);
	job_reap(j);
	assert_ptr_equal(node_job(w->node, "job1"), j);
}

static void assert_states(struct job *j, const char *state, const char *unit_state)
{
	json_t *status = status_job(j), *units = json_object_get(status, "units"), *unit;
	size_t i;

	assert_string_equal(json_string_value(json_object_get(status, "state")), state);
	assert_int_not_equal(json_array_size(units), 0);
	json_array_foreach (units, i, unit)
		assert_string_equal(json_string_value(json_object_get(unit, "state")), unit_state);
	json_decref(status);
}

/* The job is stored, and its node's nginx is not up: nobody has begun with it. */
static void test_wanted_job_is_never_told_stopped(void **state)
{
	struct world *w = *state;
	struct job *j = set_job(w, "2", true);

	assert_int_equal(j->state, JOB_STOPPED);
	assert_states(j, "starting", "starting");
	job_in_trouble(j, error_new(ERROR_FAILED, "disk full"));
	assert_states(j, "failing", "starting");
	set_job(w, "2", false);
	assert_states(j, "stopped", "stopped");
}

static bool is_wanted(struct world *w)
{
	struct job_row **rows;

	must(store_jobs(w, w->agent->host.db, NODE, &rows));
	assert_non_null(rows[0]);
	assert_int_equal(rows[0]->offset_ms, 12345);
	return rows[0]->running;
}

/* --stop-units: the relay's end is noted while the job is on its way down. */
static void test_aborted_job_stays_wanted(void **state)
{
	struct world *w = *state;
	struct job *j = set_job(w, "2", true);

	job_abort(j);
	j->offset_ms = 12345;
	job_store(j);
	assert_true(is_wanted(w));
}

static void test_closed_job_takes_its_streams_along(void **state)
{
	struct world *w = *state;
	struct job *j = set_job(w, "2", false);

	assert_int_equal(w->node->stream_count, 3);
	j->close = true;
	job_reap(j);
	assert_null(node_job(w->node, "job1"));
	assert_int_equal(w->node->stream_count, 0);
}

static bool not_probing(struct world *w)
{
	return !node_job(w->node, "job1")->probing;
}

static void test_check_ends_though_the_task_has_changed(void **state)
{
	struct world *w = *state;
	struct job *j = set_job(w, "2", true);

	ingest_check(j);
	assert_true(j->probing);
	set_job(w, "4", true);
	run_until(w, not_probing, "the check's end");
}

static char *path_of(struct world *w, const char *name)
{
	return mem_printf(w, "%s/nodes/%s/%s", w->folder, NODE, name);
}

static void put_file(struct world *w, const char *name, const char *text)
{
	must(file_write_atomic(path_of(w, name), text, strlen(text), 0644));
}

static void assert_file(struct world *w, const char *name, const char *text)
{
	char *found = NULL;

	assert_int_equal(file_exists(path_of(w, name)), text != NULL);
	if (!text)
		return;
	must(file_read(w, path_of(w, name), 65536, &found, NULL));
	assert_string_equal(found, text);
}

static void test_classic_takes_back_what_was_not_tested(void **state)
{
	struct world *w = *state;
	char classic[] = "classic";

	open_node(w, classic);
	set_job(w, "2", true);
	put_file(w, "nginx/app-enabled/job1", "new");
	put_file(w, "derived/app-enabled/job1", "new");
	put_file(w, "untested/job1", "old");
	put_file(w, "nginx/app-enabled/job2", "of a job that was stopped");
	put_file(w, "derived/app-enabled/job2", "of a job that was stopped");
	open_node(w, classic);
	assert_file(w, "nginx/app-enabled/job1", "old");
	assert_file(w, "derived/app-enabled/job1", "old");
	assert_file(w, "untested/job1", NULL);
	assert_file(w, "nginx/app-enabled/job2", NULL);
	assert_file(w, "derived/app-enabled/job2", NULL);
	assert_true(w->node->classic_tidied);
}

static bool not_busy(struct world *w)
{
	return !w->node->classic_busy;
}

static void test_classic_says_what_is_not_tested(void **state)
{
	struct world *w = *state;
	char classic[] = "classic";
	struct job *j;

	open_node(w, classic);
	j = set_job(w, "2", true);
	w->node->up = true;
	job_run(j);
	assert_true(w->node->classic_busy);
	assert_file(w, "untested/job1", "");
	assert_true(file_exists(path_of(w, "nginx/app-enabled/job1")));
	run_until(w, not_busy, "tested");
	assert_file(w, "untested/job1", NULL);
	assert_file(w, "nginx/app-enabled/job1", NULL);
}

static bool node_opened(struct world *w)
{
	return agent_node(w->agent, NODE) != NULL;
}

/* A disk that was full when the agent started. */
static void test_lost_node_is_tried_again(void **state)
{
	struct world *w = *state;
	char *folder = path_of(w, "");

	folder[strlen(folder) - 1] = '\0';
	mem_free(w->agent);
	must(file_remove_tree(folder));
	must(file_write_atomic(folder, "", 0, 0600));
	w->settings.status_every_ms = 50;
	must(agent_open(w, &w->loop, &w->settings, on_end, NULL, &w->agent));
	assert_null(agent_node(w->agent, NODE));
	assert_non_null(agent_lost(w->agent, NODE));
	must(file_remove(folder));
	run_until(w, node_opened, "open");
	assert_null(agent_lost(w->agent, NODE));
}

static void test_ending_agent_starts_nothing(void **state)
{
	struct world *w = *state;
	struct job *j = set_job(w, "2", true);

	w->node->up = true;
	w->agent->host.stopping = true;
	job_run(j);
	assert_int_equal(j->state, JOB_STOPPED);
	w->agent->host.stopping = false;
	job_run(j);
	assert_int_equal(j->state, JOB_STARTING);
}

/* As if the agent had been killed while the command was under way: the next one finds it. */
static void resume(struct world *w, const char *signer, json_t *body)
{
	struct message *m =
		message_new(w, MESSAGE_COMMAND, "2222222222222222222222222222222222222222", NODE, 60000, body);

	m->signer = signer ? mem_strdup(m, signer) : NULL;
	must(store_put_command(w->agent->host.db, m));
	mem_free(w->agent);
	must(agent_open(w, &w->loop, &w->settings, on_end, NULL, &w->agent));
	w->node = agent_node(w->agent, NODE);
	run_until(w, settled, "quiet");
	mem_free(m);
	json_decref(body);
}

/* A command that was accepted and is not done when the agent ends is asked for its signer again. */
static void resume_as(struct world *w, const char *signer, char **owners, bool obeyed)
{
	struct message **left;

	set_job(w, "2", false);
	w->settings.owners = owners;
	w->settings.accept_plain = false;
	resume(w, signer, api_command_document(API_PIPELINE_CLOSE, NODE, "job1", NULL));
	must(store_commands(w, w->agent->host.db, &left));
	assert_null(left[0]);
	assert_int_equal(node_job(w->node, "job1") == NULL, obeyed);
}

static void test_stored_command_is_asked_for_its_signer_again(void **state)
{
	char alice[] = "3333333333333333333333333333333333333333", bob[] = "4444444444444444444444444444444444444444";
	char *owners[] = {alice, NULL}, *others[] = {bob, NULL};
	struct world *w = *state;

	resume_as(w, alice, owners, true);
	resume_as(w, alice, others, false);
	resume_as(w, NULL, owners, false);
}

static void test_manager_may_work_with_jobs_only(void **state)
{
	char alice[] = "3333333333333333333333333333333333333333", bob[] = "4444444444444444444444444444444444444444";
	char *owners[] = {alice, NULL}, *managers[] = {bob, NULL};
	struct world *w = *state;

	set_job(w, "2", false);
	w->settings.owners = owners;
	w->settings.managers = managers;
	w->settings.accept_plain = false;
	resume(w, bob, api_command_document(API_NODE_MAINTENANCE, NODE, NULL, "on"));
	assert_false(w->node->row.maintenance);
	for (int verb = 0; verb < API_VERB_COUNT; verb++) {
		bool allowed = !api_verbs[verb].changes || verb == API_CONFIG || verb == API_PIPELINE_STOP ||
			       verb == API_PIPELINE_CLOSE;
		struct error *e = agent_check_right(w->agent, bob, (enum api_verb)verb);

		assert_int_equal(e == NULL, allowed);
		if (e)
			assert_non_null(strstr(e->message, "--manager"));
		error_free(e);
		must(agent_check_right(w->agent, alice, (enum api_verb)verb));
	}
	resume(w, bob, api_command_document(API_NODE_PURGE, NODE, NULL, NULL));
	assert_non_null(agent_node(w->agent, NODE));
	resume(w, bob, api_command_document(API_PIPELINE_CLOSE, NODE, "job1", NULL));
	assert_null(node_job(w->node, "job1"));
	w->settings.managers = NULL;
}

static void taken(void *self, struct bus_delivery *d)
{
	(void)d;
	++*(int *)self;
}

/* As the bus hands it over, signed by bob; what he is answered belongs to w. */
static const char *given(struct world *w, int64_t term, enum api_verb verb)
{
	static const struct bus_backend backend = {.scheme = "test", .accept = taken};
	int accepted = 0;
	struct bus_delivery d = {.backend = &backend, .self = &accepted};
	json_t *body = api_command_document(verb, NODE, verb == API_NODE_PURGE ? NULL : "job1", NULL);
	struct message *m =
		message_new(w, MESSAGE_COMMAND, "2222222222222222222222222222222222222222", NODE, 60000, body);
	char *result = NULL;
	bool fresh = true;

	m->signer = mem_strdup(m, "4444444444444444444444444444444444444444");
	m->term = term;
	command_take(w->agent, &d, m);
	run_until(w, settled, "quiet");
	assert_int_equal(accepted, 1);
	must(dedupe_accept(w, w->agent->host.db, m, clock_wall_ms(), &fresh, &result));
	assert_false(fresh);
	json_decref(body);
	return result ? result : "";
}

static void test_lower_term_is_refused(void **state)
{
	char alice[] = "3333333333333333333333333333333333333333", bob[] = "4444444444444444444444444444444444444444";
	char *owners[] = {alice, NULL}, *managers[] = {bob, NULL};
	struct world *w = *state;
	int64_t highest = 0;

	w->settings.owners = owners;
	w->settings.managers = managers;
	w->settings.accept_plain = false;
	mem_free(w->agent);
	must(agent_open(w, &w->loop, &w->settings, on_end, NULL, &w->agent));
	w->node = agent_node(w->agent, NODE);
	set_job(w, "2", false);
	assert_non_null(strstr(given(w, 7, API_PIPELINE_STOP), "applied"));
	/* Before anything is done: the job would be closed. */
	assert_non_null(strstr(given(w, 5, API_PIPELINE_CLOSE), "stale: manager 4444"));
	assert_non_null(strstr(given(w, 5, API_PIPELINE_CLOSE), "in its term 5, and has given others in term 7"));
	assert_non_null(strstr(given(w, 5, API_PIPELINE_CLOSE), "\"code\":\"refused\""));
	assert_non_null(node_job(w->node, "job1"));
	assert_non_null(strstr(given(w, 7, API_PIPELINE_STOP), "applied"));
	/* Also by the next agent. */
	mem_free(w->agent);
	must(agent_open(w, &w->loop, &w->settings, on_end, NULL, &w->agent));
	w->node = agent_node(w->agent, NODE);
	assert_non_null(strstr(given(w, 6, API_PIPELINE_CLOSE), "stale"));
	assert_non_null(node_job(w->node, "job1"));
	/* What is refused for another reason is of a higher term all the same. */
	assert_non_null(strstr(given(w, 9, API_NODE_PURGE), "refused"));
	assert_non_null(strstr(given(w, 8, API_PIPELINE_CLOSE), "stale"));
	/* Another recipient has a mailbox, and so a term, of its own. */
	must(store_manager_term(w->agent->host.db, bob, "5555555555555555555555555555555555555555", 2, &highest));
	assert_int_equal(highest, 2);
	/* Who names no term is not compared. */
	assert_non_null(strstr(given(w, 0, API_PIPELINE_CLOSE), "applied"));
	assert_null(node_job(w->node, "job1"));
	w->settings.managers = NULL;
}

/* Nor does one that is taken up again undo what came after it: that was answered. */
static void test_stored_command_does_not_undo_later_ones(void **state)
{
	struct world *w = *state;
	json_t *on = api_command_document(API_NODE_MAINTENANCE, NODE, NULL, "on"),
	       *create = api_command_document(API_NODE_CREATE, NODE, NULL, "distributor");
	struct job *j = set_job(w, "2", false);
	json_t *config = json_incref(j->task->document);

	resume(w, NULL, config);
	assert_false(node_job(w->node, "job1")->wanted);
	set_job(w, "4", true);
	resume(w, NULL, api_command_document(API_PIPELINE_CLOSE, NODE, "job1", NULL));
	assert_true(node_job(w->node, "job1")->wanted);
	resume(w, NULL, on);
	assert_false(w->node->row.maintenance);
	json_put(create, "name", "old");
	resume(w, NULL, create);
	assert_null(w->node->row.name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_changes_leave_nothing_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failing_unit_leaves_nothing_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_node_leaves_while_nginx_fails_to_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_of_nginx_makes_its_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_revokes_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wanted_job_is_never_told_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_aborted_job_stays_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_job_takes_its_streams_along, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check_ends_though_the_task_has_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_classic_takes_back_what_was_not_tested, setup, teardown),
		cmocka_unit_test_setup_teardown(test_classic_says_what_is_not_tested, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_node_is_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ending_agent_starts_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_manager_may_work_with_jobs_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stored_command_is_asked_for_its_signer_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lower_term_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stored_command_does_not_undo_later_ones, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
