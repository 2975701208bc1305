/* Reads contracts' logs in order, each once, from a stored block on; safe from reorganisations.
 *
 * A block's logs are given out when `confirmations` blocks are after it. Blocks are checked to follow each other
 * (parent hashes), logs to be of these blocks. Where the reader is, and the hashes of the last blocks, are in the
 * database, in one transaction with what the caller stores about the logs; so after a crash none is missed and none
 * comes twice. A reorganisation deeper than the confirmations is noticed by the stored hashes: the caller undoes what
 * came from the lost blocks, and reading goes on from there. Threads: loop thread.
 */
#ifndef DSN_CHAIN_LOGS_H
#define DSN_CHAIN_LOGS_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "chain/rpc.h"
#include "chain/rpc_read.h"
#include "store/db.h"

/* SQL of the table, for a first migration (store/schema.h): it was released and stays as it is. */
extern const char logs_schema[];

struct logs_config {
	struct rpc *rpc;
	struct db *db;
	const char *name;                              /* of this reader in the database */
	const uint8_t (*addresses)[ETH_ADDRESS_BYTES]; /* of the contracts */
	size_t address_count;                          /* 0: all contracts */
	uint64_t from_block;                           /* when nothing is stored yet */
	uint64_t confirmations;                        /* 0: a block is read as soon as it is there */
	int64_t poll_ms;                               /* 0: 1 s */
	uint64_t range;                                /* blocks asked for at once, at most; 0: 500 */
};

struct logs_events {
	/* Both run within the transaction that moves the reader on; what they store through the same database is stored
	 * with it or not at all. An error puts it off, and it comes again. */
	struct error *(*log)(const struct chain_log *log, void *arg);
	struct error *(*undo)(uint64_t from_block, void *arg); /* what came of this block and later ones never was */
	/* All logs up to this block were given out and stored. It may free the reader, unlike the others. May be
	 * NULL. */
	void (*reached)(uint64_t block, void *arg);
};

struct logs;
struct error *logs_open(const void *ctx, uv_loop_t *loop, const struct logs_config *config,
			const struct logs_events *events, void *arg, struct logs **ret_logs) MUST_CHECK;
/* Why nothing moves, for a person; NULL: all is well. */
const char *logs_trouble(const struct logs *l);

#endif
