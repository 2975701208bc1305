#include "chain/revert.h"

#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/abi_input.h"
#include "chain/u256.h"

#define SHOWN_BYTES 256

static const char *panic_word(uint64_t code)
{
	static const struct {
		uint64_t code;
		const char *word;
	} rows[] = {
		{0x01, "an assertion failed"},       {0x11, "arithmetic overflow"},
		{0x12, "division by zero"},          {0x21, "no value of the enumeration"},
		{0x22, "broken storage string"},     {0x31, "pop from an empty array"},
		{0x32, "index out of bounds"},       {0x41, "too much memory"},
		{0x51, "call of an unset function"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code == code)
			return rows[i].word;
	}
	return "panic";
}

/* Error(string); NULL: its argument is none. */
static char *error_text(const void *ctx, const uint8_t *bytes, size_t n)
{
	const struct json_place at = {NULL, NULL, 0};
	struct abi_input in = {bytes, n, n};
	const uint8_t *text = NULL;
	size_t offset = 0, len = 0;
	struct error *e = abi_input_size(&in, 0, "offset", &at, &offset);
	json_t *value;
	char *made;

	if (!e)
		e = abi_input_bytes(&in, offset, &at, &text, &len);
	value = e ? NULL : json_stringn((const char *)text, len); /* NULL: no UTF-8 */
	made = value ? json_text(ctx, value) : NULL;
	error_free(e);
	json_decref(value);
	return made;
}

/* Panic(uint256) */
static char *panic_text(const void *ctx, const uint8_t *bytes, size_t n)
{
	uint64_t code = 0;

	if (n < ABI_WORD || !u256_to_u64(u256_from_bytes(bytes, ABI_WORD), &code))
		return NULL;
	return mem_printf(ctx, "%s (panic 0x%02llx)", panic_word(code), (unsigned long long)code);
}

static const struct {
	uint8_t selector[ABI_SELECTOR_BYTES];
	char *(*text)(const void *ctx, const uint8_t *bytes, size_t n);
} builtins[] = {
	{{0x08, 0xc3, 0x79, 0xa0}, error_text},
	{{0x4e, 0x48, 0x7b, 0x71}, panic_text},
};

char *revert_text(const void *ctx, const uint8_t *bytes, size_t n)
{
	char *text = NULL, *digits;

	if (n == 0)
		return mem_strdup(ctx, "no reason given");
	for (size_t i = 0; n >= ABI_SELECTOR_BYTES && i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (memcmp(bytes, builtins[i].selector, ABI_SELECTOR_BYTES) == 0)
			text = builtins[i].text(ctx, bytes + ABI_SELECTOR_BYTES, n - ABI_SELECTOR_BYTES);
	}
	if (text)
		return text;
	digits = hex_encode(NULL, bytes, n < SHOWN_BYTES ? n : SHOWN_BYTES);
	text = mem_printf(ctx, "0x%s%s", digits, n < SHOWN_BYTES ? "" : "...");
	mem_free(digits);
	return text;
}
