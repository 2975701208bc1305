#include "random/dice.h"

#include <string.h>
#include <sys/types.h>

ssize_t __wrap_getrandom(void *bytes, size_t n, unsigned flags);
void __wrap_crypto_random_bytes(void *bytes, size_t n);

static uint64_t ours, theirs;

/* splitmix64. */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void dice_begin(uint64_t seed)
{
	ours = seed;
	theirs = ~seed;
}

size_t dice_below(size_t count)
{
	return next(&ours) % count;
}

bool dice_chance(unsigned of_a_thousand)
{
	return dice_below(1000) < of_a_thousand;
}

void __wrap_crypto_random_bytes(void *bytes, size_t n)
{
	for (size_t done = 0; done < n; done += sizeof(uint64_t)) {
		uint64_t r = next(&theirs);

		memcpy((char *)bytes + done, &r, n - done < sizeof(r) ? n - done : sizeof(r));
	}
}

ssize_t __wrap_getrandom(void *bytes, size_t n, unsigned flags)
{
	(void)flags;
	__wrap_crypto_random_bytes(bytes, n);
	return (ssize_t)n;
}
