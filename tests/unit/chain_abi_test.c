#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/interface.h"
#include "chain_vectors.h"

static const struct json_place root = {NULL, NULL, 0};

static struct abi *abi_of(const void *ctx, const json_t *list)
{
	struct abi *a = NULL;

	ok(abi_read(ctx, list, &root, &a));
	return a;
}

static struct abi *abi_of_text(const void *ctx, const char *text)
{
	json_t *list = json_of(text);
	struct abi *a = abi_of(ctx, list);

	json_decref(list);
	return a;
}

/* A function f(types) that returns the same types; names a, b, c... */
static const struct abi_entry *function_of(const void *ctx, const char *const *types, size_t count)
{
	json_t *members = json_array(), *list;
	const struct abi_entry *f = NULL;

	for (size_t i = 0; i < count; i++) {
		const char name[2] = {(char)('a' + i), '\0'};

		json_array_append_new(members, json_pack("{s:s,s:s}", "name", name, "type", types[i]));
	}
	list = json_pack("[{s:s,s:s,s:O,s:o}]", "type", "function", "name", "f", "inputs", members, "outputs", members);
	ok(abi_function(abi_of(ctx, list), "f", &f));
	json_decref(list);
	return f;
}

static void vectors_of_eth_abi(void **state)
{
	json_t *all = vectors_load("abi.json"), *vectors = json_object_get(all, "vectors");

	(void)state;
	assert_true(json_array_size(vectors) >= 100);
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		void *ctx = talloc_new(NULL);
		json_t *v = json_array_get(vectors, i), *values = json_object_get(v, "values"), *made = NULL, *list;
		struct buf *call = buf_new(ctx, ABI_CALL_BYTES);
		const struct abi_entry *f = NULL;
		char *wanted, *got;
		size_t n;
		uint8_t *bytes = bytes_of_hex(ctx, text_at(v, "encoded"), &n);

		list = json_pack("[O]", json_object_get(v, "entry"));
		ok(abi_function(abi_of(ctx, list),
				json_string_value(json_object_get(json_object_get(v, "entry"), "name")), &f));
		assert_string_equal(f->signature, text_at(v, "signature"));
		ok(abi_call(f, values, call));
		wanted = mem_printf(ctx, "%s%s", text_at(v, "selector"), text_at(v, "encoded"));
		got = hex_encode(ctx, (uint8_t *)call->data, call->len);
		assert_string_equal(got, wanted);
		ok(abi_result(f, bytes, n, &made));
		assert_json_equal(made, values);
		json_decref(made);
		/* Cut anywhere it is refused, never misread. */
		for (size_t cut = 0; cut < n; cut += 7) {
			struct error *e = abi_result(f, bytes, cut, &made);

			assert_non_null(e);
			error_free(e);
		}
		json_decref(list);
		mem_free(ctx);
	}
	json_decref(all);
}

