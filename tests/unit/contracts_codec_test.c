/* The typed codec against abi/interface.h, for each function, event and refusal of the contracts; and what it refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contracts/accounts_abi.h"
#include "contracts/blacklist_abi.h"
#include "contracts/jobs_abi.h"
#include "contracts/refusals_abi.h"
#include "contracts_values.h"

#define ROUNDS 20

static const struct json_place root = {NULL, "it", 0};

static const struct contract *contract_of(const void *ctx, const char *name)
{
	const struct contract *c = NULL;

	ok(contract_builtin(ctx, name, &c));
	return c;
}

static void assert_bytes(const struct buf *made, const struct buf *wanted)
{
	assert_int_equal(made->len, wanted->len);
	assert_memory_equal(made->data, wanted->data, wanted->len);
}

static void assert_values(const struct codec_layout *layout, const void *values, const void *wanted)
{
	json_t *a = values_json(layout, values), *b = values_json(layout, wanted);

	assert_json_equal(a, b);
	json_decref(a);
	json_decref(b);
}

static void call_is_as_abi_writes_it(const void *ctx, const struct codec_function *f, const struct abi_entry *entry,
				     uint64_t *state)
{
	struct buf *made = buf_new(ctx, ABI_CALL_BYTES), *wanted = buf_new(ctx, ABI_CALL_BYTES);
	void *args = values_fill(ctx, &f->inputs, state), *again = mem_array(ctx, char, f->inputs.bytes + 1);
	json_t *json = values_json(&f->inputs, args);

	ok(abi_call(entry, json, wanted));
	ok(codec_call(f, args, made));
	assert_bytes(made, wanted);
	ok(codec_call_read(ctx, f, (const uint8_t *)made->data, made->len, again));
	assert_values(&f->inputs, again, args);
	json_decref(json);
}

static void result_is_as_abi_reads_it(const void *ctx, const struct codec_function *f, const struct abi_entry *entry,
				      uint64_t *state)
{
	struct buf *bytes = buf_new(ctx, ABI_CALL_BYTES);
	void *values = values_fill(ctx, &f->outputs, state), *made = mem_array(ctx, char, f->outputs.bytes + 1);
	json_t *json = values_json(&f->outputs, values), *read = NULL, *wanted, *got;

	ok(abi_encode(entry->outputs, entry->output_count, json, &root, bytes));
	ok(codec_result(ctx, f, (const uint8_t *)bytes->data, bytes->len, made));
	ok(abi_result(entry, (const uint8_t *)bytes->data, bytes->len, &read));
	wanted = values_of_abi(&f->outputs, read);
	got = values_json(&f->outputs, made);
	assert_json_equal(got, wanted);
	assert_values(&f->outputs, made, values);
	json_decref(json);
	json_decref(read);
	json_decref(wanted);
	json_decref(got);
}

static void functions_are_those_of_the_abi(void **state)
{
	uint64_t random = 1;
	size_t count = 0, known = 0;

	(void)state;
	for (; codec_functions[count]; count++) {
		const struct codec_function *f = codec_functions[count];
		void *ctx = talloc_new(NULL);
		const struct abi_entry *entry = NULL;

		ok(abi_function(contract_of(ctx, f->contract)->abi, f->name, &entry));
		assert_int_equal(f->view, entry->view);
		assert_int_equal(f->payable, entry->payable);
		for (int i = 0; i < ROUNDS; i++) {
			call_is_as_abi_writes_it(ctx, f, entry, &random);
			if (f->view)
				result_is_as_abi_reads_it(ctx, f, entry, &random);
		}
		mem_free(ctx);
	}
	for (size_t i = 0; contract_name_at(i); i++) {
		void *ctx = talloc_new(NULL);
		const struct contract *c = contract_of(ctx, contract_name_at(i));

		for (size_t j = 0; abi_function_at(c->abi, j); j++)
			known++;
		mem_free(ctx);
	}
	assert_int_equal(count, known);
}

static void constructors_are_those_of_the_abi(void **state)
{
	uint64_t random = 3;
	size_t count = 0, known = 0;

	(void)state;
	for (; codec_constructors[count]; count++) {
		const struct codec_constructor *c = codec_constructors[count];
		void *ctx = talloc_new(NULL);

		for (int i = 0; i < ROUNDS; i++) {
			struct buf *made = buf_new(ctx, ABI_CALL_BYTES);
			void *args = values_fill(ctx, &c->inputs, &random);
			json_t *json = values_json(&c->inputs, args);
			struct txbox_intent *wanted = NULL;

			ok(contract_create(ctx, contract_of(ctx, c->contract), "id", json, &wanted));
			ok(codec_construct(c, args, made));
			assert_int_equal(made->len, wanted->n);
			assert_memory_equal(made->data, wanted->data, wanted->n);
			json_decref(json);
		}
		mem_free(ctx);
	}
	while (contract_name_at(known))
		known++;
	assert_int_equal(count, known);
}

static void what_a_constructor_cannot_take(void **state)
{
	struct jobs_constructor_call call = {.dispute_window = UINT64_C(1) << 40};
	struct buf *to = buf_new(NULL, ABI_CALL_BYTES);

	(void)state;
	refused(jobs_constructor_encode(&call, to), ERROR_INVALID, "Jobs: disputeWindow_: does not fit into 40 bits");
	mem_free(to);
	to = buf_new(NULL, 100);
	refused(jobs_constructor_encode(&call, to), ERROR_LIMIT, "");
	mem_free(to);
}

/* --- events --- */

