#include "devnet/genesis.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"

#define EXTRA_BYTES 32 /* before the sealers */
#define SEAL_BYTES 65  /* behind them */
#define EPOCH 30000    /* blocks between checkpoints */

static json_t *clique_config(const struct devnet_genesis *g)
{
	static const char *const forks[] = {"homesteadBlock",  "eip150Block",    "eip155Block",
					    "eip158Block",     "byzantiumBlock", "constantinopleBlock",
					    "petersburgBlock", "istanbulBlock"};
	json_t *config = json_pack("{s:I,s:{s:I,s:i}}", "chainId", (json_int_t)g->chain_id, "clique", "period",
				   (json_int_t)g->period_s, "epoch", EPOCH);

	for (size_t i = 0; i < sizeof(forks) / sizeof(forks[0]); i++)
		json_object_set_new(config, forks[i], json_integer(0));
	return config;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, ETH_ADDRESS_BYTES);
}

/* Sealers stand in ascending order (EIP-225). */
static json_t *extra_data(const struct devnet_genesis *g)
{
	size_t sealers = g->sealer_count * ETH_ADDRESS_BYTES, n = EXTRA_BYTES + sealers + SEAL_BYTES;
	uint8_t *bytes = mem_array(NULL, uint8_t, n);
	char *digits;
	json_t *text;

	memcpy(bytes + EXTRA_BYTES, g->sealers, sealers);
	qsort(bytes + EXTRA_BYTES, g->sealer_count, ETH_ADDRESS_BYTES, by_bytes);
	digits = hex_encode(bytes, bytes, n);
	text = json_sprintf("0x%s", digits);
	mem_free(bytes);
	return text;
}

static json_t *allocation(const struct devnet_genesis *g)
{
	json_t *alloc = json_object();

	for (size_t i = 0; i < g->rich_count; i++) {
		char *digits = hex_encode(NULL, g->rich[i], ETH_ADDRESS_BYTES);

		json_object_set_new(alloc, digits, json_pack("{s:s}", "balance", g->balance));
		mem_free(digits);
	}
	return alloc;
}

struct error *devnet_genesis_write(const struct devnet_genesis *g, const char *path)
{
	json_t *genesis =
		json_pack("{s:o,s:s,s:o,s:o,s:o}", "config", clique_config(g), "difficulty", "0x1", "gasLimit",
			  json_sprintf("0x%" PRIx64, g->gas_limit), "extraData", extra_data(g), "alloc", allocation(g));
	char *text = json_text(NULL, genesis);
	struct error *e = file_write_atomic(path, text, strlen(text), 0600);

	json_decref(genesis);
	mem_free(text);
	return e;
}
