/* The processes of a development network, which lists them itself: DIR/processes.json, one line of JSON in a file of
 * ours with mode 0600. Nothing else is ever killed: each has the time at which it was started beside its id, since ids
 * are used again.
 *
 *   {"broker": P, "dsnd": P, "chain": P, "machines": [{"name", P's members, "state_dir", "nodes": [node id]}]}
 *   P = {"pid": 123, "start_time": clock ticks since boot}; a network may lack any
 *
 * Killing a machine kills its agent and all that it runs, as a power cut would. Threads: any.
 */
#ifndef DSN_VCLI_DRILL_VICTIMS_H
#define DSN_VCLI_DRILL_VICTIMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The list in `folder`; a new reference. */
struct error *victims_read(const char *folder, json_t **ret_all) MUST_CHECK;

struct victim {
	const char *name;      /* "agent-2"; "dsnd" */
	const json_t *process; /* borrowed from the list */
	bool is_machine;
};

/* Who is meant by broker, dsnd, chain, or a role: the machine that has a node of this role among those of the job
 * (`nodes`: objects with node_id and role), one without the job's other roles before others. ERROR_NOT_FOUND. */
struct error *victims_choose(const json_t *all, const char *what, const json_t *nodes, struct victim *ret) MUST_CHECK;
/* SIGKILL. *ret_count: how many processes were told; of a machine's programs each counts as one. ERROR_NOT_FOUND: it
 * has ended already; ERROR_REFUSED: the id is another process's now. */
struct error *victims_kill(const struct victim *v, size_t *ret_count) MUST_CHECK;

#endif
