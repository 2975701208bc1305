#include "manager/network.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

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

static void describe(struct method_call *c, void *arg)
{
	const struct service_network *n = arg;

	method_answer(c,
		      json_pack("{s:s,s:s,s:s,s:[s],s:{s:s},s:{},s:{s:b,s:I},s:{s:s,s:s,s:s}}", "network", n->name,
				"url", n->origin, "manager", n->manager, "bus", n->bus, "chain", "name", n->chain,
				"contracts", "login", "open", n->open, "chain_id", (json_int_t)n->chain_id, "version",
				"dsnd", DSN_VERSION, "least", n->least_version, "suggested", n->suggested_version));
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
