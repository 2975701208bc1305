/* Whisper nodes that a command works with, each reached over its JSON-RPC: --rpc URL (shhd's or go-ethereum's), or with
 * --net those of vcli whisper net. Threads: loop thread; they belong to the run's vcli. */
#ifndef DSN_VCLI_WHISPER_WHISPER_NODES_H
#define DSN_VCLI_WHISPER_WHISPER_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/rpc_client.h"
#include "vcli/vcli.h"

#define WHISPER_RPC "ws://127.0.0.1:8545"
#define WHISPER_NODES_MAX 256

struct whisper_nodes;

struct whisper_node {
	char *name; /* its URL */
	size_t index;
	struct rpc_client *rpc;
	struct whisper_nodes *all;
	void *data; /* the command's own */
};

/* A message that a subscription of the node brought; borrowed. */
typedef void whisper_take_fn(struct whisper_node *n, const json_t *message);

struct whisper_nodes {
	struct vcli *v;
	struct whisper_node *items;
	size_t count;
	size_t lost;      /* whose connection has ended */
	bool interrupted; /* Ctrl-C or SIGTERM: every wait ends */
	whisper_take_fn *take;
};

enum whisper_which {
	WHISPER_ONE,       /* one endpoint, no --net */
	WHISPER_ALL,       /* all that are named */
	WHISPER_SENDERS,   /* with --net its senders */
	WHISPER_RECEIVERS, /* with --net all the others */
};
/* URLs of the nodes that the settings name, ctx's. ERROR_INVALID: --net beside --rpc, more than one endpoint where one
 * is wanted, the same one twice. */
struct error *whisper_endpoints(const void *ctx, const struct vcli *v, enum whisper_which which, char ***ret_urls,
				size_t *ret_count) MUST_CHECK;
/* Connects to all of them; each connection and call may take --timeout, if that is set. The error names the node that
 * cannot be reached. */
struct error *whisper_nodes_open(struct vcli *v, enum whisper_which which, struct whisper_nodes **ret_nodes) MUST_CHECK;
/* The header value for the RPC token of --rpc-token-file or $DSN_RPC_TOKEN, ctx's; NULL: there is none. */
struct error *whisper_authorization(const void *ctx, const struct vcli_whisper_options *o, char **ret_value) MUST_CHECK;

/* A call and its answer, a new reference (`ret_result` may be NULL); the error names node and method. */
struct error *whisper_call(struct whisper_node *n, const char *method, json_t *params, json_t **ret_result) MUST_CHECK;
/* The same where the answer must be a string, ctx's. */
struct error *whisper_call_text(const void *ctx, struct whisper_node *n, const char *method, json_t *params,
				char **ret_text) MUST_CHECK;
/* The key pair's public key, "0x04...", ctx's. */
struct error *whisper_public_key(const void *ctx, struct whisper_node *n, const char *pair_id,
				 char **ret_key) MUST_CHECK;

/* Runs the loop until *done, `until_ms` of the monotonic clock (0: no such end), or an interruption. */
void whisper_run(struct whisper_nodes *n, const bool *done, int64_t until_ms);

#endif
