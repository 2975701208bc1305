#include "whisper/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "crypto/secret.h"
#include "whisper/bloom.h"
#include "whisper/opening.h"
#include "whisper_vectors.h"

#define DEADLINE_MS 30000
#define TAKEN_MAX 512

static const uint8_t topic_a[TOPIC_BYTES] = {0xaa, 1, 2, 3}, topic_b[TOPIC_BYTES] = {0xbb, 1, 2, 3};

struct fixture {
	uv_loop_t loop;
	struct filters *filters;
	struct secp_key alice, bob;
	uint8_t key[SYM_KEY_BYTES], other_key[SYM_KEY_BYTES];
	/* what the callback saw */
	uint32_t taken[TAKEN_MAX];
	size_t taken_count;
	struct filter *remove; /* by the callback, at its first message */
	size_t free_all_at;    /* this many messages: the callback frees the filters */
	bool add_one;
	uint32_t next; /* number of the next message made */
};

static int setup(void **state)
{
	struct fixture *f = mem_new(NULL, struct fixture);

	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->filters = filters_new(NULL, &f->loop);
	secp_key_new(&f->alice);
	secp_key_new(&f->bob);
	crypto_random_bytes(f->key, sizeof f->key);
	crypto_random_bytes(f->other_key, sizeof f->other_key);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mem_free(f->filters);
	loop_drain(&f->loop);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	mem_free(f);
	return 0;
}

/* Payload: a number, and `extra` bytes behind it. */
static struct envelope *seal(const struct payload_to *to, const uint8_t topic[TOPIC_BYTES], uint32_t number,
			     size_t extra)
{
	uint8_t *payload = mem_array(NULL, uint8_t, sizeof number + extra), *data;
	struct envelope *e;
	size_t n;

	memcpy(payload, &number, sizeof number);
	assert_null(payload_seal(payload, to, payload, sizeof number + extra, &data, &n));
	e = envelope_new(2000000000, 50, topic, data, n, 0);
	mem_free(payload);
	return e;
}

static void offer(struct fixture *f, const struct payload_to *to, const uint8_t topic[TOPIC_BYTES])
{
	struct envelope *e = seal(to, topic, f->next++, 0);

	filters_offer(f->filters, e, false);
	envelope_unref(e);
}

static uint32_t number_of(const struct whisper_message *m)
{
	uint32_t number;

	assert_true(m->payload.payload_bytes >= sizeof number);
	memcpy(&number, m->payload.payload, sizeof number);
	return number;
}

static void on_message(struct whisper_message *m, void *arg)
{
	struct fixture *f = arg;
	struct filter *remove = f->remove;

	assert_in_range(f->taken_count, 0, TAKEN_MAX - 1);
	f->taken[f->taken_count++] = number_of(m);
	if (f->add_one) {
		const struct filter_options options = {.sym_key = f->key, .message = on_message, .arg = f};

		f->add_one = false;
		filter_add(f->filters, &options);
	}
	if (remove) {
		f->remove = NULL;
		filter_remove(remove);
	}
	if (f->taken_count == f->free_all_at) {
		mem_free(f->filters);
		f->filters = NULL;
	}
}

/* Until all that is under way has come back. */
static void settle(struct fixture *f)
{
	int64_t deadline = clock_mono_ms() + DEADLINE_MS;

	while (uv_run(&f->loop, UV_RUN_ONCE) != 0)
		assert_true(clock_mono_ms() < deadline);
}

static struct filter_counters counters(const struct fixture *f)
{
	struct filter_counters c;

	filters_count(f->filters, &c);
	return c;
}

