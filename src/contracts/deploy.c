#include "contracts/deploy.h"

#include "contracts/accounts_abi.h"
#include "contracts/blacklist_abi.h"
#include "contracts/contracts_impl.h"
#include "contracts/counter_abi.h"
#include "contracts/jobs_abi.h"
#include "contracts/nodes_abi.h"
#include "contracts/roles_abi.h"

/* What deploy_one() was called with. */
struct deploy_order {
	const void *ctx;
	struct contracts *k;
	const struct deploy_windows *windows;
	struct txbox_record **ret;
	contracts_fn *fn;
	void *arg;
};

static struct error *create_counter(const struct deploy_order *o)
{
	counter_constructor_send(o->ctx, o->k, o->ret, o->fn, o->arg);
	return NULL;
}

static struct error *create_roles(const struct deploy_order *o)
{
	roles_constructor_send(o->ctx, o->k, o->ret, o->fn, o->arg);
	return NULL;
}

static struct error *create_accounts(const struct deploy_order *o)
{
	accounts_constructor_send(o->ctx, o->k, o->ret, o->fn, o->arg);
	return NULL;
}

static struct error *create_nodes(const struct deploy_order *o)
{
	struct nodes_constructor_call call = {0};

	TRY(contracts_address(o->k, accounts_constructor.contract, call.accounts));
	nodes_constructor_send(o->ctx, o->k, &call, o->ret, o->fn, o->arg);
	return NULL;
}

static struct error *create_blacklist(const struct deploy_order *o)
{
	struct blacklist_constructor_call call = {0};

	TRY(contracts_address(o->k, roles_constructor.contract, call.roles));
	TRY(contracts_address(o->k, nodes_constructor.contract, call.nodes));
	blacklist_constructor_send(o->ctx, o->k, &call, o->ret, o->fn, o->arg);
	return NULL;
}

static struct error *create_jobs(const struct deploy_order *o)
{
	struct jobs_constructor_call call = {.report_window = o->windows->report,
					     .verify_window = o->windows->verify,
					     .dispute_window = o->windows->dispute,
					     .resolve_window = o->windows->resolve};

	TRY(contracts_address(o->k, roles_constructor.contract, call.roles));
	TRY(contracts_address(o->k, accounts_constructor.contract, call.accounts));
	TRY(contracts_address(o->k, nodes_constructor.contract, call.nodes));
	TRY(contracts_address(o->k, blacklist_constructor.contract, call.blacklist));
	jobs_constructor_send(o->ctx, o->k, &call, o->ret, o->fn, o->arg);
	return NULL;
}

static const struct {
	const struct codec_constructor *contract;
	struct error *(*create)(const struct deploy_order *o);
} rows[] = {
	{&counter_constructor, create_counter},     {&roles_constructor, create_roles},
	{&accounts_constructor, create_accounts},   {&nodes_constructor, create_nodes},
	{&blacklist_constructor, create_blacklist}, {&jobs_constructor, create_jobs},
};

const char *deploy_name(size_t i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? rows[i].contract->contract : NULL;
}

void deploy_one(const void *ctx, struct contracts *k, size_t i, const struct deploy_windows *windows,
		struct txbox_record **ret, contracts_fn *fn, void *arg)
{
	const struct deploy_order order = {ctx, k, windows, ret, fn, arg};
	struct error *e = rows[i].create(&order);

	if (e)
		contracts_fail(ctx, k, e, fn, arg);
}
