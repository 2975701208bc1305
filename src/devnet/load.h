/* As many calls as a chain can carry for a while, through the outbox, and what came of them.
 *
 * A run deploys a Counter of its own, measures what one call takes (the gas of a receipt; the block's gas limit), pays
 * a number of accounts and has all of them call incrementCounter() for some seconds, each kept at a full window of
 * transactions under way. Only some receipts are asked for, since that takes a node longer than carrying out the calls.
 * Then everything is waited for and the chain is asked what it has: each call in its blocks, each account's count of
 * transactions, and the counter's value, which a call that failed would not have moved.
 * The accounts' keys are derived from the payer's, so what is left on them after a run (or a crash) is there for the
 * next one and nothing else needs to be kept.
 * Threads: loop thread; a run blocks and runs the loop.
 */
#ifndef DSN_DEVNET_LOAD_H
#define DSN_DEVNET_LOAD_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

#include "chain/rpc.h"
#include "crypto/secp.h"
#include "store/db.h"

#define LOAD_ACCOUNTS 256

enum load_step {
	LOAD_SETUP, /* a counter, accounts that can pay */
	LOAD_CALLS,
	LOAD_DRAIN, /* what is under way is waited for */
	LOAD_CHECK  /* the chain is asked what it has */
};

struct load_state {
	enum load_step step;
	int64_t since_ms; /* from the first block with calls on; -1 before it */
	size_t sent;      /* calls */
	size_t mined;     /* of them in a block, as far as was seen */
};

struct load_config {
	struct rpc *rpc;
	struct db *db; /* an outbox of its own (txbox_database) */
	const struct secp_key *payer;
	size_t accounts;        /* 1 to LOAD_ACCOUNTS */
	size_t window;          /* of each account: signed and not in a block, at most */
	uint64_t confirmations; /* that make a transaction final */
	int64_t seconds;        /* from the first block with calls on */
	int64_t drain_ms;       /* how long to wait for what is under way then */
	/* About ten times a second while calls are made or waited for, and when another step begins. An error ends the
	 * run. NULL: nobody wants to know. */
	struct error *(*tick)(const struct load_state *state, void *arg);
	void *arg;
	/* How often somebody has asked to end: the first time only ends the calls, and their figures follow; before the
	 * calls, and the second time, the run ends with ERROR_FAILED. NULL: nobody can ask. */
	const volatile sig_atomic_t *interrupted;
};

/* Times are of the wall clock, since 1970; blocks' times are whole seconds. */
struct load_sample {
	int64_t at_ms;
	int64_t pool; /* transactions in the node's pool (txpool_status); -1: no answer */
	int64_t kept; /* put into the outbox and not final */
};

struct load_block {
	uint64_t number;
	int64_t time_ms;
	uint64_t gas_used, gas_limit;
	size_t all;   /* transactions in it */
	size_t calls; /* of them ours */
};

struct load_result {
	uint64_t gas_limit, gas_per_call;
	double block_s;      /* measured: between the blocks of the window */
	double limit;        /* calls a second: gas_limit / gas_per_call (whole calls) / block_s */
	double rate;         /* calls a second over the window */
	int64_t window_s;    /* whole seconds of the chain's time: that of the blocks after the first one; 0: none */
	size_t window_calls; /* in them */
	bool interrupted;    /* the calls were ended early */
	size_t sent;         /* intentions, of all accounts */
	size_t confirmed;    /* calls of these accounts in the chain's blocks */
	size_t receipts;     /* of them that were asked for */
	size_t reverted, refused;
	size_t unsettled;      /* in no block when the waiting was over */
	size_t twice, gaps;    /* nonces in two blocks, or in none though later ones are */
	size_t accounts_wrong; /* whose count of transactions the chain gives otherwise */
	int64_t counter;       /* the contract's value at the end */
	int64_t ran_ms;
	int64_t cpu_ms; /* of this process, meanwhile */
	uint64_t posts; /* HTTP exchanges, meanwhile */
	struct load_sample *samples;
	size_t sample_count;
	struct load_block *blocks; /* from the first with calls to the last */
	size_t block_count;
};

/* The result belongs to ctx. ERROR_REFUSED: the payer has too little ether; ERROR_UNAVAILABLE, ERROR_TIMEOUT: no
 * endpoint answers before or after the calls. */
struct error *load_run(const void *ctx, uv_loop_t *loop, const struct load_config *config,
		       struct load_result **ret_result) MUST_CHECK;
/* Everything that was sent was carried out, once: the counter, the nonces and the chain's counts agree. */
bool load_whole(const struct load_result *r);
/* A table of the figures; another with a line for each block. */
void load_print(FILE *out, const struct load_result *r);
void load_print_blocks(FILE *out, const struct load_result *r);
/* All values are strings; a new reference. */
json_t *load_json(const struct load_result *r);

#endif
