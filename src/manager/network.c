#include "manager/network.h"

#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/deployment.h"

char *network_bus(const void *ctx, const char *url)
{
	const char *scheme = strstr(url, "://"), *host = scheme ? scheme + 3 : url, *at = NULL;
	size_t n = strcspn(host, "/?#");

	for (size_t i = 0; i < n; i++) {
		if (host[i] == '@')
			at = host + i + 1;
	}
	return mem_printf(ctx, "%.*s%s", (int)(host - url), url, at ? at : host);
}

/* As a file of addresses has them (chain/deployment.h), so that it can be written down as one. */
static json_t *chain_json(const struct service_chain *chain)
{
	json_t *o = json_object();
	char *genesis;

	if (!chain) {
		json_put(o, "name", "none");
		return o;
	}
	genesis = hex_encode(NULL, chain->deployment->genesis, sizeof(chain->deployment->genesis));
	json_put_decimal(o, "name", (int64_t)chain->deployment->chain_id);
	json_put_decimal(o, "chain_id", (int64_t)chain->deployment->chain_id);
	json_object_set_new(o, "genesis", json_sprintf("0x%s", genesis));
	json_object_set_new(o, "unpaid_s", json_integer(chain->unpaid_ms / 1000));
	mem_free(genesis);
	return o;
}

static void describe(struct method_call *c, void *arg)
{
	const struct service_network *n = arg;

	method_answer(c,
		      json_pack("{s:s,s:s,s:s,s:[s],s:o,s:o,s:{s:b,s:I},s:{s:s,s:s,s:s}}", "network", n->name, "url",
				n->origin, "manager", n->manager, "bus", n->bus, "chain", chain_json(n->chain_paid_on),
				"contracts",
				n->chain_paid_on ? json_incref(n->chain_paid_on->deployment->contracts) : json_object(),
				"login", "open", n->open, "chain_id", (json_int_t)n->chain_id, "version", "dsnd",
				DSN_VERSION, "least", n->least_version, "suggested", n->suggested_version));
}

static const struct method methods[] = {
	{"network.describe",
	 describe,
	 CALLER_ANYONE,
	 "Tell what this network is",
	 "`network`, its name on the `bus`; `url`, where dsnd is found; `manager`, whom agents name; `chain` and `contracts`; "
	 "`login`: whether anybody may, and the chain a message names; `version`: dsnd's, the `least` and the `suggested` of agents",
	 {{0}},
	 {{0}}},
};

void network_add(struct methods *all, const struct service_network *network)
{
	methods_add(all, methods, sizeof(methods) / sizeof(methods[0]), (void *)network);
}
