#include "chain/tx.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/keccak.h"
#include "crypto/secret.h"
#include "rlp/rlp.h"

#define TYPE_EIP1559 0x02
#define FIRST_LIST 0xc0 /* a legacy transaction is a list; types are below 0x80 (EIP-2718) */
#define V_UNPROTECTED 27
#define V_EIP155 35

/* --- writing --- */

static void write_number(struct rlp_writer *w, struct u256 n)
{
	uint8_t bytes[U256_BYTES];

	u256_to_bytes(n, bytes);
	rlp_write_uint(w, bytes, sizeof(bytes));
}

static void write_body(struct rlp_writer *w, const struct tx *tx)
{
	rlp_write_u64(w, tx->gas);
	rlp_write_bytes(w, tx->to, tx->creates ? 0 : sizeof(tx->to));
	write_number(w, tx->value);
	rlp_write_bytes(w, tx->n ? tx->data : (const uint8_t *)"", tx->n);
}

static void write_signature(struct rlp_writer *w, const struct tx_signature *s)
{
	rlp_write_u64(w, s->v);
	rlp_write_uint(w, s->r, sizeof(s->r));
	rlp_write_uint(w, s->s, sizeof(s->s));
}

/* Without a signature: what is signed. */
static void write_legacy(struct rlp_writer *w, const struct tx *tx, const struct tx_signature *s)
{
	rlp_list_begin(w);
	rlp_write_u64(w, tx->nonce);
	write_number(w, tx->gas_price);
	write_body(w, tx);
	if (s) {
		write_signature(w, s);
	} else if (tx->chain_id) {
		rlp_write_u64(w, tx->chain_id);
		rlp_write_u64(w, 0);
		rlp_write_u64(w, 0);
	}
	rlp_list_end(w);
}

static void write_eip1559(struct rlp_writer *w, const struct tx *tx, const struct tx_signature *s)
{
	static const uint8_t type = TYPE_EIP1559;

	rlp_write_raw(w, &type, 1);
	rlp_list_begin(w);
	rlp_write_u64(w, tx->chain_id);
	rlp_write_u64(w, tx->nonce);
	write_number(w, tx->max_priority_fee);
	write_number(w, tx->max_fee);
	write_body(w, tx);
	rlp_list_begin(w); /* access list */
	rlp_list_end(w);
	if (s)
		write_signature(w, s);
	rlp_list_end(w);
}

static void (*const writers[])(struct rlp_writer *w, const struct tx *tx, const struct tx_signature *s) = {
	[TX_LEGACY] = write_legacy,
	[TX_EIP1559] = write_eip1559,
};

static void digest_of(const struct tx *tx, uint8_t ret_digest[32])
{
	struct rlp_writer w;

	rlp_writer_init(&w, NULL);
	writers[tx->kind](&w, tx, NULL);
	keccak256(w.data, w.len, ret_digest);
	mem_free(w.data);
}

uint8_t *tx_sign(const void *ctx, const struct tx *tx, const struct secp_key *key, size_t *ret_n,
		 uint8_t ret_hash[TX_HASH_BYTES])
{
	uint8_t digest[32], made[SECP_SIGNATURE_BYTES];
	struct tx_signature s;
	struct rlp_writer w;

	digest_of(tx, digest);
	secp_sign(key, digest, made);
	memcpy(s.r, made, sizeof(s.r));
	memcpy(s.s, made + sizeof(s.r), sizeof(s.s));
	s.v = made[64];
	if (tx->kind == TX_LEGACY)
		s.v += tx->chain_id ? tx->chain_id * 2 + V_EIP155 : V_UNPROTECTED;
	rlp_writer_init(&w, ctx);
	writers[tx->kind](&w, tx, &s);
	if (ret_hash)
		keccak256(w.data, w.len, ret_hash);
	*ret_n = w.len;
	return w.data;
}

uint8_t *tx_join(const void *ctx, const struct tx *tx, const struct tx_signature *s, size_t *ret_n,
		 uint8_t ret_hash[TX_HASH_BYTES])
{
	struct rlp_writer w;

	rlp_writer_init(&w, ctx);
	writers[tx->kind](&w, tx, s);
	keccak256(w.data, w.len, ret_hash);
	*ret_n = w.len;
	return w.data;
}

/* --- reading --- */

static struct error *read_number(struct rlp *r, const char *what, struct u256 *ret)
{
	const uint8_t *bytes = NULL;
	size_t n = 0;

	TRY(rlp_read_bytes(r, &bytes, &n));
	if (n > U256_BYTES || (n > 0 && bytes[0] == 0))
		return error_new(ERROR_INVALID, "the transaction's %s is no number of 256 bits", what);
	*ret = u256_from_bytes(bytes, n);
	return NULL;
}

static struct error *read_body(struct rlp *r, struct tx *tx)
{
	const uint8_t *to = NULL;
	size_t n = 0;

