/* Ethereum transactions: legacy ones with replay protection (EIP-155) and those with a base fee (EIP-1559, type 2).
 *
 * Signed with secp256k1; the raw bytes are what eth_sendRawTransaction takes, their Keccak-256 is the transaction's
 * hash. Access lists are written empty and refused when read. Threads: any.
 */
#ifndef DSN_CHAIN_TX_H
#define DSN_CHAIN_TX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "chain/u256.h"
#include "crypto/secp.h"

#define TX_HASH_BYTES 32
#define TX_BYTES 131072 /* raw, as much as nodes pass on */
/* EIP-2294; of a larger one the v of EIP-155 would not fit. */
#define TX_CHAIN_ID_MAX (UINT64_MAX / 2 - 36)

enum tx_kind { TX_LEGACY, TX_EIP1559 };

struct tx {
	enum tx_kind kind;
	uint64_t chain_id; /* at most TX_CHAIN_ID_MAX; legacy: 0, for no chain in particular */
	uint64_t nonce;
	uint64_t gas;
	struct u256 gas_price;        /* wei; legacy */
	struct u256 max_priority_fee; /* wei; EIP-1559 */
	struct u256 max_fee;          /* wei; EIP-1559 */
	bool creates;                 /* a contract; `to` is not used */
	uint8_t to[ETH_ADDRESS_BYTES];
	struct u256 value;   /* wei */
	const uint8_t *data; /* borrowed */
	size_t n;
};

/* The raw transaction; belongs to ctx. ret_hash may be NULL. */
uint8_t *tx_sign(const void *ctx, const struct tx *tx, const struct secp_key *key, size_t *ret_n,
		 uint8_t ret_hash[TX_HASH_BYTES]);

/* A signature as it stands in a transaction. */
struct tx_signature {
	uint64_t v; /* legacy: 27 or 28, or with the chain id (EIP-155); EIP-1559: the parity */
	uint8_t r[32], s[32];
};

/* The raw bytes of what somebody else has signed, of its parts; whose they are, and whether they are good at all, tells
 * tx_read(). Belongs to ctx. */
uint8_t *tx_join(const void *ctx, const struct tx *tx, const struct tx_signature *s, size_t *ret_n,
		 uint8_t ret_hash[TX_HASH_BYTES]);

/* Takes raw bytes apart and finds who signed them; data points into them. ERROR_INVALID: no transaction of these kinds,
 * no signature, or one in its second form (a high S), which no chain takes (EIP-2) and anybody can make of the first;
 * ERROR_LIMIT: over TX_BYTES. */
struct error *tx_read(const uint8_t *raw, size_t n, struct tx *ret_tx,
		      uint8_t ret_sender[ETH_ADDRESS_BYTES]) MUST_CHECK;

/* What the EVM takes before it runs anything (Yellow Paper, appendix G, with EIP-2028's price of data and EIP-3860's of
 * code to create): a transaction with less gas is refused by every node. */
uint64_t tx_intrinsic_gas(const struct tx *tx);
/* gas * price + value: what the sender must have. ERROR_LIMIT over 256 bits. */
struct error *tx_cost(const struct tx *tx, struct u256 *ret_wei) MUST_CHECK;

#endif
