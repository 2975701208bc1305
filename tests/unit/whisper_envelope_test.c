#include "whisper/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <uv.h>

#include <cmocka.h>

#include "rlp/rlp.h"
#include "whisper/bloom.h"
#include "whisper_vectors.h"

static void check_vector(json_t *all, const char *message, const char *envelope, enum pow_rule rule)
{
	void *scope = talloc_new(NULL);
	json_t *outer = vector_at(all, message), *v = vector_at(outer, envelope);
	size_t raw_bytes, hash_bytes, data_bytes, topic_bytes;
	uint8_t *raw = vector_bytes(scope, v, "envelope_rlp", &raw_bytes),
		*hash = vector_bytes(scope, v, "envelope_hash", &hash_bytes),
		*data = vector_bytes(scope, outer, "data", &data_bytes),
		*topic = vector_bytes(scope, v, "topic", &topic_bytes), bloom[BLOOM_BYTES];
	struct envelope *e = NULL, *made;

	assert_null(envelope_read(raw, raw_bytes, &e));
	assert_int_equal(e->expiry, json_integer_value(vector_at(v, "expiry")));
	assert_int_equal(e->ttl, json_integer_value(vector_at(v, "ttl")));
	assert_memory_equal(e->topic, topic, TOPIC_BYTES);
	assert_int_equal(e->data_bytes, data_bytes);
	assert_memory_equal(e->data, data, data_bytes);
	assert_int_equal(e->nonce, json_integer_value(vector_at(v, "nonce")));
	assert_int_equal(e->raw_bytes, raw_bytes);
	assert_memory_equal(e->raw, raw, raw_bytes);
	assert_ptr_not_equal(e->raw, raw);
	assert_memory_equal(e->hash, hash, ENVELOPE_HASH_BYTES);
	assert_int_equal(e->short_bytes, json_integer_value(vector_at(v, "short_rlp_len")));
	assert_int_equal(e->bits[rule], json_integer_value(vector_at(v, "bits")));
	assert_true(e->pow[rule] == json_real_value(vector_at(v, "pow")));
	assert_true(envelope_worth(e) >= e->pow[POW_EIP627] && envelope_worth(e) >= e->pow[POW_LEGACY]);
	assert_true(envelope_worth(e) == e->pow[POW_EIP627] || envelope_worth(e) == e->pow[POW_LEGACY]);
	bloom_of_topic(topic, bloom);
	assert_memory_equal(e->bloom, bloom, BLOOM_BYTES);
	assert_int_equal(envelope_size(e), 20 + data_bytes);
	assert_int_equal(envelope_sent(e), e->expiry - e->ttl);

	made = envelope_new(e->expiry, e->ttl, topic, data, data_bytes, e->nonce);
	assert_int_equal(made->raw_bytes, raw_bytes);
	assert_memory_equal(made->raw, raw, raw_bytes);
	assert_memory_equal(made->hash, hash, ENVELOPE_HASH_BYTES);
	envelope_unref(made);
	envelope_unref(e);
	assert_null(envelope_read_hashed(raw, raw_bytes, hash, &e));
	assert_memory_equal(e->hash, hash, ENVELOPE_HASH_BYTES);
	assert_true(e->pow[rule] == json_real_value(vector_at(v, "pow")));
	envelope_unref(e);
	mem_free(scope);
}

static void test_vectors(void **state)
{
	json_t *all = vectors_load();

	(void)state;
	check_vector(all, "sym", "eip627", POW_EIP627);
	check_vector(all, "sym", "legacy", POW_LEGACY);
	check_vector(all, "asym", "eip627", POW_EIP627);
	json_decref(all);
}

static void check_pow(json_t *rows, enum pow_rule rule)
{
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		size_t n;
		uint8_t *topic = vector_bytes(NULL, row, "topic", &n), *data = vector_bytes(NULL, row, "data", &n);
		struct envelope *e = envelope_new((uint32_t)json_integer_value(vector_at(row, "expiry")),
						  (uint32_t)json_integer_value(vector_at(row, "ttl")), topic, data, n,
						  (uint64_t)json_integer_value(vector_at(row, "nonce")));

		assert_true(e->pow[rule] == json_real_value(vector_at(row, "pow")));
		/* Twice the time, half the worth; exactly, since it is a power of two. */
		assert_true(envelope_pow(e, rule, 2 * e->ttl) == e->pow[rule] / 2);
		envelope_unref(e);
		mem_free(topic);
		mem_free(data);
	}
}

static void test_proof_of_work_under_both_rules(void **state)
{
	json_t *all = vectors_load();

	(void)state;
	check_pow(vector_at(all, "geth_1_9_20_pow"), POW_EIP627);
	check_pow(vector_at(all, "legacy_pow"), POW_LEGACY);
	json_decref(all);
}

static void test_smallest_and_greatest_values(void **state)
{
	const uint8_t topic[TOPIC_BYTES] = {0};
	struct envelope *e = envelope_new(0, UINT32_MAX, topic, NULL, 0, UINT64_MAX), *again = NULL;

	(void)state;
	assert_int_equal(e->data_bytes, 0);
	assert_int_equal(envelope_sent(e), 1); /* wraps, as with go-ethereum */
	assert_null(envelope_read(e->raw, e->raw_bytes, &again));
	assert_true(again->nonce == UINT64_MAX);
	assert_int_equal(again->ttl, UINT32_MAX);
	assert_memory_equal(again->hash, e->hash, ENVELOPE_HASH_BYTES);
	envelope_unref(again);
	envelope_unref(e);
	envelope_unref(NULL);
}