/* Numbers of the messages kept, which must be as many. */
static void assert_taken(struct filter *f, const uint32_t *numbers, size_t n)
{
	size_t count;
	struct whisper_message **m = filter_take(f, NULL, &count);

	assert_int_equal(count, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(number_of(m[i]), numbers[i]);
	mem_free(m);
}

static void test_symmetric_and_asymmetric(void **state)
{
	struct fixture *f = *state;
	struct filter *sym = filter_add(f->filters, &(struct filter_options){.sym_key = f->key}),
		      *asym = filter_add(f->filters, &(struct filter_options){.key = &f->alice}), *other;
	struct whisper_message **m;
	size_t n;

	other = filter_add(f->filters, &(struct filter_options){.sym_key = f->other_key});
	offer(f, &(struct payload_to){.sym_key = f->key, .sign = &f->bob}, topic_a);
	offer(f, &(struct payload_to){.public = f->alice.public}, topic_b);
	offer(f, &(struct payload_to){.public = f->bob.public}, topic_b); /* for nobody here */
	settle(f);
	m = filter_take(sym, f, &n);
	assert_int_equal(n, 1);
	assert_int_equal(number_of(m[0]), 0);
	assert_true(m[0]->symmetric);
	assert_true(m[0]->payload.is_signed);
	assert_memory_equal(m[0]->payload.signer, f->bob.public, SECP_PUBLIC_BYTES);
	assert_memory_equal(m[0]->envelope->topic, topic_a, TOPIC_BYTES);
	mem_free(m);
	m = filter_take(asym, f, &n);
	assert_int_equal(n, 1);
	assert_int_equal(number_of(m[0]), 1);
	assert_false(m[0]->symmetric);
	assert_memory_equal(m[0]->recipient, f->alice.public, SECP_PUBLIC_BYTES);
	assert_false(m[0]->payload.is_signed);
	mem_free(m);
	assert_taken(other, NULL, 0);
	assert_taken(sym, NULL, 0); /* fetched is fetched */
	assert_int_equal(counters(f).tried, 3);
	assert_int_equal(counters(f).opened, 2);
}

/* Large and small, so that batches end in another order than they began. */
static void test_order_of_arrival(void **state)
{
	struct fixture *f = *state;
	enum { COUNT = 300 };

	filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .message = on_message, .arg = f});
	filter_add(f->filters, &(struct filter_options){.key = &f->alice, .message = on_message, .arg = f});
	for (uint32_t i = 0; i < COUNT; i++) {
		struct payload_to sym = {.sym_key = f->key}, asym = {.public = f->alice.public};
		struct envelope *e = seal(i % 3 ? &sym : &asym, topic_a, i, i % 50 == 0 ? 700000 : 10);

		filters_offer(f->filters, e, false);
		envelope_unref(e);
		if (i % 40 == 0)
			uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	settle(f);
	assert_int_equal(f->taken_count, COUNT);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(f->taken[i], i);
	assert_int_equal(counters(f).waiting, 0);
	assert_int_equal(counters(f).dropped, 0);
}

static void test_nothing_starts_without_a_candidate(void **state)
{
	struct fixture *f = *state;
	struct payload_to to = {.sym_key = f->key};
	struct filter *filter;

	offer(f, &to, topic_a);
	filter = filter_add(f->filters,
			    &(struct filter_options){.sym_key = f->key, .topics = &topic_b, .topic_count = 1});
	offer(f, &to, topic_a);
	filter_remove(filter);
	offer(f, &to, topic_b);
	/* An asymmetric key does not fit what cannot be ECIES, nor any key what is too short. */
	filter_add(f->filters, &(struct filter_options){.key = &f->alice});
	for (uint8_t first = 0; first < 8; first++) {
		uint8_t data[200] = {first};
		struct envelope *e = envelope_new(2000000000, 50, topic_a, data, first == 4 ? 113 : 200, 0);

		filters_offer(f->filters, e, false);
		envelope_unref(e);
	}
	assert_int_equal(counters(f).waiting, 0);
	assert_int_equal(counters(f).tried, 0);
	assert_false(uv_loop_alive(&f->loop));
}

static void test_topics(void **state)
{
	struct fixture *f = *state;
	const uint8_t both[][TOPIC_BYTES] = {{0xbb, 1, 2, 3}, {0xaa, 1, 2, 3}, {0xbb, 1, 2, 3}};
	struct payload_to to = {.sym_key = f->key};
	struct filter *a, *of_both, *all;

	a = filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .topics = &topic_a, .topic_count = 1});
	of_both = filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .topics = both, .topic_count = 3});
	all = filter_add(f->filters, &(struct filter_options){.sym_key = f->key});
	filter_add(f->filters,
		   &(struct filter_options){
			   .sym_key = f->key, .topics = both, .topic_count = 3, .message = on_message, .arg = f});
	offer(f, &to, topic_a);
	offer(f, &to, topic_b);
	offer(f, &to, (const uint8_t[TOPIC_BYTES]){0xaa, 1, 2, 4});
	offer(f, &to, (const uint8_t[TOPIC_BYTES]){0});
	settle(f);
	assert_taken(a, (const uint32_t[]){0}, 1);
	assert_taken(of_both, (const uint32_t[]){0, 1}, 2);
	assert_taken(all, (const uint32_t[]){0, 1, 2, 3}, 4);
	assert_int_equal(f->taken_count, 2); /* a topic named twice is one */
}

