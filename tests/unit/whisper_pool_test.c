#include "whisper/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define DATA_MAX 512

/* An envelope whose worth follows from its ttl (2^bits/size/ttl), all different by `seed`. */
static struct envelope *make(uint32_t expiry, uint32_t ttl, uint64_t seed, size_t data_bytes)
{
	uint8_t data[DATA_MAX] = {0}, topic[TOPIC_BYTES] = {1, 2, 3, 4};

	memcpy(data, &seed, sizeof seed);
	return envelope_new(expiry, ttl, topic, data, data_bytes, 0);
}

static bool add(struct pool *p, struct envelope *e)
{
	bool added = pool_add(p, e);

	envelope_unref(e);
	return added;
}

static void test_finds_what_was_added(void **state)
{
	struct pool *p = pool_new(NULL, 0, 0);
	struct envelope *a = make(100, 10, 1, 50), *b = make(100, 10, 2, 60);

	(void)state;
	assert_null(pool_find(p, a->hash));
	assert_int_equal(pool_number(p, a->hash), 0);
	assert_int_equal(pool_newest(p), 0);
	assert_true(pool_add(p, a));
	assert_false(pool_add(p, a));
	assert_true(pool_add(p, b));
	assert_ptr_equal(pool_find(p, a->hash), a);
	assert_ptr_equal(pool_find(p, b->hash), b);
	assert_int_equal(pool_number(p, a->hash), 1);
	assert_int_equal(pool_number(p, b->hash), 2);
	assert_int_equal(pool_newest(p), 2);
	assert_int_equal(pool_count(p), 2);
	assert_int_equal(pool_bytes(p), a->raw_bytes + b->raw_bytes);
	envelope_unref(a);
	mem_free(p);
	assert_int_equal(b->data_bytes, 60); /* ours is still there */
	envelope_unref(b);
}

static void test_expiry(void **state)
{
	struct pool *p = pool_new(NULL, 0, 0);
	struct envelope *late = make(205, 10, 1, 20);

	(void)state;
	assert_true(pool_add(p, late));
	for (uint32_t i = 0; i < 100; i++)
		assert_true(add(p, make(200 - i, 10, 2 + i, 20)));
	assert_int_equal(pool_expire(p, 101), 0); /* expires at 101: lives */
	assert_int_equal(pool_expire(p, 102), 1);
	assert_int_equal(pool_expire(p, 151), 49);
	assert_int_equal(pool_count(p), 51);
	assert_int_equal(pool_expire(p, 201), 50);
	assert_ptr_equal(pool_find(p, late->hash), late);
	assert_int_equal(pool_bytes(p), late->raw_bytes);
	assert_int_equal(pool_newest(p), 101);
	assert_int_equal(pool_expire(p, UINT32_MAX), 1);
	assert_int_equal(pool_bytes(p), 0);
	assert_int_equal(pool_evicted(p), 0);
	/* Gone from the pool, it may come again. */
	assert_true(pool_add(p, late));
	assert_int_equal(pool_number(p, late->hash), 102);
	envelope_unref(late);
	mem_free(p);
}

static void test_order_of_arrival(void **state)
{
	struct pool *p = pool_new(NULL, 0, 0);
	uint64_t number = 0, expected = 0;
	struct envelope *e;

	(void)state;
	assert_null(pool_next(p, &number));
	for (uint32_t i = 1; i <= 1000; i++)
		assert_true(add(p, make(i % 10 == 0 ? 1000 : 10, 10, i, 20)));
	while ((e = pool_next(p, &number)))
		assert_int_equal(number, ++expected);
	assert_int_equal(expected, 1000);
	assert_int_equal(number, 1000);
	assert_int_equal(pool_expire(p, 11), 900);
	/* From a number that has gone to the next that is there. */
	number = 501;
	e = pool_next(p, &number);
	assert_non_null(e);
	assert_int_equal(number, 510);
	assert_int_equal(e->expiry, 1000);
	assert_int_equal(pool_number(p, e->hash), 510);
	number = expected = 0;
	while ((e = pool_next(p, &number)))
		assert_int_equal(number, expected += 10);
	assert_int_equal(expected, 1000);
	assert_true(add(p, make(1000, 10, 5000, 20)));
	e = pool_next(p, &number);
	assert_non_null(e);
	assert_int_equal(number, 1001);
	assert_null(pool_next(p, &number));
	mem_free(p);
}

