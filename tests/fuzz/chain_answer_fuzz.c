/* What an endpoint may answer to one call and to a batch, of every method whose results are checked; what passes is
 * read as the method's callers read it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chain/rpc_answer.h"
#include "chain/rpc_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const methods[] = {
	"eth_chainId", "eth_getBalance",         "eth_call",
	"eth_getLogs", "eth_getBlockByNumber",   "eth_getTransactionReceipt",
	"eth_unknown", "eth_sendRawTransaction",
};
#define METHODS (sizeof(methods) / sizeof(methods[0]))

/* Refused now what was taken before? */
static void must(struct error *e)
{
	if (e)
		abort();
}

/* What a block lists, as a proof that a nonce is used: any of it may be no transaction. */
static void read_transactions(const json_t *block)
{
	const struct json_place at = {NULL, NULL, 0};
	json_t *value;
	size_t i;

	json_array_foreach (json_object_get(block, "transactions"), i, value) {
		void *scratch = talloc_new(NULL);
		struct tx tx;
		uint8_t hash[TX_HASH_BYTES], sender[ETH_ADDRESS_BYTES];

		error_free(rpc_read_transaction(scratch, value, &at, &tx, hash, sender));
		mem_free(scratch);
	}
}

static void read_outcome(const char *method, const struct rpc_outcome *o)
{
	const struct json_place at = {NULL, NULL, 0};
	struct rpc_block_head block;
	struct rpc_receipt receipt;

	if (!o->result == !o->message)
		abort();
	if (!o->result)
		return;
	must(rpc_check_result(method, o->result));
	if (!strcmp(method, "eth_getBlockByNumber") && !json_is_null(o->result))
		must(rpc_read_block(o->result, &at, &block));
	if (!strcmp(method, "eth_getBlockByNumber"))
		read_transactions(o->result);
	if (!strcmp(method, "eth_getTransactionReceipt") && !json_is_null(o->result))
		must(rpc_read_receipt(o->result, &at, &receipt));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpc_answer *answer;
	struct error *e;

	for (size_t i = 0; i < METHODS; i++) {
		e = rpc_answer_read(NULL, (const char *)data, size, 65536, 1, &methods[i], 1, &answer);
		if (!e) {
			read_outcome(methods[i], &answer->outcomes[0]);
			mem_free(answer);
		}
		error_free(e);
	}
	e = rpc_answer_read(NULL, (const char *)data, size, 65536, 1, methods, 3, &answer);
	if (!e) {
		for (size_t i = 0; i < (answer->whole_refused ? 1 : 3); i++)
			read_outcome(methods[i], &answer->outcomes[i]);
		mem_free(answer);
	}
	error_free(e);
	return 0;
}
