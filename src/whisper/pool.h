/* The pool: envelopes that live, by hash, with bounds in bytes and count, dropped when they expire.
 *
 * Full: while those that have been there for a second or two are more than half, a new envelope gets in whatever it is
 * worth, so that it is passed on, and of them the one with the least proof of work per size and time gives way. When
 * they are not, the one with the least of all gives way, the newest included; of equals the one that was there first
 * stays. So who fills the pool neither keeps messages with as little work from travelling, unless it takes him a second
 * only, nor displaces those with much more. What gave way is not taken a second time. What counts is the better of both
 * rules (envelope_worth()). Adding, finding and dropping take the logarithm of the count at most, pool_next() too.
 * Threads: loop thread.
 */
#ifndef DSN_WHISPER_POOL_H
#define DSN_WHISPER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "whisper/envelope.h"

struct pool;
/* Limits of 0: 64 MiB, 65536 envelopes. Bytes are those of the encodings. */
struct pool *pool_new(const void *ctx, size_t byte_limit, size_t count_limit);
struct envelope *pool_find(const struct pool *p, const uint8_t hash[ENVELOPE_HASH_BYTES]);
/* The number that pool_next() gives it; 0 when it is not there. */
uint64_t pool_number(const struct pool *p, const uint8_t hash[ENVELOPE_HASH_BYTES]);
/* Takes a reference of its own. False: there already, or it gave way before, or is worth too little for a full pool. */
bool pool_add(struct pool *p, struct envelope *e);
/* Drops what has expired before `now` (unix seconds); returns how many. To be called every second: what is new at one
 * call is not at the next but one. */
size_t pool_expire(struct pool *p, uint32_t now);
/* Drops what was sent after `sent` (unix seconds); returns how many. */
size_t pool_drop_later(struct pool *p, uint32_t sent);
size_t pool_count(const struct pool *p);
size_t pool_bytes(const struct pool *p);
/* How many gave way to others. */
uint64_t pool_evicted(const struct pool *p);
/* Number of the newest envelope; each gets the next one, from 1 on. Who sends to a peer keeps the number it has come
 * to. It stays when that envelope goes. */
uint64_t pool_newest(const struct pool *p);
/* The first envelope with a number above *number, which is set to its own; NULL at the end. In order of arrival. */
struct envelope *pool_next(const struct pool *p, uint64_t *number);

#endif
