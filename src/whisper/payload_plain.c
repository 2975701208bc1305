#include "whisper/payload_plain.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/keccak.h"
#include "crypto/secret.h"

#define FLAG_SIZE_MASK 0x03
#define FLAG_SIGNED 0x04
#define PADDING_UNIT 256
#define PADDING_ZERO_MAX 3 /* longer padding must not be all zero: go-ethereum takes that for a broken generator */

static size_t size_field_bytes(size_t n)
{
	return n < 0x100 ? 1 : n < 0x10000 ? 2 : 3;
}

static bool all_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static void random_padding(uint8_t *ret_padding, size_t n)
{
	do {
		crypto_random_bytes(ret_padding, n);
	} while (n > PADDING_ZERO_MAX && all_zero(ret_padding, n));
}

struct error *payload_plain_write(const void *ctx, const struct payload_to *to, const uint8_t *payload, size_t n,
				  uint8_t **ret_plain, size_t *ret_bytes)
{
	size_t field = size_field_bytes(n), signature = to->sign ? SECP_SIGNATURE_BYTES : 0;
	bool given = to->padding && to->padding_bytes > 0;
	size_t padding, unsigned_bytes;
	uint8_t *plain, *at;

	if (n > PAYLOAD_LIMIT)
		return error_new(ERROR_LIMIT, "payload of %zu bytes: at most %d", n, PAYLOAD_LIMIT);
	if (given && to->padding_bytes > PAYLOAD_LIMIT)
		return error_new(ERROR_LIMIT, "padding of %zu bytes: at most %d", to->padding_bytes, PAYLOAD_LIMIT);
	padding = given ? to->padding_bytes : PADDING_UNIT - (1 + field + n + signature) % PADDING_UNIT;
	unsigned_bytes = 1 + field + n + padding;
	plain = mem_array(ctx, uint8_t, unsigned_bytes + signature);
	plain[0] = (uint8_t)(field | (to->sign ? FLAG_SIGNED : 0));
	for (size_t i = 0; i < field; i++)
		plain[1 + i] = (uint8_t)(n >> (8 * i));
	at = plain + 1 + field;
	if (n > 0)
		memcpy(at, payload, n);
	if (given)
		memcpy(at + n, to->padding, padding);
	else
		random_padding(at + n, padding);
	if (to->sign) {
		uint8_t digest[KECCAK_BYTES];

		keccak256(plain, unsigned_bytes, digest);
		secp_sign(to->sign, digest, plain + unsigned_bytes);
	}
	*ret_plain = plain;
	*ret_bytes = unsigned_bytes + signature;
	return NULL;
}

static struct error *recover_signer(const uint8_t *plain, size_t unsigned_bytes, uint8_t ret_signer[SECP_PUBLIC_BYTES])
{
	uint8_t digest[KECCAK_BYTES];
	struct error *e;

	keccak256(plain, unsigned_bytes, digest);
	e = secp_recover(digest, plain + unsigned_bytes, ret_signer);
	return e ? error_wrap(e, "message's signature") : NULL;
}

struct error *payload_plain_read(uint8_t *plain, size_t n, struct payload *ret_payload)
{
	struct payload p = {.bytes = plain};
	size_t end = n, begin, field;

	if (n < 1)
		return error_new(ERROR_INVALID, "message is empty");
	p.is_signed = plain[0] & FLAG_SIGNED;
	if (p.is_signed) {
		if (n <= SECP_SIGNATURE_BYTES + 1)
			return error_new(ERROR_INVALID, "message of %zu bytes is too short for its signature", n);
		end -= SECP_SIGNATURE_BYTES;
	}
	field = plain[0] & FLAG_SIZE_MASK;
	begin = 1 + field;
	if (begin > end)
		return error_new(ERROR_INVALID, "message of %zu bytes is too short for its payload's size", n);
	for (size_t i = 0; i < field; i++)
		p.payload_bytes |= (size_t)plain[1 + i] << (8 * i);
	/* go-ethereum forgets the size field here, and reads past the end. */
	if (p.payload_bytes > end - begin)
		return error_new(ERROR_INVALID, "message's payload of %zu bytes is longer than the message",
				 p.payload_bytes);
	p.payload = plain + begin;
	p.padding = p.payload + p.payload_bytes;
	p.padding_bytes = end - begin - p.payload_bytes;
	/* Last, since it costs most. */
	if (p.is_signed)
		TRY(recover_signer(plain, end, p.signer));
	*ret_payload = p;
	return NULL;
}
