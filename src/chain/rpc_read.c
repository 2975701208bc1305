#include "chain/rpc_read.h"

#include <string.h>

#include "base/hex.h"
#include "base/mem.h"

#define LOGS 100000 /* in one answer */
#define CALL_BYTES 16777216

struct error *rpc_read_number(const json_t *value, const struct json_place *at, struct u256 *ret)
{
	const char *text = json_string_value(value);
	struct error *e;

	if (!text || strncmp(text, "0x", 2) != 0)
		return json_place_error(at, "must be a quantity such as \"0x1f\"");
	e = u256_parse(text, ret);
	if (e) {
		error_free(e);
		return json_place_error(at, "\"%.80s\" is no quantity of 256 bits such as \"0x1f\"", text);
	}
	return NULL;
}

struct error *rpc_read_quantity(const json_t *value, const struct json_place *at, uint64_t *ret)
{
	struct u256 number = U256_ZERO;

	TRY(rpc_read_number(value, at, &number));
	return u256_to_u64(number, ret) ? NULL : json_place_error(at, "does not fit into 64 bits");
}

struct error *rpc_read_fixed(const json_t *value, const struct json_place *at, uint8_t *ret_bytes, size_t n)
{
	const char *text = json_string_value(value);

	if (!text || strncmp(text, "0x", 2) != 0 || !hex_is(text + 2, 2 * n))
		return json_place_error(at, "must be \"0x\" and %zu hexadecimal digits", 2 * n);
	return hex_decode(text + 2, ret_bytes, n);
}

/* --- members --- */

static struct error *member_quantity(const json_t *obj, const struct json_place *at, const char *key, uint64_t *ret)
{
	const struct json_place here = {at, key, 0};

	return rpc_read_quantity(json_object_get(obj, key), &here, ret);
}

static struct error *member_fixed(const json_t *obj, const struct json_place *at, const char *key, uint8_t *ret_bytes,
				  size_t n)
{
	const struct json_place here = {at, key, 0};

	return rpc_read_fixed(json_object_get(obj, key), &here, ret_bytes, n);
}

struct error *rpc_read_block(const json_t *value, const struct json_place *at, struct rpc_block_head *ret)
{
	const struct json_place base_fee = {at, "baseFeePerGas", 0}, time = {at, "timestamp", 0};
	struct rpc_block_head b = {0};
	uint64_t seconds = 0;

	if (!json_is_object(value))
		return json_place_error(at, "must be a block");
	TRY(member_quantity(value, at, "number", &b.number));
	TRY(member_fixed(value, at, "hash", b.hash, sizeof(b.hash)));
	TRY(member_fixed(value, at, "parentHash", b.parent, sizeof(b.parent)));
	TRY(rpc_read_quantity(json_object_get(value, "timestamp"), &time, &seconds));
	if (seconds > INT64_MAX / 1000)
		return json_place_error(&time, "is out of range");
	b.time_ms = (int64_t)seconds * 1000;
	TRY(member_quantity(value, at, "gasLimit", &b.gas_limit));
	TRY(member_quantity(value, at, "gasUsed", &b.gas_used));
	b.has_base_fee = json_is_string(json_object_get(value, "baseFeePerGas"));
	if (b.has_base_fee)
		TRY(rpc_read_number(json_object_get(value, "baseFeePerGas"), &base_fee, &b.base_fee));
	*ret = b;
	return NULL;
}

struct error *rpc_read_receipt(const json_t *value, const struct json_place *at, struct rpc_receipt *ret)
{
	struct rpc_receipt r = {0};
	uint64_t status = 0;

	if (!json_is_object(value))
		return json_place_error(at, "must be a receipt");
	TRY(member_fixed(value, at, "transactionHash", r.tx_hash, sizeof(r.tx_hash)));
	TRY(member_fixed(value, at, "blockHash", r.block_hash, sizeof(r.block_hash)));
	TRY(member_quantity(value, at, "blockNumber", &r.block));
	TRY(member_quantity(value, at, "gasUsed", &r.gas_used));
	TRY(member_quantity(value, at, "status", &status));
	if (status > 1)
		return json_place_error(at, "its status is neither 0 nor 1");
	r.succeeded = status == 1;
	r.created = json_is_string(json_object_get(value, "contractAddress"));
	if (r.created)
		TRY(member_fixed(value, at, "contractAddress", r.contract, sizeof(r.contract)));
	*ret = r;
	return NULL;
}