static void logs_and_refusals_of_ethers(void **state)
{
	void *ctx = talloc_new(NULL);
	json_t *all = vectors_load("logs.json"), *v;
	struct abi *a = abi_of(ctx, json_object_get(all, "abi"));
	size_t i;

	(void)state;
	json_array_foreach (json_object_get(all, "logs"), i, v) {
		uint8_t topics[ABI_TOPICS][ABI_TOPIC_BYTES];
		const json_t *list = json_object_get(v, "topics");
		const struct abi_entry *event = NULL;
		json_t *values = NULL;
		size_t n;
		uint8_t *data = bytes_of_hex(ctx, text_at(v, "data"), &n);

		for (size_t t = 0; t < json_array_size(list); t++)
			ok(hex_decode(json_string_value(json_array_get(list, t)) + 2, topics[t], ABI_TOPIC_BYTES));
		ok(abi_log(a, (const uint8_t(*)[ABI_TOPIC_BYTES])topics, json_array_size(list), data, n, &event,
			   &values));
		assert_string_equal(event->signature, text_at(v, "event"));
		assert_json_equal(values, json_object_get(v, "values"));
		json_decref(values);
		refused(abi_log(a, (const uint8_t(*)[ABI_TOPIC_BYTES])topics, json_array_size(list) - 1, data, n,
				&event, &values),
			ERROR_INVALID, "indexed values");
		topics[0][0] ^= 1;
		refused(abi_log(a, (const uint8_t(*)[ABI_TOPIC_BYTES])topics, json_array_size(list), data, n, &event,
				&values),
			ERROR_NOT_FOUND, "none of the contract's events");
		refused(abi_log(a, (const uint8_t(*)[ABI_TOPIC_BYTES])topics, 0, data, n, &event, &values),
			ERROR_NOT_FOUND, "none of the contract's events");
	}
	json_array_foreach (json_object_get(all, "reverts"), i, v) {
		size_t n;
		uint8_t *data = bytes_of_hex(ctx, text_at(v, "data"), &n);

		assert_string_equal(abi_revert_text(ctx, a, data, n), text_at(v, "text"));
	}
	assert_string_equal(abi_revert_text(ctx, a, NULL, 0), "no reason given");
	assert_string_equal(abi_revert_text(ctx, NULL, (const uint8_t *)"\x08\xc3\x79\xa0\x01", 5), "0x08c379a001");
	json_decref(all);
	mem_free(ctx);
}

static void types_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *abi, *part;
	} rows[] = {
		{"{}", "must be the array"},
		{"[1]", "[0]"},
		{"[{\"type\":\"function\"}]", "[0].name: is missing"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":{}}]", "[0].inputs: must be an array"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"uint7\"}]}]",
		 "[0].inputs[0].type: \"uint7\""},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"uint264\"}]}]", "no type"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"bytes33\"}]}]", "no type"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"uint08\"}]}]", "no type"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"function\"}]}]", "no type"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"fixed128x18\"}]}]", "no type"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"uint8[0]\"}]}]", "array length"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"uint8[2\"}]}]", "lacks a ]"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"uint8[2]x\"}]}]", "no type"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"uint8[1000000][1000000]\"}]}]",
		 "more than"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":"
		 "\"uint8[][][][][][][][][][][][][][][][][]\"}]}]",
		 "levels deep"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"tuple\"}]}]",
		 "components: is missing"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"tuple\",\"components\":[]}]}]",
		 "components"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[5]}]", "inputs[0]: must be an object"},
		{"[{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"tuple\",\"components\":["
		 "{\"type\":\"uint8[32768]\"},{\"type\":\"uint8\"}]}]}]",
		 "the tuple takes more than 1048576 bytes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *list = json_of(rows[i].abi);
		struct abi *a;
		struct error *e = abi_read(NULL, list, &root, &a);

		assert_non_null(e);
		if (!strstr(e->message, rows[i].part))
			fail_msg("%s: \"%s\" does not hold \"%s\"", rows[i].abi, e->message, rows[i].part);
		error_free(e);
		json_decref(list);
	}
}

static void interfaces_are_bounded(void **state)
{
	const struct json_place at = {NULL, "abi", 0};
	json_t *list = json_array(), *tuple = json_pack("{s:s}", "type", "bool");
	struct abi *a;

	(void)state;
	for (int i = 0; i < 4097; i++)
		json_array_append_new(list, json_pack("{s:s}", "type", "fallback"));
	refused(abi_read(NULL, list, &at, &a), ERROR_INVALID, "abi: has 4097 entries, at most 4096");
	json_decref(list);
	for (int i = 0; i < 17; i++)
		tuple = json_pack("{s:s,s:[o]}", "type", "tuple", "components", tuple);
	list = json_pack("[{s:s,s:s,s:[o]}]", "type", "function", "name", "f", "inputs", tuple);
	refused(abi_read(NULL, list, &at, &a), ERROR_INVALID, "is more than 16 levels deep");
	json_decref(list);
}

