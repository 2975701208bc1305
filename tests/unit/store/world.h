/* A database of each kind for the tests of the store: a file in a folder of its own, and a schema of its own on a real
 * PostgreSQL server, which tests/e2e/postgres.py runs for the program. Where that is not installed, its half is
 * skipped.
 *
 *     const struct CMUnitTest tests[] = {WORLD_BOTH(a_test), WORLD_FILE(only_of_files), WORLD_SERVER(only_of_servers)};
 *     return cmocka_run_group_tests(tests, world_start, world_stop);
 */
#ifndef DSN_TESTS_STORE_WORLD_H
#define DSN_TESTS_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/types.h>

#include "base/error.h"
#include "store/db.h"

/* Of the running test. */
struct world {
	bool server;
	void *ctx;    /* freed with the test */
	char *folder; /* empty, but for the file */
	char *where;  /* a path that is not there yet, or the URL of a schema with no tables */
};
extern struct world world;

/* A server of its own, that of the tests on a server, or one that a test starts besides. */
struct world_server {
	pid_t pid;      /* of what runs it, and ends it when `ends` is closed */
	int ends, says; /* its standard input and output */
	char url[512];  /* with & at its end; "": none is installed, or not like this here */
};
/* `how`: "" as most need it, "password" over TCP with one, "small" with tables on a disk of 16 MB. */
bool world_serve(struct world_server *server, const char *how);
/* 0: it ended well. */
int world_serve_end(struct world_server *server);
/* What is done to that of the tests: kill, end, start, freeze, thaw (tests/e2e/postgres.py). */
void world_server_is_told(const char *word);

int world_start(void **state);
int world_stop(void **state);
int world_begin(void **state);
int world_end(void **state);
extern bool world_of_file, world_of_server;

#define WORLD_FILE(test)                                                      \
	{                                                                     \
#test " (file)", test, world_begin, world_end, &world_of_file \
	}
#define WORLD_SERVER(test)                                                        \
	{                                                                         \
#test " (server)", test, world_begin, world_end, &world_of_server \
	}
#define WORLD_BOTH(test) WORLD_FILE(test), WORLD_SERVER(test)

/* Opens a database of either kind. */
struct error *world_open(const void *ctx, const char *where, const struct db_schema *schema, struct db **ret_db);

void world_ok(struct error *e);
void world_refused(struct error *e, enum error_code code, const char *part);
/* One value, of the first row; "" for none. Valid until the next one. */
const char *world_ask(struct db *db, const char *sql);
int64_t world_number(struct db *db, const char *sql);

/* A process of its own that runs `fn` and ends; 0 when that returned true. It shares no connection: it opens its own.
 */
pid_t world_fork(bool (*fn)(void *arg), void *arg);
int world_wait(pid_t pid);
/* Pipes between it and the test: a byte each. */
struct world_gate {
	int ends[2];
};
void world_gate_make(struct world_gate *gate);
void world_gate_open(const struct world_gate *gate);
void world_gate_pass(const struct world_gate *gate);
/* Did it open within these milliseconds? It stays open. */
bool world_gate_opens(const struct world_gate *gate, int ms);

#endif