static void test_each_key_is_tried_once(void **state)
{
	struct fixture *f = *state;
	struct filter *filters[6];

	for (unsigned i = 0; i < 6; i++) {
		struct filter_options o = {.sym_key = i < 3 ? f->key : NULL, .key = i < 3 ? NULL : &f->alice};

		if (i % 3 == 1) {
			o.topics = &topic_a;
			o.topic_count = 1;
		}
		filters[i] = filter_add(f->filters, &o);
	}
	offer(f, &(struct payload_to){.public = f->alice.public}, topic_a);
	offer(f, &(struct payload_to){.public = f->bob.public}, topic_a); /* both keys in vain */
	settle(f);
	/* A first byte of 4 tells asymmetric data, but any may be symmetric: two keys each. */
	assert_int_equal(counters(f).trials, 4);
	for (unsigned i = 0; i < 6; i++)
		assert_taken(filters[i], (const uint32_t[]){0}, i >= 3);
	/* Shared by three, the key stays when two of them go. */
	filter_remove(filters[3]);
	filter_remove(filters[5]);
	offer(f, &(struct payload_to){.public = f->alice.public}, topic_a);
	settle(f);
	assert_taken(filters[4], (const uint32_t[]){2}, 1);
	assert_taken(filters[0], NULL, 0);
}

static void test_signer(void **state)
{
	struct fixture *f = *state;
	struct filter *from_bob =
		filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .from = f->bob.public});
	struct filter *from_anybody = filter_add(f->filters, &(struct filter_options){.sym_key = f->key});

	offer(f, &(struct payload_to){.sym_key = f->key}, topic_a);
	offer(f, &(struct payload_to){.sym_key = f->key, .sign = &f->alice}, topic_a);
	offer(f, &(struct payload_to){.sym_key = f->key, .sign = &f->bob}, topic_a);
	settle(f);
	assert_taken(from_bob, (const uint32_t[]){2}, 1);
	assert_taken(from_anybody, (const uint32_t[]){0, 1, 2}, 3);
}

static void test_proof_of_work_and_direct(void **state)
{
	struct fixture *f = *state;
	struct envelope *e = seal(&(struct payload_to){.sym_key = f->key}, topic_a, 7, 0);
	double worth = envelope_worth(e);
	struct filter *enough = filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .min_pow = worth}),
		      *more = filter_add(f->filters,
					 &(struct filter_options){.sym_key = f->key, .min_pow = worth * 1.01}),
		      *direct =
			      filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .allow_direct = true});
	const uint32_t seven[] = {7};

	filters_offer(f->filters, e, false);
	settle(f);
	assert_taken(enough, seven, 1);
	assert_taken(more, NULL, 0);
	assert_taken(direct, seven, 1);
	filters_offer(f->filters, e, true);
	settle(f);
	assert_taken(enough, NULL, 0);
	assert_taken(direct, seven, 1);
	/* Nobody asks for direct ones any more. */
	filter_remove(direct);
	filters_offer(f->filters, e, true);
	assert_int_equal(counters(f).waiting, 0);
	assert_false(uv_loop_alive(&f->loop));
	envelope_unref(e);
}

/* A filter that comes while an envelope is on its way does not see it. */
static void test_only_what_is_offered_later(void **state)
{
	struct fixture *f = *state;
	struct filter *early = filter_add(f->filters, &(struct filter_options){.sym_key = f->key}), *late;

	offer(f, &(struct payload_to){.sym_key = f->key}, topic_a);
	late = filter_add(f->filters, &(struct filter_options){.sym_key = f->key});
	offer(f, &(struct payload_to){.sym_key = f->key}, topic_a);
	settle(f);
	assert_taken(early, (const uint32_t[]){0, 1}, 2);
	assert_taken(late, (const uint32_t[]){1}, 1);
}

