/* The agent's database: what goes in comes out, across a close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "node/job/digest.h"
#include "node/store.h"

struct world {
	char folder[64], *path;
	struct db *db;
};

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static void reopen(struct world *w)
{
	mem_free(w->db);
	must(store_open(w, w->path, &w->db));
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	strcpy(w->folder, "/tmp/dsn-store-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	w->path = file_join(w, w->folder, "agent.db");
	reopen(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *folder = mem_strdup(NULL, w->folder);

	mem_free(w);
	must(file_remove_tree(folder));
	mem_free(folder);
	return 0;
}

static void put_node(struct world *w, const char *id, bool maintenance)
{
	char *mounts[] = {"/a:/b", "/c d:/e", NULL};
	struct node_row row = {
		.id = (char *)id,
		.role = API_STORAGE,
		.runtime = "docker",
		.mode = "classic",
		.image = "some/image:1",
		.mounts = mounts,
		.mount_count = 2,
		.memory_bytes = 123456789012,
		.cpus = 1.5,
		.rtmp = {1935, 20000},
		.http = {80, 20001},
		.control_port = 8935,
		.maintenance = maintenance,
	};

	must(store_put_node(w->db, &row));
}

static void test_nodes(void **state)
{
	struct world *w = *state;
	struct node_row **rows;

	put_node(w, "b", false);
	put_node(w, "a", false);
	put_node(w, "b", true);
	reopen(w);
	must(store_nodes(w, w->db, &rows));
	assert_string_equal(rows[0]->id, "a");
	assert_string_equal(rows[1]->id, "b");
	assert_null(rows[2]);
	assert_false(rows[0]->maintenance);
	assert_true(rows[1]->maintenance);
	assert_int_equal(rows[1]->role, API_STORAGE);
	assert_string_equal(rows[1]->runtime, "docker");
	assert_string_equal(rows[1]->mode, "classic");
	assert_string_equal(rows[1]->image, "some/image:1");
	assert_int_equal(rows[1]->mount_count, 2);
	assert_string_equal(rows[1]->mounts[1], "/c d:/e");
	assert_null(rows[1]->mounts[2]);
	assert_true(rows[1]->memory_bytes == 123456789012);
	assert_true(rows[1]->cpus == 1.5);
	assert_int_equal(rows[1]->rtmp.container_port, 1935);
	assert_int_equal(rows[1]->rtmp.host_port, 20000);
	assert_int_equal(rows[1]->http.host_port, 20001);
	assert_int_equal(rows[1]->control_port, 8935);
	must(store_remove_node(w->db, "a"));
	must(store_nodes(w, w->db, &rows));
	assert_string_equal(rows[0]->id, "b");
	assert_null(rows[1]);
}

static void put_job(struct world *w, const char *node, const char *job)
{
	json_t *task = json_pack("{s:s}", "command", "config");
	struct job_row *row = job_row_new(w, node, job, task);

	row->running = true;
	row->epoch_ms = 1700000000000;
	row->offset_ms = 24000;
	strcpy(row->carried, "0123abcd-00000000-0");
	row->mending = (struct job_mending){-1, 60, true};
	must(store_put_job(w->db, row));
	mem_free(row);
	json_decref(task);
}

static void test_jobs(void **state)
{
	struct world *w = *state;
	struct job_row **rows;

	put_job(w, "a", "j2");
	put_job(w, "a", "j1");
	put_job(w, "b", "j1");
	must(store_job_wanted(w->db, "a", "j1", false));
	reopen(w);
	must(store_jobs(w, w->db, "a", &rows));
	assert_string_equal(rows[0]->job, "j1");
	assert_string_equal(rows[1]->job, "j2");
	assert_null(rows[2]);
	assert_false(rows[0]->running);
	assert_true(rows[1]->running);
	assert_true(rows[0]->epoch_ms == 1700000000000);
	assert_true(rows[0]->offset_ms == 24000);
	assert_string_equal(rows[0]->carried, "0123abcd-00000000-0");
	assert_true(rows[0]->mending.bps == -1 && rows[0]->mending.fps == 60 && rows[0]->mending.copy_video);
	assert_string_equal(json_string_value(json_object_get(rows[0]->task, "command")), "config");
	mem_free(rows);
	must(store_job_source(w->db, "a", "j1", 1, 2, "", &(struct job_mending){1000, 0, false}));
	must(store_jobs(w, w->db, "a", &rows));
	assert_string_equal(rows[0]->carried, "");
	assert_string_equal(rows[1]->carried, "0123abcd-00000000-0");
	assert_true(rows[0]->mending.bps == 1000 && !rows[0]->mending.fps && !rows[0]->mending.copy_video);
	assert_true(rows[1]->mending.copy_video);
	mem_free(rows);
	must(store_remove_node(w->db, "a"));
	must(store_jobs(w, w->db, "a", &rows));
	assert_null(rows[0]);
	must(store_remove_job(w->db, "b", "j1"));
	must(store_jobs(w, w->db, "b", &rows));
	assert_null(rows[0]);
}

/* The envelope's id, sender and recipient must survive, also of a plain message that has none of its own. */
static void test_commands(void **state)
{
	struct world *w = *state;
	json_t *body = json_pack("{s:s}", "command", "config");
	struct message *m = message_new(w, MESSAGE_COMMAND, "from", "to", 1000, body), **list;
	char *id = mem_strdup(w, m->id);

	json_decref(body);
	m->plain = true;
	m->signer = mem_strdup(m, "signer");
	must(store_put_command(w->db, m));
	mem_free(m);
	reopen(w);
	must(store_commands(w, w->db, &list));
	assert_string_equal(list[0]->id, id);
	assert_string_equal(list[0]->from, "from");
	assert_string_equal(list[0]->to, "to");
	assert_string_equal(list[0]->signer, "signer");
	assert_true(list[0]->plain);
	assert_string_equal(json_string_value(json_object_get(list[0]->body, "command")), "config");
	assert_null(list[1]);
	mem_free(list);
	must(store_remove_command(w->db, id));
	must(store_commands(w, w->db, &list));
	assert_null(list[0]);
}

