/* vcli chain deploy: the contracts, each with the addresses of those it needs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/deployment.h"
#include "vcli/chain.h"
#include "vcli/commands.h"
#include "vcli/render.h"

#define NEEDED 4
#define WINDOWS 4

static const struct {
	const char *contract;
	const char *needs[NEEDED]; /* whose addresses its constructor takes first */
	bool windows;              /* and the times of --windows after them */
} rows[] = {
	{"Counter", {NULL}, false},
	{"Roles", {NULL}, false},
	{"Accounts", {NULL}, false},
	{"Nodes", {"Accounts"}, false},
	{"Blacklist", {"Roles", "Nodes"}, false},
	{"Jobs", {"Roles", "Accounts", "Nodes", "Blacklist"}, true},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* "86400,86400,86400,86400" */
static struct error *add_windows(const struct vcli *v, json_t *args)
{
	char *copy = mem_strdup(NULL, v->set.windows), *rest = copy, *word;
	size_t count = 0;
	struct error *e = NULL;

	while ((word = strsep(&rest, ","))) {
		json_array_append_new(args, json_string(word));
		count++;
	}
	if (count != WINDOWS)
		e = error_new(ERROR_INVALID,
			      "--windows: must be %d numbers of seconds: to report, verify, dispute, resolve", WINDOWS);
	mem_free(copy);
	return e;
}

static struct error *arguments(const struct chain *c, size_t row, json_t *args)
{
	for (size_t i = 0; i < NEEDED && rows[row].needs[i]; i++) {
		uint8_t address[ETH_ADDRESS_BYTES];

		TRY(deployment_get(c->deployment, rows[row].needs[i], address));
		json_array_append(args, json_object_get(c->deployment->contracts, rows[row].needs[i]));
	}
	return rows[row].windows ? add_windows(c->v, args) : NULL;
}

static struct error *deploy(struct chain *c, size_t row, json_t *answer)
{
	struct txbox_record *record = NULL;
	json_t *args = json_array();
	char text[ADDRESS_TEXT_BYTES];
	struct error *e = arguments(c, row, args);

	if (!e)
		e = chain_send(c, rows[row].contract, NULL, args, U256_ZERO, &record);
	json_decref(args);
	if (e)
		return e;
	if (!record->receipt.created)
		return error_new(ERROR_FAILED, "%s: the receipt names no contract", rows[row].contract);
	deployment_set(c->deployment, rows[row].contract, record->receipt.contract);
	eth_address_text(record->receipt.contract, text);
	json_array_append_new(answer, json_pack("{s:s,s:s,s:o}", "contract", rows[row].contract, "address", text, "gas",
						json_sprintf("%" PRIu64, record->receipt.gas_used)));
	return NULL;
}

/* Is what the file names still there? */
static struct error *refuse_again(struct chain *c, const char *path)
{
	struct error *e = c->v->set.force ? NULL : chain_read_addresses(c);

	if (c->v->set.force)
		return NULL;
	if (!e)
		return error_new(ERROR_EXISTS, "%s names the contracts of this chain: deploy others with --force",
				 path);
	/* None yet, or of another chain: what is deployed now takes their place. */
	error_free(e);
	return NULL;
}

struct error *cmd_chain_deploy(struct vcli *v)
{
	struct chain *c = NULL;
	json_t *made = json_array();
	char *path = NULL;

	vcli_answer(v, json_pack("{s:o}", "contracts", made));
	TRY(chain_addresses_path(v, &path));
	TRY(chain_connect(v, &c));
	TRY(refuse_again(c, path));
	TRY(chain_unlock(c));
	c->deployment = deployment_new(c, rpc_chain_id(c->rpc), c->genesis);
	for (size_t row = 0; row < ROWS; row++)
		TRY(deploy(c, row, made));
	TRY(deployment_write(path, c->deployment));
	json_put(v->answer, "addresses", path);
	if (!v->set.json) {
		render_table(stdout, made, NULL);
		printf("addresses in %s\n", path);
	}
	return NULL;
}
