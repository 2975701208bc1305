/* The nth call fails, or is the last: what a store leaves behind when the disk, memory or the process ends in the
 * middle of an operation. As SQLite tests itself (sqlite.org/testing.html: out-of-memory, I/O error and crash tests).
 *
 * An operation is run once in peace, which tells the state before and after it; then again and again, the fault one
 * call later each time, until it runs through. After each the folder must hold the whole state of before or the whole
 * state of after, every database must pass its own check, what was told as done must be there, and an error must say
 * where it was met. Where a call failed and the process lives, nothing may leak and the same operation done again must
 * succeed.
 *
 * What counts as a call: SQLite's calls to the system (a VFS between), its allocations, those of talloc, and our own
 * calls that open, write, sync, rename and remove files (the linker's --wrap). Only while a fault is armed.
 * clock_wall_ms() stands still. Single thread.
 */
#ifndef DSN_TESTS_FAULT_H
#define DSN_TESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum fault_site {
	FAULT_DISK,          /* opening, reading, writing, cutting, syncing, renaming, removing */
	FAULT_SQLITE_MEMORY, /* becomes an error */
	FAULT_TREE_MEMORY,   /* ends the process (base/mem.h) */
	FAULT_SITES
};

enum fault_act {
	FAULT_ONCE, /* the call fails */
	FAULT_ON,   /* and all after it */
	FAULT_KILL, /* SIGKILL in place of the call, a write half done */
	FAULT_POWER /* and nothing stays that was not synced; every other time only some of it does */
};

/* The time that clock_wall_ms() tells. */
#define FAULT_NOW_MS INT64_C(1800000000000)

/* --- operations --- */

struct fault_world {
	const char *folder; /* its state: all is compared */
	void *ctx;          /* freed before leaks are looked for */
	void *handle;       /* what `open` made, of ctx */
};

typedef struct error *fault_fn(struct fault_world *w);

struct fault_case {
	const char *name;
	fault_fn *prepare; /* makes the state before; NULL: what the suite's makes */
	fault_fn *run;     /* NULL: opening itself */
	const char *place; /* the errors' texts may have this in them, in place of the suite's */
	bool fleeting;     /* what it does may be lost when the power goes */
};

struct fault_suite {
	fault_fn *open; /* NULL: no handle */
	fault_fn *prepare;
	/* What the next process does in peace, in a world of its own: with it the operation must have come to its end,
	 * whatever has failed before. NULL: what was left is looked at. */
	fault_fn *settle;
	/* What of the folder counts, as fault_look(); NULL: all of it. */
	char *(*look)(const char *folder, bool crashed);
	const char *place; /* each error's text has this in it */
	const struct fault_case *cases;
	size_t count;
};

/* Runs the cases, fails the running cmocka test at the first thing that is wrong. Each call with
 * DSN_FAULT_EVERY=1 in the environment, every 11th with 11; without, a sample of them. */
void fault_run(const struct fault_suite *suite);

/* --- the mechanism --- */

/* Once, before SQLite is used and after mem_init(). */
void fault_install(void);
/* The nth call (from 1) of a site meets its fate; those before are counted. */
void fault_arm(enum fault_site site, enum fault_act act, unsigned long nth);
void fault_disarm(void);
bool fault_armed(void);
bool fault_fired(void);
unsigned long fault_calls(enum fault_site site);
/* The power goes now. Does not return. */
void fault_power_cut(void) __attribute__((noreturn));
/* Blocks that SQLite and jansson have and have not given back. */
long fault_blocks(void);

/* For the shims. `fault_now`: this call is to fail. Does not return where the process is to end, except with *ret_half,
 * where a write does its first half and calls fault_end(). */
bool fault_now(enum fault_site site, bool *ret_half);
void fault_end(void) __attribute__((noreturn));
void fault_vfs_install(void);
void fault_vfs_power_cut(unsigned long seed);
void fault_vfs_forget(void); /* what is unsynced, at arming */

/* --- what is not synced of our own files (fault_unsynced.c), while a fault is armed --- */

void unsynced_written(int fd);
void unsynced_synced(int fd); /* a file, or a folder */
/* Before it is done. Both are in folder `at`, or AT_FDCWD. */
void unsynced_renames(int at, const char *from, const char *to);
void unsynced_power_cut(unsigned long seed);
void unsynced_forget(void);

/* --- looking (fault_look.c) --- */

/* Copies the folder's content into `to`, which is made anew. */
void fault_copy(const char *from, const char *to);
/* All of the folder as text, for comparing: tables row by row, other files as they are. Databases that fail their own
 * check fail the test. `crashed`: temporary files may lie about. The caller frees it. */
char *fault_look(const char *folder, bool crashed);

#endif
