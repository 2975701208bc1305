/* Keccak-f[1600] on several states at once, the hot loop of Whisper's proof of work.
 *
 * The states are interleaved: lane `i` of state `s` is states[i * width + s]. Kinds: "scalar" (1), "avx2" (4), "avx512"
 * (8); which of them this processor runs is found out at run time. Threads: any.
 */
#ifndef DSN_CRYPTO_KECCAK_LANES_H
#define DSN_CRYPTO_KECCAK_LANES_H

#include <stddef.h>
#include <stdint.h>

#define KECCAK_LANES_MAX 8

struct keccak_lanes {
	const char *name;
	size_t width; /* states at once */
	/* `states` is aligned to 64 bytes. */
	void (*permute)(uint64_t *states);
};

/* The fastest this processor runs. */
const struct keccak_lanes *keccak_lanes_best(void);
/* All that it runs, scalar first; NULL-terminated. */
const struct keccak_lanes *const *keccak_lanes_all(void);

#endif
