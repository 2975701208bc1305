#include "chain/u256.h"

#include <assert.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"

typedef unsigned __int128 wide;

#define DECIMAL_DIGITS 78 /* of 2^256 - 1 */

static struct error *too_big(void)
{
	return error_new(ERROR_LIMIT, "the number does not fit into 256 bits");
}

struct u256 u256_of(uint64_t value)
{
	return (struct u256){{value, 0, 0, 0}};
}

bool u256_is_zero(struct u256 a)
{
	return !(a.limb[0] | a.limb[1] | a.limb[2] | a.limb[3]);
}

int u256_cmp(struct u256 a, struct u256 b)
{
	for (int i = 3; i >= 0; i--) {
		if (a.limb[i] != b.limb[i])
			return a.limb[i] < b.limb[i] ? -1 : 1;
	}
	return 0;
}

unsigned u256_bits(struct u256 a)
{
	for (int i = 3; i >= 0; i--) {
		if (a.limb[i])
			return (unsigned)i * 64 + 64 - (unsigned)__builtin_clzll(a.limb[i]);
	}
	return 0;
}

bool u256_to_u64(struct u256 a, uint64_t *ret)
{
	if (a.limb[1] | a.limb[2] | a.limb[3])
		return false;
	*ret = a.limb[0];
	return true;
}

struct error *u256_add(struct u256 a, struct u256 b, struct u256 *ret)
{
	struct u256 sum;
	wide carry = 0;

	for (int i = 0; i < 4; i++) {
		carry += (wide)a.limb[i] + b.limb[i];
		sum.limb[i] = (uint64_t)carry;
		carry >>= 64;
	}
	if (carry)
		return too_big();
	*ret = sum;
	return NULL;
}

struct error *u256_sub(struct u256 a, struct u256 b, struct u256 *ret)
{
	struct u256 rest;
	uint64_t borrow = 0;

	if (u256_cmp(a, b) < 0)
		return error_new(ERROR_LIMIT, "the result would be below zero");
	for (int i = 0; i < 4; i++) {
		wide from = a.limb[i], take = (wide)b.limb[i] + borrow;

		borrow = from < take;
		rest.limb[i] = (uint64_t)(from - take);
	}
	*ret = rest;
	return NULL;
}

struct error *u256_mul(struct u256 a, struct u256 b, struct u256 *ret)
{
	uint64_t product[8] = {0};

	for (int i = 0; i < 4; i++) {
		wide carry = 0;

		for (int j = 0; j < 4; j++) {
			carry += (wide)a.limb[i] * b.limb[j] + product[i + j];
			product[i + j] = (uint64_t)carry;
			carry >>= 64;
		}
		product[i + 4] = (uint64_t)carry;
	}
	if (product[4] | product[5] | product[6] | product[7])
		return too_big();
	memcpy(ret->limb, product, sizeof(ret->limb));
	return NULL;
}

struct u256 u256_div(struct u256 a, uint64_t divisor, uint64_t *ret_rest)
{
	struct u256 quotient;
	wide rest = 0;

	assert(divisor > 0);
	for (int i = 3; i >= 0; i--) {
		rest = rest << 64 | a.limb[i];
		quotient.limb[i] = (uint64_t)(rest / divisor);
		rest %= divisor;
	}
	if (ret_rest)
		*ret_rest = (uint64_t)rest;
	return quotient;
}

struct error *u256_scale(struct u256 a, uint64_t up, uint64_t down, struct u256 *ret)
{
	struct u256 product = U256_ZERO, quotient;
	uint64_t rest;

	TRY(u256_mul(a, u256_of(up), &product));
	quotient = u256_div(product, down, &rest);
	if (rest)
		TRY(u256_add(quotient, u256_of(1), &quotient));
	*ret = quotient;
	return NULL;
}

struct u256 u256_from_bytes(const uint8_t *big_endian, size_t n)
{
	struct u256 a = U256_ZERO;

	assert(n <= U256_BYTES);
	for (size_t i = 0; i < n; i++) {
		size_t place = n - 1 - i;

		a.limb[place / 8] |= (uint64_t)big_endian[i] << place % 8 * 8;
	}
	return a;
}

