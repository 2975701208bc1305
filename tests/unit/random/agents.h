/* Agents without media, over the memory bus: they answer as node/agent does (a command is carried out once, by its id;
 * one of a lower term than the node has seen is refused; results wait until they are sent), tell their state every 5 s,
 * and keep what they know across a kill, as on a disk. How long something takes they throw dice for. */
#ifndef DSN_TESTS_RANDOM_AGENTS_H
#define DSN_TESTS_RANDOM_AGENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "api/grammar.h"
#include "base/hex.h"
#include "manager/jobs/place.h"

#define AGENTS 6
#define AGENTS_NODES 12
#define AGENTS_HUB "random"
#define AGENTS_JOBS 64 /* on one node at once: no more are known */

struct agents_node {
	char id[ID_DIGITS + 1];
	enum api_role role;
	size_t agent;
	bool maintenance, sick; /* sick: no job starts */
	bool complains;         /* once: its first job's program says that whom it sends to is not there */
	char *jobs[AGENTS_JOBS];
	size_t job_count;
	int64_t highest; /* term */
};

/* What a machine has, and how many jobs a node takes. */
extern const struct place_amount agents_capacity;
#define AGENTS_MOST_JOBS 2

void agents_begin(uv_loop_t *loop);
void agents_end(void);
struct agents_node *agents_node(size_t n);
struct agents_node *agents_node_of(const char *id);
bool agents_serves(const struct agents_node *n, const char *job);

bool agents_alive(size_t agent);
/* At once, without a word; what it serves goes on, and what it has on its disk stays. */
void agents_kill(size_t agent);
void agents_return(size_t agent);
/* Commands that wait for the node. */
size_t agents_waiting(const struct agents_node *n);
/* Has it an answer that is not sent? */
bool agents_busy(void);
/* Commands of lower terms that were refused. */
size_t agents_refused(void);

#endif
