#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chain/address.h"
#include "chain/amount.h"
#include "chain/u256.h"
#include "chain_vectors.h"

#define MAX_DECIMAL "115792089237316195423570985008687907853269984665640564039457584007913129639935"
#define OVER_DECIMAL "115792089237316195423570985008687907853269984665640564039457584007913129639936"

static struct u256 number(const char *text)
{
	struct u256 n = U256_ZERO;

	ok(u256_parse(text, &n));
	return n;
}

static void assert_decimal(struct u256 n, const char *wanted)
{
	char *text = u256_decimal(NULL, n);

	assert_string_equal(text, wanted);
	mem_free(text);
}

static void numbers_are_read_and_printed(void **state)
{
	static const struct {
		const char *text, *decimal, *quantity;
	} rows[] = {
		{"0", "0", "0x0"},
		{"0x0", "0", "0x0"},
		{"0x00ff", "255", "0xff"},
		{"18446744073709551616", "18446744073709551616", "0x10000000000000000"},
		{MAX_DECIMAL, MAX_DECIMAL, "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
		{"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", MAX_DECIMAL,
		 "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct u256 n = number(rows[i].text);
		char *quantity = u256_quantity(NULL, n);
		uint8_t bytes[U256_BYTES];

		assert_decimal(n, rows[i].decimal);
		assert_string_equal(quantity, rows[i].quantity);
		u256_to_bytes(n, bytes);
		assert_int_equal(u256_cmp(n, u256_from_bytes(bytes, sizeof(bytes))), 0);
		mem_free(quantity);
	}
}

static void numbers_that_are_none_are_refused(void **state)
{
	struct u256 n = u256_of(7);

	(void)state;
	refused(u256_parse("", &n), ERROR_INVALID, "no digits");
	refused(u256_parse("0x", &n), ERROR_INVALID, "no digits");
	refused(u256_parse("12a", &n), ERROR_INVALID, "no decimal digit");
	refused(u256_parse("0x1g", &n), ERROR_INVALID, "no hexadecimal digit");
	refused(u256_parse(" 1", &n), ERROR_INVALID, "no decimal digit");
	refused(u256_parse("-1", &n), ERROR_INVALID, "no decimal digit");
	refused(u256_parse(OVER_DECIMAL, &n), ERROR_LIMIT, "256 bits");
	refused(u256_parse("0x10000000000000000000000000000000000000000000000000000000000000000", &n), ERROR_LIMIT,
		"256 bits");
	assert_decimal(n, "7");
}

static void arithmetic_is_checked(void **state)
{
	struct u256 max = number(MAX_DECIMAL), n = u256_of(7);
	uint64_t rest, small = 5;

	(void)state;
	refused(u256_add(max, u256_of(1), &n), ERROR_LIMIT, "256 bits");
	refused(u256_sub(u256_of(1), u256_of(2), &n), ERROR_LIMIT, "below zero");
	refused(u256_mul(max, u256_of(2), &n), ERROR_LIMIT, "256 bits");
	refused(u256_scale(max, 11, 10, &n), ERROR_LIMIT, "256 bits");
	assert_decimal(n, "7");

	ok(u256_add(number("0xffffffffffffffff"), u256_of(1), &n));
	assert_decimal(n, "18446744073709551616");
	ok(u256_sub(n, u256_of(1), &n));
	assert_decimal(n, "18446744073709551615");
	ok(u256_mul(number("340282366920938463463374607431768211455"),
		    number("340282366920938463463374607431768211457"), &n));
	assert_int_equal(u256_cmp(n, max), 0);
	assert_decimal(u256_div(max, 10, &rest),
		       "11579208923731619542357098500868790785326998466564056403945758400791312963993");
	assert_int_equal(rest, 5);
	ok(u256_scale(u256_of(101), 9, 8, &n)); /* 113.625 */
	assert_decimal(n, "114");
	assert_false(u256_to_u64(max, &small));
	assert_int_equal(small, 5);
	assert_int_equal(u256_bits(max), 256);
	assert_int_equal(u256_bits(U256_ZERO), 0);
}

static void signed_numbers_fit_their_bits(void **state)
{
	static const struct {
		const char *text;
		unsigned bits;
		bool fits;
	} rows[] = {
		{"127", 8, true},
		{"128", 8, false},
		{"-128", 8, true},
		{"-129", 8, false},
		{"-0", 8, true},
		{"57896044618658097711785492504343953926634992332820282019728792003956564819967", 256, true},
		{"57896044618658097711785492504343953926634992332820282019728792003956564819968", 256, false},
		{"-57896044618658097711785492504343953926634992332820282019728792003956564819968", 256, true},
		{"-57896044618658097711785492504343953926634992332820282019728792003956564819969", 256, false},
		{"-" MAX_DECIMAL, 256, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct u256 n = U256_ZERO;
		struct error *e = u256_parse_signed(rows[i].text, rows[i].bits, &n);

		if (rows[i].fits) {
			char *text = NULL;

			ok(e);
			text = u256_signed_decimal(NULL, n);
			assert_string_equal(text, strcmp(rows[i].text, "-0") ? rows[i].text : "0");
			mem_free(text);
		} else {
			refused(e, ERROR_LIMIT, "does not fit");
		}
	}
}

static void amounts_are_exact(void **state)
{
	static const struct {
		const char *text;
		enum amount_unit usual;
		const char *wei, *ether, *words;
	} rows[] = {
		{"1.5 ether", AMOUNT_WEI, "1500000000000000000", "1.5", "1.5 ether"},
		{"1", AMOUNT_ETHER, "1000000000000000000", "1", "1 ether"},
		{"0.000000000000000001eth", AMOUNT_WEI, "1", "0.000000000000000001", "1 wei"},
		{"1.10000000000000000000000 ether", AMOUNT_WEI, "1100000000000000000", "1.1", "1.1 ether"},
		{"20 gwei", AMOUNT_WEI, "20000000000", "0.00000002", "20 gwei"},
		{"20gwei", AMOUNT_WEI, "20000000000", "0.00000002", "20 gwei"},
		{"0.5gwei", AMOUNT_WEI, "500000000", "0.0000000005", "0.5 gwei"},
		{"7", AMOUNT_WEI, "7", "0.000000000000000007", "7 wei"},
		{"0", AMOUNT_ETHER, "0", "0", "0 wei"},
		{MAX_DECIMAL, AMOUNT_WEI, MAX_DECIMAL,
		 "115792089237316195423570985008687907853269984665640564039457.584007913129639935",
		 "115792089237316195423570985008687907853269984665640564039457.584007913129639935 ether"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct u256 wei = U256_ZERO;
		char *ether, *words;

		ok(amount_parse(rows[i].text, rows[i].usual, &wei));
		assert_decimal(wei, rows[i].wei);
		ether = amount_text(NULL, wei, AMOUNT_ETHER);
		words = amount_words(NULL, wei);
		assert_string_equal(ether, rows[i].ether);
		assert_string_equal(words, rows[i].words);
		mem_free(ether);
		mem_free(words);
	}
}

static void amounts_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum error_code code;
		const char *part;
	} rows[] = {
		{"", ERROR_INVALID, "digits are missing"},
		{".5 ether", ERROR_INVALID, "digits are missing"},
		{"1. ether", ERROR_INVALID, "digits are missing"},
		{"1.2.3 ether", ERROR_INVALID, "no decimal digit"},
		{"-1 ether", ERROR_INVALID, "is no unit"},
		{"1 shilling", ERROR_INVALID, "is no unit"},
		{"1  ether", ERROR_INVALID, "is no unit"},
		{"0x10", ERROR_INVALID, "is no unit"},
		{"1.5 wei", ERROR_INVALID, "parts of a wei"},
		{"0.0000000000000000001 ether", ERROR_INVALID, "parts of a wei"},
		{"115792089237316195423570985008687907853269984665640564039457.584007913129639936 ether", ERROR_LIMIT,
		 "256 bits"},
		{OVER_DECIMAL, ERROR_LIMIT, "256 bits"},
		{OVER_DECIMAL OVER_DECIMAL, ERROR_LIMIT, "has too many digits"},
		{OVER_DECIMAL "00000000000000000000000000000000 ether", ERROR_LIMIT, "has too many digits"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct u256 wei;

		refused(amount_parse(rows[i].text, AMOUNT_WEI, &wei), rows[i].code, rows[i].part);
	}
}

/* The examples of EIP-55. */
static void addresses_have_a_checksum(void **state)
{
	static const char *const addresses[] = {
		"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
		"0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
	};
	uint8_t address[ETH_ADDRESS_BYTES];
	char text[ADDRESS_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		ok(eth_address_parse(addresses[i], address));
		eth_address_text(address, text);
		assert_string_equal(text, addresses[i]);
	}
	ok(eth_address_parse("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", address));
	eth_address_text(address, text);
	assert_string_equal(text, addresses[4]);
	refused(eth_address_parse("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", address), ERROR_INVALID, "EIP-55");
	refused(eth_address_parse("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", address), ERROR_INVALID, "no address");
	refused(eth_address_parse("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd", address), ERROR_INVALID, "no address");
	refused(eth_address_parse("0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", address), ERROR_INVALID, "no address");
}

/* The address of the first contracts of 0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0, as blocks of the main chain have
 * it. */
static void a_contracts_address_is_known_before(void **state)
{
	static const char *const made[] = {"0xcd234A471b72ba2F1Ccf0A70FCABA648a5eeCD8d",
					   "0x343c43A37D37dfF08AE8C4A11544c718AbB4fCF8"};
	uint8_t sender[ETH_ADDRESS_BYTES], address[ETH_ADDRESS_BYTES];
	char text[ADDRESS_TEXT_BYTES];

	(void)state;
	ok(eth_address_parse("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0", sender));
	for (uint64_t nonce = 0; nonce < 2; nonce++) {
		eth_address_of_contract(sender, nonce, address);
		eth_address_text(address, text);
		assert_string_equal(text, made[nonce]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_and_printed),
		cmocka_unit_test(numbers_that_are_none_are_refused),
		cmocka_unit_test(arithmetic_is_checked),
		cmocka_unit_test(signed_numbers_fit_their_bits),
		cmocka_unit_test(amounts_are_exact),
		cmocka_unit_test(amounts_that_are_none_are_refused),
		cmocka_unit_test(addresses_have_a_checksum),
		cmocka_unit_test(a_contracts_address_is_known_before),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
