#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chain/post.h"
#include "chain/rpc_answer.h"
#include "chain/rpc_read.h"
#include "chain_vectors.h"

#define HASH "0x1111111111111111111111111111111111111111111111111111111111111111"
#define ADDRESS "0x2222222222222222222222222222222222222222"
#define BLOCK(number, rest)                                                                                   \
	"{\"number\":\"" number "\",\"hash\":\"" HASH "\",\"parentHash\":\"" HASH "\",\"timestamp\":\"0x5\"," \
	"\"gasLimit\":\"0x10\",\"gasUsed\":\"0x1\"" rest "}"
#define LOG(topics, data)                                                                                            \
	"{\"blockNumber\":\"0x1\",\"logIndex\":\"0x0\",\"blockHash\":\"" HASH "\",\"transactionHash\":\"" HASH "\"," \
	"\"address\":\"" ADDRESS "\",\"topics\":" topics ",\"data\":\"" data "\"}"
#define RECEIPT(status)                                                                                             \
	"{\"transactionHash\":\"" HASH "\",\"blockHash\":\"" HASH "\",\"blockNumber\":\"0x7\",\"gasUsed\":\"0x5\"," \
	"\"status\":\"" status "\",\"contractAddress\":\"" ADDRESS "\"}"
#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"

static struct error *read_answer(const char *text, const char *const *methods, size_t count, struct rpc_answer **ret)
{
	return rpc_answer_read(NULL, text, strlen(text), 4096, 7, methods, count, ret);
}

