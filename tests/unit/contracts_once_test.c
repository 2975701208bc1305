/* What a name of --once is for: the same again, by what its author said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chain_vectors.h"
#include "contracts/jobs_abi.h"
#include "contracts/once.h"
#include "crypto/keccak.h"

static const uint8_t account[ETH_ADDRESS_BYTES] = {0xab};

static void forget_deadline(void *args)
{
	((struct jobs_create_call *)args)->deadline = 0;
}

static struct contracts_intention create(const void *ctx, uint64_t deadline, uint64_t budget)
{
	const struct jobs_create_call call = {.document = {1}, .budget = u256_of(budget), .deadline = deadline};
	struct contracts_intention in = {
		.what = "Jobs.create", .function = &jobs_create_function, .forget = forget_deadline};
	struct buf *data = buf_new(ctx, 4096);

	ok(jobs_create_encode(&call, data));
	in.intent.data = (const uint8_t *)data->data;
	in.intent.n = data->len;
	in.intent.to[0] = 1;
	return in;
}

static struct txbox_record record_of(const struct contracts_intention *in, uint8_t hash[TXBOX_HASH_BYTES])
{
	struct txbox_record record = {.intent = in->intent};

	ok(once_hash(in, hash));
	record.intent.said = hash;
	return record;
}

static void other(const struct contracts_intention *now, const struct txbox_record *before)
{
	refused(once_check("rent", now, before), ERROR_EXISTS, "--once: \"rent\" was said with other arguments before");
}

static void the_same_is_what_was_said(void **state)
{
	uint8_t hash[TXBOX_HASH_BYTES];
	void *ctx = talloc_new(NULL);
	struct contracts_intention first = create(ctx, 100, 5), later = create(ctx, 200, 5),
				   dearer = create(ctx, 100, 6);
	struct txbox_record record = record_of(&first, hash);

	(void)state;
	/* With a hash, and as an earlier release has left it. */
	for (int i = 0; i < 2; i++) {
		ok(once_check("rent", &first, &record));
		ok(once_check("rent", &later, &record));
		other(&dearer, &record);
		later.intent.value = u256_of(1);
		other(&later, &record);
		later.intent.value = U256_ZERO;
		later.intent.to[0] = 2;
		other(&later, &record);
		later.intent.to[0] = 1;
		later.forget = NULL;
		other(&later, &record);
		later.forget = forget_deadline;
		record.intent.said = NULL;
	}
	mem_free(ctx);
}

static void another_function_is_another_thing(void **state)
{
	uint8_t hash[TXBOX_HASH_BYTES];
	void *ctx = talloc_new(NULL);
	struct contracts_intention first = create(ctx, 100, 5), payment = first;
	struct txbox_record record = record_of(&first, hash);

	(void)state;
	payment.what = "payment";
	payment.function = NULL;
	payment.forget = NULL;
	other(&payment, &record);
	record.intent.said = NULL;
	record.intent.n = 3; /* of no function */
	other(&first, &record);
	mem_free(ctx);
}

/* A batch's root has the ordinal in it, which the chain says: its segments are said besides. */
static void what_is_in_no_argument_counts_too(void **state)
{
	const uint8_t these[KECCAK_BYTES] = {1}, those[KECCAK_BYTES] = {2};
	uint8_t hash[TXBOX_HASH_BYTES];
	void *ctx = talloc_new(NULL);
	struct contracts_intention first = create(ctx, 100, 5), later;
	struct txbox_record record;

	(void)state;
	first.besides = these;
	later = first;
	record = record_of(&first, hash);
	ok(once_check("rent", &later, &record));
	later.besides = those;
	other(&later, &record);
	later.besides = NULL;
	other(&later, &record);
	/* An earlier release has not left it. */
	record.intent.said = NULL;
	later.besides = those;
	ok(once_check("rent", &later, &record));
	mem_free(ctx);
}

static void ids(void **state)
{
	char *id = NULL, *again = NULL, longest[66] = "";

	(void)state;
	ok(once_id(NULL, "rent", account, "payment", 1, &id));
	assert_string_equal(id, "once:ab00000000000000000000000000000000000000:payment:1:rent");
	mem_free(id);
	ok(once_id(NULL, NULL, account, "payment", 0, &id));
	ok(once_id(NULL, NULL, account, "payment", 0, &again));
	assert_string_not_equal(id, again);
	mem_free(id);
	mem_free(again);
	memset(longest, 'x', 65);
	refused(once_id(NULL, longest, account, "payment", 0, &id), ERROR_INVALID,
		"--once: must have 1 to 64 characters");
	refused(once_id(NULL, "", account, "payment", 0, &id), ERROR_INVALID, "--once: must have 1 to 64 characters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_what_was_said),
		cmocka_unit_test(another_function_is_another_thing),
		cmocka_unit_test(what_is_in_no_argument_counts_too),
		cmocka_unit_test(ids),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
