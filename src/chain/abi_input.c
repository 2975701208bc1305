#include "chain/abi_input.h"

#include "chain/u256.h"

struct error *abi_input_use(struct abi_input *in, size_t at_byte, size_t n, const struct json_place *at)
{
	if (at_byte > in->n || n > in->n - at_byte)
		return json_place_error(at, "is cut short: it needs %zu bytes at %zu of %zu", n, at_byte, in->n);
	if (n > in->budget)
		return json_place_error(at, "uses bytes that another value uses too");
	in->budget -= n;
	return NULL;
}

struct error *abi_input_size(struct abi_input *in, size_t at_byte, const char *what, const struct json_place *at,
			     size_t *ret_size)
{
	uint64_t size = 0;

	TRY(abi_input_use(in, at_byte, ABI_WORD, at));
	if (!u256_to_u64(u256_from_bytes(in->bytes + at_byte, ABI_WORD), &size) || size > in->n)
		return json_place_error(at, "its %s points outside the %zu bytes", what, in->n);
	*ret_size = (size_t)size;
	return NULL;
}

struct error *abi_input_bytes(struct abi_input *in, size_t at_byte, const struct json_place *at,
			      const uint8_t **ret_bytes, size_t *ret_n)
{
	size_t n = 0, padded;

	TRY(abi_input_size(in, at_byte, "length", at, &n));
	padded = (n + ABI_WORD - 1) / ABI_WORD * ABI_WORD;
	TRY(abi_input_use(in, at_byte + ABI_WORD, padded, at));
	*ret_bytes = in->bytes + at_byte + ABI_WORD;
	*ret_n = n;
	return abi_input_zero(*ret_bytes + n, padded - n) ? NULL : json_place_error(at, "has bytes in its padding");
}

bool abi_input_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}
