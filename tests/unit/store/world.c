#include "store/world.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "postgres/postgres.h"

#define CHILD_S 60 /* none outlives its test by more */

struct world world;
bool world_of_file = false, world_of_server = true;

/* --- the server --- */

static struct world_server server;

static void become_server(const int in[2], const int out[2], const char *how)
{
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
	execlp("python3", "python3", TEST_SOURCE_DIR "/tests/e2e/postgres.py", how, NULL);
	_exit(127);
}

static void read_line(int fd, char *line, size_t max)
{
	size_t n = 0;

	while (n + 1 < max && read(fd, &line[n], 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
}

bool world_serve(struct world_server *s, const char *how)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return false;
	s->pid = fork();
	if (s->pid == 0)
		become_server(in, out, how);
	close(in[0]);
	close(out[1]);
	s->ends = in[1];
	s->says = out[0];
	read_line(s->says, s->url, sizeof(s->url));
	return s->pid > 0;
}

int world_serve_end(struct world_server *s)
{
	int status = 0;

	close(s->ends);
	close(s->says);
	return waitpid(s->pid, &status, 0) == s->pid ? status : -1;
}

void world_server_is_told(const char *word)
{
	char line[80];
	int n = snprintf(line, sizeof(line), "%s\n", word);

	assert_int_equal(write(server.ends, line, (size_t)n), n);
	read_line(server.says, line, sizeof(line));
	assert_string_equal(line, "done");
}

int world_start(void **state)
{
	(void)state;
	return world_serve(&server, "") ? 0 : -1;
}

int world_stop(void **state)
{
	(void)state;
	return world_serve_end(&server);
}

/* --- a test's --- */

static const struct db_schema nothing = {
	.application_id = DB_APPLICATION_ID('n'), .name = "nothing", .migrations = NULL, .count = 0};

/* A schema of its own: what others have made there stays theirs. */
static void make_schema(void)
{
	static unsigned count;
	char *sql;
	struct db *db = NULL;

	world_ok(
		postgres_open(world.ctx, mem_printf(world.ctx, "%sapplication_name=maker", server.url), &nothing, &db));
	sql = mem_printf(world.ctx, "create schema t%u", ++count);
	world_ok(db_exec(db, sql, ""));
	world.where = mem_printf(world.ctx, "%soptions=-csearch_path%%3Dt%u", server.url, count);
	mem_free(db);
}

int world_begin(void **state)
{
	char made[] = "/tmp/dsn-store-XXXXXX";

	if (!mkdtemp(made))
		return -1;
	world = (struct world){.server = *(const bool *)*state};
	world.ctx = mem_new(NULL, char);
	world.folder = mem_strdup(world.ctx, made);
	if (!world.server)
		world.where = file_join(world.ctx, made, "x.db");
	else if (server.url[0])
		make_schema();
	return 0;
}

int world_end(void **state)
{
	struct error *e = file_remove_tree(world.folder);

	(void)state;
	mem_free(world.ctx);
	world = (struct world){0};
	if (!e)
		return 0;
	error_free(e);
	return -1;
}

struct error *world_open(const void *ctx, const char *where, const struct db_schema *schema, struct db **ret_db)
{
	if (!where)
		skip(); /* no server is installed */
	return postgres_open(ctx, where, schema, ret_db);
}

/* --- looking --- */

void world_ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

void world_refused(struct error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	if (e->code != code)
		fail_msg("\"%s\" is of code %d, not %d", e->message, e->code, code);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" does not hold \"%s\"", e->message, part);
	error_free(e);
}

static struct error *on_text(const struct db_row *row, void *arg)
{
	snprintf(arg, 200, "%s", db_text(row, 0) ? db_text(row, 0) : "");
	return NULL;
}

const char *world_ask(struct db *db, const char *sql)
{
	static char text[200];

	text[0] = '\0';
	world_ok(db_query(db, on_text, text, sql, ""));
	return text;
}

int64_t world_number(struct db *db, const char *sql)
{
	return strtoll(world_ask(db, sql), NULL, 10);
}

/* --- processes --- */

pid_t world_fork(bool (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		/* What fails here is not the test runner's copy's to tell. */
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		alarm(CHILD_S);
		_exit(fn(arg) ? 0 : 1);
	}
	return pid;
}

int world_wait(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

void world_gate_make(struct world_gate *gate)
{
	assert_int_equal(pipe(gate->ends), 0);
}

void world_gate_open(const struct world_gate *gate)
{
	if (write(gate->ends[1], "x", 1) != 1)
		abort();
}

void world_gate_pass(const struct world_gate *gate)
{
	char byte;

	assert_true(world_gate_opens(gate, CHILD_S * 1000));
	assert_int_equal(read(gate->ends[0], &byte, 1), 1);
}

bool world_gate_opens(const struct world_gate *gate, int ms)
{
	struct pollfd fd = {.fd = gate->ends[0], .events = POLLIN};

	return poll(&fd, 1, ms) == 1;
}
