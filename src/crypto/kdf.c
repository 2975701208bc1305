#include "crypto/kdf.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "base/mem.h"
#include "crypto/evp.h"

void sha256(const void *bytes, size_t n, uint8_t ret_digest[32])
{
	evp_need(EVP_Digest(bytes, n, ret_digest, NULL, evp_algorithms()->sha256, NULL));
}

struct hmac_key {
	EVP_MAC_CTX *evp;
};

static int hmac_key_free(struct hmac_key *k)
{
	EVP_MAC_CTX_free(k->evp); /* wipes */
	return 0;
}

struct hmac_key *hmac_key_new(const void *ctx, const uint8_t *key, size_t key_bytes)
{
	static const uint8_t none[1];
	const OSSL_PARAM digest[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA2-256"}, 0),
				     OSSL_PARAM_END};
	struct hmac_key *k = mem_new(ctx, struct hmac_key);

	k->evp = EVP_MAC_CTX_new(evp_algorithms()->hmac);
	talloc_set_destructor(k, hmac_key_free);
	/* No key is an empty one; to EVP, NULL means the one before. */
	evp_need(k->evp && EVP_MAC_init(k->evp, key_bytes > 0 ? key : none, key_bytes, digest));
	return k;
}

void hmac_key_tag(struct hmac_key *k, const struct iovec *parts, size_t count, uint8_t ret_tag[32])
{
	size_t n = 0;

	evp_need(EVP_MAC_init(k->evp, NULL, 0, NULL));
	for (size_t i = 0; i < count; i++)
		evp_need(EVP_MAC_update(k->evp, parts[i].iov_base, parts[i].iov_len));
	evp_need(EVP_MAC_final(k->evp, ret_tag, &n, 32) && n == 32);
}

void hmac_sha256(const uint8_t *key, size_t key_bytes, const void *bytes, size_t n, uint8_t ret_tag[32])
{
	const struct iovec part = {.iov_base = (void *)bytes, .iov_len = n};
	struct hmac_key *k = hmac_key_new(NULL, key, key_bytes);

	hmac_key_tag(k, &part, 1, ret_tag);
	mem_free(k);
}

void pbkdf2_sha256(const void *password, size_t password_bytes, const void *salt, size_t salt_bytes,
		   unsigned iterations, uint8_t *ret_key, size_t key_bytes)
{
	assert(iterations > 0 && key_bytes > 0);
	assert(password_bytes <= INT_MAX && salt_bytes <= INT_MAX && iterations <= INT_MAX && key_bytes <= INT_MAX);
	evp_need(PKCS5_PBKDF2_HMAC(password ? password : "", (int)password_bytes, salt, (int)salt_bytes,
				   (int)iterations, evp_algorithms()->sha256, (int)key_bytes, ret_key));
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
