/* Many simulated agents in this process, each with keys and a connection of its own, and the streams between their
 * nodes: who sends to a node that is dead says so in its next status, as dsn-agent does when its program fails.
 *
 * Ownership: freed with swarm_end(). Threads: loop thread.
 */
#ifndef DSN_BENCH_SWARM_H
#define DSN_BENCH_SWARM_H

#include "bench/swarm_agent.h"

struct swarm {
	struct swarm_agent **agents;
	size_t agent_count, node_count;
	struct timer *look;
	size_t killed; /* agents, the first ones of the list */
};

/* `nodes` in all; the last agent may have fewer. `agent` is that of the first one. */
struct swarm *swarm_new(const void *ctx, const struct swarm_agent_options *agent, size_t nodes);
struct error *swarm_connect(struct swarm *s) MUST_CHECK;
/* `remove`: their mailboxes go too, from a broker that others use. */
void swarm_end(struct swarm *s, bool remove);

/* Mailboxes that are served, of nodes and agents; swarm_mailboxes(): how many there are to be. */
size_t swarm_served(const struct swarm *s);
size_t swarm_mailboxes(const struct swarm *s);
/* Of those that live. */
bool swarm_all_served(const struct swarm *s);
size_t swarm_alive_nodes(const struct swarm *s);
struct swarm_agent_counts swarm_counts(const struct swarm *s);

/* The first `count` agents are dead from now on. */
void swarm_kill(struct swarm *s, size_t count);

/* A job as the nodes that live have it. */
struct swarm_part {
	char *job;
	size_t nodes; /* that carry it out */
	bool dead;    /* a node that is dead does as well */
};
/* Of all jobs, ordered by name; belongs to ctx. */
struct swarm_part *swarm_jobs(const void *ctx, const struct swarm *s, size_t *ret_count);

#endif
