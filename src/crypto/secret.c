#include "crypto/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void crypto_random_bytes(void *ret_bytes, size_t n)
{
	uint8_t *next = ret_bytes;

	while (n > 0) {
		ssize_t got = getrandom(next, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			perror("getrandom");
			abort();
		}
		next += got;
		n -= (size_t)got;
	}
}

void secret_wipe(void *bytes, size_t n)
{
	OPENSSL_cleanse(bytes, n);
}

bool secret_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
