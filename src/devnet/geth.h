/* How go-ethereum's programs (geth 1.9.20 and its bootnode, built by scripts/geth) are told what they are: on 127.0.0.1
 * only, nobody from outside, no discovery of the public networks. Who starts them and for how long is the caller's.
 * What is returned belongs to ctx. Threads: any; init and keys block. */
#ifndef DSN_DEVNET_GETH_H
#define DSN_DEVNET_GETH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct devnet_sealer {
	const char *geth;     /* the program */
	const char *data;     /* its folder, made by devnet_geth_init() */
	const char *keystore; /* NULL: the one in its folder */
	const char *node_key; /* file of devnet_node_key(); NULL: it makes one itself */
	const char *password; /* file, of the sealer's account */
	const char *address;  /* of that account, with or without 0x */
	const char *bootnode; /* its URL */
	const char *modules;  /* of its RPC: "eth,net" */
	uint64_t network_id, gas_limit;
	unsigned port, rpc_port;
	bool load;  /* for a load of transactions: a pool that holds more than usual, so that the chain and not the
		       pool's size is measured, and whole states with each block, so that one that is killed goes on
		       from its last one instead of the first */
	bool mines; /* from its start; otherwise when it is told to (devnet/join.h) */
};
/* The words of a sealer, NULL at the end. */
const char *const *devnet_sealer_argv(const void *ctx, const struct devnet_sealer *s);
/* Those of the bootnode on this UDP port. */
const char *const *devnet_bootnode_argv(const void *ctx, const char *program, const char *node_key, unsigned port);

/* Makes a node's folder from the first block. ERROR_FAILED: with geth's own words. */
struct error *devnet_geth_init(const char *geth, const char *data, const char *genesis) MUST_CHECK;
/* A node's key for the network, read or made, and the URL that it has with it. */
struct error *devnet_node_key(const void *ctx, const char *path, unsigned port, char **ret_url) MUST_CHECK;

#endif
