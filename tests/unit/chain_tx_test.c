#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chain/address.h"
#include "chain/tx.h"
#include "chain/typed.h"
#include "chain_vectors.h"

static struct u256 number_at(const json_t *v, const char *key)
{
	struct u256 n = U256_ZERO;

	ok(u256_parse(text_at(v, key), &n));
	return n;
}

static uint64_t small_at(const json_t *v, const char *key)
{
	uint64_t n = 0;

	assert_true(u256_to_u64(number_at(v, key), &n));
	return n;
}

static struct secp_key key_at(const json_t *all)
{
	struct secp_key key;
	size_t n;
	uint8_t *secret = bytes_of_hex(NULL, text_at(all, "key"), &n);

	ok(secp_key_from_secret(secret, &key));
	mem_free(secret);
	return key;
}

static struct tx tx_of(const void *ctx, const json_t *v)
{
	struct tx tx = {.kind = strcmp(text_at(v, "kind"), "legacy") ? TX_EIP1559 : TX_LEGACY};

	tx.chain_id = small_at(v, "chain_id");
	tx.nonce = small_at(v, "nonce");
	tx.gas = small_at(v, "gas");
	if (tx.kind == TX_LEGACY) {
		tx.gas_price = number_at(v, "gas_price");
	} else {
		tx.max_fee = number_at(v, "max_fee");
		tx.max_priority_fee = number_at(v, "max_priority_fee");
	}
	tx.creates = !*text_at(v, "to");
	if (!tx.creates)
		ok(eth_address_parse(text_at(v, "to"), tx.to));
	tx.value = number_at(v, "value");
	tx.data = bytes_of_hex(ctx, text_at(v, "data"), &tx.n);
	return tx;
}

static void assert_hex(const uint8_t *bytes, size_t n, const char *wanted)
{
	char *text = hex_encode(NULL, bytes, n);

	assert_string_equal(text, wanted + (strncmp(wanted, "0x", 2) == 0 ? 2 : 0));
	mem_free(text);
}

static void transactions_of_ethers(void **state)
{
	json_t *all = vectors_load("transactions.json"), *list = json_object_get(all, "transactions"), *v;
	struct secp_key key = key_at(all);
	uint8_t address[ETH_ADDRESS_BYTES];
	size_t i;

	(void)state;
	ok(eth_address_parse(text_at(all, "address"), address));
	assert_true(json_array_size(list) > 40);
	json_array_foreach (list, i, v) {
		void *ctx = talloc_new(NULL);
		struct tx tx = tx_of(ctx, v), back;
		uint8_t hash[TX_HASH_BYTES], sender[ETH_ADDRESS_BYTES];
		size_t n, again_n;
		uint8_t *raw = tx_sign(ctx, &tx, &key, &n, hash), *again;

		assert_hex(raw, n, text_at(v, "raw"));
		assert_hex(hash, sizeof(hash), text_at(v, "hash"));
		ok(tx_read(raw, n, &back, sender));
		assert_memory_equal(sender, address, sizeof(address));
		again = tx_sign(ctx, &back, &key, &again_n, NULL);
		assert_int_equal(again_n, n);
		assert_memory_equal(again, raw, n);
		for (size_t cut = 0; cut < n; cut += 5) {
			struct error *e = tx_read(raw, cut, &back, sender);

			assert_non_null(e);
			error_free(e);
		}
		mem_free(ctx);
	}
	json_decref(all);
}

/* N, the order of the group. */
static void subtract_from_order(const uint8_t s[32], uint8_t ret[32])
{
	struct u256 order = U256_ZERO, rest = U256_ZERO;

	ok(u256_parse("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", &order));
	ok(u256_sub(order, u256_from_bytes(s, 32), &rest));
	u256_to_bytes(rest, ret);
}

/* Whoever has seen a transaction can sign it a second time without the key: it must pass for nobody's. */
static void a_second_form_of_a_signature_is_refused(void **state)
{
	const struct tx tx = {.kind = TX_EIP1559, .chain_id = 31337, .nonce = 7, .gas = 21000, .value = u256_of(5)};
	struct secp_key key;
	struct tx back;
	uint8_t sender[ETH_ADDRESS_BYTES], address[ETH_ADDRESS_BYTES], hash[TX_HASH_BYTES], again[TX_HASH_BYTES];
	struct tx_signature s = {.v = 0}, second;
	size_t n = 0, joined_n = 0, good = 0;
	uint8_t *raw, *joined;

	(void)state;
	do { /* with R and S of 32 bytes, which stand at the end then */
		secp_key_new(&key);
		raw = tx_sign(NULL, &tx, &key, &n, hash);
		memcpy(s.s, raw + n - 32, 32);
		memcpy(s.r, raw + n - 65, 32);
		if (raw[n - 33] == 0xa0 && raw[n - 66] == 0xa0)
			break;
		mem_free(raw);
	} while (true);
	secp_address(key.public, address);
	second = s;
	subtract_from_order(s.s, second.s);
	for (uint64_t v = 0; v < 2; v++) {
		s.v = second.v = v;
		joined = tx_join(NULL, &tx, &s, &joined_n, again);
		ok(tx_read(joined, joined_n, &back, sender));
		good += joined_n == n && memcmp(joined, raw, n) == 0 && memcmp(again, hash, sizeof(hash)) == 0 &&
			memcmp(sender, address, sizeof(address)) == 0;
		mem_free(joined);
		joined = tx_join(NULL, &tx, &second, &joined_n, again);
		refused(tx_read(joined, joined_n, &back, sender), ERROR_INVALID, "second form");
		mem_free(joined);
	}
	assert_int_equal(good, 1);
	mem_free(raw);
}

