/* Random bytes, and forgetting secrets. Threads: any. */
#ifndef DSN_CRYPTO_SECRET_H
#define DSN_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* From the system's generator; ends the process when there is none. */
void crypto_random_bytes(void *ret_bytes, size_t n);
/* Overwrite, in a way the compiler keeps. */
void secret_wipe(void *bytes, size_t n);
/* A comparison whose time does not depend on where they differ. */
bool secret_equal(const void *a, const void *b, size_t n);

#endif