static void test_kept_are_bounded_and_once(void **state)
{
	struct fixture *f = *state;
	struct filter *three = filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .kept_limit = 3}),
		      *small = filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .kept_bytes = 2000}),
		      *one = filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .kept_bytes = 1}),
		      *all = filter_add(f->filters, &(struct filter_options){.sym_key = f->key});
	struct envelope *again = seal(&(struct payload_to){.sym_key = f->key}, topic_a, 100, 0);
	struct whisper_message **m, *held;
	uint32_t numbers[20];
	size_t n;

	for (uint32_t i = 0; i < 20; i++) {
		numbers[i] = i;
		offer(f, &(struct payload_to){.sym_key = f->key}, topic_a);
	}
	settle(f);
	assert_taken(three, numbers + 17, 3);
	assert_taken(one, numbers + 19, 1);
	m = filter_take(small, f, &n);
	assert_in_range(n, 2, 5);
	assert_int_equal(number_of(m[n - 1]), 19);
	assert_int_equal(counters(f).dropped, 17 + 19 + (20 - n));
	held = whisper_message_ref(m[n - 1]);
	mem_free(m);
	assert_int_equal(number_of(held), 19);
	whisper_message_unref(held);
	assert_taken(all, numbers, 20);

	for (unsigned i = 0; i < 3; i++)
		filters_offer(f->filters, again, false);
	settle(f);
	assert_taken(all, (const uint32_t[]){100}, 1);
	filters_offer(f->filters, again, false); /* once fetched, it counts anew */
	settle(f);
	assert_taken(all, (const uint32_t[]){100}, 1);
	envelope_unref(again); /* `three` and the others still keep theirs: freed with the filters */
}

static void test_removed_while_a_batch_runs(void **state)
{
	struct fixture *f = *state;
	struct filter_options o = {.sym_key = f->key, .message = on_message, .arg = f};
	struct filter *first = filter_add(f->filters, &o);

	for (unsigned i = 0; i < 100; i++)
		offer(f, &(struct payload_to){.sym_key = f->key}, topic_a);
	filter_remove(first);
	/* The same key again: a new filter, which sees none of it. */
	filter_add(f->filters, &o);
	settle(f);
	assert_int_equal(f->taken_count, 0);
	offer(f, &(struct payload_to){.sym_key = f->key}, topic_a);
	settle(f);
	assert_int_equal(f->taken_count, 1);
}

static void test_callback_removes_itself(void **state)
{
	struct fixture *f = *state;

	f->remove =
		filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .message = on_message, .arg = f});
	for (unsigned i = 0; i < 10; i++)
		offer(f, &(struct payload_to){.sym_key = f->key}, topic_a);
	settle(f);
	assert_int_equal(f->taken_count, 1);
}

static void test_callback_removes_the_next_one(void **state)
{
	struct fixture *f = *state;
	struct filter_options o = {.sym_key = f->key, .message = on_message, .arg = f};

	filter_add(f->filters, &o);
	f->remove = filter_add(f->filters, &o);
	f->add_one = true;
	offer(f, &(struct payload_to){.sym_key = f->key}, topic_a);
	settle(f);
	assert_int_equal(f->taken_count, 1); /* neither the one that went nor the one that came */
	offer(f, &(struct payload_to){.sym_key = f->key}, topic_a);
	settle(f);
	assert_int_equal(f->taken_count, 3);
}

static void callback_frees_all_at(struct fixture *f, size_t at)
{
	struct filter_options o = {.sym_key = f->key, .message = on_message, .arg = f};

	filter_add(f->filters, &o);
	filter_add(f->filters, &o);
	for (unsigned i = 0; i < 200; i++)
		offer(f, &(struct payload_to){.sym_key = f->key}, topic_a);
	f->free_all_at = at;
	settle(f);
	assert_int_equal(f->taken_count, at);
	assert_null(f->filters);
}

static void test_callback_frees_all(void **state)
{
	callback_frees_all_at(*state, 1);
}

