/* The methods of dsnd: one table of rows says what each is called, takes, answers, and who may call it. From the rows
 * come the check of parameters, the OpenRPC document and the reference in docs (describe.h).
 *
 * A call is the same whoever makes it: a service of this process, a client over HTTP, a message of the bus. It is
 * checked here, begun, and answered exactly once, now or later, through the loop. Parameters are named (JSON-RPC 2.0
 * "by name"). Values are JSON's own: numbers are numbers; what is a document of API 1.00 keeps its texts.
 *
 * Bounds: METHOD_CALLS calls under way; a parameter's own. Threads: loop thread.
 */
#ifndef DSN_MANAGER_METHOD_H
#define DSN_MANAGER_METHOD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "manager/caller.h"

#define METHOD_PARAMS 8
#define METHOD_ERRORS 6
#define METHOD_CALLS 4096

enum method_type {
	METHOD_TEXT,    /* min to max bytes of UTF-8 */
	METHOD_LINES,   /* the same, of lines that end with LF */
	METHOD_WORD,    /* one of `words` */
	METHOD_JOB,     /* the id of a job */
	METHOD_ADDRESS, /* 40 hex digits */
	METHOD_INTEGER, /* min to max */
	METHOD_BOOL,
	METHOD_OBJECT, /* at most max bytes as compact text; what is in it the method checks */
	METHOD_TYPES
};

struct method_param {
	const char *name;
	enum method_type type;
	bool optional;
	const char *unit;  /* of an INTEGER: "ms"; NULL: none */
	const char *words; /* of a WORD, separated by | */
	int64_t min, max;
	const char *text; /* what it means, for people; no full stop */
};

/* What a method may answer beside what all may: a code, and what to do about it. */
struct method_error {
	enum error_code code;
	const char *mend;
};

struct method_call; /* a talloc context that lasts until the call is answered */
typedef void method_fn(struct method_call *c, void *arg);

struct method {
	const char *name; /* "orders.create" */
	method_fn *begin;
	unsigned may;                              /* roles of which a caller has one */
	const char *text, *answer;                 /* what it does, and what it answers; one line each, no full stop */
	struct method_param params[METHOD_PARAMS]; /* up to the one without name */
	struct method_error errors[METHOD_ERRORS]; /* up to the one without code */
};

struct methods;
struct methods *methods_new(const void *ctx);
/* The rows and `arg` outlive it. */
void methods_add(struct methods *all, const struct method *rows, size_t count, void *arg);

/* Methods that are not always to be begun. */
struct method_group {
	const struct method *rows;
	size_t count;
	void *arg; /* what they get, at the time of the call */
	/* Begins each of them in the place of its row's own: they are another process's (manager/remotes.h). May be
	 * NULL. */
	method_fn *begin;
	/* Asked before a call begins: NULL, or why not now, which is taken. NULL: they always are. */
	struct error *(*closed)(const struct method *row, const struct caller *caller, void *arg);
	void *closed_arg;
};
/* The group outlives it. */
void methods_add_group(struct methods *all, const struct method_group *group);
const struct method *methods_find(const struct methods *all, const char *name);
/* Is it another process's, and can it be called there? */
bool methods_elsewhere(const struct methods *all, const char *name);
/* The n-th of all, sorted by name; NULL: there are no more. */
const struct method *methods_at(const struct methods *all, size_t n);
/* Calls begun since the start, and those that were answered with an error. */
void methods_count(const struct methods *all, uint64_t *ret_begun, uint64_t *ret_failed, size_t *ret_open);

/* One of the two is there; both borrowed. `row` NULL: there is no such method. */
typedef void method_answered_fn(const struct method *row, const json_t *result, const struct error *e, void *arg);
/* Calls a method. `params` (borrowed; NULL: none) is kept as long as it takes. `fn` comes exactly once, maybe before
 * this returns; not when ctx is freed before (the method goes on). */
void method_begin(const void *ctx, struct methods *all, const struct caller *caller, const char *name, json_t *params,
		  method_answered_fn *fn, void *arg);

/* --- in methods --- */

const struct caller *method_caller(const struct method_call *c);
const struct method *method_row(const struct method_call *c);
/* All that it was called with, checked; borrowed. NULL: nothing. */
json_t *method_params(const struct method_call *c);
/* Parameters by name, as their row says. Absent ones are NULL, 0, false. */
bool method_has(const struct method_call *c, const char *name);
const char *method_text(const struct method_call *c, const char *name);
int64_t method_integer(const struct method_call *c, const char *name);
bool method_bool(const struct method_call *c, const char *name);
json_t *method_object(const struct method_call *c, const char *name); /* borrowed */
/* Exactly one of these ends the call, and frees c. Both take what they are given. */
void method_answer(struct method_call *c, json_t *result);
void method_fail(struct method_call *c, struct error *e);

/* The parameters of a row, checked: ERROR_INVALID names the one that is wrong, and says how it should be. */
struct error *method_check(const struct method *row, const json_t *params) MUST_CHECK;
/* What to do about an error of this method. */
const char *method_mend(const struct method *row, enum error_code code);

#endif
