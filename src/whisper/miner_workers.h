/* The miner's threads and what they share with the loop thread. Only miner.c and miner_workers.c include this.
 *
 * A task is memory of its own (no talloc parent): job and workers hold it, the last one frees it. Each thread takes
 * the task at the head of the list for one slice; a task that has used its turn up goes to the tail. */
#ifndef DSN_WHISPER_MINER_WORKERS_H
#define DSN_WHISPER_MINER_WORKERS_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "whisper/pow.h"

struct miner_workers_task {
	/* fixed */
	enum pow_rule rule;
	bool both;
	unsigned target_bits; /* 0: the best */
	uint64_t turn;        /* nonces in a row, a multiple of SLICE after miner_workers_offer() */
	uint64_t alone_until; /* one thread tries this many nonces before others join */
	struct pow_job *job;  /* loop thread */

	/* whoever prepares it */
	uint8_t *short_rlp; /* until it is prepared */
	size_t short_bytes;
	struct pow_scan *scans[POW_RULES]; /* rule's own first; the second with `both` only */

	/* under the lock */
	TAILQ_ENTRY(miner_workers_task) links;
	enum { TASK_NOWHERE, TASK_WAITING, TASK_ENDED } list;
	enum { TASK_NEW, TASK_PREPARING, TASK_READY } stage;
	unsigned holders; /* the job, and the workers on it */
	unsigned workers;
	uint64_t turn_left;
	bool found; /* nonce has the target's bits */
	unsigned bits;
	uint64_t nonce; /* the best, in the first place 0 */
	int64_t found_us;

	atomic_uint_fast64_t next; /* nonce not given to anybody yet */
	atomic_bool over;          /* found, cancelled or too late: workers leave */
};
TAILQ_HEAD(miner_task_list, miner_workers_task);

struct miner_workers {
	uv_mutex_t lock;
	uv_cond_t wake;
	struct miner_task_list waiting, ended; /* to be worked on; to be told on the loop */
	unsigned idle;
	atomic_uint waiting_count;
	atomic_bool stop;
	atomic_uint_fast64_t hashes;
	const struct keccak_lanes *lanes;
	uv_async_t *async; /* sent when `ended` gets something */
};

void miner_workers_init(struct miner_workers *c, uv_async_t *async);
void miner_workers_destroy(struct miner_workers *c);
/* A thread's life: `arg` is the workers. Ends when `stop` is set. */
void miner_workers_run(void *arg);
void miner_workers_stop(struct miner_workers *c);

/* Appends the task and wakes a thread. */
void miner_workers_offer(struct miner_workers *c, struct miner_workers_task *t);
/* Takes it from the list it is in; workers leave it after their slice and change its result no more. */
void miner_workers_withdraw(struct miner_workers *c, struct miner_workers_task *t);
/* The next that ended, or NULL. */
struct miner_workers_task *miner_workers_take_ended(struct miner_workers *c);
/* Gives up one hold. */
void miner_workers_release(struct miner_workers *c, struct miner_workers_task *t);

#endif