static void results_of_the_methods_form_are_taken(void **state)
{
	static const struct {
		const char *method, *result;
	} rows[] = {
		{"eth_chainId", "\"0x1\""},
		{"eth_chainId", "\"0x0001\""},
		{"eth_getBalance", "\"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\""},
		{"eth_call", "\"0x\""},
		{"eth_getBlockByNumber", "null"},
		{"eth_getBlockByNumber", BLOCK("0x1", "")},
		{"eth_getBlockByNumber", BLOCK("0x1", ",\"baseFeePerGas\":\"0x7\"")},
		{"eth_getTransactionReceipt", "null"},
		{"eth_getTransactionReceipt", RECEIPT("0x0")},
		{"eth_getLogs", "[]"},
		{"eth_getLogs", "[" LOG("[\"" HASH "\"]", "0x00") "]"},
		{"eth_sendRawTransaction", "\"" HASH "\""},
		{"web3_clientVersion", "{\"any\":1}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = mem_printf(NULL, RESULT("7", "%s"), rows[i].result);
		struct rpc_answer *answer = NULL;

		ok(read_answer(text, &rows[i].method, 1, &answer));
		assert_non_null(answer->outcomes[0].result);
		mem_free(answer);
		mem_free(text);
	}
}

static void results_of_another_form_are_refused(void **state)
{
	static const struct {
		const char *method, *result, *part;
	} rows[] = {
		{"eth_chainId", "\"banana\"", "eth_chainId: must be a quantity"},
		{"eth_chainId", "\"0x\"", "is no quantity"},
		{"eth_chainId", "1", "must be a quantity"},
		{"eth_chainId", "null", "must be a quantity"},
		{"eth_chainId", "\"0x10000000000000000\"", "does not fit into 64 bits"},
		{"eth_getBalance", "\"0x10000000000000000000000000000000000000000000000000000000000000000\"",
		 "is no quantity"},
		{"eth_call", "\"0x0\"", "two a byte"},
		{"eth_call", "\"00\"", "two a byte"},
		{"eth_sendRawTransaction", "\"0x11\"", "64 hexadecimal digits"},
		{"eth_getBlockByNumber", "[]", "must be a block"},
		{"eth_getBlockByNumber", BLOCK("0xg", ""), "eth_getBlockByNumber: number: \"0xg\""},
		{"eth_getBlockByNumber", BLOCK("0x1", ",\"baseFeePerGas\":\"1\""), "baseFeePerGas: must be"},
		{"eth_getTransactionReceipt", RECEIPT("0x2"), "neither 0 nor 1"},
		{"eth_getTransactionReceipt", "[]", "must be a receipt"},
		{"eth_getLogs", "{}", "must be an array"},
		{"eth_getLogs", "[1]", "eth_getLogs: [0]: must be a log"},
		{"eth_getLogs", "[" LOG("[\"0x11\"]", "0x") "]", "[0].topics[0]: must be"},
		{"eth_getLogs", "[" LOG("[1,2,3,4,5]", "0x") "]", "at most 4"},
		{"eth_getLogs", "[" LOG("[]", "0xf") "]", "[0].data: must be"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = mem_printf(NULL, RESULT("7", "%s"), rows[i].result);
		struct rpc_answer *answer = NULL;

		refused(read_answer(text, &rows[i].method, 1, &answer), ERROR_INVALID, rows[i].part);
		mem_free(text);
	}
}

/* Without any one of these members, or with one of another form, it is none. */
static void members_are_needed(void **state)
{
	static const struct {
		const char *method, *result, *members[9];
	} rows[] = {
		{"eth_getBlockByNumber",
		 BLOCK("0x1", ""),
		 {"number", "hash", "parentHash", "timestamp", "gasLimit", "gasUsed"}},
		{"eth_getTransactionReceipt",
		 RECEIPT("0x1"),
		 {"transactionHash", "blockHash", "blockNumber", "gasUsed", "status"}},
		{"eth_getLogs",
		 "[" LOG("[]", "0x") "]",
		 {"blockNumber", "logIndex", "blockHash", "transactionHash", "address", "topics", "data"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (const char *const *member = rows[i].members; *member; member++) {
			json_t *whole = json_of(rows[i].result);
			json_t *obj = json_is_array(whole) ? json_array_get(whole, 0) : whole;
			char *part = mem_printf(NULL, "%s: must be", *member);

			ok(rpc_check_result(rows[i].method, whole));
			json_object_set_new(obj, *member, json_string("0x1ffffffffffffffffffff"));
			refused(rpc_check_result(rows[i].method, whole), ERROR_INVALID, *member);
			json_object_del(obj, *member);
			refused(rpc_check_result(rows[i].method, whole), ERROR_INVALID, part);
			json_decref(whole);
			mem_free(part);
		}
	}
}

static void members_are_bounded(void **state)
{
	json_t *block = json_of(BLOCK("0x1", "")), *receipt = json_of(RECEIPT("0x1"));

	(void)state;
	json_object_set_new(block, "timestamp", json_string("0x20c49ba5e353f8"));
	refused(rpc_check_result("eth_getBlockByNumber", block), ERROR_INVALID, "timestamp: is out of range");
	json_object_set_new(receipt, "contractAddress", json_string("0x12"));
	refused(rpc_check_result("eth_getTransactionReceipt", receipt), ERROR_INVALID, "contractAddress: must be");
	json_decref(block);
	json_decref(receipt);
}

static void answers_that_are_none_are_refused(void **state)
{
	static const char *const methods[] = {"eth_chainId", "eth_chainId"};
	static const struct {
		const char *text;
		size_t count;
		const char *part;
	} rows[] = {
		{"", 1, ""},
		{"<html>", 1, "line 1"},
		{"[]", 1, "no JSON-RPC answer"},
		{"7", 1, ""},
		{"{\"id\":7,\"result\":\"0x1\"}", 1, "jsonrpc: must be \"2.0\""},
		{"{\"jsonrpc\":\"2.0\",\"id\":7}", 1, "neither a result nor an error"},
		{"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\",\"error\":{\"code\":1}}", 1,
		 "a result and an error"},
		{"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":5}", 1, "error: must be an object"},
		{"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":\"x\"}}", 1, "error.code: must be"},
		{RESULT("8", "\"0x1\""), 1, "the id of no call"},
		{RESULT("null", "\"0x1\""), 1, "the id of no call"},
		{RESULT("7", "\"0x1\""), 2, "must be an array"},
		{"[" RESULT("7", "\"0x1\"") "]", 2, "leaves 1 of 2 calls unanswered"},
		{"[" RESULT("7", "\"0x1\"") "," RESULT("7", "\"0x1\"") "]", 2,
		 "[1]: answers a call for the second time"},
		{"[" RESULT("7", "\"0x1\"") "," RESULT("9", "\"0x1\"") "]", 2, "[1]: has the id of no call"},
		{"[" RESULT("7", "\"0x1\"") ",5]", 2, "[1]"},
		{"[{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":\"x\"}}]", 2, "[0].error.code: must be"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rpc_answer *answer = NULL;
		struct error *e = read_answer(rows[i].text, methods, rows[i].count, &answer);

		assert_non_null(e);
		if (!strstr(e->message, rows[i].part))
			fail_msg("%s: \"%s\" does not hold \"%s\"", rows[i].text, e->message, rows[i].part);
		error_free(e);
	}
}

/* anvil puts the bytes of a custom error into its words. */
static void words_may_hold_zeros(void **state)
{
	static const char *const methods[] = {"eth_call"};
	struct rpc_answer *answer = NULL;

	(void)state;
	assert_null(read_answer("{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":3,\"message\":\"reverted: "
				"\\u0000\\u0001\",\"data\":\"0x0102\"}}",
				methods, 1, &answer));
	assert_string_equal(answer->outcomes[0].message, "reverted: ");
	mem_free(answer);
}

static void answers_are_bounded(void **state)
{
	static const char *const method = "web3_clientVersion";
	char *text = mem_array(NULL, char, 8192);
	struct rpc_answer *answer = NULL;

	(void)state;
	memset(text, '[', 8191);
	refused(rpc_answer_read(NULL, text, 8191, 4096, 7, &method, 1, &answer), ERROR_LIMIT, "");
	refused(rpc_answer_read(NULL, text, 4000, 4096, 7, &method, 1, &answer), ERROR_LIMIT, "");
	mem_free(text);
}

static void batches_are_put_in_order(void **state)
{
	static const char *const methods[] = {"eth_chainId", "eth_call"};
	struct rpc_answer *answer = NULL;

	(void)state;
	ok(read_answer("[{\"jsonrpc\":\"2.0\",\"id\":8,\"error\":{\"code\":3,\"message\":\"no\\n\",\"data\":\"0x0102\"}"
		       "}," RESULT("7", "\"0x5\"") "]",
		       methods, 2, &answer));
	assert_string_equal(json_string_value(answer->outcomes[0].result), "0x5");
	assert_null(answer->outcomes[1].result);
	assert_int_equal(answer->outcomes[1].code, 3);
	assert_string_equal(answer->outcomes[1].message, "no?");
	assert_int_equal(answer->outcomes[1].revert_n, 2);
	assert_false(answer->whole_refused);
	mem_free(answer);
	ok(read_answer("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"batch too large\"}}",
		       methods, 2, &answer));
	assert_true(answer->whole_refused);
	mem_free(answer);
	/* So does go-ethereum since 1.12, under the id of the first call. */
	ok(read_answer("[{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32600,\"message\":\"batch too large\"}}]",
		       methods, 2, &answer));
	assert_true(answer->whole_refused);
	assert_string_equal(answer->outcomes[0].message, "batch too large");
	mem_free(answer);
}

static void urls_show_no_secrets(void **state)
{
	char *label = NULL;

	(void)state;
	ok(post_check_url(NULL, "https://user:secret@example.org/v3/key?x=y", &label));
	assert_string_equal(label, "https://example.org:443");
	mem_free(label);
	ok(post_check_url(NULL, "http://[::1]:8545", &label));
	assert_string_equal(label, "http://[::1]:8545");
	mem_free(label);
	refused(post_check_url(NULL, "file:///etc/passwd", &label), ERROR_INVALID, "begins with file");
	refused(post_check_url(NULL, "127.0.0.1", &label), ERROR_INVALID, "is none such as http://");
	refused(post_check_url(NULL, "", &label), ERROR_INVALID, "is none such as http://");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_of_the_methods_form_are_taken),
		cmocka_unit_test(results_of_another_form_are_refused),
		cmocka_unit_test(members_are_needed),
		cmocka_unit_test(members_are_bounded),
		cmocka_unit_test(answers_that_are_none_are_refused),
		cmocka_unit_test(words_may_hold_zeros),
		cmocka_unit_test(answers_are_bounded),
		cmocka_unit_test(batches_are_put_in_order),
		cmocka_unit_test(urls_show_no_secrets),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
