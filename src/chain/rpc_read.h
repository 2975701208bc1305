/* What Ethereum's JSON-RPC answers, read strictly: quantities, bytes, blocks, receipts, logs.
 *
 * Source: the Ethereum JSON-RPC specification. Every refusal names the place, such as `eth_getLogs: [3].topics[0]`.
 * Members that are not needed are not looked at. Threads: any.
 */
#ifndef DSN_CHAIN_RPC_READ_H
#define DSN_CHAIN_RPC_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "chain/abi.h"
#include "chain/tx.h"
#include "chain/u256.h"

#define HASH_BYTES 32
#define LOG_DATA_BYTES 1048576 /* of one log, at most */

struct rpc_block_head {
	uint64_t number;
	uint8_t hash[HASH_BYTES], parent[HASH_BYTES];
	int64_t time_ms; /* since 1970 */
	uint64_t gas_limit, gas_used;
	bool has_base_fee; /* chains with EIP-1559 */
	struct u256 base_fee;
};

struct rpc_receipt {
	uint8_t tx_hash[TX_HASH_BYTES], block_hash[HASH_BYTES];
	uint64_t block, gas_used;
	bool succeeded;
	bool created; /* a contract */
	uint8_t contract[ETH_ADDRESS_BYTES];
};

struct chain_log {
	uint64_t block, index; /* index: of the log in its block */
	uint8_t block_hash[HASH_BYTES], tx_hash[TX_HASH_BYTES];
	uint8_t address[ETH_ADDRESS_BYTES];
	uint8_t topics[ABI_TOPICS][ABI_TOPIC_BYTES];
	size_t topic_count;
	uint8_t *data; /* belongs to the ctx it was read into */
	size_t n;
};

/* "0x1f": at least one digit. Leading zeros are taken, some nodes write them. */
struct error *rpc_read_quantity(const json_t *value, const struct json_place *at, uint64_t *ret) MUST_CHECK;
struct error *rpc_read_number(const json_t *value, const struct json_place *at, struct u256 *ret) MUST_CHECK;
/* Exactly n bytes. */
struct error *rpc_read_fixed(const json_t *value, const struct json_place *at, uint8_t *ret_bytes, size_t n) MUST_CHECK;
struct error *rpc_read_block(const json_t *value, const struct json_place *at, struct rpc_block_head *ret) MUST_CHECK;
struct error *rpc_read_receipt(const json_t *value, const struct json_place *at, struct rpc_receipt *ret) MUST_CHECK;
struct error *rpc_read_log(const void *ctx, const json_t *value, const struct json_place *at,
			   struct chain_log *ret) MUST_CHECK;

/* A transaction as a block lists it: put together again, its hash computed here, its signer found. `data` of ret_tx
 * belongs to ctx. ERROR_INVALID: no transaction of the kinds of tx.h, a hash that is not its own, or no signature. */
struct error *rpc_read_transaction(const void *ctx, const json_t *value, const struct json_place *at, struct tx *ret_tx,
				   uint8_t ret_hash[TX_HASH_BYTES], uint8_t ret_sender[ETH_ADDRESS_BYTES]) MUST_CHECK;

/* Is this what the method answers? The table of methods is in rpc_read.c; of others every answer is taken. */
struct error *rpc_check_result(const char *method, const json_t *result) MUST_CHECK;

#endif
