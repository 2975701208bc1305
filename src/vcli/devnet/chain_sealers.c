/* What a chain is from its first block on, written down beside it: a proof-of-authority network's sealers and period.
 * anvil makes its first block anew at each start and the block's hash is by what a chain is known, so it is given the
 * same time each time. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "vcli/devnet/chain_net.h"

#define SEALERS 3 /* of a new network */
#define PERIOD_S 1

struct sealer_settings {
	int64_t sealers, period_s; /* 0: not said */
};

static struct error *read_earlier(const struct chain_net *earlier, struct sealer_settings *ret)
{
	const struct json_place root = {NULL, "net.json", 0};

	TRY(json_read_decimal_opt(earlier->document, &root, "sealers", 1, NET_SEALERS, &ret->sealers));
	return json_read_decimal_opt(earlier->document, &root, "period", 1, NET_PERIOD_S, &ret->period_s);
}

static bool differs(int64_t asked, int64_t has)
{
	return asked && has && asked != has;
}

static int64_t first_said(int64_t asked, int64_t has, int64_t otherwise)
{
	return asked ? asked : has ? has : otherwise;
}

static struct error *read_began(struct chain_net *n, const struct chain_net *earlier)
{
	const struct json_place root = {NULL, "net.json", 0};

	n->began_s = clock_wall_ms() / 1000;
	if (earlier)
		TRY(json_read_decimal_opt(earlier->document, &root, "began", 1, INT64_MAX, &n->began_s));
	json_put_decimal(n->document, "began", n->began_s);
	return NULL;
}

struct error *chain_net_choose_sealers(struct chain_net *n, const struct chain_net *earlier)
{
	const struct sealer_settings asked = {n->v->set.devnet.sealers, n->v->set.devnet.period};
	struct sealer_settings has = {0};

	if (strcmp(json_string_value(json_object_get(n->document, "kind")), "poa") != 0) {
		n->period_s = asked.period_s;
		return asked.sealers ? error_new(ERROR_INVALID, "--sealers: only with --poa; anvil is one node")
				     : read_began(n, earlier);
	}
	if (earlier)
		TRY(read_earlier(earlier, &has));
	if (differs(asked.sealers, has.sealers) || differs(asked.period_s, has.period_s))
		return error_new(ERROR_EXISTS,
				 "the chain in %s has %" PRId64 " sealers and a block every %" PRId64
				 " s, and keeps both: leave --sealers and --period out, or begin anew with --force",
				 n->folder, has.sealers, has.period_s);
	n->sealers = (size_t)first_said(asked.sealers, has.sealers, SEALERS);
	n->period_s = first_said(asked.period_s, has.period_s, PERIOD_S);
	json_put_decimal(n->document, "sealers", (int64_t)n->sealers);
	json_put_decimal(n->document, "period", n->period_s);
	return NULL;
}
