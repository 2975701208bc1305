#include "vcli/chain_once.h"

#include <string.h>

#include "base/mem.h"
#include "contracts/accounts_abi.h"
#include "contracts/blacklist_abi.h"
#include "contracts/jobs_abi.h"
#include "contracts/nodes_abi.h"
#include "contracts/once.h"

static void forget_create(void *args)
{
	((struct jobs_create_call *)args)->deadline = 0;
}

static void forget_report(void *args)
{
	struct jobs_report_call *call = args;

	call->ordinal = 0;
	call->count = 0;
	memset(call->root, 0, sizeof(call->root));
}

static void forget_allow(void *args)
{
	((struct accounts_allow_call *)args)->expected = U256_ZERO;
}

static void forget_bar(void *args)
{
	((struct blacklist_bar_call *)args)->until = 0;
}

/* The signature is over how often it was listed. */
static void forget_add(void *args)
{
	((struct nodes_add_call *)args)->consent = (struct codec_bytes){NULL, 0};
}

void chain_once_describe(const char *contract, const char *function, struct contracts_intention *ret_in)
{
	static const struct {
		const struct codec_function *function;
		contracts_forget_fn *forget;
	} rows[] = {
		{&jobs_create_function, forget_create},   {&jobs_report_function, forget_report},
		{&accounts_allow_function, forget_allow}, {&blacklist_bar_function, forget_bar},
		{&nodes_add_function, forget_add},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].function->contract, contract) == 0 &&
		    strcmp(rows[i].function->name, function) == 0) {
			ret_in->function = rows[i].function;
			ret_in->forget = rows[i].forget;
		}
	}
}

struct error *chain_once_used(struct chain *c, const char *what, bool *ret_used)
{
	struct txbox_record *record = NULL;
	char *id = NULL;
	struct error *e;

	*ret_used = false;
	if (!c->v->set.chain.once)
		return NULL;
	TRY(once_id(c, c->v->set.chain.once, sender_account(c->sender), what, 0, &id));
	e = txbox_get(c, c->db, id, &record);
	*ret_used = !e;
	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	return NULL;
}
