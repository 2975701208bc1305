/* A chain of one's own on this machine, for development: anvil, or a proof-of-authority network of geth nodes.
 *
 * Everything is in one folder: data, logs, and net.json, which says what runs and where it answers. The processes go on
 * when vcli ends; they are found again by their ids and start times. All of it listens on 127.0.0.1 only.
 */
#ifndef DSN_VCLI_DEVNET_CHAIN_NET_H
#define DSN_VCLI_DEVNET_CHAIN_NET_H

#include <jansson.h>
#include <stdbool.h>

#include "vcli/vcli.h"

#define NET_SEALERS 9
#define NET_PERIOD_S 60                  /* between blocks, at most */
#define NET_RICH "0x21e19e0c9bab2400000" /* 10,000 ether for each account of this user */

struct chain_net {
	struct vcli *v;
	char *folder;
	json_t *document; /* net.json; released with the net */
	size_t sealers;   /* of a proof-of-authority network */
	int64_t period_s; /* between blocks; 0, anvil only: one for each transaction */
	int64_t began_s;  /* anvil only: the time of its first block, seconds since 1970 */
	bool interrupted; /* whoever waits for it is to give up */
};

/* From net.json. ERROR_NOT_FOUND: there is none. */
struct error *chain_net_read(struct vcli *v, struct chain_net **ret_net) MUST_CHECK;
/* An empty one of that kind ("anvil", "poa"), in its folder. */
struct error *chain_net_new(struct vcli *v, const char *kind, struct chain_net **ret_net) MUST_CHECK;
struct error *chain_net_write(const struct chain_net *n) MUST_CHECK;
/* Starts a program with its output in <folder>/<name>.log and notes it. */
struct error *chain_net_start(struct chain_net *n, const char *name, const char *const *argv) MUST_CHECK;
/* Is the i-th process there? */
bool chain_net_alive(const struct chain_net *n, size_t i);
/* ERROR_FAILED: one has ended; says where its log is. Or it was interrupted. */
struct error *chain_net_check(const struct chain_net *n) MUST_CHECK;
/* A fifth of a second, with the loop running: between two looks whether something is up. */
void chain_net_pause(struct chain_net *n);
/* Ends all processes; returns when they have ended. */
void chain_net_stop(struct chain_net *n);
/* chain_ports.c: notes the RPC ports of the earlier network (NULL: there is none), unless --port names others; after
 * chain_net_choose_sealers(). ERROR_INVALID: --port leaves too few. */
struct error *chain_net_keep_ports(struct chain_net *n, const struct chain_net *earlier) MUST_CHECK;
/* The RPC port of the i-th node: named, kept, or a free one that is noted. ERROR_EXISTS: somebody listens there. */
struct error *chain_net_rpc_port(struct chain_net *n, size_t i, unsigned *ret_port) MUST_CHECK;

/* chain_sealers.c: sealers and period: what was asked for, else what the earlier network (NULL: there is none) has,
 * else the usual. ERROR_EXISTS: the earlier one is otherwise. ERROR_INVALID: anvil has no sealers to choose. */
struct error *chain_net_choose_sealers(struct chain_net *n, const struct chain_net *earlier) MUST_CHECK;

/* chain_join.c: until it answers, and listens to the others. */
struct error *chain_net_wait_for_sealer(struct chain_net *n, const char *url, int64_t end_ms) MUST_CHECK;
/* chain_join.c: waits until all sealers have met and can sign, has them seal, and waits for a block that none of them
 * had. ERROR_TIMEOUT after end_ms (monotonic clock). */
struct error *chain_net_join(struct chain_net *n, int64_t end_ms) MUST_CHECK;

#endif