/* Amid a batch: the first two go alone, to the two idle workers. */
static void test_callback_frees_all_amid_a_batch(void **state)
{
	callback_frees_all_at(*state, 10);
}

/* Nothing is run: teardown frees the filters while workers are at it. */
static void test_freed_while_batches_run(void **state)
{
	struct fixture *f = *state;

	filter_add(f->filters, &(struct filter_options){.key = &f->alice, .message = on_message, .arg = f});
	for (unsigned i = 0; i < 200; i++)
		offer(f, &(struct payload_to){.public = f->alice.public}, topic_a);
	assert_true(counters(f).waiting > 0);
	mem_free(f->filters);
	f->filters = NULL;
	settle(f);
	assert_int_equal(f->taken_count, 0);
}

static void test_bloom(void **state)
{
	struct fixture *f = *state;
	const uint8_t both[][TOPIC_BYTES] = {{0xaa, 1, 2, 3}, {7, 5, 3, 0}};
	uint8_t bloom[BLOOM_BYTES], expected[BLOOM_BYTES] = {0};
	struct filter *all;

	assert_true(filters_bloom(f->filters, bloom));
	assert_memory_equal(bloom, expected, BLOOM_BYTES);
	filter_add(f->filters, &(struct filter_options){.sym_key = f->key, .topics = both, .topic_count = 2});
	bloom_add(expected, both[0]);
	bloom_add(expected, both[1]);
	assert_true(filters_bloom(f->filters, bloom));
	assert_memory_equal(bloom, expected, BLOOM_BYTES);
	all = filter_add(f->filters, &(struct filter_options){.sym_key = f->key});
	assert_false(filters_bloom(f->filters, bloom));
	filter_remove(all);
	assert_true(filters_bloom(f->filters, bloom));
}

/* --- the line before the workers, with limits small enough to reach --- */

static void count_opened(const struct opening_result *r, void *arg)
{
	struct fixture *f = arg;

	assert_in_range(f->taken_count, 0, TAKEN_MAX - 1);
	f->taken[f->taken_count++] = number_of(r->message);
}

static void fill_line(struct fixture *f, size_t count_limit, size_t byte_limit, size_t expected_waiting)
{
	struct opening_queue *q = opening_queue_new(NULL, &f->loop, count_limit, byte_limit, count_opened, f);
	struct opening_key *key = opening_key_new(f->key, NULL);
	struct opening_counters c;
	enum { COUNT = 40 };

	f->taken_count = 0;
	for (uint32_t i = 0; i < COUNT; i++) {
		struct envelope *e = seal(&(struct payload_to){.sym_key = f->key}, topic_a, i, 0);

		opening_queue_add(q, e, &key, 1, false, 0);
		envelope_unref(e);
	}
	opening_key_unref(key);
	opening_queue_count(q, &c);
	/* Two are on workers, the newest wait. */
	assert_int_equal(c.waiting, expected_waiting);
	assert_int_equal(c.dropped, COUNT - 2 - expected_waiting);
	settle(f);
	assert_int_equal(f->taken_count, 2 + expected_waiting);
	for (size_t i = 0; i < f->taken_count; i++)
		assert_int_equal(f->taken[i], i < 2 ? i : COUNT - f->taken_count + i);
	opening_queue_count(q, &c);
	assert_int_equal(c.waiting, 0);
	assert_int_equal(c.opened, f->taken_count);
	mem_free(q);
}

static void test_waiting_is_bounded(void **state)
{
	struct fixture *f = *state;

	fill_line(f, 5, 1 << 20, 5);
	fill_line(f, 1000, 2000, 5); /* 300 bytes and some each */
	fill_line(f, 1000, 1, 1);    /* one may always wait */
	fill_line(f, 1000, 1 << 20, 38);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_symmetric_and_asymmetric, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_of_arrival, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_starts_without_a_candidate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_topics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_key_is_tried_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_proof_of_work_and_direct, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_what_is_offered_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_are_bounded_and_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed_while_a_batch_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_callback_removes_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_callback_removes_the_next_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_callback_frees_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_callback_frees_all_amid_a_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freed_while_batches_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bloom, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waiting_is_bounded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