static void test_the_least_worth_gives_way(void **state)
{
	struct pool *p = pool_new(NULL, 0, 3);
	struct envelope *e[4], *worse, *better;
	struct envelope *least;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		e[i] = make(1000, 1000, i, 30);
	for (unsigned i = 0; i < 3; i++)
		assert_true(pool_add(p, e[i]));
	least = e[0];
	for (unsigned i = 1; i < 3; i++) {
		if (envelope_worth(e[i]) < envelope_worth(least))
			least = e[i];
	}
	/* Asking for a thousand times the time, it is worth less than all of them. */
	worse = make(1000, 100000000, 9, 30);
	assert_true(envelope_worth(worse) < envelope_worth(least));
	assert_false(add(p, worse));
	assert_int_equal(pool_count(p), 3);
	assert_int_equal(pool_evicted(p), 0);
	/* An equal one does not displace it. */
	for (uint64_t seed = 100;; seed++) {
		struct envelope *equal = make(1000, 1000, seed, 30);
		bool found = envelope_worth(equal) == envelope_worth(least);

		assert_true(!found || !pool_add(p, equal));
		envelope_unref(equal);
		if (found)
			break;
	}
	better = make(1000, 1, 9, 30);
	assert_true(envelope_worth(better) > envelope_worth(least));
	assert_true(pool_add(p, better));
	assert_int_equal(pool_count(p), 3);
	assert_int_equal(pool_evicted(p), 1);
	assert_null(pool_find(p, least->hash));
	assert_ptr_equal(pool_find(p, better->hash), better);
	envelope_unref(better);
	for (unsigned i = 0; i < 4; i++)
		envelope_unref(e[i]);
	mem_free(p);
}

static void test_the_new_get_in(void **state)
{
	struct pool *p = pool_new(NULL, 0, 3);
	struct envelope *good[3], *weak[4], *least;
	unsigned good_ones;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		good[i] = make(1000, 10, i, 30);
		assert_true(pool_add(p, good[i]));
	}
	least = good[0];
	for (unsigned i = 1; i < 3; i++) {
		if (envelope_worth(good[i]) < envelope_worth(least))
			least = good[i];
	}
	for (unsigned i = 0; i < 4; i++)
		weak[i] = make(1000, 100000000, 10 + i, 30);
	/* All are new: worth decides. */
	assert_false(pool_add(p, weak[0]));
	pool_expire(p, 0);
	assert_false(pool_add(p, weak[0]));
	/* They have had their time: the least of them gives way, however little the new one is worth, */
	pool_expire(p, 0);
	assert_true(pool_add(p, weak[0]));
	assert_null(pool_find(p, least->hash));
	assert_int_equal(pool_evicted(p), 1);
	/* and does not come back. */
	assert_false(pool_add(p, least));
	/* Of those that are mature, the weak one goes before the good ones. */
	pool_expire(p, 0);
	pool_expire(p, 0);
	assert_true(pool_add(p, weak[1]));
	assert_null(pool_find(p, weak[0]->hash));
	assert_false(pool_add(p, weak[0]));
	for (unsigned i = 0; i < 3; i++)
		assert_true(good[i] == least || pool_find(p, good[i]->hash));
	/* They are more than half still, then not any more: all compete, and the good one stays. */
	assert_true(pool_add(p, weak[2]));
	good_ones = 0;
	pool_add(p, weak[3]);
	for (unsigned i = 0; i < 3; i++)
		good_ones += pool_find(p, good[i]->hash) != NULL;
	assert_int_equal(good_ones, 1);
	assert_int_equal(pool_count(p), 3);
	for (unsigned i = 0; i < 3; i++)
		envelope_unref(good[i]);
	for (unsigned i = 0; i < 4; i++)
		envelope_unref(weak[i]);
	mem_free(p);
}

static void test_bytes_are_bounded(void **state)
{
	struct envelope *small[10], *big = make(1000, 1, 77, 400), *huge = make(1000, 1, 78, 500), *weak;
	size_t limit = 0;
	struct pool *p;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		small[i] = make(1000, 100000, i, 60);
		limit += small[i]->raw_bytes;
	}
	p = pool_new(NULL, limit, 0);
	for (unsigned i = 0; i < 10; i++)
		assert_true(pool_add(p, small[i]));
	assert_int_equal(pool_bytes(p), limit);
	/* Worth more than some, less than what would have to go: nobody goes. */
	weak = make(1000, UINT32_MAX, 5, 400);
	assert_false(add(p, weak));
	assert_int_equal(pool_count(p), 10);
	assert_int_equal(pool_bytes(p), limit);
	/* Worth more: as many go as its size takes. */
	assert_true(pool_add(p, big));
	assert_true(pool_bytes(p) <= limit);
	assert_int_equal(pool_evicted(p), (big->raw_bytes + small[0]->raw_bytes - 1) / small[0]->raw_bytes);
	assert_int_equal(pool_count(p), 11 - pool_evicted(p));
	mem_free(p);
	p = pool_new(NULL, huge->raw_bytes - 1, 0);
	assert_true(pool_add(p, small[0]));
	assert_false(pool_add(p, huge)); /* larger than the pool, whatever it is worth */
	assert_int_equal(pool_count(p), 1);
	envelope_unref(big);
	envelope_unref(huge);
	for (unsigned i = 0; i < 10; i++)
		envelope_unref(small[i]);
	mem_free(p);
}

