#include "whisper/miner_workers.h"

#include <sched.h>

#include "base/clock.h"
#include "base/mem.h"

/* 0.2 ms with AVX2: so long a new request waits for a thread, and a lock is nothing beside it. */
#define SLICE 1024

void miner_workers_init(struct miner_workers *c, uv_async_t *async)
{
	uv_mutex_init(&c->lock);
	uv_cond_init(&c->wake);
	TAILQ_INIT(&c->waiting);
	TAILQ_INIT(&c->ended);
	c->lanes = keccak_lanes_best();
	c->async = async;
}

void miner_workers_destroy(struct miner_workers *c)
{
	uv_cond_destroy(&c->wake);
	uv_mutex_destroy(&c->lock);
}

/* --- lists; the lock is held --- */

static void unlist(struct miner_workers *c, struct miner_workers_task *t)
{
	if (t->list == TASK_WAITING) {
		TAILQ_REMOVE(&c->waiting, t, links);
		atomic_fetch_sub(&c->waiting_count, 1);
	} else if (t->list == TASK_ENDED) {
		TAILQ_REMOVE(&c->ended, t, links);
	}
	t->list = TASK_NOWHERE;
}

static void end_found(struct miner_workers *c, struct miner_workers_task *t, uint64_t nonce)
{
	/* Somebody else was faster, or it was given up. */
	if (atomic_exchange(&t->over, true))
		return;
	t->found = true;
	t->nonce = nonce;
	t->found_us = clock_mono_us();
	unlist(c, t);
	TAILQ_INSERT_TAIL(&c->ended, t, links);
	t->list = TASK_ENDED;
	uv_async_send(c->async);
}

static bool release(struct miner_workers_task *t)
{
	return --t->holders == 0;
}

/* One thread is enough, so far. */
static bool is_alone(const struct miner_workers_task *t)
{
	return atomic_load_explicit(&t->next, memory_order_relaxed) < t->alone_until;
}

static bool wants_thread(const struct miner_workers_task *t)
{
	return t->stage == TASK_NEW || (t->stage == TASK_READY && (t->workers == 0 || !is_alone(t)));
}

/* The first task that wants another thread. */
static struct miner_workers_task *take_turn(struct miner_workers *c, uint64_t *ret_first)
{
	struct miner_workers_task *t = TAILQ_FIRST(&c->waiting);

	while (t && !wants_thread(t))
		t = TAILQ_NEXT(t, links);
	if (!t)
		return NULL;
	if (t->stage == TASK_READY) {
		*ret_first = atomic_fetch_add(&t->next, SLICE);
		t->turn_left -= SLICE;
		if (t->turn_left == 0) {
			t->turn_left = t->turn;
			TAILQ_REMOVE(&c->waiting, t, links);
			TAILQ_INSERT_TAIL(&c->waiting, t, links);
		}
		if (c->idle && !is_alone(t))
			uv_cond_broadcast(&c->wake);
	}
	t->holders++;
	t->workers++;
	return t;
}

/* --- a thread's work; the lock is not held --- */

static void prepare(struct miner_workers *c, struct miner_workers_task *t)
{
	for (unsigned i = 0; i < (t->both ? POW_RULES : 1u); i++) {
		enum pow_rule rule = i == 0 ? t->rule : t->rule == POW_LEGACY ? POW_EIP627 : POW_LEGACY;

		t->scans[i] = pow_scan_new(t, rule, t->short_rlp, t->short_bytes, c->lanes);
	}
	mem_free(t->short_rlp);
	t->short_rlp = NULL;
}

/* pow_scan_find() for what the task asks: with `both` the bits are the lesser of both rules. */
static bool find(const struct miner_workers_task *t, uint64_t first, uint64_t count, unsigned bits, uint64_t *ret_nonce,
		 unsigned *ret_bits)
{
	uint64_t end = first + count;

	while (first != end && pow_scan_find(t->scans[0], first, end - first, bits, ret_nonce, ret_bits)) {
		if (t->both) {
			uint64_t same;
			unsigned other;

			pow_scan_best(t->scans[1], *ret_nonce, 1, &other, &same);
			if (other < *ret_bits)
				*ret_bits = other;
		}
		if (*ret_bits >= bits)
			return true;
		first = *ret_nonce + 1;
	}
	return false;
}

