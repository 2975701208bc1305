/* What is random in a test, of one seed: its own choices, and, in another row of numbers, what the code asks the kernel
 * for (the linker wraps getrandom() and crypto_random_bytes()). So a seed says all that happens. */
#ifndef DSN_TESTS_RANDOM_DICE_H
#define DSN_TESTS_RANDOM_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void dice_begin(uint64_t seed);
/* 0 to count - 1. */
size_t dice_below(size_t count);
bool dice_chance(unsigned of_a_thousand);

#endif