static json_t *member_of(const struct abi_entry *e, size_t i, const json_t *values)
{
	(void)e;
	return json_array_get(values, i);
}

/* As a chain would log it. */
static struct chain_log log_of(const void *ctx, const struct abi_entry *e, const json_t *values)
{
	struct chain_log log = {.topic_count = 1};
	struct abi_member plain[16];
	struct buf *data = buf_new(ctx, ABI_CALL_BYTES);
	json_t *rest = json_array();
	size_t count = 0;

	memcpy(log.topics[0], e->hash, ABI_TOPIC_BYTES);
	for (size_t i = 0; i < e->input_count; i++) {
		if (e->inputs[i].indexed) {
			ok(abi_encode_type_word(&e->inputs[i].type, member_of(e, i, values), &root,
						log.topics[log.topic_count++]));
		} else {
			plain[count++] = e->inputs[i];
			json_array_append(rest, member_of(e, i, values));
		}
	}
	ok(abi_encode(plain, count, rest, &root, data));
	json_decref(rest);
	log.data = (uint8_t *)data->data;
	log.n = data->len;
	return log;
}

static void event_is_as_abi_reads_it(const void *ctx, const struct codec_event *e, const struct abi *abi,
				     uint64_t *state)
{
	const struct abi_entry *entry = NULL, *found = NULL;
	void *values = values_fill(ctx, &e->values, state), *made = mem_array(ctx, char, e->values.bytes + 1);
	json_t *json = values_json(&e->values, values), *read = NULL, *wanted, *got;
	struct chain_log log;

	ok(abi_event(abi, e->name, &entry));
	log = log_of(ctx, entry, json);
	ok(abi_log(abi, (const uint8_t(*)[ABI_TOPIC_BYTES])log.topics, log.topic_count, log.data, log.n, &found,
		   &read));
	assert_ptr_equal(found, entry);
	ok(codec_log(ctx, e, &log, made));
	wanted = values_of_abi(&e->values, read);
	got = values_json(&e->values, made);
	assert_json_equal(got, wanted);
	log.topic_count--;
	refused(codec_log(ctx, e, &log, made), log.topic_count ? ERROR_INVALID : ERROR_NOT_FOUND, e->name);
	json_decref(json);
	json_decref(read);
	json_decref(wanted);
	json_decref(got);
}

