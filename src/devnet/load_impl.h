/* What the files of the load share. Private to load*.c. */
#ifndef DSN_DEVNET_LOAD_IMPL_H
#define DSN_DEVNET_LOAD_IMPL_H

#include "chain/sender.h"
#include "devnet/load.h"

/* The nonces of one account's calls, as they are found in blocks. */
struct load_nonces {
	uint64_t first; /* that a call of this run has */
	size_t count;   /* of calls; the nonces follow each other */
	uint8_t *seen;  /* by nonce from the first one on: is it in a block? */
};

/* One account. */
struct load_lane {
	struct load *load;
	struct sender *sender;
	uint8_t address[ETH_ADDRESS_BYTES];
	struct load_nonces nonces;
	size_t final; /* calls whose outcome was told */
};

struct load {
	uv_loop_t *loop;
	const struct load_config *config;
	struct load_result *result;
	char *run; /* in the ids of its intentions */
	struct sender *payer;
	uint8_t counter[ETH_ADDRESS_BYTES];
	struct txbox_intent call; /* one more for the counter; without an id */
	struct load_lane *lanes;
	size_t waiting;             /* for this many of the payer's intentions */
	struct error *fault;        /* of one of them */
	struct rpc_receipt receipt; /* of the last one */
	uint64_t gas;               /* a call is given */
	uint64_t first_block;       /* the latest one before the first call */
	/* Monotonic clock: when the first call was in a block, when calls were no longer made. 0: not yet. */
	int64_t began_ms, ended_ms;
	enum load_step step;
	sig_atomic_t patience; /* waiting ends when somebody has asked to end more often than this */
	struct rpc_call *sampling;
};

/* load.c: tells whoever wants to know how far the run is. */
struct error *load_report(struct load *l) MUST_CHECK;
/* load.c: runs the loop until *done. ERROR_TIMEOUT names `what`, ERROR_FAILED: somebody has asked to end. */
struct error *load_wait(struct load *l, const bool *done, int64_t ms, const char *what) MUST_CHECK;
/* One call; a new reference. */
struct error *load_call(struct load *l, const char *method, json_t *params, json_t **ret_result) MUST_CHECK;

/* sender_final_fn of a lane. */
void load_on_final(const struct txbox_record *record, void *arg);

/* load_setup.c: deploys, measures one call, opens and pays the lanes. */
struct error *load_setup(struct load *l) MUST_CHECK;

/* Calls that are not in a block yet, as far as was seen. */
size_t load_unmined(const struct load *l);

/* load_figures.c, which knows no chain.
 * A nonce that was found in a block: counted as confirmed; as a gap where no call of this run has it. */
void load_count_nonce(struct load_result *r, struct load_nonces *n, uint64_t nonce);
/* Those that were in no block. */
void load_count_gaps(struct load_result *r, const struct load_nonces *n);
/* Rate and limit, from the first block on, which is not whole, for that many seconds. */
void load_measure(struct load_result *r, int64_t seconds);

/* load_check.c: what the chain has, into the result. */
struct error *load_check(struct load *l) MUST_CHECK;

#endif
