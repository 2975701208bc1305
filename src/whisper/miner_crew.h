/* The miner's threads and what they share with the loop thread. Only miner.c and miner_crew.c include this.
 *
 * A task is memory of its own (no talloc parent): job and workers hold it, the last one frees it. Each thread takes
 * the task at the head of the list for one slice; a task that has used its turn up goes to the tail. */
#ifndef DSN_WHISPER_MINER_CREW_H
#define DSN_WHISPER_MINER_CREW_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "whisper/pow.h"

struct miner_crew_task {
	/* fixed */
	enum pow_rule rule;
	bool both;
	unsigned target_bits; /* 0: the best */
	uint64_t turn;        /* nonces in a row, a multiple of SLICE after miner_crew_offer() */
	uint64_t alone_until; /* one thread tries this many nonces before others join */
	struct pow_job *job;  /* loop thread */

	/* whoever prepares it */
	uint8_t *short_rlp; /* until it is prepared */
	size_t short_bytes;
	struct pow_scan *scans[POW_RULES]; /* rule's own first; the second with `both` only */

	/* under the lock */
	TAILQ_ENTRY(miner_crew_task) links;
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
TAILQ_HEAD(task_list, miner_crew_task);

struct miner_crew {
	uv_mutex_t lock;
	uv_cond_t wake;
	struct task_list waiting, ended; /* to be worked on; to be told on the loop */
	unsigned idle;
	atomic_uint waiting_count;
	atomic_bool stop;
	atomic_uint_fast64_t hashes;
	const struct keccak_lanes *lanes;
	uv_async_t *async; /* sent when `ended` gets something */
};

void miner_crew_init(struct miner_crew *c, uv_async_t *async);
void miner_crew_destroy(struct miner_crew *c);
/* A thread's life: `arg` is the crew. Ends when `stop` is set. */
void miner_crew_work(void *arg);
void miner_crew_stop(struct miner_crew *c);

/* Appends the task and wakes a thread. */
void miner_crew_offer(struct miner_crew *c, struct miner_crew_task *t);
/* Takes it from the list it is in; workers leave it after their slice and change its result no more. */
void miner_crew_withdraw(struct miner_crew *c, struct miner_crew_task *t);
/* The next that ended, or NULL. */
struct miner_crew_task *miner_crew_take_ended(struct miner_crew *c);
/* Gives up one hold. */
void miner_crew_release(struct miner_crew *c, struct miner_crew_task *t);

#endif