/* Against a plain array: thousands of random steps, the same content after each. */
#define MODEL_MAX 60

struct model {
	struct envelope *envelopes[MODEL_MAX + 1];
	uint64_t numbers[MODEL_MAX + 1];
	size_t count, bytes;
	uint64_t newest, ripe, ripe_next;
};

static void model_drop(struct model *m, size_t i)
{
	m->bytes -= m->envelopes[i]->raw_bytes;
	envelope_unref(m->envelopes[i]);
	m->count--;
	memmove(m->envelopes + i, m->envelopes + i + 1, (m->count - i) * sizeof m->envelopes[0]);
	memmove(m->numbers + i, m->numbers + i + 1, (m->count - i) * sizeof m->numbers[0]);
}

/* Of those that are mature when they are more than half, otherwise of all. */
static size_t model_least(const struct model *m, bool *ret_mature)
{
	size_t least = 0, mature = 0;

	/* In order of arrival: the mature ones come first. */
	while (mature < m->count && m->numbers[mature] <= m->ripe)
		mature++;
	*ret_mature = mature > MODEL_MAX / 2;
	for (size_t i = 1; i < (*ret_mature ? mature : m->count); i++) {
		if (envelope_worth(m->envelopes[i]) < envelope_worth(m->envelopes[least]))
			least = i;
	}
	return least;
}

static void model_check(const struct model *m, const struct pool *p)
{
	uint64_t number = 0;

	assert_int_equal(pool_count(p), m->count);
	assert_int_equal(pool_bytes(p), m->bytes);
	assert_int_equal(pool_newest(p), m->newest);
	for (size_t i = 0; i < m->count; i++) {
		assert_ptr_equal(pool_next(p, &number), m->envelopes[i]);
		assert_int_equal(number, m->numbers[i]);
		assert_ptr_equal(pool_find(p, m->envelopes[i]->hash), m->envelopes[i]);
		assert_int_equal(pool_number(p, m->envelopes[i]->hash), number);
	}
	assert_null(pool_next(p, &number));
}

static void test_as_a_plain_array(void **state)
{
	struct pool *p = pool_new(NULL, 0, MODEL_MAX);
	struct model m = {.count = 0};
	uint64_t by_age = 0, by_worth = 0;

	(void)state;
	srand(1);
	for (unsigned step = 0; step < 5000; step++) {
		uint32_t now = step / 4;
		/* Odd and different, so that no two are of equal worth: among these it is not said who goes. */
		uint32_t ttl = 2 * (step * 7919 % 10007) + 1;
		struct envelope *e = make(now + (uint32_t)(rand() % 60), ttl, step, 20);
		bool room = m.count < MODEL_MAX, mature;

		if (!room) {
			size_t least = model_least(&m, &mature);

			room = mature || envelope_worth(m.envelopes[least]) < envelope_worth(e);
			by_age += room && mature;
			by_worth += room && !mature;
			if (room)
				model_drop(&m, least);
		}
		assert_int_equal(pool_add(p, e), room);
		if (room) {
			m.envelopes[m.count] = envelope_ref(e);
			m.numbers[m.count++] = ++m.newest;
			m.bytes += e->raw_bytes;
		}
		envelope_unref(e);
		if (rand() % 20 == 0) {
			size_t expired = 0;

			for (size_t i = m.count; i-- > 0;) {
				if (m.envelopes[i]->expiry < now) {
					model_drop(&m, i);
					expired++;
				}
			}
			assert_int_equal(pool_expire(p, now), expired);
			m.ripe = m.ripe_next;
			m.ripe_next = m.newest;
		}
		model_check(&m, p);
	}
	assert_true(by_age > 100 && by_worth > 100);
	assert_int_equal(pool_evicted(p), by_age + by_worth);
	mem_free(p);
	while (m.count)
		model_drop(&m, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_what_was_added), cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_order_of_arrival),     cmocka_unit_test(test_the_least_worth_gives_way),
		cmocka_unit_test(test_the_new_get_in),       cmocka_unit_test(test_bytes_are_bounded),
		cmocka_unit_test(test_as_a_plain_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
