/* What the flags of vcli say, in the groups that commands and what stands below them take: a function gets the group
 * that it needs, never all flags. The table of flags (vcli/words/flags.c) fills them. Texts are borrowed from it; NULL:
 * not said. */
#ifndef DSN_VCLI_OPTIONS_H
#define DSN_VCLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/options.h"

/* Commands that outlive the program. */
struct vcli_detached_options {
	bool on;
	int64_t ttl_ms;
};

struct vcli_node_options {
	char *agent, *name, *spec, *runtime, *mode;
	bool follow;
	int64_t lines;
};

struct vcli_pipeline_options {
	char *ffmpeg, *ffprobe;
	bool show_key, loop;
};

/* What is ordered from dsnd. */
struct vcli_order_options {
	char *dsnd;
	char *via;        /* "http", "bus"; NULL: not said */
	int64_t after;    /* an event's id; -1: not said */
	char *job, *demo; /* of a drill */
	char *write;      /* where an agent's settings go */
	bool yes;
};

struct vcli_broker_options {
	char *management, *admin, *admin_password_file, *vhost, *passwords;
	char **nodes, **clients;
	bool plain;
};

struct vcli_whisper_options {
	char **rpcs;
	char *password_file; /* of the messages */
	char *rpc_token_file, *topic, *pow_target, *on_start, *hook, *report, *shhd;
	bool net;
	int64_t message_ttl_ms, pow_time_ms, interval_ms, pings, net_nodes, senders;
};

/* Which chain, as which account, and at what price. */
struct vcli_chain_options {
	char **rpc;
	char *keystore, *account, *addresses, *once, *highest_fee, *highest_cost;
	bool fill_gap;
	int64_t id, nonce; /* 0: not said */
};

/* A development chain. */
struct vcli_devnet_options {
	char *anvil, *geth, *bootnode;
	bool poa;
	int64_t sealers, period, port; /* 0: not said */
};

struct vcli_account_options {
	bool light, raw;
};

/* A load on a chain. */
struct vcli_load_options {
	int64_t seconds, accounts, window, confirmations;
};

/* What is offered, ordered and judged by way of the contracts. */
struct vcli_market_options {
	char *price, *endpoint, *software, *node_passphrase_file, *budget, *limit, *max_price, *evidence, *reason,
		*windows;
	bool from_balance;
	int64_t capacity, accepted, for_ms;
};

#endif
