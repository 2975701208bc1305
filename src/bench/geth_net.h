/* A proof-of-authority chain for measurements: go-ethereum's Clique with several sealers, a block a second with a fixed
 * limit of gas, on ports of their own on loopback, in a folder that is removed at the end. The sealers find each other
 * through a bootnode. Both programs are those that scripts/geth builds. */
#ifndef DSN_BENCH_GETH_NET_H
#define DSN_BENCH_GETH_NET_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"
#include "crypto/secp.h"

#define GETH_SEALERS 16

/* How many SIGINT and SIGTERM came since a net was made: a person who is tired of waiting shall not leave nodes behind.
 */
extern volatile sig_atomic_t geth_net_interrupted;

struct geth_net_settings {
	const char *geth; /* the program; bootnode is beside it */
	size_t sealers;   /* 1 to GETH_SEALERS */
	uint64_t gas_limit;
	int64_t period_s;
};

struct geth_net_node {
	struct geth_net *net;
	char *folder;
	uint8_t address[ETH_ADDRESS_BYTES]; /* of the sealer */
	unsigned port, rpc_port;
	struct child *child;
	int64_t cpu_ms; /* of the runs that have ended */
	bool alive;
};

struct geth_net {
	uv_loop_t *loop;
	struct geth_net_settings settings;
	char *folder, *bootnode_url;
	struct secp_key payer; /* has ether from the first block on */
	struct geth_net_node *bootnode, *sealers;
};

/* Makes, starts and joins the net. Freed with geth_net_end(), which ends what was started, by process id. */
struct error *geth_net_new(uv_loop_t *loop, const struct geth_net_settings *settings,
			   struct geth_net **ret_net) MUST_CHECK;
void geth_net_end(struct geth_net *n);
/* "http://127.0.0.1:PORT" of a sealer; belongs to ctx. */
char *geth_net_url(const void *ctx, const struct geth_net *n, size_t sealer);
/* SIGKILL, without a warning. Returns when it has ended. */
void geth_net_kill(struct geth_net *n, size_t sealer);
/* One that was killed, with the same folder and ports. Does not wait. */
struct error *geth_net_restart(struct geth_net *n, size_t sealer) MUST_CHECK;
/* Processor time of all sealers so far. */
int64_t geth_net_cpu_ms(const struct geth_net *n);

#endif