struct error *rpc_read_log(const void *ctx, const json_t *value, const struct json_place *at, struct chain_log *ret)
{
	const struct json_place topics = {at, "topics", 0}, data = {at, "data", 0};
	struct chain_log l = {0};
	const json_t *list = json_object_get(value, "topics");

	if (!json_is_object(value))
		return json_place_error(at, "must be a log");
	TRY(member_quantity(value, at, "blockNumber", &l.block));
	TRY(member_quantity(value, at, "logIndex", &l.index));
	TRY(member_fixed(value, at, "blockHash", l.block_hash, sizeof(l.block_hash)));
	TRY(member_fixed(value, at, "transactionHash", l.tx_hash, sizeof(l.tx_hash)));
	TRY(member_fixed(value, at, "address", l.address, sizeof(l.address)));
	if (!json_is_array(list) || json_array_size(list) > ABI_TOPICS)
		return json_place_error(&topics, "must be an array of at most %d", ABI_TOPICS);
	l.topic_count = json_array_size(list);
	for (size_t i = 0; i < l.topic_count; i++) {
		const struct json_place here = {&topics, NULL, i};

		TRY(rpc_read_fixed(json_array_get(list, i), &here, l.topics[i], ABI_TOPIC_BYTES));
	}
	TRY(abi_read_hex(ctx, json_object_get(value, "data"), &data, LOG_DATA_BYTES, &l.data, &l.n));
	*ret = l;
	return NULL;
}

/* --- transactions --- */

static struct error *member_number(const json_t *obj, const struct json_place *at, const char *key, struct u256 *ret)
{
	const struct json_place here = {at, key, 0};

	return rpc_read_number(json_object_get(obj, key), &here, ret);
}

static struct error *read_kind(const json_t *value, const struct json_place *at, struct tx *tx)
{
	const json_t *type = json_object_get(value, "type");
	uint64_t kind = 0;

	if (type)
		TRY(member_quantity(value, at, "type", &kind));
	if (kind != 0 && kind != 2)
		return json_place_error(at, "is a transaction of a kind that is not read here");
	if (kind == 0) {
		tx->kind = TX_LEGACY;
		return member_number(value, at, "gasPrice", &tx->gas_price);
	}
	tx->kind = TX_EIP1559;
	TRY(member_quantity(value, at, "chainId", &tx->chain_id));
	TRY(member_number(value, at, "maxFeePerGas", &tx->max_fee));
	return member_number(value, at, "maxPriorityFeePerGas", &tx->max_priority_fee);
}

static struct error *read_parts(const void *ctx, const json_t *value, const struct json_place *at, struct tx *tx)
{
	const struct json_place input = {at, "input", 0};
	const json_t *to = json_object_get(value, "to");
	uint8_t *data = NULL;

	TRY(read_kind(value, at, tx));
	TRY(member_quantity(value, at, "nonce", &tx->nonce));
	TRY(member_quantity(value, at, "gas", &tx->gas));
	TRY(member_number(value, at, "value", &tx->value));
	tx->creates = !to || json_is_null(to);
	if (!tx->creates)
		TRY(member_fixed(value, at, "to", tx->to, sizeof(tx->to)));
	TRY(abi_read_hex(ctx, json_object_get(value, "input"), &input, TX_BYTES, &data, &tx->n));
	tx->data = data;
	return NULL;
}

static struct error *read_signature(const json_t *value, const struct json_place *at, struct tx_signature *s)
{
	struct u256 number = U256_ZERO;

	TRY(member_quantity(value, at, "v", &s->v));
	TRY(member_number(value, at, "r", &number));
	u256_to_bytes(number, s->r);
	TRY(member_number(value, at, "s", &number));
	u256_to_bytes(number, s->s);
	return NULL;
}

