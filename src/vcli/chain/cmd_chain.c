/* vcli chain deploy: the contracts, each with the addresses of those it needs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/deployment.h"
#include "contracts/deploy.h"
#include "vcli/chain/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/render.h"

/* "86400,86400,86400,86400": looked at before anything is deployed. */
static struct error *read_windows(struct vcli *v, struct deploy_windows *w, json_t *told)
{
	uint64_t *const windows[] = {&w->report, &w->verify, &w->dispute, &w->resolve};
	const size_t count = sizeof(windows) / sizeof(windows[0]);
	char *rest = mem_strdup(v, v->set.market.windows), *word;
	size_t n = 0;

	for (; (word = strsep(&rest, ",")); n++) {
		uint64_t seconds = 0;

		TRY(money_number("--windows", word, DEPLOY_WINDOW_S, &seconds));
		if (seconds == 0)
			return error_new(ERROR_INVALID, "--windows: a window is 1 second to 30 days");
		if (n < count)
			*windows[n] = seconds;
		json_array_append_new(told, json_sprintf("%" PRIu64, seconds));
	}
	if (n != count)
		return error_new(ERROR_INVALID,
				 "--windows: must be %zu numbers of seconds: to report, verify, dispute, resolve",
				 count);
	return NULL;
}

static struct error *deploy(struct chain *c, size_t i, const struct deploy_windows *windows, json_t *answer)
{
	struct txbox_record *record = NULL;
	struct chain_awaited *w = chain_begin(c);
	uint8_t address[ETH_ADDRESS_BYTES];
	char text[ADDRESS_TEXT_BYTES];

	c->tells = false;
	deploy_one(w, c->contracts, i, windows, &record, chain_answered, w);
	TRY(chain_await(c, w));
	/* It follows from account and nonce: no endpoint is asked. */
	eth_address_of_contract(sender_account(c->sender), record->nonce, address);
	deployment_set(c->deployment, deploy_name(i), address);
	eth_address_text(address, text);
	json_array_append_new(answer, json_pack("{s:s,s:s,s:o}", "contract", deploy_name(i), "address", text, "gas",
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
	/* What is no such file is not written over. */
	if (e->code != ERROR_NOT_FOUND && !c->deployment)
		return error_wrap(
			e,
			"what is there is not a file of addresses: name another with --addresses, or write over it with --force");
	/* None yet, or of another chain: what is deployed now takes their place. */
	error_free(e);
	return NULL;
}

/* What is deployed has to be written down: that it cannot be is told before. */
static struct error *try_to_write(const char *path)
{
	char *beside = mem_printf(NULL, "%s.new", path);
	struct error *e = file_write_atomic(beside, "", 0, 0644);

	if (!e)
		e = file_remove(beside);
	mem_free(beside);
	return e ? error_wrap(e, "--addresses") : NULL;
}

struct error *cmd_chain_deploy(struct vcli *v)
{
	struct chain *c = NULL;
	json_t *made = json_array(), *told = json_array();
	struct deploy_windows windows = {0};
	char *path = NULL;
	struct error *e = NULL;

	vcli_answer(v, json_pack("{s:o,s:o}", "contracts", made, "windows", told));
	TRY(read_windows(v, &windows, told));
	TRY(chain_addresses_path(v, &path));
	e = chain_connect(v, &c);
	if (e)
		return chain_unreached(e);
	TRY(refuse_again(c, path));
	TRY(try_to_write(path));
	TRY(chain_unlock(c));
	c->deployment = deployment_new(c, rpc_chain_id(c->rpc), c->genesis);
	contracts_set_deployment(c->contracts, c->deployment);
	for (size_t i = 0; !e && deploy_name(i); i++)
		e = deploy(c, i, &windows, made);
	/* What was deployed before an error has cost something: it is told too. */
	if (!v->set.json && json_array_size(made) > 0)
		render_table(stdout, made, NULL);
	TRY(e);
	TRY(deployment_write(path, c->deployment));
	json_put(v->answer, "addresses", path);
	if (!v->set.json)
		printf("addresses in %s\n", path);
	return NULL;
}