void u256_to_bytes(struct u256 a, uint8_t ret_big_endian[U256_BYTES])
{
	for (size_t i = 0; i < U256_BYTES; i++) {
		size_t place = U256_BYTES - 1 - i;

		ret_big_endian[i] = (uint8_t)(a.limb[place / 8] >> place % 8 * 8);
	}
}

static struct error *parse_hex(const char *digits, struct u256 *ret)
{
	struct u256 a = U256_ZERO;

	if (!*digits)
		return error_new(ERROR_INVALID, "no digits follow 0x");
	for (; *digits; digits++) {
		int digit = hex_digit(*digits);

		if (digit < 0)
			return error_new(ERROR_INVALID, "holds a character that is no hexadecimal digit");
		if (a.limb[3] >> 60)
			return too_big();
		for (int i = 3; i > 0; i--)
			a.limb[i] = a.limb[i] << 4 | a.limb[i - 1] >> 60;
		a.limb[0] = a.limb[0] << 4 | (uint64_t)digit;
	}
	*ret = a;
	return NULL;
}

static struct error *parse_decimal(const char *digits, struct u256 *ret)
{
	struct u256 a = U256_ZERO;

	if (!*digits)
		return error_new(ERROR_INVALID, "holds no digits");
	for (; *digits; digits++) {
		if (*digits < '0' || *digits > '9')
			return error_new(ERROR_INVALID, "holds a character that is no decimal digit");
		TRY(u256_mul(a, u256_of(10), &a));
		TRY(u256_add(a, u256_of((uint64_t)(*digits - '0')), &a));
	}
	*ret = a;
	return NULL;
}

struct error *u256_parse(const char *text, struct u256 *ret)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? parse_hex(text + 2, ret)
								    : parse_decimal(text, ret);
}

struct u256 u256_negate(struct u256 a)
{
	struct u256 negative;
	wide carry = 1;

	for (int i = 0; i < 4; i++) {
		carry += ~a.limb[i];
		negative.limb[i] = (uint64_t)carry;
		carry >>= 64;
	}
	return negative;
}

bool u256_fits_signed(struct u256 a, unsigned bits)
{
	bool negative = a.limb[3] >> 63;
	struct u256 magnitude = a;

	assert(bits >= 8 && bits <= 256);
	if (negative) {
		for (int i = 0; i < 4; i++)
			magnitude.limb[i] = ~a.limb[i];
	}
	return u256_bits(magnitude) < bits;
}

struct error *u256_parse_signed(const char *text, unsigned bits, struct u256 *ret)
{
	bool negative = text[0] == '-';
	struct u256 a = U256_ZERO, value;

	TRY(u256_parse(text + negative, &a));
	value = negative ? u256_negate(a) : a;
	if ((!negative && a.limb[3] >> 63) || (negative && !u256_is_zero(a) && !(value.limb[3] >> 63)) ||
	    !u256_fits_signed(value, bits))
		return error_new(ERROR_LIMIT, "the number does not fit into a signed one of %u bits", bits);
	*ret = value;
	return NULL;
}

char *u256_decimal(const void *ctx, struct u256 a)
{
	char digits[DECIMAL_DIGITS + 1];
	size_t at = DECIMAL_DIGITS;

	digits[at] = '\0';
	do {
		uint64_t rest;

		a = u256_div(a, 10, &rest);
		digits[--at] = (char)('0' + rest);
	} while (!u256_is_zero(a));
	return mem_strdup(ctx, digits + at);
}

char *u256_signed_decimal(const void *ctx, struct u256 a)
{
	char *digits, *text;

	if (!(a.limb[3] >> 63))
		return u256_decimal(ctx, a);
	digits = u256_decimal(NULL, u256_negate(a));
	text = mem_printf(ctx, "-%s", digits);
	mem_free(digits);
	return text;
}

char *u256_quantity(const void *ctx, struct u256 a)
{
	static const char digits[] = "0123456789abcdef";
	unsigned count = (u256_bits(a) + 3) / 4;
	char text[2 + 2 * U256_BYTES + 1] = "0x0";

	for (unsigned i = 0; i < count; i++) {
		unsigned place = count - 1 - i;

		text[2 + i] = digits[a.limb[place / 16] >> place % 16 * 4 & 0xf];
	}
	text[2 + (count ? count : 1)] = '\0';
	return mem_strdup(ctx, text);
}
