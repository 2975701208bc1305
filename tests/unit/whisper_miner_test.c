#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "whisper/pow.h"

#define LONG_MS 60000
#define HUGE_BITS 40

struct fixture {
	uv_loop_t loop;
	void *ctx;
	struct miner *miner;
	unsigned done;
};

/* One request and what became of it. */
struct order {
	struct fixture *fixture;
	struct pow_request request;
	struct pow_job *job;
	bool is_done;
	unsigned place; /* how many were done before */
	int error;      /* code, 0: none */
	uint64_t nonce;
	int64_t took_us;
};

static const uint8_t small_data[] = "a message of no great length";

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	uv_loop_init(&f->loop);
	f->ctx = talloc_new(NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mem_free(f->ctx);
	loop_drain(&f->loop);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	free(f);
	return 0;
}

static void on_done(struct error *e, uint64_t nonce, int64_t took_us, void *arg)
{
	struct order *o = arg;

	assert_false(o->is_done);
	o->is_done = true;
	o->place = o->fixture->done++;
	o->error = e ? (int)e->code : 0;
	o->nonce = nonce;
	o->took_us = took_us;
	o->job = NULL;
	error_free(e);
}

static struct order *order_new(struct fixture *f, enum pow_rule rule, unsigned bits, int64_t deadline_ms)
{
	static uint32_t expiry = 1600000000;
	struct order *o = mem_new(f->ctx, struct order);

	o->fixture = f;
	o->request = (struct pow_request){.rule = rule,
					  .target_bits = bits,
					  .deadline_ms = deadline_ms,
					  .expiry = expiry++,
					  .ttl = 50,
					  .topic = {1, 2, 3, 4},
					  .data = small_data,
					  .data_bytes = sizeof(small_data)};
	return o;
}

static void start(struct order *o)
{
	o->job = miner_start(o->fixture->miner, o, &o->request, on_done, o);
}

static struct order *begin(struct fixture *f, enum pow_rule rule, unsigned bits, int64_t deadline_ms)
{
	struct order *o = order_new(f, rule, bits, deadline_ms);

	start(o);
	assert_false(o->is_done);
	return o;
}

static void wait_for(struct order *o)
{
	while (!o->is_done)
		uv_run(&o->fixture->loop, UV_RUN_ONCE);
}

static unsigned bits_of(const struct order *o, enum pow_rule rule)
{
	const struct pow_request *r = &o->request;
	size_t n;
	uint8_t *rlp = pow_short(NULL, r->expiry, r->ttl, r->topic, r->data, r->data_bytes, &n);
	unsigned bits = pow_bits(rule, rlp, n, o->nonce);

	mem_free(rlp);
	return bits;
}

static void check_reached(const struct order *o)
{
	assert_int_equal(o->error, 0);
	assert_true(o->took_us >= 0);
	assert_true(bits_of(o, o->request.rule) >= o->request.target_bits);
}

static void wait_for_hashes(struct fixture *f, uint64_t more)
{
	uint64_t from = miner_hashes(f->miner);
	int64_t until = clock_mono_ms() + LONG_MS;

	while (miner_hashes(f->miner) < from + more) {
		assert_true(clock_mono_ms() < until);
		uv_run(&f->loop, UV_RUN_NOWAIT);
	}
}

static void test_reaches_target(void **state)
{
	struct fixture *f = *state;

	for (unsigned threads = 0; threads <= 4; threads++) {
		f->miner = miner_new(f->ctx, &f->loop, threads);
		for (int rule = 0; rule < POW_RULES; rule++) {
			for (unsigned bits = 1; bits <= 15; bits += 7) {
				struct order *o = begin(f, (enum pow_rule)rule, bits, LONG_MS);

				assert_int_equal(miner_waiting(f->miner), 1);
				wait_for(o);
				check_reached(o);
				assert_int_equal(miner_waiting(f->miner), 0);
			}
		}
		mem_free(f->miner);
	}
}

/* With one thread it is the first nonce there is. */
static void test_takes_the_first(void **state)
{
	struct fixture *f = *state;
	struct order *o;

	f->miner = miner_new(f->ctx, &f->loop, 1);
	o = begin(f, POW_EIP627, 12, LONG_MS);
	wait_for(o);
	check_reached(o);
	assert_true(miner_hashes(f->miner) == o->nonce + 1);
	while (o->nonce-- > 0)
		assert_true(bits_of(o, POW_EIP627) < 12);
}

static void test_both_rules(void **state)
{
	struct fixture *f = *state;

	f->miner = miner_new(f->ctx, &f->loop, 2);
	for (int rule = 0; rule < POW_RULES; rule++) {
		for (unsigned bits = 2; bits <= 8; bits += 3) {
			struct order *o = order_new(f, (enum pow_rule)rule, bits, LONG_MS);

			o->request.both = true;
			start(o);
			wait_for(o);
			assert_int_equal(o->error, 0);
			assert_true(bits_of(o, POW_EIP627) >= bits);
			assert_true(bits_of(o, POW_LEGACY) >= bits);
		}
	}
}