static void arguments_that_do_not_fit_are_refused(void **state)
{
	static const char *const types[] = {"uint8",  "int8",  "address", "bool",
					    "bytes2", "bytes", "string",  "uint8[2]"};
	static const struct {
		const char *args;
		enum error_code code;
		const char *part;
	} rows[] = {
		{"{}", ERROR_INVALID, "f(uint8,int8,address,bool,bytes2,bytes,string,uint8[2]): a: is missing"},
		{"7", ERROR_INVALID, "must be an array, or an object"},
		{"[]", ERROR_INVALID, "has 0 values, must have 8"},
		{"[\"256\",0,\"\",0,0,0,0,0]", ERROR_INVALID, "[0]: does not fit into 8 bits"},
		{"[\"-1\",0,\"\",0,0,0,0,0]", ERROR_INVALID, "must not be negative"},
		{"[-1,0,\"\",0,0,0,0,0]", ERROR_INVALID, "must not be negative"},
		{"[1.5,0,\"\",0,0,0,0,0]", ERROR_INVALID, "must be a whole number"},
		{"[1,\"128\",\"\",0,0,0,0,0]", ERROR_INVALID, "[1]: the number does not fit"},
		{"[1,\"-129\",\"\",0,0,0,0,0]", ERROR_INVALID, "does not fit"},
		{"[1,1,\"0x12\",0,0,0,0,0]", ERROR_INVALID, "[2]: \"0x12\" is no address"},
		{"[1,1,\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD\",0,0,0,0,0]", ERROR_INVALID, "EIP-55"},
		{"[1,1,5,0,0,0,0,0]", ERROR_INVALID, "must be an address"},
		{"[1,1,\"0x52908400098527886E0F7030069857D2E4169EE7\",1,0,0,0,0]", ERROR_INVALID, "[3]: must be true"},
		{"[1,1,\"0x52908400098527886E0F7030069857D2E4169EE7\",true,\"0x01\",0,0,0]", ERROR_INVALID,
		 "[4]: has 1 bytes, must have 2"},
		{"[1,1,\"0x52908400098527886E0F7030069857D2E4169EE7\",true,\"0x0102\",\"0x1\",0,[1,2]]", ERROR_INVALID,
		 "must be \"0x\""},
		{"[1,1,\"0x52908400098527886E0F7030069857D2E4169EE7\",true,\"0x0102\",\"0x\",5,[1,2]]", ERROR_INVALID,
		 "[6]: must be a string"},
		{"[1,1,\"0x52908400098527886E0F7030069857D2E4169EE7\",true,\"0x0102\",\"0x\",\"\",[1]]", ERROR_INVALID,
		 "[7]: has 1 elements, must have 2"},
		{"[1,1,\"0x52908400098527886E0F7030069857D2E4169EE7\",true,\"0x0102\",\"0x\",\"\",5]", ERROR_INVALID,
		 "[7]: must be an array"},
		{"{\"a\":1,\"b\":2,\"c\":\"0x52908400098527886E0F7030069857D2E4169EE7\",\"d\":true,\"e\":\"0x0102\","
		 "\"f\":"
		 "\"0x\",\"g\":\"\",\"h\":[1,2],\"i\":1}",
		 ERROR_INVALID, "has 9 members, must have 8"},
	};
	void *ctx = talloc_new(NULL);
	const struct abi_entry *f = function_of(ctx, types, sizeof(types) / sizeof(types[0]));

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf *to = buf_new(ctx, 4096);
		json_t *args = json_of(rows[i].args);

		refused(abi_call(f, args, to), rows[i].code, rows[i].part);
		json_decref(args);
	}
	mem_free(ctx);
}

static void calls_are_bounded(void **state)
{
	static const char *const types[] = {"bytes"};
	void *ctx = talloc_new(NULL);
	const struct abi_entry *f = function_of(ctx, types, 1);
	struct buf *to = buf_new(ctx, 128);
	json_t *args = json_of("[\"0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0011\"]");
	uint8_t *bytes = NULL;
	size_t n = 0;

	(void)state;
	refused(abi_call(f, args, to), ERROR_LIMIT, "");
	refused(abi_read_hex(ctx, json_array_get(args, 0), &root, 33, &bytes, &n), ERROR_INVALID,
		"has 34 bytes, at most 33 are allowed");
	json_decref(args);
	mem_free(ctx);
}

