/* Any bytes as a keystore file, under limits that make every file cheap; the passphrase is that of the seeds. What
 * opens is a key with an address as told. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "crypto/keystore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct keystore_limits cheap = {64 << 10, 1024, 16};
	struct secp_key key = {{0}, {0}};
	struct error *e = keystore_open_within((const char *)data, size, "foobar", &cheap, &key);

	if (e) {
		assert(e->code == ERROR_INVALID || e->code == ERROR_LIMIT || e->code == ERROR_REFUSED);
		assert(e->message[0]);
		assert(key.public[0] == 0 && key.secret[0] == 0);
		error_free(e);
		return 0;
	}
	assert(secp_public_valid(key.public));
	return 0;
}
