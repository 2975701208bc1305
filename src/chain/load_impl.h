/* What the files of the load share. Private to load*.c. */
#ifndef DSN_CHAIN_LOAD_IMPL_H
#define DSN_CHAIN_LOAD_IMPL_H

#include "chain/contracts.h"
#include "chain/load.h"
#include "chain/sender.h"

/* One account. */
struct lane {
	struct load *load;
	struct sender *sender;
	uint8_t address[ETH_ADDRESS_BYTES];
	uint64_t first_nonce;
	uint8_t *seen;     /* by nonce from first_nonce on: is it in a block? */
	size_t put, final; /* final: its fate was told */
};

struct load {
	uv_loop_t *loop;
	const struct load_config *config;
	struct load_result *result;
	char *run; /* in the ids of its intentions */
	struct sender *payer;
	const struct contract *contract;
	uint8_t counter[ETH_ADDRESS_BYTES];
	struct lane *lanes;
	size_t waiting;         /* for this many of the payer's intentions */
	struct error *fault;    /* of one of them */
	struct receipt receipt; /* of the last one */
	uint64_t gas;           /* a call is given */
	uint64_t first_block;   /* the latest one before the first call */
	int64_t began_ms;       /* monotonic clock, when the first call was in a block; 0: not yet */
	struct rpc_call *sampling;
};

/* load.c: runs the loop until *done. ERROR_TIMEOUT names `what`. */
struct error *load_wait(struct load *l, const bool *done, int64_t ms, const char *what) MUST_CHECK;
/* One call; a new reference. */
struct error *load_call(struct load *l, const char *method, json_t *params, json_t **ret_result) MUST_CHECK;

/* sender_fate_fn of a lane. */
void load_on_fate(const struct txbox_record *record, void *arg);

/* load_setup.c: deploys, measures one call, opens and pays the lanes. */
struct error *load_setup(struct load *l) MUST_CHECK;

/* Calls that are not in a block yet, as far as was seen. */
size_t load_kept(const struct load *l);

/* load_check.c: what the chain has, into the result. */
struct error *load_check(struct load *l) MUST_CHECK;

#endif
