#include "chain/abi.h"

#include <assert.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/u256.h"

/* --- types --- */

/* A decimal number without leading zeros; false when the text does not begin with one. */
static bool read_number(const char **text, size_t max, size_t *ret)
{
	size_t value = 0;
	const char *at = *text;

	if (*at < '1' || *at > '9')
		return false;
	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (size_t)(*at - '0');
		if (value > max)
			return false;
	}
	*text = at;
	*ret = value;
	return true;
}

static bool take(const char **text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*text, word, n) != 0)
		return false;
	*text += n;
	return true;
}

bool abi_elementary_take(const char **text, struct abi_elementary *ret_type)
{
	static const struct {
		const char *word;
		enum abi_kind kind;
		size_t usual, max, step; /* of the number behind the word */
	} rows[] = {
		{"uint", ABI_UINT, 256, 256, 8},   {"int", ABI_INT, 256, 256, 8}, {"bytes", ABI_BYTES_N, 0, 32, 1},
		{"address", ABI_ADDRESS, 0, 0, 0}, {"bool", ABI_BOOL, 0, 0, 0},   {"string", ABI_STRING, 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t size = rows[i].usual;

		if (!take(text, rows[i].word))
			continue;
		if (rows[i].step && **text != '\0' && **text != '[' &&
		    (!read_number(text, rows[i].max, &size) || size % rows[i].step))
			return false;
		*ret_type = (struct abi_elementary){rows[i].kind, (unsigned)size};
		if (ret_type->kind == ABI_BYTES_N && size == 0)
			ret_type->kind = ABI_BYTES;
		return true;
	}
	return false;
}

bool abi_elementary_dynamic(const struct abi_elementary *type)
{
	return type->kind == ABI_BYTES || type->kind == ABI_STRING;
}

/* --- values --- */

static struct error *placed(struct error *e, const struct json_place *at)
{
	struct error *mine;

	if (!e)
		return NULL;
	mine = json_place_error(at, "%s", e->message);
	error_free(e);
	return mine;
}

static struct error *encode_number(const struct abi_elementary *type, const json_t *value, const struct json_place *at,
				   uint8_t ret_word[ABI_WORD])
{
	char digits[32];
	const char *text = json_string_value(value);
	struct u256 number = U256_ZERO;

	if (json_is_integer(value)) {
		snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		text = digits;
	}
	if (!text || (json_is_string(value) && strlen(text) != json_string_length(value)))
		return json_place_error(at, "must be a whole number, as a string such as \"123\"");
	if (type->kind == ABI_INT) {
		TRY(placed(u256_parse_signed(text, type->size, &number), at));
	} else {
		if (*text == '-')
			return json_place_error(at, "must not be negative");
		TRY(placed(u256_parse(text, &number), at));
		if (u256_bits(number) > type->size)
			return json_place_error(at, "does not fit into %u bits", type->size);
	}
	u256_to_bytes(number, ret_word);
	return NULL;
}

static struct error *encode_address(const json_t *value, const struct json_place *at, uint8_t ret_word[ABI_WORD])
{
	if (!json_is_string(value))
		return json_place_error(at, "must be an address, \"0x\" and 40 hexadecimal digits");
	memset(ret_word, 0, ABI_WORD - ETH_ADDRESS_BYTES);
	return placed(eth_address_parse(json_string_value(value), ret_word + ABI_WORD - ETH_ADDRESS_BYTES), at);
}

struct error *abi_read_hex(const void *ctx, const json_t *value, const struct json_place *at, size_t max,
			   uint8_t **ret_bytes, size_t *ret_n)
{
	const char *text = json_string_value(value);
	size_t digits = json_string_length(value);
	uint8_t *bytes;

	if (!text || strncmp(text, "0x", 2) != 0 || digits % 2 || !hex_is(text + 2, digits - 2))
		return json_place_error(at, "must be \"0x\" and hexadecimal digits, two a byte");
	digits -= 2;
	if (digits / 2 > max)
		return json_place_error(at, "has %zu bytes, at most %zu are allowed", digits / 2, max);
	bytes = mem_array(ctx, uint8_t, digits / 2 + 1);
	TRY(hex_decode(text + 2, bytes, digits / 2));
	*ret_bytes = bytes;
	*ret_n = digits / 2;
	return NULL;
}

static struct error *encode_bytes_n(const struct abi_elementary *type, const json_t *value, const struct json_place *at,
				    uint8_t ret_word[ABI_WORD])
{
	uint8_t *bytes = NULL;
	size_t n = 0;

	TRY(abi_read_hex(NULL, value, at, ABI_WORD, &bytes, &n));
	if (bytes && n == type->size) {
		memset(ret_word, 0, ABI_WORD);
		memcpy(ret_word, bytes, n);
	}
	mem_free(bytes);
	return n == type->size ? NULL : json_place_error(at, "has %zu bytes, must have %u", n, type->size);
}

struct error *abi_encode_word(const struct abi_elementary *type, const json_t *value, const struct json_place *at,
			      uint8_t ret_word[ABI_WORD])
{
	switch (type->kind) {
	case ABI_UINT:
	case ABI_INT:
		return encode_number(type, value, at, ret_word);
	case ABI_ADDRESS:
		return encode_address(value, at, ret_word);
	case ABI_BOOL:
		if (!json_is_boolean(value))
			return json_place_error(at, "must be true or false");
		memset(ret_word, 0, ABI_WORD);
		ret_word[ABI_WORD - 1] = json_is_true(value);
		return NULL;
	case ABI_BYTES_N:
		return encode_bytes_n(type, value, at, ret_word);
	case ABI_BYTES:
	case ABI_STRING:
		break;
	}
	assert(!"a type of one word");
	return NULL;
}
