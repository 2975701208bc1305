/* Any bytes as an ECIES message for a fixed key: the first byte says how many of those after it are MAC data, the rest
 * is the message as received and, again, a text to seal and open. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "crypto/ecies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The recipient of the seeds. */
static const uint8_t secret[SECP_SECRET_BYTES] = {0x49, 0xa7, 0xb3, 0x7a, 0xa6, 0xf6, 0x64, 0x59, 0x17, 0xe7, 0xb8,
						  0x07, 0xe9, 0xd1, 0xc0, 0x0d, 0x4f, 0xa7, 0x1f, 0x18, 0x34, 0x3b,
						  0x0d, 0x41, 0x22, 0xa4, 0xd2, 0xdf, 0x64, 0xdd, 0x6f, 0xee};

static void open_received(const uint8_t *sealed, size_t n, const uint8_t *mac_data, size_t mac_bytes)
{
	uint8_t *plain = mem_array(NULL, uint8_t, n > ECIES_OVERHEAD ? n - ECIES_OVERHEAD : 0);
	struct error *e = ecies_open(secret, sealed, n, mac_data, mac_bytes, plain);

	if (e)
		assert(e->code == ERROR_INVALID || e->code == ERROR_REFUSED);
	error_free(e);
	mem_free(plain);
}

static void there_and_back(const struct secp_key *key, const uint8_t *plain, size_t n, const uint8_t *mac_data,
			   size_t mac_bytes)
{
	uint8_t *sealed = mem_array(NULL, uint8_t, n + ECIES_OVERHEAD), *out = mem_array(sealed, uint8_t, n);
	const uint8_t iv[16] = {0};

	assert(!ecies_seal_with(key, iv, key->public, plain, n, mac_data, mac_bytes, sealed));
	assert(!ecies_open(secret, sealed, n + ECIES_OVERHEAD, mac_data, mac_bytes, out));
	assert(memcmp(plain, out, n) == 0);
	mem_free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct secp_key key;
	size_t mac_bytes = 0;

	if (key.public[0] == 0)
		assert(!secp_key_from_secret(secret, &key));
	if (size < 2)
		return 0;
	mac_bytes = data[0] < size - 1 ? data[0] : size - 2;
	open_received(data + 1 + mac_bytes, size - 1 - mac_bytes, data + 1, mac_bytes);
	there_and_back(&key, data + 1 + mac_bytes, size - 1 - mac_bytes, data + 1, mac_bytes);
	return 0;
}
