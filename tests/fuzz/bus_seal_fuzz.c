/* Opening what a transport brings, signed or sealed: no crash, no leak; and behind the encryption, the text that a peer
 * may put there: the input is taken as it is, and sealed to us and signed before. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "bus/seal.h"
#include "whisper/payload.h"
#include "whisper/payload_plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(struct keyring *ring, const char *id, const uint8_t *bytes, size_t n)
{
	struct message *m = NULL;
	struct error *e = seal_read(NULL, ring, id, bytes, n, &m);

	error_free(e);
	mem_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[SECP_SECRET_BYTES] = {[SECP_SECRET_BYTES - 1] = 7};
	static struct secp_key key;
	struct keyring *ring;
	struct payload_to to = {.sign = &key};
	const char *id;
	uint8_t *bytes;
	size_t n;

	if (!key.secret[SECP_SECRET_BYTES - 1]) {
		mem_init();
		error_free(secp_key_from_secret(secret, &key));
	}
	ring = keyring_new(NULL, NULL);
	id = keyring_add(ring, &key);
	read_as(ring, id, data, size);
	if (size < MESSAGE_LIMIT) {
		error_free(payload_plain_write(ring, &to, data, size, &bytes, &n));
		read_as(ring, id, bytes, n);
		to.public = key.public;
		error_free(payload_seal(ring, &to, data, size, &bytes, &n));
		read_as(ring, id, bytes, n);
	}
	mem_free(ring);
	return 0;
}