static void test_best_until_deadline(void **state)
{
	struct fixture *f = *state;

	f->miner = miner_new(f->ctx, &f->loop, 2);
	for (int both = 0; both <= 1; both++) {
		int64_t from = clock_mono_ms();
		struct order *o = order_new(f, POW_LEGACY, 0, 300);

		o->request.both = both;
		start(o);
		wait_for(o);
		assert_int_equal(o->error, 0);
		assert_true(clock_mono_ms() - from >= 299);
		assert_true(o->took_us >= 299000);
		/* Some thousand were tried. */
		assert_true(bits_of(o, POW_LEGACY) >= (both ? 3 : 6));
		if (both)
			assert_true(bits_of(o, POW_EIP627) >= 3);
	}
}

static void test_too_late(void **state)
{
	struct fixture *f = *state;
	struct order *o;

	f->miner = miner_new(f->ctx, &f->loop, 2);
	o = begin(f, POW_EIP627, 200, 60);
	wait_for(o);
	assert_int_equal(o->error, ERROR_TIMEOUT);
	assert_true(o->took_us >= 59000);
}

static void test_no_time_at_all(void **state)
{
	struct fixture *f = *state;
	struct order *target, *best;
	uint64_t hashes;

	f->miner = miner_new(f->ctx, &f->loop, 2);
	/* The threads are awake and would have all the time they need. */
	wait_for(begin(f, POW_EIP627, 1, LONG_MS));
	hashes = miner_hashes(f->miner);
	target = begin(f, POW_EIP627, 1, 0);
	best = begin(f, POW_EIP627, 0, -5);
	uv_sleep(20);
	wait_for(target);
	wait_for(best);
	assert_int_equal(target->error, ERROR_TIMEOUT);
	assert_int_equal(best->error, 0);
	assert_int_equal(best->nonce, 0);
	assert_true(miner_hashes(f->miner) == hashes);
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void check_small_beside_huge(struct fixture *f, unsigned threads, unsigned huge)
{
	enum { TRIES = 9 };
	int64_t took_ms[TRIES];

	f->miner = miner_new(f->ctx, &f->loop, threads);
	for (unsigned i = 0; i < huge; i++)
		begin(f, i % 2 ? POW_LEGACY : POW_EIP627, HUGE_BITS, LONG_MS);
	wait_for_hashes(f, 4096);
	for (int i = 0; i < TRIES; i++) {
		int64_t from = clock_mono_ms();
		struct order *o = begin(f, POW_EIP627, 6, LONG_MS);

		wait_for(o);
		check_reached(o);
		took_ms[i] = clock_mono_ms() - from;
	}
	qsort(took_ms, TRIES, sizeof(took_ms[0]), compare_i64);
	assert_in_range(took_ms[TRIES / 2], 0, 50);
	assert_int_equal(miner_waiting(f->miner), huge);
	mem_free(f->miner);
}

static void test_small_beside_huge(void **state)
{
	struct fixture *f = *state;

	check_small_beside_huge(f, 1, 1);
	check_small_beside_huge(f, 2, 1);
	check_small_beside_huge(f, 2, 3);
}

/* Each takes one slice for certain, so one thread must answer them as they came. */
static void test_small_in_order(void **state)
{
	enum { COUNT = 200 };
	struct fixture *f = *state;
	struct order *orders[COUNT];

	f->miner = miner_new(f->ctx, &f->loop, 1);
	begin(f, POW_EIP627, HUGE_BITS, LONG_MS);
	for (int i = 0; i < COUNT; i++)
		orders[i] = begin(f, i % 2 ? POW_LEGACY : POW_EIP627, 4, LONG_MS);
	for (int i = 0; i < COUNT; i++) {
		wait_for(orders[i]);
		check_reached(orders[i]);
		assert_int_equal(orders[i]->place, i);
	}
	assert_int_equal(miner_waiting(f->miner), 1);
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct order *huge, *small;
	uint64_t hashes;

	f->miner = miner_new(f->ctx, &f->loop, 2);
	huge = begin(f, POW_EIP627, HUGE_BITS, LONG_MS);
	wait_for_hashes(f, 4096);
	mem_free(huge->job);
	assert_int_equal(miner_waiting(f->miner), 0);
	do {
		hashes = miner_hashes(f->miner);
		uv_sleep(50);
	} while (hashes != miner_hashes(f->miner));
	assert_false(huge->is_done);
	small = begin(f, POW_LEGACY, 5, LONG_MS);
	wait_for(small);
	check_reached(small);
	assert_false(huge->is_done);
}

/* Found already, but cancelled before the loop could tell. */
static void test_cancel_when_found(void **state)
{
	struct fixture *f = *state;
	struct order *o;

	f->miner = miner_new(f->ctx, &f->loop, 1);
	o = begin(f, POW_EIP627, 1, LONG_MS);
	while (miner_hashes(f->miner) == 0)
		uv_sleep(1);
	mem_free(o->job);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_false(o->is_done);
	assert_int_equal(miner_waiting(f->miner), 0);
}

static void test_freed_before_its_jobs(void **state)
{
	struct fixture *f = *state;
	struct order *orders[3];

	f->miner = miner_new(f->ctx, &f->loop, 2);
	orders[0] = begin(f, POW_EIP627, HUGE_BITS, LONG_MS);
	orders[1] = begin(f, POW_LEGACY, 0, 50);
	orders[2] = begin(f, POW_LEGACY, 1, LONG_MS);
	mem_free(f->miner);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	for (int i = 0; i < 3; i++) {
		assert_false(orders[i]->is_done);
		mem_free(orders[i]->job);
	}
}

static void free_all(struct error *e, uint64_t nonce, int64_t took_us, void *arg)
{
	struct fixture *f = arg;

	(void)nonce;
	(void)took_us;
	assert_null(e);
	f->done++;
	mem_free(f->ctx);
	f->ctx = talloc_new(NULL);
	uv_stop(&f->loop);
}

static void test_freed_in_callback(void **state)
{
	struct fixture *f = *state;
	struct order *o = order_new(f, POW_EIP627, 3, LONG_MS);

	f->miner = miner_new(f->ctx, &f->loop, 3);
	/* Two may have ended at once; the second must not be told of. */
	miner_start(f->miner, f->ctx, &o->request, free_all, f);
	miner_start(f->miner, f->ctx, &o->request, free_all, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->done, 1);
}

static void test_drained_before_freed(void **state)
{
	struct fixture *f = *state;
	struct order *o;

	f->miner = miner_new(f->ctx, &f->loop, 2);
	o = begin(f, POW_EIP627, HUGE_BITS, LONG_MS);
	wait_for_hashes(f, 1);
	loop_drain(&f->loop);
	assert_false(o->is_done);
}

/* An idle miner does not keep a loop running, and one without requests has no threads. */
static void test_idle(void **state)
{
	struct fixture *f = *state;

	f->miner = miner_new(f->ctx, &f->loop, 0);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	wait_for(begin(f, POW_EIP627, 8, LONG_MS));
	uv_run(&f->loop, UV_RUN_DEFAULT);
}

/* Data of the largest size: hashed once, by a worker, not on the loop. */
static void test_large_data(void **state)
{
	struct fixture *f = *state;
	size_t n = WHISPER_MESSAGE_DEFAULT;
	uint8_t *data = mem_array(f->ctx, uint8_t, n);
	struct order *o = order_new(f, POW_EIP627, 9, LONG_MS);

	memset(data, 0x5a, n);
	f->miner = miner_new(f->ctx, &f->loop, 2);
	o->request.data = data;
	o->request.data_bytes = n;
	o->request.both = true;
	o->request.target_bits = 5;
	start(o);
	memset(data, 0, n);
	wait_for(o);
	memset(data, 0x5a, n);
	assert_true(bits_of(o, POW_EIP627) >= 5);
	assert_true(bits_of(o, POW_LEGACY) >= 5);
}

static void test_many_with_cancels(void **state)
{
	enum { COUNT = 150 };
	struct fixture *f = *state;
	struct order *orders[COUNT];

	f->miner = miner_new(f->ctx, &f->loop, 4);
	for (int i = 0; i < COUNT; i++) {
		orders[i] = order_new(f, i % 2 ? POW_LEGACY : POW_EIP627, 1 + (unsigned)i % 11, LONG_MS);
		orders[i]->request.both = i % 5 == 0 && orders[i]->request.target_bits < 6;
		if (i % 7 == 3)
			orders[i]->request.target_bits = HUGE_BITS;
		start(orders[i]);
		if (i % 4 == 0)
			uv_run(&f->loop, UV_RUN_NOWAIT);
		if (i % 3 == 0 && i > 10 && !orders[i - 10]->is_done) {
			mem_free(orders[i - 10]->job);
			orders[i - 10]->job = NULL;
		}
	}
	for (int i = 0; i < COUNT; i++) {
		if (orders[i]->request.target_bits == HUGE_BITS) {
			mem_free(orders[i]->job);
			continue;
		}
		if (orders[i]->job)
			wait_for(orders[i]);
		if (orders[i]->is_done)
			check_reached(orders[i]);
	}
	assert_int_equal(miner_waiting(f->miner), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reaches_target),
		TEST(test_takes_the_first),
		TEST(test_both_rules),
		TEST(test_best_until_deadline),
		TEST(test_too_late),
		TEST(test_no_time_at_all),
		TEST(test_small_beside_huge),
		TEST(test_small_in_order),
		TEST(test_cancel),
		TEST(test_cancel_when_found),
		TEST(test_freed_before_its_jobs),
		TEST(test_freed_in_callback),
		TEST(test_drained_before_freed),
		TEST(test_idle),
		TEST(test_large_data),
		TEST(test_many_with_cancels),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
