#include "crypto/keccak_lanes.h"

#include <pthread.h>

#include "crypto/keccak.h"
#include "crypto/keccak_lanes_kinds.h"

static const struct keccak_lanes scalar = {"scalar", 1, keccak_permute};
#ifdef __x86_64__
static const struct keccak_lanes avx2 = {"avx2", 4, keccak_permute_avx2};
static const struct keccak_lanes avx512 = {"avx512", 8, keccak_permute_avx512};
#endif

static const struct keccak_lanes *kinds[4] = {&scalar}; /* slowest first */
static size_t kind_count = 1;
static pthread_once_t kinds_once = PTHREAD_ONCE_INIT;

static void find_kinds(void)
{
#ifdef __x86_64__
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		kinds[kind_count++] = &avx2;
	if (__builtin_cpu_supports("avx512f"))
		kinds[kind_count++] = &avx512;
#endif
}

const struct keccak_lanes *const *keccak_lanes_all(void)
{
	pthread_once(&kinds_once, find_kinds);
	return kinds;
}

const struct keccak_lanes *keccak_lanes_best(void)
{
	return keccak_lanes_all()[kind_count - 1];
}
