#include "chain/amount.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"

static const struct {
	const char *word;
	enum amount_unit unit;
	unsigned decimals;
} units[] = {
	{"wei", AMOUNT_WEI, 0},
	{"gwei", AMOUNT_GWEI, 9},
	{"ether", AMOUNT_ETHER, 18},
	{"eth", AMOUNT_ETHER, 18},
};

#define UNITS (sizeof(units) / sizeof(units[0]))
#define NUMBER_BYTES 128

static uint64_t power_of_ten(unsigned n)
{
	uint64_t power = 1;

	while (n--)
		power *= 10;
	return power;
}

struct error *amount_parse_unit(const char *word, enum amount_unit *ret_unit)
{
	for (size_t i = 0; i < UNITS; i++) {
		if (strcmp(units[i].word, word) == 0) {
			*ret_unit = units[i].unit;
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "\"%.20s\" is no unit; one of wei, gwei, ether", word);
}

const char *amount_unit_word(enum amount_unit unit)
{
	return units[unit].word;
}

/* digits "." digits, without a unit */
static struct error *parse_number(const char *text, unsigned decimals, struct u256 *ret_wei)
{
	const char *point = strchr(text, '.');
	size_t whole_digits = point ? (size_t)(point - text) : strlen(text);
	char digits[NUMBER_BYTES];
	const char *fraction = point ? point + 1 : "";
	size_t given = strlen(fraction);

	if (whole_digits == 0 || (point && given == 0))
		return error_new(ERROR_INVALID, "digits are missing");
	while (given > decimals && fraction[given - 1] == '0')
		given--;
	if (given > decimals)
		return error_new(ERROR_INVALID, "has parts of a wei; at most %u decimals", decimals);
	if (whole_digits + decimals >= sizeof(digits))
		return error_new(ERROR_LIMIT, "has too many digits");
	memcpy(digits, text, whole_digits);
	memcpy(digits + whole_digits, fraction, given);
	memset(digits + whole_digits + given, '0', decimals - given);
	digits[whole_digits + decimals] = '\0';
	/* "0x1" must not pass for a hexadecimal number here. */
	if (strspn(digits, "0123456789") != strlen(digits))
		return error_new(ERROR_INVALID, "holds a character that is no decimal digit");
	return u256_parse(digits, ret_wei);
}

struct error *amount_parse(const char *text, enum amount_unit usual, struct u256 *ret_wei)
{
	size_t n = strspn(text, "0123456789."), word = n + (text[n] == ' ' && n > 0);
	enum amount_unit unit = usual;
	char number[NUMBER_BYTES];
	struct error *e = NULL;

	if (n >= sizeof(number))
		return error_new(ERROR_LIMIT, "the amount %s has too many digits", log_q(text));
	memcpy(number, text, n);
	number[n] = '\0';
	if (text[n])
		e = amount_parse_unit(text + word, &unit);
	if (!e)
		e = parse_number(number, units[unit].decimals, ret_wei);
	return e ? error_wrap(e, "\"%.80s\" is no amount such as \"1.5 ether\", \"20 gwei\" or \"7 wei\"", text) : NULL;
}

char *amount_text(const void *ctx, struct u256 wei, enum amount_unit unit)
{
	unsigned decimals = units[unit].decimals;
	uint64_t rest;
	struct u256 whole = u256_div(wei, power_of_ten(decimals), &rest);
	char *digits = u256_decimal(NULL, whole), fraction[32] = "", *text;
	size_t n = decimals;

	for (uint64_t left = rest; n > 0; left /= 10)
		fraction[--n] = (char)('0' + left % 10);
	n = decimals;
	while (n > 0 && fraction[n - 1] == '0')
		n--;
	fraction[n] = '\0';
	text = mem_printf(ctx, "%s%s%s", digits, n ? "." : "", fraction);
	mem_free(digits);
	return text;
}

char *amount_words(const void *ctx, struct u256 wei)
{
	enum amount_unit unit = AMOUNT_WEI;
	char *number, *text;

	/* From a millionth of the larger unit on. */
	if (u256_cmp(wei, u256_of(power_of_ten(12))) >= 0)
		unit = AMOUNT_ETHER;
	else if (u256_cmp(wei, u256_of(power_of_ten(3))) >= 0)
		unit = AMOUNT_GWEI;
	number = amount_text(NULL, wei, unit);
	text = mem_printf(ctx, "%s %s", number, amount_unit_word(unit));
	mem_free(number);
	return text;
}
