#include "manager/remote_describe.h"

static void describe(struct method_call *c, void *arg)
{
	const struct remote_description *d = arg;
	const struct service_network *n = d->network;

	method_answer(c, json_pack("{s:s,s:s,s:s,s:s,s:o}", "network", n->name, "manager", n->manager, "url", n->origin,
				   "version", DSN_VERSION, "services", d->services(d->arg)));
}

static const struct method methods[] = {
	{"peer.describe",
	 describe,
	 CALLER_SERVICE,
	 "Tell what this process is",
	 "`network`, `manager`, `url`, `version`, and `services`: those that it hosts, and whether it leads each",
	 {{0}},
	 {{0}}},
};

void remote_describe_add(struct methods *all, const struct remote_description *d)
{
	methods_add(all, methods, sizeof(methods) / sizeof(methods[0]), (void *)d);
}
