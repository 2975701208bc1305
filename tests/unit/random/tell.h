/* What has happened so far, for who has to find out why a test failed: seed, step, and the last things. */
#ifndef DSN_TESTS_RANDOM_TELL_H
#define DSN_TESTS_RANDOM_TELL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

void tell_begin(uint64_t seed);
void tell_step(size_t step);
/* One line. */
void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints all that, and ends the test. */
_Noreturn void tell_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Takes e; fails unless it is NULL. */
void tell_must(struct error *e);

#endif
