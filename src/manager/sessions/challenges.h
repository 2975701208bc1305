/* Nonces for logins: each is for one address, holds for CHALLENGES_LIFE_MS, and serves one login.
 *
 * Given out are none kept: a nonce carries its age and a tag over address and age (HMAC-SHA-256) under a key that this
 * process alone knows, so whoever asks for many takes nothing from others. Kept are those that have served, until they
 * would be over: CHALLENGES_USED at most, CHALLENGES_EACH of one address. Threads: loop thread.
 */
#ifndef DSN_MANAGER_SESSIONS_CHALLENGES_H
#define DSN_MANAGER_SESSIONS_CHALLENGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"

#define CHALLENGES_LIFE_MS INT64_C(300000)
#define CHALLENGES_USED 16384
#define CHALLENGES_EACH 32

struct challenges;
struct challenges *challenges_new(const void *ctx);
/* A new one at `now_ms` (monotonic): hex digits, ctx's. */
char *challenges_make(const void *ctx, struct challenges *c, const uint8_t address[ETH_ADDRESS_BYTES], int64_t now_ms);
/* Is it one of ours for that address, and not over? ERROR_REFUSED says what it is not. */
struct error *challenges_check(struct challenges *c, const char *nonce, const uint8_t address[ETH_ADDRESS_BYTES],
			       int64_t now_ms) MUST_CHECK;
/* It serves now, and never again. ERROR_REFUSED: it has served, or challenges_check()'s; ERROR_LIMIT: too many have of
 * late. */
struct error *challenges_use(struct challenges *c, const char *nonce, const uint8_t address[ETH_ADDRESS_BYTES],
			     int64_t now_ms) MUST_CHECK;

#endif