static void test_refusals(void **state)
{
	/* The good one is cb 01 02 84aabbccdd 82beef 05. */
	static const struct {
		const char *hex, *words;
	} rows[] = {
		{"", "list"},
		{"80", "list"},
		{"8401028405", "list"},
		{"cc010284aabbccdd82beef05", "list"},       /* longer than there is */
		{"f80b010284aabbccdd82beef05", "list"},     /* long form */
		{"cb010284aabbccdd82beef0500", "envelope"}, /* something behind it */
		{"c0", "expiry"},
		{"cb000284aabbccdd82beef05", "expiry"}, /* zero is the empty string */
		{"cc81010284aabbccdd82beef05", "expiry"},
		{"cd8200010284aabbccdd82beef05", "expiry"}, /* leading zero */
		{"d08501020304050284aabbccdd82beef05", "expiry"},
		{"cbc00284aabbccdd82beef05", "expiry"},
		{"cb018084aabbccdd82beef05", "ttl is 0"},
		{"cb010084aabbccdd82beef05", "envelope's ttl: "},
		{"d00185010203040584aabbccdd82beef05", "envelope's ttl: "},
		{"cb01c084aabbccdd82beef05", "envelope's ttl: "},
		{"ca010283aabbcc82beef05", "topic"},
		{"cc010285aabbccddee82beef05", "topic"},
		{"cc0102c584aabbccdd82beef05", "topic"}, /* a list of topics, as Parity has them */
		{"c701028082beef05", "topic"},
		{"ca010284aabbccddc10105", "data"},
		{"ca010284aabbccdd810105", "data"},
		{"ca010284aabbccdd82beef", "nonce"},
		{"cb010284aabbccdd82beef00", "nonce"},
		{"d4010284aabbccdd82beef89010203040506070809", "nonce"},
		{"cb010284aabbccdd82beefc0", "nonce"},
		{"cc010284aabbccdd82beef0506", "envelope's list"},
	};
	struct envelope *e = NULL;
	uint8_t good[] = {0xcb, 1, 2, 0x84, 0xaa, 0xbb, 0xcc, 0xdd, 0x82, 0xbe, 0xef, 5};

	(void)state;
	assert_null(envelope_read(good, sizeof good, &e));
	assert_int_equal(e->nonce, 5);
	envelope_unref(e);
	e = NULL;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n;
		uint8_t *raw = bytes_of_hex(NULL, rows[i].hex, &n);

		assert_error(envelope_read(raw, n, &e), ERROR_INVALID, rows[i].words);
		assert_null(e);
		mem_free(raw);
	}
}

/* Cut anywhere, a good envelope is none. */
static void test_truncated(void **state)
{
	json_t *all = vectors_load();
	struct envelope *e = NULL;
	size_t n;
	uint8_t *raw = vector_bytes(NULL, all, "asym.eip627.envelope_rlp", &n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		uint8_t *cut = mem_memdup(NULL, raw, i ? i : 1);

		assert_error(envelope_read(cut, i, &e), ERROR_INVALID, "envelope");
		mem_free(cut);
	}
	mem_free(raw);
	json_decref(all);
}

static void test_size_limit(void **state)
{
	size_t n = WHISPER_MESSAGE_LIMIT - 20 + 1;
	uint8_t *data = mem_array(NULL, uint8_t, n);
	struct envelope *e = NULL;
	struct rlp_writer w;

	(void)state;
	rlp_writer_init(&w, data);
	rlp_list_begin(&w);
	rlp_write_u64(&w, 1);
	rlp_write_u64(&w, 1);
	rlp_write_bytes(&w, "abcd", TOPIC_BYTES);
	rlp_write_bytes(&w, data, n);
	rlp_write_u64(&w, 1);
	rlp_list_end(&w);
	assert_error(envelope_read(w.data, w.len, &e), ERROR_LIMIT, "at most 10485760");
	e = envelope_new(1, 1, (const uint8_t *)"abcd", data, n - 1, 1);
	assert_int_equal(envelope_size(e), WHISPER_MESSAGE_LIMIT);
	envelope_unref(e);
	mem_free(data);
}

static void refer_often(void *arg)
{
	for (unsigned i = 0; i < 20000; i++)
		envelope_unref(envelope_ref(arg));
	envelope_unref(arg);
}

/* The last of several threads frees it, once: the sanitizers see anything else. */
static void test_counted_over_threads(void **state)
{
	struct envelope *e = envelope_new(1, 1, (const uint8_t *)"abcd", (const uint8_t *)"x", 1, 0);
	uv_thread_t threads[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		envelope_ref(e);
		assert_int_equal(uv_thread_create(&threads[i], refer_often, e), 0);
	}
	envelope_unref(e);
	for (unsigned i = 0; i < 4; i++)
		uv_thread_join(&threads[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_proof_of_work_under_both_rules),
		cmocka_unit_test(test_smallest_and_greatest_values),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_counted_over_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