static void events_are_those_of_the_abi(void **state)
{
	uint64_t random = 2;
	size_t count = 0;

	(void)state;
	for (; codec_events[count]; count++) {
		void *ctx = talloc_new(NULL);

		for (int i = 0; i < ROUNDS; i++)
			event_is_as_abi_reads_it(ctx, codec_events[count],
						 contract_of(ctx, codec_events[count]->contract)->abi, &random);
		mem_free(ctx);
	}
	assert_true(count > 20);
}

/* --- refusals --- */

static size_t read_by(const void *ctx, const struct codec_refusal *r, const struct buf *bytes, const json_t *json)
{
	size_t readers = 0;

	for (size_t i = 0; contract_name_at(i); i++) {
		const struct abi_entry *found = NULL;
		json_t *values = NULL, *wanted;
		struct error *e = abi_refusal(contract_of(ctx, contract_name_at(i))->abi, (const uint8_t *)bytes->data,
					      bytes->len, &found, &values);

		if (e) {
			error_free(e);
			continue;
		}
		readers++;
		wanted = values_of_abi(&r->values, values);
		assert_string_equal(found->name, r->name);
		assert_json_equal(json, wanted);
		json_decref(wanted);
		json_decref(values);
	}
	return readers;
}

static void refusals_are_those_of_the_abi(void **state)
{
	uint64_t random = 3;

	(void)state;
	for (size_t i = 1; i < CONTRACTS_REFUSALS; i++) {
		const struct codec_refusal *r = &contracts_refusals[i];
		void *ctx = talloc_new(NULL), *values = values_fill(ctx, &r->values, &random);
		struct buf *bytes = buf_new(ctx, ABI_CALL_BYTES);
		json_t *json = values_json(&r->values, values);

		ok(buf_append(bytes, r->selector, ABI_SELECTOR_BYTES));
		ok(codec_encode(&r->values, values, &root, bytes));
		assert_true(read_by(ctx, r, bytes, json) > 0);
		json_decref(json);
		mem_free(ctx);
	}
}

/* --- typed --- */

static void a_call_is_a_struct(void **state)
{
	const struct jobs_create_call call = {.document = {1},
					      .budget = u256_of(5),
					      .deadline = 7,
					      .distributor_limit = u256_of(8),
					      .transcoder_limit = u256_of(9),
					      .storage_limit = u256_of(10)};
	void *ctx = talloc_new(NULL);
	struct buf *made = buf_new(ctx, 4096);

	(void)state;
	ok(jobs_create_encode(&call, made));
	assert_int_equal(made->len, 4 + 6 * 32);
	assert_int_equal((uint8_t)made->data[4], 1);
	assert_int_equal((uint8_t)made->data[4 + 3 * 32 - 1], 7);
	mem_free(ctx);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct jobs_create_call create = {.deadline = UINT64_C(1) << 40};
	struct jobs_top_up_call top_up = {.amount = {{0, UINT64_C(1) << 48, 0, 0}}};
	struct accounts_register_call wrong = {.kind = (enum contracts_kind)CONTRACTS_KIND_COUNT};
	struct buf *made = buf_new(NULL, 4096), *small = buf_new(NULL, 10);

	(void)state;
	refused(jobs_create_encode(&create, made), ERROR_INVALID, "deadline: does not fit into 40 bits");
	refused(jobs_top_up_encode(&top_up, made), ERROR_INVALID,
		"topUp(uint256,uint112): amount: does not fit into 112 bits");
	refused(accounts_register_encode(&wrong, made), ERROR_INVALID, "2 is none of the 2 of the enumeration");
	create.deadline = 1;
	refused(jobs_create_encode(&create, small), ERROR_LIMIT, "10");
	mem_free(made);
	mem_free(small);
}