#define WORD(last) "00000000000000000000000000000000000000000000000000000000000000" last

static void results_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *type, *bytes, *part;
	} rows[] = {
		{"uint8", "", "returned nothing: at this address there is no such contract"},
		{"uint8", "00", "a: is cut short"},
		{"uint8", "0000000000000000000000000000000000000000000000000000000000000100", "is no number of 8 bits"},
		{"int8", WORD("80"), "is no signed number of 8 bits"},
		{"bool", WORD("02"), "neither true nor false"},
		{"address", "0000000000000000000000010000000000000000000000000000000000000000", "is no address"},
		{"bytes1", "0100000000000000000000000000000000000000000000000000000000000001", "more than 1 bytes"},
		{"bytes", WORD("40"), "its offset points outside"},
		{"bytes", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		 "its offset points outside"},
		{"bytes", WORD("00"), "uses bytes that another value uses too"},
		{"bytes", WORD("20") WORD("01"), "is cut short"},
		{"bytes", WORD("20") WORD("41"), "its length points outside"},
		{"bytes", WORD("20") WORD("01") WORD("01"), "bytes in its padding"},
		{"string", WORD("20") WORD("01") "ff00000000000000000000000000000000000000000000000000000000000000",
		 "no UTF-8"},
		{"uint8[]", WORD("20") WORD("02") WORD("01"), "2 elements do not fit"},
		{"uint8[2]", WORD("01"), "2 elements do not fit"},
		/* Two elements at the same place */
		{"bytes[]", WORD("20") WORD("02") WORD("40") WORD("40") WORD("00"),
		 "uses bytes that another value uses too"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *ctx = talloc_new(NULL);
		const struct abi_entry *f = function_of(ctx, &rows[i].type, 1);
		json_t *values;
		size_t n;
		uint8_t *bytes = bytes_of_hex(ctx, rows[i].bytes, &n);

		refused(abi_result(f, bytes, n, &values), ERROR_INVALID, rows[i].part);
		mem_free(ctx);
	}
}

static void names_choose_functions(void **state)
{
	void *ctx = talloc_new(NULL);
	struct abi *a = abi_of_text(
		ctx, "[{\"type\":\"function\",\"name\":\"f\",\"stateMutability\":\"view\"},{\"type\":\"function\","
		     "\"name\":\"f\","
		     "\"inputs\":[{\"name\":\"\",\"type\":\"uint256\"}]},{\"type\":\"function\",\"name\":\"g\","
		     "\"stateMutability\":\"payable\"},{\"type\":\"fallback\"}]");
	const struct abi_entry *f = NULL;

	(void)state;
	ok(abi_function(a, "f()", &f));
	assert_true(f->view && !f->payable);
	ok(abi_function(a, "f(uint256)", &f));
	assert_int_equal(f->input_count, 1);
	ok(abi_function(a, "g", &f));
	assert_true(f->payable && !f->view);
	refused(abi_function(a, "f", &f), ERROR_INVALID, "name one by its signature, such as f()");
	refused(abi_function(a, "h", &f), ERROR_NOT_FOUND, "it has: f(), f(uint256), g()");
	refused(abi_event(a, "h", &f), ERROR_NOT_FOUND, "no event \"h\"");
	assert_null(abi_constructor(a));
	mem_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_eth_abi),
		cmocka_unit_test(logs_and_refusals_of_ethers),
		cmocka_unit_test(types_that_are_none_are_refused),
		cmocka_unit_test(interfaces_are_bounded),
		cmocka_unit_test(arguments_that_do_not_fit_are_refused),
		cmocka_unit_test(calls_are_bounded),
		cmocka_unit_test(results_that_are_none_are_refused),
		cmocka_unit_test(names_choose_functions),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
