/* The two processes that a swarm speaks to: a RabbitMQ and a dsnd, of one's own, in a folder of their own, to be killed
 * and started again. The broker is made by scripts/broker; dsnd is the program beside dsn-bench.
 *
 * Threads: loop thread; starting a broker blocks.
 */
#ifndef DSN_BENCH_SWARM_PROC_H
#define DSN_BENCH_SWARM_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"

/* Resident bytes of a process; 0: there is none. */
int64_t swarm_proc_resident(pid_t pid);
/* Processor time of a process so far, in milliseconds. */
int64_t swarm_proc_cpu_ms(pid_t pid);

struct swarm_broker {
	const char *script; /* scripts/broker; NULL: it is somebody else's, and stays as it is */
	char *folder;
	int port;
	pid_t pid;
	char *url;
};

struct error *swarm_broker_start(struct swarm_broker *b) MUST_CHECK;
struct error *swarm_broker_kill(struct swarm_broker *b) MUST_CHECK;
void swarm_broker_end(struct swarm_broker *b);

struct swarm_dsnd {
	uv_loop_t *loop;
	char *program, *folder, *bus, *network, *password_file, *ca_file;
	char *log; /* its file */
	struct child *child;
	bool alive;
	int port;
	char *authorization; /* the operator's */
};

/* Returns when it has written its token and listens; whether it reaches the bus is not waited for. */
struct error *swarm_dsnd_start(const void *ctx, struct swarm_dsnd *d) MUST_CHECK;
/* SIGTERM or SIGKILL, and waits for its end. */
void swarm_dsnd_stop(struct swarm_dsnd *d, int signum);
pid_t swarm_dsnd_pid(const struct swarm_dsnd *d);
/* The body at a path; belongs to ctx. Runs the loop meanwhile. */
struct error *swarm_dsnd_get(const void *ctx, struct swarm_dsnd *d, const char *path, char **ret_body) MUST_CHECK;
/* A figure of /metrics, such as `dsnd_nodes{state="online"}`; -1: there is none. */
struct error *swarm_dsnd_metric(struct swarm_dsnd *d, const char *name, double *ret_value) MUST_CHECK;

#endif