/* Words of a result, and what is wrong with it. */
static void malformed_results_are_refused(void **state)
{
	static const struct {
		const char *hex, *part;
	} rows[] = {
		{"", "at this address there is no such contract"},
		{"00", "is cut short"},
		/* the offset, the length, the elements, the padding of nodesOf's addresses */
		{"0000000000000000000000000000000000000000000000000000000000000021", "points outside"},
		{"0000000000000000000000000000000000000000000000000000000000000020", "is cut short"},
		{"0000000000000000000000000000000000000000000000000000000000000000",
		 "uses bytes that another value uses"},
		{"0000000000000000000000000000000000000000000000000000000000000020"
		 "0000000000000000000000000000000000000000000000000000000000000001",
		 "1 elements do not fit"},
		{"0000000000000000000000000000000000000000000000000000000000000020"
		 "00000000000000000000000000000000000000000000000000000000000000ff",
		 "its length points outside"},
		{"0000000000000000000000000000000000000000000000000000000000000020"
		 "0000000000000000000000000000000000000000000000000000000000000001"
		 "0000000000000000000000010000000000000000000000000000000000000000",
		 "[0]: is no address"},
	};
	struct jobs_nodes_of_result nodes;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *ctx = talloc_new(NULL);
		size_t n = 0;
		uint8_t *bytes = bytes_of_hex(ctx, rows[i].hex, &n);

		refused(jobs_nodes_of_decode(ctx, bytes, n, &nodes), ERROR_INVALID, rows[i].part);
		mem_free(ctx);
	}
}

/* Blacklist.get. */
static void malformed_values_are_refused(void **state)
{
	enum { VERIFIER, UNTIL, APPEALED, EVIDENCE, REASON, LENGTH, TEXT, WORDS };
	static const struct {
		size_t byte;
		uint8_t value;
		const char *part;
	} rows[] = {
		{VERIFIER * 32, 1, "verifier: is no address"},
		{UNTIL * 32 + 23, 1, "until: is no number of 64 bits"},
		{APPEALED * 32 + 31, 3, "appealed: is none of the 3 of the enumeration"},
		{APPEALED * 32, 1, "appealed: is none of the 3"},
		{REASON * 32, 1, "reason: its offset points outside"},
		{LENGTH * 32 + 30, 1, "reason: its length points outside"},
		{TEXT * 32, 0xff, "reason: is no UTF-8 text"},
		{TEXT * 32 + 31, 1, "reason: has bytes in its padding"},
	};
	struct blacklist_get_result bar;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[WORDS * 32] = {0};
		void *ctx = talloc_new(NULL);

		bytes[REASON * 32 + 31] = LENGTH * 32;
		bytes[LENGTH * 32 + 31] = 2;
		memcpy(bytes + TEXT * 32, "no", 2);
		ok(blacklist_get_decode(ctx, bytes, sizeof(bytes), &bar));
		assert_string_equal(bar.reason.data, "no");
		bytes[rows[i].byte] = rows[i].value;
		refused(blacklist_get_decode(ctx, bytes, sizeof(bytes), &bar), ERROR_INVALID, rows[i].part);
		mem_free(ctx);
	}
}

static void a_call_of_another_function_is_refused(void **state)
{
	struct jobs_top_up_call call = {.amount = u256_of(1)};
	struct buf *made = buf_new(NULL, 4096);

	(void)state;
	ok(jobs_top_up_encode(&call, made));
	refused(codec_call_read(NULL, &jobs_close_function, (const uint8_t *)made->data, made->len, &call),
		ERROR_INVALID, "close(uint256): is not what is called");
	refused(codec_call_read(NULL, &jobs_close_function, (const uint8_t *)made->data, 3, &call), ERROR_INVALID,
		"is not what is called");
	mem_free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_those_of_the_abi),
		cmocka_unit_test(constructors_are_those_of_the_abi),
		cmocka_unit_test(what_a_constructor_cannot_take),
		cmocka_unit_test(events_are_those_of_the_abi),
		cmocka_unit_test(refusals_are_those_of_the_abi),
		cmocka_unit_test(a_call_is_a_struct),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(malformed_results_are_refused),
		cmocka_unit_test(malformed_values_are_refused),
		cmocka_unit_test(a_call_of_another_function_is_refused),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
