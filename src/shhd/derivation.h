/* Keys derived from passwords, on a worker, one after the other: each takes some 50 ms of a core, and the few workers
 * there are open messages and seal posts as well. Threads: loop thread. */
#ifndef DSN_SHHD_DERIVATION_H
#define DSN_SHHD_DERIVATION_H

#include <uv.h>

#include "whisper/payload.h"

/* Freeing them gives up what is under way or waits. */
struct derivations;
struct derivations *derivations_new(const void *ctx, uv_loop_t *loop);

/* The key is wiped after the call. */
typedef void derived_fn(const uint8_t key[SYM_KEY_BYTES], void *arg);
/* The password is copied, and wiped in the end. `done` is never called from within this. */
void derivation_start(struct derivations *q, const char *password, derived_fn *done, void *arg);

#endif
