/* The real services of dsnd, as two processes on one database: each is a loop of its own with its own connection to
 * the file and to the bus. A crash leaves neither a word to the bus nor a lease given back (the linker wraps
 * lease_release()). */
#ifndef DSN_TESTS_RANDOM_MANAGERS_H
#define DSN_TESTS_RANDOM_MANAGERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manager/caller.h"
#include "store/db.h"

#define MANAGERS 2

void managers_begin(const char *folder);
void managers_end(void);
/* The database, to look at; opened with the first manager. */
struct db *managers_db(void);

enum managers_life { MANAGERS_GONE, MANAGERS_FROZEN, MANAGERS_RUNS };
enum managers_life managers_life(size_t m);
void managers_start(size_t m);
void managers_crash(size_t m);
/* Ends as it should. */
void managers_stop(size_t m);
void managers_freeze(size_t m, bool frozen);

/* Which leads the jobs; MANAGERS: none that runs. Fails where two do. */
size_t managers_leader(void);

/* Of a call to a manager that runs; exactly once, or never: it has crashed. Both borrowed. */
typedef void managers_answered_fn(const json_t *result, const struct error *e, void *arg);
/* Calls a method of manager `m`, as an operator or as a customer. Takes params; `arg` is freed with mem_free(). */
void managers_call(size_t m, unsigned role, const char *method, json_t *params, managers_answered_fn *fn, void *arg);

#endif