	TRY(rlp_read_u64(r, &tx->gas));
	TRY(rlp_read_bytes(r, &to, &n));
	if (n != 0 && n != sizeof(tx->to))
		return error_new(ERROR_INVALID, "the transaction's recipient has %zu bytes, must have 20", n);
	tx->creates = n == 0;
	if (n)
		memcpy(tx->to, to, n);
	TRY(read_number(r, "value", &tx->value));
	return rlp_read_bytes(r, &tx->data, &tx->n);
}

static struct error *read_signature(struct rlp *r, struct tx_signature *s)
{
	struct u256 number = U256_ZERO;

	TRY(rlp_read_u64(r, &s->v));
	TRY(read_number(r, "signature", &number));
	u256_to_bytes(number, s->r);
	TRY(read_number(r, "signature", &number));
	u256_to_bytes(number, s->s);
	return rlp_end(r, "the transaction");
}

static struct error *read_legacy(struct rlp *r, struct tx *tx, struct tx_signature *s)
{
	TRY(rlp_read_u64(r, &tx->nonce));
	TRY(read_number(r, "gas price", &tx->gas_price));
	TRY(read_body(r, tx));
	TRY(read_signature(r, s));
	if (s->v >= V_EIP155 + 2) { /* chain ids begin at 1 */
		tx->chain_id = (s->v - V_EIP155) / 2;
		s->v = (s->v - V_EIP155) % 2;
	} else if (s->v == V_UNPROTECTED || s->v == V_UNPROTECTED + 1) {
		s->v -= V_UNPROTECTED;
	} else {
		return error_new(ERROR_INVALID, "the transaction's signature has no valid v");
	}
	return NULL;
}

static struct error *read_eip1559(struct rlp *r, struct tx *tx, struct tx_signature *s)
{
	struct rlp list = {NULL, 0};

	TRY(rlp_read_u64(r, &tx->chain_id));
	TRY(rlp_read_u64(r, &tx->nonce));
	TRY(read_number(r, "priority fee", &tx->max_priority_fee));
	TRY(read_number(r, "fee", &tx->max_fee));
	TRY(read_body(r, tx));
	TRY(rlp_read_list(r, &list));
	if (!rlp_at_end(&list))
		return error_new(ERROR_INVALID, "the transaction has an access list, which is not read here");
	TRY(read_signature(r, s));
	return s->v > 1 ? error_new(ERROR_INVALID, "the transaction's signature has no valid parity") : NULL;
}

static struct error *check_chain_id(const struct tx *tx)
{
	if (tx->chain_id > TX_CHAIN_ID_MAX)
		return error_new(ERROR_INVALID, "the transaction's chain id is larger than EIP-2294 allows");
	return NULL;
}

static struct error *read_any(const uint8_t *raw, size_t n, struct tx *tx, struct tx_signature *s)
{
	struct rlp whole = rlp_of(raw, n), items = {NULL, 0};

	if (n > TX_BYTES)
		return error_new(ERROR_LIMIT, "the transaction has %zu bytes, at most %d are allowed", n, TX_BYTES);
	if (n == 0 || (raw[0] < FIRST_LIST && raw[0] != TYPE_EIP1559))
		return error_new(ERROR_INVALID, "no transaction of a known type");
	tx->kind = raw[0] < FIRST_LIST ? TX_EIP1559 : TX_LEGACY;
	if (tx->kind == TX_EIP1559)
		whole = rlp_of(raw + 1, n - 1);
	TRY(rlp_read_list(&whole, &items));
	TRY(rlp_end(&whole, "the transaction"));
	TRY((tx->kind == TX_EIP1559 ? read_eip1559 : read_legacy)(&items, tx, s));
	return check_chain_id(tx);
}

struct error *tx_read(const uint8_t *raw, size_t n, struct tx *ret_tx, uint8_t ret_sender[ETH_ADDRESS_BYTES])
{
	struct tx tx = {0};
	struct tx_signature s = {0};
	uint8_t digest[32], signature[SECP_SIGNATURE_BYTES], public[SECP_PUBLIC_BYTES];

	TRY(read_any(raw, n, &tx, &s));
	memcpy(signature, s.r, sizeof(s.r));
	memcpy(signature + sizeof(s.r), s.s, sizeof(s.s));
	signature[64] = (uint8_t)s.v;
	digest_of(&tx, digest);
	TRY(secp_recover(digest, signature, public));
	if (!secp_verify(digest, signature, public))
		return error_new(ERROR_INVALID, "the transaction's signature is in its second form (a high S)");
	secp_address(public, ret_sender);
	*ret_tx = tx;
	return NULL;
}

/* --- cost --- */

uint64_t tx_intrinsic_gas(const struct tx *tx)
{
	uint64_t gas = 21000;

	for (size_t i = 0; i < tx->n; i++)
		gas += tx->data[i] ? 16 : 4;
	if (tx->creates)
		gas += 32000 + 2 * ((tx->n + 31) / 32);
	return gas;
}

struct error *tx_cost(const struct tx *tx, struct u256 *ret_wei)
{
	struct u256 cost = U256_ZERO;

	TRY(u256_mul(u256_of(tx->gas), tx->kind == TX_LEGACY ? tx->gas_price : tx->max_fee, &cost));
	return u256_add(cost, tx->value, ret_wei);
}
