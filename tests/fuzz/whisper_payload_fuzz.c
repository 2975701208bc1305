/* What is inside an envelope; the first byte says in which form: 0 symmetric, 1 asymmetric, to fixed keys; 2 the plain
 * text itself, since no fuzzer gets behind the encryption; 3 a plain text whose signature is made here, for what lies
 * behind that. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/keccak.h"
#include "whisper/payload_plain.h"

#define FLAG_SIGNED 0x04

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct secp_key *fixed_key(void)
{
	static const uint8_t secret[SECP_SECRET_BYTES] = {[0 ... SECP_SECRET_BYTES - 1] = 0x42};
	static struct secp_key key;
	static bool made;

	if (!made && secp_key_from_secret(secret, &key))
		abort();
	made = true;
	return &key;
}

static struct error *plain(const void *ctx, const uint8_t *data, size_t size, struct payload *ret_payload)
{
	return payload_plain_read(mem_memdup(ctx, data, size), size, ret_payload);
}

static struct error *plain_signed(const void *ctx, const uint8_t *data, size_t size, struct payload *ret_payload)
{
	uint8_t *bytes = mem_array(ctx, uint8_t, size + SECP_SIGNATURE_BYTES), digest[KECCAK_BYTES];

	memcpy(bytes, data, size);
	if (size > 0)
		bytes[0] |= FLAG_SIGNED;
	keccak256(bytes, size, digest);
	secp_sign(fixed_key(), digest, bytes + size);
	TRY(payload_plain_read(bytes, size + SECP_SIGNATURE_BYTES, ret_payload));
	if (ret_payload->is_signed != (size > 0) ||
	    (size > 0 && memcmp(ret_payload->signer, fixed_key()->public, SECP_PUBLIC_BYTES) != 0))
		abort();
	return NULL;
}

/* Touches every byte, and compares where the parts lie. */
static void check(const struct payload *p, size_t plain_bytes)
{
	volatile uint8_t sum = 0;
	size_t signature = p->is_signed ? SECP_SIGNATURE_BYTES : 0;

	for (size_t i = 0; i < p->payload_bytes; i++)
		sum = (uint8_t)(sum + p->payload[i]);
	for (size_t i = 0; i < p->padding_bytes; i++)
		sum = (uint8_t)(sum + p->padding[i]);
	if (p->payload + p->payload_bytes != p->padding ||
	    p->padding + p->padding_bytes + signature != p->bytes + plain_bytes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error *e = NULL;
	struct payload p;
	void *ctx;

	if (size < 1 || data[0] > 3)
		return 0;
	ctx = mem_new(NULL, char);
	switch (*data++) {
	case 0:
		e = payload_open_sym(ctx, fixed_key()->secret, data, --size, &p);
		break;
	case 1:
		e = payload_open_asym(ctx, fixed_key(), data, --size, &p);
		break;
	case 2:
		e = plain(ctx, data, --size, &p);
		break;
	default:
		e = plain_signed(ctx, data, --size, &p);
		break;
	}
	if (!e)
		check(&p, talloc_get_size(p.bytes));
	error_free(e);
	mem_free(ctx);
	return 0;
}