static void transactions_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *raw, *part;
	} rows[] = {
		{"", "no transaction of a known type"},
		{"01c0", "no transaction of a known type"},
		{"7f", "no transaction of a known type"},
		{"c0", ""},
		{"02c0", ""},
		/* A recipient of 3 bytes; a gas price with a leading zero; v 26; bytes behind it */
		{"cc0101018301020380801b0101", "recipient has 3 bytes"},
		{"cb01820001018080801b0101", "gas price is no number"},
		{"c90101018080801a0101", "no valid v"},
		{"d101010180808088ffffffffffffffff0101", "larger than EIP-2294"},
		{"02d4887fffffffffffffff01010101808080c0800101", "larger than EIP-2294"},
		{"c90101018080801b010100", "the transaction"},
		{"02cd0101010101808080c180800101", "has an access list"},
		{"02cc0101010101808080c0020101", "no valid parity"},
	};
	struct tx tx = {.nonce = 77};
	uint8_t sender[ETH_ADDRESS_BYTES], *big = mem_array(NULL, uint8_t, TX_BYTES + 1);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n;
		uint8_t *raw = bytes_of_hex(NULL, rows[i].raw, &n);

		refused(tx_read(raw, n, &tx, sender), ERROR_INVALID, rows[i].part);
		mem_free(raw);
	}
	big[0] = 0xc0;
	refused(tx_read(big, TX_BYTES + 1, &tx, sender), ERROR_LIMIT, "at most");
	mem_free(big);
	assert_int_equal(tx.nonce, 77);
}

static void costs_are_known_before(void **state)
{
	static const uint8_t data[5] = {0, 1, 0, 2, 3};
	struct tx tx = {
		.kind = TX_LEGACY, .gas = 100000, .gas_price = u256_of(3), .value = u256_of(7), .data = data, .n = 5};
	struct u256 cost = U256_ZERO;

	(void)state;
	assert_int_equal(tx_intrinsic_gas(&tx), 21000 + 2 * 4 + 3 * 16);
	tx.creates = true;
	assert_int_equal(tx_intrinsic_gas(&tx), 21000 + 2 * 4 + 3 * 16 + 32000 + 2);
	ok(tx_cost(&tx, &cost));
	assert_int_equal(u256_cmp(cost, u256_of(300007)), 0);
	ok(u256_parse("0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", &tx.gas_price));
	refused(tx_cost(&tx, &cost), ERROR_LIMIT, "256 bits");
}

static void signatures_of_ethers(void **state)
{
	json_t *all = vectors_load("typed.json"), *v;
	struct secp_key key = key_at(all);
	uint8_t digest[32], signature[SECP_SIGNATURE_BYTES], signer[ETH_ADDRESS_BYTES], wanted[ETH_ADDRESS_BYTES];
	size_t i;

	(void)state;
	json_array_foreach (json_object_get(all, "messages"), i, v) {
		typed_message_digest(text_at(v, "message"), strlen(text_at(v, "message")), digest);
		assert_hex(digest, 32, text_at(v, "digest"));
		typed_digest_sign(&key, digest, signature);
		assert_hex(signature, sizeof(signature), text_at(v, "signature"));
		ok(eth_address_parse(text_at(v, "signer"), wanted));
		ok(typed_digest_signer(digest, signature, signer));
		assert_memory_equal(signer, wanted, sizeof(signer));
	}
	assert_true(json_array_size(json_object_get(all, "typed")) >= 3);
	json_array_foreach (json_object_get(all, "typed"), i, v) {
		ok(typed_digest(json_object_get(v, "document"), digest));
		assert_hex(digest, 32, text_at(v, "digest"));
		typed_digest_sign(&key, digest, signature);
		assert_hex(signature, sizeof(signature), text_at(v, "signature"));
	}
	json_decref(all);
}

/* S and the group's order minus S sign the same; only one may count. */
static void second_forms_are_refused(void **state)
{
	static const char order[] = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
	struct secp_key key;
	uint8_t digest[32] = {1}, signature[SECP_SIGNATURE_BYTES], signer[ETH_ADDRESS_BYTES];
	struct u256 n = U256_ZERO, s = U256_ZERO;

	(void)state;
	secp_key_new(&key);
	typed_digest_sign(&key, digest, signature);
	ok(u256_parse(order, &n));
	ok(u256_sub(n, u256_from_bytes(signature + 32, 32), &s));
	u256_to_bytes(s, signature + 32);
	signature[64] = (uint8_t)(55 - signature[64]);
	refused(typed_digest_signer(digest, signature, signer), ERROR_INVALID, "high S");
	signature[64] = 29;
	refused(typed_digest_signer(digest, signature, signer), ERROR_INVALID, "must be 27 or 28");
}