struct error *rpc_read_transaction(const void *ctx, const json_t *value, const struct json_place *at, struct tx *ret_tx,
				   uint8_t ret_hash[TX_HASH_BYTES], uint8_t ret_sender[ETH_ADDRESS_BYTES])
{
	struct tx tx = {0};
	struct tx_signature s = {0};
	uint8_t told[TX_HASH_BYTES], hash[TX_HASH_BYTES], *raw;
	size_t n = 0;

	if (!json_is_object(value))
		return json_place_error(at, "must be a transaction");
	TRY(read_parts(ctx, value, at, &tx));
	TRY(read_signature(value, at, &s));
	TRY(member_fixed(value, at, "hash", told, sizeof(told)));
	raw = tx_join(ctx, &tx, &s, &n, hash);
	if (memcmp(told, hash, sizeof(hash)) != 0)
		return json_place_error(at, "has a hash that is not its own");
	TRY(tx_read(raw, n, ret_tx, ret_sender));
	memcpy(ret_hash, hash, sizeof(hash));
	return NULL;
}

/* --- what methods answer --- */

typedef struct error *check_fn(const json_t *value, const struct json_place *at);

static struct error *check_quantity(const json_t *value, const struct json_place *at)
{
	uint64_t number;

	return rpc_read_quantity(value, at, &number);
}

static struct error *check_number(const json_t *value, const struct json_place *at)
{
	struct u256 number;

	return rpc_read_number(value, at, &number);
}

static struct error *check_hash(const json_t *value, const struct json_place *at)
{
	uint8_t hash[HASH_BYTES];

	return rpc_read_fixed(value, at, hash, sizeof(hash));
}

static struct error *check_data(const json_t *value, const struct json_place *at)
{
	uint8_t *bytes = NULL;
	size_t n;
	struct error *e = abi_read_hex(NULL, value, at, CALL_BYTES, &bytes, &n);

	mem_free(bytes);
	return e;
}

static struct error *check_block(const json_t *value, const struct json_place *at)
{
	struct rpc_block_head block;

	return json_is_null(value) ? NULL : rpc_read_block(value, at, &block);
}

static struct error *check_receipt(const json_t *value, const struct json_place *at)
{
	struct rpc_receipt receipt;

	return json_is_null(value) ? NULL : rpc_read_receipt(value, at, &receipt);
}

static struct error *check_logs(const json_t *value, const struct json_place *at)
{
	void *scratch = talloc_new(NULL);
	struct error *e = NULL;

	if (!json_is_array(value) || json_array_size(value) > LOGS)
		e = json_place_error(at, "must be an array of at most %d logs", LOGS);
	for (size_t i = 0; !e && i < json_array_size(value); i++) {
		const struct json_place here = {at, NULL, i};
		struct chain_log log;

		e = rpc_read_log(scratch, json_array_get(value, i), &here, &log);
		talloc_free_children(scratch);
	}
	mem_free(scratch);
	return e;
}

struct error *rpc_check_result(const char *method, const json_t *result)
{
	static const struct {
		const char *method;
		check_fn *check;
	} rows[] = {
		{"eth_chainId", check_quantity},
		{"eth_blockNumber", check_quantity},
		{"eth_getTransactionCount", check_quantity},
		{"eth_estimateGas", check_quantity},
		{"eth_gasPrice", check_number},
		{"eth_maxPriorityFeePerGas", check_number},
		{"eth_getBalance", check_number},
		{"eth_sendRawTransaction", check_hash},
		{"eth_call", check_data},
		{"eth_getCode", check_data},
		{"eth_getBlockByNumber", check_block},
		{"eth_getBlockByHash", check_block},
		{"eth_getTransactionReceipt", check_receipt},
		{"eth_getLogs", check_logs},
	};
	const struct json_place at = {NULL, method, 0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].method, method) == 0)
			return rows[i].check(result, &at); // cppcheck-suppress returnDanglingLifetime
	}
	return NULL;
}
