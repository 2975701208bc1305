/* Whisper nodes for measurements: real processes of shhd and of go-ethereum 1.9.20, driven over the same JSON-RPC, on
 * ports of their own on loopback, in a folder that is removed at the end. shhd is the program beside dsn-bench. */
#ifndef DSN_BENCH_SHH_NET_H
#define DSN_BENCH_SHH_NET_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"
#include "http/rpc_client.h"

/* A person who is tired of waiting shall not leave nodes behind: set by SIGINT and SIGTERM, ends every wait. */
extern volatile sig_atomic_t shh_net_interrupted;

enum shh_net_kind { SHH_OURS, SHH_GETH, SHH_KINDS };
extern const char *const shh_net_kind_names[SHH_KINDS];

/* A message of the node's subscriptions; borrowed. */
typedef void shh_note_fn(const json_t *message, void *arg);

struct shh_net_node {
	enum shh_net_kind kind;
	char *folder;
	struct child *child;
	pid_t pid;
	int port; /* of JSON-RPC */
	char *enode;
	struct rpc_client *rpc;
	shh_note_fn *note; /* NULL: nobody listens */
	void *note_arg;
};
/* Where the node's notifications go from now on. */
void shh_net_node_listen(struct shh_net_node *node, shh_note_fn *fn, void *arg);

struct shh_net {
	uv_loop_t loop;
	char *folder, *shhd;
	const char *geth; /* the program, or NULL */
	bool geth_prepared;
	struct shh_net_node **nodes;
	size_t count, made; /* now; ever, for folders */
};

/* `geth`: the program, or NULL. Freed with shh_net_end(), which ends what was started. */
struct error *shh_net_new(const char *geth, struct shh_net **ret_net) MUST_CHECK;
void shh_net_end(struct shh_net *n);

struct shh_net_start {
	bool discovery;
	const char *bootnode; /* enode URL, or NULL */
	int max_peers;        /* 0: 25 */
};
/* Starts `count` nodes at the same time and waits until all are ready; they are the net's last ones. */
struct error *shh_net_start(struct shh_net *n, enum shh_net_kind kind, const struct shh_net_start *start,
			    size_t count) MUST_CHECK;
/* Ends all nodes. */
void shh_net_clear(struct shh_net *n);
/* Node 0 dials node 1; returns once both have each other. */
struct error *shh_net_meet(struct shh_net *n) MUST_CHECK;
/* Waits until each node can be reached from each other over connections; *ret_peers is the mean number of peers. */
struct error *shh_net_joined(struct shh_net *n, int64_t ms, double *ret_peers) MUST_CHECK;
/* Median resident memory of a node, bytes, after half a minute of rest (VmRSS: with its share of libraries' pages). */
struct error *shh_net_memory(struct shh_net *n, double *ret_bytes) MUST_CHECK;

/* Runs the loop until *done, or `ms` have passed (false), or the program was interrupted (false). */
bool shh_net_run_until(uv_loop_t *loop, const bool *done, int64_t ms);

#endif
