/* RLP, Ethereum's Recursive Length Prefix encoding (Yellow Paper, appendix B). Canonical forms only, both ways.
 *
 * Reading: a cursor over borrowed bytes; each rlp_read_... takes the next item or refuses it and leaves the cursor.
 * Writing: into a struct rlp_writer that grows to its ceiling; lists are opened and closed.
 * Threads: any; a cursor or writer belongs to one.
 */
#ifndef DSN_RLP_RLP_H
#define DSN_RLP_RLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What is left to read of a list, or of a message. */
struct rlp {
	const uint8_t *next;
	size_t left; /* bytes */
};

struct rlp rlp_of(const void *bytes, size_t n);
bool rlp_at_end(const struct rlp *r);
bool rlp_next_is_list(const struct rlp *r);
/* ERROR_INVALID names what is wrong: truncated, a long form where a short one fits, a leading zero, ... */
struct error *rlp_read_list(struct rlp *r, struct rlp *ret_items) MUST_CHECK;
struct error *rlp_read_bytes(struct rlp *r, const uint8_t **ret_bytes, size_t *ret_n) MUST_CHECK;
/* Exactly n bytes. */
struct error *rlp_read_fixed(struct rlp *r, uint8_t *ret_bytes, size_t n) MUST_CHECK;
struct error *rlp_read_u64(struct rlp *r, uint64_t *ret_value) MUST_CHECK;
struct error *rlp_read_u32(struct rlp *r, uint32_t *ret_value) MUST_CHECK;
struct error *rlp_read_bool(struct rlp *r, bool *ret_value) MUST_CHECK;
/* The next item whole, prefix included. */
struct error *rlp_read_raw(struct rlp *r, const uint8_t **ret_bytes, size_t *ret_n) MUST_CHECK;
struct error *rlp_skip(struct rlp *r) MUST_CHECK;
/* ERROR_INVALID when something is left. `what` names the structure. */
struct error *rlp_end(const struct rlp *r, const char *what) MUST_CHECK;
/* Walks the whole of it, lists too (at most `depth` deep): valid, canonical, nothing after the first item? */
struct error *rlp_check(const void *bytes, size_t n, unsigned depth) MUST_CHECK;

/* Encodings are made in one buffer; a list's header is put before its items when it is closed. */
struct rlp_writer {
	uint8_t *data; /* talloc child of ctx */
	size_t len, capacity;
	size_t open[8]; /* where the open lists begin */
	unsigned depth;
	const void *ctx;
};

/* `ctx` owns what is written. */
void rlp_writer_init(struct rlp_writer *w, const void *ctx);
void rlp_write_bytes(struct rlp_writer *w, const void *bytes, size_t n);
void rlp_write_u64(struct rlp_writer *w, uint64_t value);
/* An integer of n big-endian bytes; leading zeros are dropped. */
void rlp_write_uint(struct rlp_writer *w, const uint8_t *big_endian, size_t n);
void rlp_write_bool(struct rlp_writer *w, bool value);
/* An item that is encoded already. */
void rlp_write_raw(struct rlp_writer *w, const void *bytes, size_t n);
void rlp_list_begin(struct rlp_writer *w);
void rlp_list_end(struct rlp_writer *w);

#endif
