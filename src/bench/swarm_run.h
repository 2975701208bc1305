/* One measurement of `dsn-bench fleet`: a network of so many nodes, from nothing to the end. Figures are told as soon
 * as they are known.
 */
#ifndef DSN_BENCH_SWARM_RUN_H
#define DSN_BENCH_SWARM_RUN_H

#include <stdio.h>

#include "bench/swarm.h"
#include "bench/swarm_proc.h"

#define SWARM_GOAL_SERVED_S 60.0
#define SWARM_GOAL_DISPATCH_S 30.0
#define SWARM_GOAL_PLANS 1500
#define SWARM_GOAL_PLAN_MS 20
#define SWARM_GOAL_DSND_MIB 286 /* 300 MB */

#define SWARM_RUN_NONE (-1.0) /* a figure that was not measured, or a step that was not over in time */

struct swarm_run_options {
	const char *broker; /* scripts/broker; NULL: `bus` is there already and stays as it is */
	int64_t broker_port;
	const char *bus, *password_file, *ca_file;
	int64_t nodes_per_agent, beat_ms, status_ms, quiet_ms, patience_ms;
	int64_t plans, jobs, at_once;
	FILE *out; /* where figures are told */
};

struct swarm_run_result {
	size_t nodes, agents, mailboxes, jobs, lost_nodes, lost_parts;
	double served_s, known_s;         /* from nothing: all mailboxes, and all of them online and obeying at dsnd */
	double beat_messages, beat_bytes; /* of a node in a second */
	double idle_dsnd_cores, idle_broker_cores;
	double plans_per_s, plan_p50_ms, plan_p99_ms;
	double places_per_s; /* nodes that those plans found */
	double orders_per_s, order_p50_ms, order_p99_ms;
	double noted_first_s, noted_last_s;     /* from the loss until dsnd declares a node lost */
	double work_off_s;                      /* from the loss until every job has all of its nodes again */
	double dispatch_p50_s, dispatch_most_s; /* from declared lost until the job is whole */
	size_t jobs_hit, jobs_not_whole;
	double broker_boot_s, broker_served_s; /* from SIGKILL */
	double dsnd_known_s;                   /* from SIGKILL */
	double dsnd_mib, broker_mib;           /* resident, the most that was seen */
};

struct error *swarm_run(uv_loop_t *loop, const struct swarm_run_options *options, size_t nodes,
			struct swarm_run_result *ret_result) MUST_CHECK;

#endif
