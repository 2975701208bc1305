/* SHA-256 and HMAC by the plain functions of libcrypto: the EVP forms fetch, allocate and lock, which costs more than
 * hashing a few hundred bytes. They are marked as deprecated since 3.0 but are what the EVP forms call. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/kdf.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

void sha256(const void *bytes, size_t n, uint8_t ret_digest[32])
{
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, bytes, n);
	SHA256_Final(ret_digest, &c);
	secret_wipe(&c, sizeof(c));
}

/* HMAC under one key: the hash states after the inner and the outer key block (RFC 2104). */
struct hmac {
	SHA256_CTX inner, outer;
};

static void hmac_key(struct hmac *h, const uint8_t *key, size_t key_bytes)
{
	uint8_t block[SHA256_CBLOCK] = {0};

	if (key_bytes > sizeof(block))
		sha256(key, key_bytes, block);
	else if (key_bytes > 0)
		memcpy(block, key, key_bytes);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36;
	SHA256_Init(&h->inner);
	SHA256_Update(&h->inner, block, sizeof(block));
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36 ^ 0x5c;
	SHA256_Init(&h->outer);
	SHA256_Update(&h->outer, block, sizeof(block));
	secret_wipe(block, sizeof(block));
}

static void hmac_run(const struct hmac *h, const struct iovec *parts, size_t count, uint8_t ret_tag[32])
{
	SHA256_CTX c = h->inner;
	uint8_t digest[32];

	for (size_t i = 0; i < count; i++)
		SHA256_Update(&c, parts[i].iov_base, parts[i].iov_len);
	SHA256_Final(digest, &c);
	c = h->outer;
	SHA256_Update(&c, digest, sizeof(digest));
	SHA256_Final(ret_tag, &c);
	secret_wipe(&c, sizeof(c));
	secret_wipe(digest, sizeof(digest));
}

void hmac_sha256_parts(const uint8_t *key, size_t key_bytes, const struct iovec *parts, size_t count,
		       uint8_t ret_tag[32])
{
	struct hmac h;

	hmac_key(&h, key, key_bytes);
	hmac_run(&h, parts, count, ret_tag);
	secret_wipe(&h, sizeof(h));
}

void hmac_sha256(const uint8_t *key, size_t key_bytes, const void *bytes, size_t n, uint8_t ret_tag[32])
{
	const struct iovec part = {.iov_base = (void *)bytes, .iov_len = n};

	hmac_sha256_parts(key, key_bytes, &part, 1, ret_tag);
}

static void put_be32(uint8_t *out, uint32_t n)
{
	out[0] = (uint8_t)(n >> 24);
	out[1] = (uint8_t)(n >> 16);
	out[2] = (uint8_t)(n >> 8);
	out[3] = (uint8_t)n;
}

static void put_state(uint8_t ret_digest[32], const SHA256_CTX *c)
{
	for (size_t i = 0; i < 8; i++)
		put_be32(ret_digest + 4 * i, c->h[i]);
}

/* The HMAC of 32 bytes, again and again: each half is one block whose padding never changes, so two compressions and no
 * bookkeeping do it. acc ^= every result. */
static void hmac_iterate(const struct hmac *h, unsigned times, uint8_t value[32], uint8_t acc[32])
{
	uint8_t block[SHA256_CBLOCK] = {0};

	block[32] = 0x80;
	put_be32(block + 60, 8 * (SHA256_CBLOCK + 32)); /* bits hashed: the key block and these 32 bytes */
	memcpy(block, value, 32);
	for (unsigned i = 0; i < times; i++) {
		SHA256_CTX c = h->inner;

		SHA256_Transform(&c, block);
		put_state(block, &c);
		c = h->outer;
		SHA256_Transform(&c, block);
		put_state(block, &c);
		for (size_t j = 0; j < 32; j++)
			acc[j] ^= block[j];
	}
	secret_wipe(block, sizeof(block));
}

void pbkdf2_sha256(const void *password, size_t password_bytes, const void *salt, size_t salt_bytes,
		   unsigned iterations, uint8_t *ret_key, size_t key_bytes)
{
	struct hmac h;

	assert(iterations > 0 && key_bytes > 0);
	hmac_key(&h, password, password_bytes);
	for (uint32_t number = 1; key_bytes > 0; number++) {
		uint8_t index[4], value[32], acc[32];
		const struct iovec parts[] = {{(void *)salt, salt_bytes}, {index, sizeof(index)}};
		size_t part = key_bytes < sizeof(acc) ? key_bytes : sizeof(acc);

		put_be32(index, number);
		hmac_run(&h, parts, 2, value);
		memcpy(acc, value, sizeof(acc));
		hmac_iterate(&h, iterations - 1, value, acc);
		memcpy(ret_key, acc, part);
		ret_key += part;
		key_bytes -= part;
		secret_wipe(value, sizeof(value));
		secret_wipe(acc, sizeof(acc));
	}
	secret_wipe(&h, sizeof(h));
}

/* RFC 7914, section 2: what N, r and p may be. */
static struct error *check_scrypt(uint64_t n, uint32_t r, uint32_t p, size_t memory_bytes)
{
	const uint64_t unit = 128 * (uint64_t)r; /* bytes of one block of V */
	uint64_t blocks = memory_bytes;

	if (n < 2 || (n & (n - 1)) != 0)
		return error_new(ERROR_INVALID, "scrypt: n is %" PRIu64 ", not a power of two above 1", n);
	if (r == 0 || p == 0 || p > ((1U << 30) - 1) / r)
		return error_new(ERROR_INVALID, "scrypt: r %" PRIu32 " and p %" PRIu32 ", not 1 <= r * p < 2^30", r, p);
	if (16 * (uint64_t)r < 64 && n >= 1ULL << (16 * r))
		return error_new(ERROR_INVALID, "scrypt: n is %" PRIu64 ", not below 2^(16 r)", n);
	/* V holds n blocks, B p of them, and two are worked on. */
	blocks /= unit;
	if (n > blocks || p > blocks - n || blocks - n - p < 2)
		return error_new(ERROR_LIMIT, "scrypt: n %" PRIu64 ", r %" PRIu32 ", p %" PRIu32 " need over %zu bytes",
				 n, r, p, memory_bytes);
	return NULL;
}

struct error *scrypt_key(const void *password, size_t password_bytes, const void *salt, size_t salt_bytes, uint64_t n,
			 uint32_t r, uint32_t p, size_t memory_bytes, uint8_t *ret_key, size_t key_bytes)
{
	TRY(check_scrypt(n, r, p, memory_bytes));
	if (!EVP_PBE_scrypt(password, password_bytes, salt, salt_bytes, n, r, p, memory_bytes, ret_key, key_bytes)) {
		ERR_clear_error();
		return error_new(ERROR_LIMIT, "scrypt: no memory for n %" PRIu64 ", r %" PRIu32 ", p %" PRIu32, n, r,
				 p);
	}
	return NULL;
}
