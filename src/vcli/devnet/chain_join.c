/* Waits for sealers as devnet/join.h does, while their processes are there. */
#include "base/mem.h"
#include "devnet/join.h"
#include "vcli/devnet/chain_net.h"
#include "vcli/wait.h"

struct joining {
	const struct chain_net *net;
	bool done;
	struct error *error;
};

static void on_joined(struct error *e, void *arg)
{
	struct joining *j = arg;

	j->error = e;
	j->done = true;
}

static struct error *check(void *arg)
{
	const struct joining *j = arg;

	return chain_net_check(j->net);
}

static struct error *join(struct chain_net *n, bool sealing, const char *const *urls, size_t count, int64_t end_ms)
{
	struct joining *j = mem_new(n, struct joining);
	const struct devnet_join_options options = {
		.urls = urls, .count = count, .check = check, .done = on_joined, .arg = j, .end_ms = end_ms};
	struct error *e = NULL, *late;

	j->net = n;
	if (sealing)
		TRY(devnet_join(j, &n->v->loop, &options));
	else
		TRY(devnet_join_answering(j, &n->v->loop, &options));
	vcli_wait(&n->v->loop, &j->done, VCLI_WAIT_FOREVER);
	e = j->error;
	mem_free(j);
	if (!e || e->code != ERROR_TIMEOUT)
		return e;
	late = error_new(ERROR_TIMEOUT, "%s; see the logs in %s", e->message, n->folder);
	error_free(e);
	return late;
}

struct error *chain_net_wait_for_sealer(struct chain_net *n, const char *url, int64_t end_ms)
{
	return join(n, false, &url, 1, end_ms);
}

struct error *chain_net_join(struct chain_net *n, int64_t end_ms)
{
	const json_t *rpc = json_object_get(n->document, "rpc");
	size_t count = json_array_size(rpc);
	const char **urls = mem_array(n, const char *, count);

	for (size_t i = 0; i < count; i++)
		urls[i] = json_string_value(json_array_get(rpc, i));
	return join(n, true, urls, count, end_ms);
}
