/* Raw transactions: what is read is written again with the same fields. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chain/tx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct secp_key key;
	struct tx tx, back;
	uint8_t sender[ETH_ADDRESS_BYTES], *raw;
	size_t n;
	struct error *e = tx_read(data, size, &tx, sender);

	error_free(e);
	if (e)
		return 0;
	if (!key.secret[0])
		secp_key_new(&key);
	raw = tx_sign(NULL, &tx, &key, &n, NULL);
	if (tx_read(raw, n, &back, sender) || back.nonce != tx.nonce || back.chain_id != tx.chain_id ||
	    back.n != tx.n || u256_cmp(back.value, tx.value) || memcmp(back.data, tx.data, tx.n))
		abort();
	mem_free(raw);
	return 0;
}