static void test_failover(void **state)
{
	struct world *w = *state;

	assert_false(store_failover(w->db, "a", "u"));
	must(store_put_failover(w->db, "a", "u", true));
	must(store_put_failover(w->db, "a", "u", true));
	reopen(w);
	assert_true(store_failover(w->db, "a", "u"));
	assert_false(store_failover(w->db, "b", "u"));
	must(store_put_failover(w->db, "a", "u", false));
	assert_false(store_failover(w->db, "a", "u"));
}

/* Tasks hold keys. */
static void test_private_file(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_digest(void **state)
{
	json_t *one = json_pack("{s:s,s:s}", "a", "1", "b", "2"), *other = json_pack("{s:s,s:s}", "b", "2", "a", "1");
	char *x = digest_json(*state, one), *y = digest_json(*state, other);

	assert_string_equal(x, y);
	json_object_set_new(other, "b", json_string("3"));
	assert_string_not_equal(x, digest_json(*state, other));
	/* SHA-256 of {"a":"1","b":"2"} */
	assert_string_equal(x, "21f76dfbfe6dfe21f762080ef484112cf2952974cef30741fd1931e1c6d92112");
	json_decref(one);
	json_decref(other);
	assert_string_not_equal(digest_argv(*state, (const char *const[]){"ab", "c", NULL}),
				digest_argv(*state, (const char *const[]){"a", "bc", NULL}));
}

static struct error *count_decisions(const struct db_row *row, void *arg)
{
	int64_t *found = arg;

	found[0] = db_int(row, 0);
	found[1] = db_int(row, 1);
	return NULL;
}

/* The newest of each node are kept, also in a database of before. */
static void test_decisions(void **state)
{
	struct world *w = *state;
	int64_t found[2] = {0};
	const int kept = atoi(DECISIONS_KEPT);

	for (int i = 1; i <= kept + 20; i++) {
		if (i == 30)
			reopen(w);
		must(db_exec(w->db, "insert into decision(node,time_ms,what,why) values(?,?,?,?)", "siss", "a",
			     (int64_t)i, "what", "why"));
		if (i <= 10)
			must(db_exec(w->db, "insert into decision(node,time_ms,what,why) values(?,?,?,?)", "siss", "b",
				     (int64_t)i, "what", "why"));
	}
	must(db_query(w->db, count_decisions, found, "select count(*), min(time_ms) from decision where node=?", "s",
		      "a"));
	assert_int_equal(found[0], kept);
	assert_int_equal(found[1], 21);
	must(db_query(w->db, count_decisions, found, "select count(*), min(time_ms) from decision where node=?", "s",
		      "b"));
	assert_int_equal(found[0], 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_jobs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failover, setup, teardown),
		cmocka_unit_test_setup_teardown(test_decisions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_private_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_digest, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