static bool slice_for_target(struct miner_workers *c, struct miner_workers_task *t, uint64_t first)
{
	uint64_t nonce;
	unsigned bits;

	if (!find(t, first, SLICE, t->target_bits, &nonce, &bits)) {
		atomic_fetch_add(&c->hashes, SLICE);
		return false;
	}
	atomic_fetch_add(&c->hashes, nonce + 1 - first);
	uv_mutex_lock(&c->lock);
	end_found(c, t, nonce);
	uv_mutex_unlock(&c->lock);
	/* Threads that hash on all cores would keep the loop from hearing of it until their time is up, some ms. */
	sched_yield();
	return true;
}

static void slice_for_best(struct miner_workers *c, struct miner_workers_task *t, uint64_t first, unsigned *known_bits)
{
	uint64_t end = first + SLICE, nonce;
	unsigned bits;

	while (first != end && find(t, first, end - first, *known_bits + 1, &nonce, &bits)) {
		uv_mutex_lock(&c->lock);
		if (bits > t->bits && !atomic_load(&t->over)) {
			t->bits = bits;
			t->nonce = nonce;
		}
		*known_bits = t->bits;
		uv_mutex_unlock(&c->lock);
		first = nonce + 1;
	}
	atomic_fetch_add(&c->hashes, SLICE);
}

/* Slice after slice without the lock while no other task waits. */
static void work(struct miner_workers *c, struct miner_workers_task *t, uint64_t first, unsigned known_bits)
{
	while (!atomic_load(&t->over)) {
		bool was_alone = is_alone(t);

		if (t->target_bits == 0)
			slice_for_best(c, t, first, &known_bits);
		else if (slice_for_target(c, t, first))
			return;
		if (atomic_load(&c->stop) || atomic_load(&c->waiting_count) != 1 || was_alone)
			return;
		first = atomic_fetch_add(&t->next, SLICE);
	}
}

void miner_workers_run(void *arg)
{
	struct miner_workers *c = arg;

	uv_mutex_lock(&c->lock);
	while (!atomic_load(&c->stop)) {
		uint64_t first = 0;
		struct miner_workers_task *t = take_turn(c, &first);
		unsigned bits = t ? t->bits : 0;
		bool is_new = t && t->stage == TASK_NEW;

		if (!t) {
			c->idle++;
			uv_cond_wait(&c->wake, &c->lock);
			c->idle--;
			continue;
		}
		if (is_new)
			t->stage = TASK_PREPARING;
		uv_mutex_unlock(&c->lock);
		if (is_new)
			prepare(c, t);
		else
			work(c, t, first, bits);
		uv_mutex_lock(&c->lock);
		if (is_new)
			t->stage = TASK_READY;
		t->workers--;
		if (release(t))
			mem_free(t);
	}
	uv_mutex_unlock(&c->lock);
}

/* --- the loop's side --- */

void miner_workers_stop(struct miner_workers *c)
{
	uv_mutex_lock(&c->lock);
	atomic_store(&c->stop, true);
	uv_cond_broadcast(&c->wake);
	uv_mutex_unlock(&c->lock);
}

void miner_workers_offer(struct miner_workers *c, struct miner_workers_task *t)
{
	/* So many nonces that one turn nearly always does. */
	t->turn = t->turn < SLICE ? SLICE : t->turn / SLICE * SLICE;
	t->turn_left = t->turn;
	uv_mutex_lock(&c->lock);
	TAILQ_INSERT_TAIL(&c->waiting, t, links);
	t->list = TASK_WAITING;
	atomic_fetch_add(&c->waiting_count, 1);
	uv_cond_signal(&c->wake);
	uv_mutex_unlock(&c->lock);
}

void miner_workers_withdraw(struct miner_workers *c, struct miner_workers_task *t)
{
	uv_mutex_lock(&c->lock);
	atomic_store(&t->over, true);
	unlist(c, t);
	uv_mutex_unlock(&c->lock);
}

struct miner_workers_task *miner_workers_take_ended(struct miner_workers *c)
{
	struct miner_workers_task *t;

	uv_mutex_lock(&c->lock);
	t = TAILQ_FIRST(&c->ended);
	if (t)
		unlist(c, t);
	uv_mutex_unlock(&c->lock);
	return t;
}

void miner_workers_release(struct miner_workers *c, struct miner_workers_task *t)
{
	bool last;

	uv_mutex_lock(&c->lock);
	last = release(t);
	uv_mutex_unlock(&c->lock);
	if (last)
		mem_free(t);
}
