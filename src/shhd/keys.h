/* The keys that clients have made or brought: in memory only, as go-ethereum keeps them, wiped when they go. The same
 * key brought twice gets two ids. Threads: loop thread. */
#ifndef DSN_SHHD_KEYS_H
#define DSN_SHHD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/secp.h"
#include "shhd/ids.h"
#include "whisper/payload.h"

struct keys;
struct keys *keys_new(const void *ctx);

/* Copied. ERROR_LIMIT: there are too many. */
struct error *keys_add_pair(struct keys *k, const struct secp_key *pair, char ret_id[ID_TEXT + 1]) MUST_CHECK;
struct error *keys_add_sym(struct keys *k, const uint8_t key[SYM_KEY_BYTES], char ret_id[ID_TEXT + 1]) MUST_CHECK;
/* NULL: none. Valid until it is removed. */
const struct secp_key *keys_pair(const struct keys *k, const char *id);
const uint8_t *keys_sym(const struct keys *k, const char *id);
bool keys_remove_pair(struct keys *k, const char *id);
bool keys_remove_sym(struct keys *k, const char *id);
void keys_count(const struct keys *k, size_t *ret_pairs, size_t *ret_syms);

#endif