static void documents_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
		{"{}", "types: is missing"},
		{"{\"types\":{\"A\":1}}", "types.A: must be an array"},
		{"{\"types\":{}}", "primaryType: is missing"},
		{"{\"types\":{},\"primaryType\":\"A\"}", "primaryType: \"A\" is none of the types"},
		{"{\"types\":{\"A\":[]},\"primaryType\":\"A\"}", "EIP712Domain is missing"},
		{"{\"types\":{\"A\":[],\"EIP712Domain\":[]},\"primaryType\":\"A\"}", "domain: must be an object"},
		{"{\"types\":{\"A\":[{\"name\":\"x\",\"type\":\"uint8\"}],\"EIP712Domain\":[]},\"primaryType\":\"A\","
		 "\"domain\":{},\"message\":{}}",
		 "message: has 0 members, a A has 1"},
		{"{\"types\":{\"A\":[{\"name\":\"x\",\"type\":\"uint8\"}],\"EIP712Domain\":[]},\"primaryType\":\"A\","
		 "\"domain\":{},\"message\":{\"y\":1}}",
		 "message.x: is missing"},
		{"{\"types\":{\"A\":[{\"name\":\"x\",\"type\":\"uint8\"}],\"EIP712Domain\":[]},\"primaryType\":\"A\","
		 "\"domain\":{},\"message\":{\"x\":256}}",
		 "message.x: does not fit"},
		{"{\"types\":{\"A\":[{\"name\":\"x\",\"type\":\"B\"}],\"EIP712Domain\":[]},\"primaryType\":\"A\","
		 "\"domain\":{},\"message\":{\"x\":256}}",
		 "message.x: \"B\" is no type"},
		{"{\"types\":{\"A\":[{\"name\":\"x\",\"type\":\"uint8[2]\"}],\"EIP712Domain\":[]},\"primaryType\":"
		 "\"A\","
		 "\"domain\":{},\"message\":{\"x\":[1]}}",
		 "message.x: has 1 elements, must have 2"},
		{"{\"types\":{\"A\":[{\"name\":\"x\",\"type\":\"uint8[x]\"}],\"EIP712Domain\":[]},\"primaryType\":"
		 "\"A\","
		 "\"domain\":{},\"message\":{\"x\":[1]}}",
		 "is no type"},
		{"{\"types\":{\"A\":[{\"name\":\"x\"}],\"EIP712Domain\":[]},\"primaryType\":\"A\",\"domain\":{},"
		 "\"message\":{"
		 "\"x\":[1]}}",
		 "types: A[0].type: is missing"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *document = json_of(rows[i].text);
		uint8_t digest[32];

		refused(typed_digest(document, digest), ERROR_INVALID, rows[i].part);
		json_decref(document);
	}
}

/* `type` of A's only member x, and its value; an empty domain. */
static void document_refused(const char *type, json_t *value, const char *part)
{
	json_t *document = json_pack("{s:{s:[{s:s,s:s}],s:[]},s:s,s:{},s:{s:o}}", "types", "A", "name", "x", "type",
				     type, "EIP712Domain", "primaryType", "A", "domain", "message", "x", value);
	uint8_t digest[32];

	refused(typed_digest(document, digest), ERROR_INVALID, part);
	json_decref(document);
}

static void documents_are_bounded(void **state)
{
	json_t *deep = json_object(), *document, *types, *members = json_array();
	uint8_t digest[32];

	(void)state;
	document_refused("uint8[]", json_integer(1), "message.x: must be an array");
	document_refused("string", json_integer(1), "message.x: must be a string");
	document_refused("bytes", json_string("0x1"), "message.x: must be \"0x\"");
	for (int i = 0; i < 20; i++)
		deep = json_pack("{s:o}", "x", deep);
	document_refused("A", deep, "is more than 16 levels deep");

	types = json_pack("{s:[],s:o}", "EIP712Domain", "A", members);
	for (int i = 0; i < 128; i++) {
		char name[8];

		snprintf(name, sizeof(name), "T%d", i);
		json_object_set_new(types, name, json_array());
		json_array_append_new(members, json_pack("{s:s,s:s}", "name", name, "type", name));
	}
	document = json_pack("{s:o,s:s,s:{},s:{}}", "types", types, "primaryType", "A", "domain", "message");
	for (int i = 0; i < 128; i++) {
		char name[8];

		snprintf(name, sizeof(name), "T%d", i);
		json_object_set_new(json_object_get(document, "message"), name, json_object());
	}
	refused(typed_digest(document, digest), ERROR_INVALID, "has more than 128 structs");
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transactions_of_ethers),
		cmocka_unit_test(transactions_that_are_none_are_refused),
		cmocka_unit_test(a_second_form_of_a_signature_is_refused),
		cmocka_unit_test(costs_are_known_before),
		cmocka_unit_test(signatures_of_ethers),
		cmocka_unit_test(second_forms_are_refused),
		cmocka_unit_test(documents_that_are_none_are_refused),
		cmocka_unit_test(documents_are_bounded),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
