#include "chain/deployment.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"

#define FILE_BYTES 65536

static int deployment_destroy(struct deployment *d)
{
	json_decref(d->contracts);
	return 0;
}

struct deployment *deployment_new(const void *ctx, uint64_t chain_id, const uint8_t genesis[HASH_BYTES])
{
	struct deployment *d = mem_new(ctx, struct deployment);

	d->chain_id = chain_id;
	memcpy(d->genesis, genesis, HASH_BYTES);
	d->contracts = json_object();
	talloc_set_destructor(d, deployment_destroy);
	return d;
}

static struct error *read_document(const json_t *document, const struct json_place *root, struct deployment *d)
{
	const struct json_place genesis = {root, "genesis", 0}, at = {root, "contracts", 0};
	json_t *contracts = NULL, *value;
	const char *name;
	int64_t chain_id = 0;

	TRY(json_read_decimal(document, root, "chain_id", 1, INT64_MAX, &chain_id));
	d->chain_id = (uint64_t)chain_id;
	TRY(rpc_read_fixed(json_object_get(document, "genesis"), &genesis, d->genesis, sizeof(d->genesis)));
	TRY(json_read_object(document, root, "contracts", &contracts));
	json_object_foreach (contracts, name, value) {
		const struct json_place here = {&at, name, 0};
		uint8_t address[ETH_ADDRESS_BYTES];

		TRY(rpc_read_fixed(value, &here, address, sizeof(address)));
		deployment_set(d, name, address);
	}
	return NULL;
}

struct error *deployment_read(const void *ctx, const char *path, struct deployment **ret_deployment)
{
	static const uint8_t none[HASH_BYTES];
	const struct json_place root = {NULL, path, 0};
	struct deployment *d;
	json_t *document = NULL;
	struct error *e;

	if (!file_exists(path))
		return error_new(
			ERROR_NOT_FOUND,
			"%s is not there: the operator of your network has the file with the contracts' addresses; put it there, or name it with --addresses",
			path);
	TRY(json_parse_file(path, FILE_BYTES, &document));
	d = deployment_new(ctx, 0, none);
	e = read_document(document, &root, d);
	json_decref(document);
	if (e) {
		mem_free(d);
		return e;
	}
	*ret_deployment = d;
	return NULL;
}

struct error *deployment_write(const char *path, const struct deployment *d)
{
	char *genesis = hex_encode(NULL, d->genesis, sizeof(d->genesis)), *text;
	json_t *document = json_pack("{s:o,s:o,s:O}", "chain_id", json_sprintf("%" PRIu64, d->chain_id), "genesis",
				     json_sprintf("0x%s", genesis), "contracts", d->contracts);
	struct error *e;

	text = json_text(NULL, document);
	e = file_write_atomic(path, text, strlen(text), 0644);
	json_decref(document);
	mem_free(genesis);
	mem_free(text);
	return e;
}

void deployment_set(struct deployment *d, const char *contract, const uint8_t address[ETH_ADDRESS_BYTES])
{
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(address, text);
	json_object_set_new(d->contracts, contract, json_string(text));
}

struct error *deployment_get(const struct deployment *d, const char *contract, uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	const char *text = json_string_value(json_object_get(d->contracts, contract));

	if (!text)
		return error_new(
			ERROR_NOT_FOUND,
			"the file of addresses names no contract %s: the operator of the network has the whole one",
			contract);
	return eth_address_parse(text, ret_address);
}
