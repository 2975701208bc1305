#include "devnet/join.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/rpc.h"
#include "chain/rpc_read.h"

#define ANSWER_MS 2000
#define LOOK_MS 100

struct join;

/* What is asked of each sealer in turn, again and again until it is so. */
struct step {
	const char *method;
	/* NULL: none. */
	json_t *(*params)(const struct join *j);
	/* Whether it is so; ERROR_...: not what the method answers. */
	struct error *(*is_so)(struct join *j, const json_t *result, bool *ret_yes);
	const char *complaint;
	bool first_only; /* asked of the first sealer, which is the one that others speak to */
};

struct join {
	uv_loop_t *loop;
	struct devnet_join_options options;
	const struct step *steps;
	size_t step_count, step, sealer;
	struct rpc **rpcs;   /* of each sealer */
	json_t *accounts;    /* of each sealer, as it names it */
	struct timer *go_on; /* an rpc must not be freed in its own callback */
	struct error *last;  /* what the sealer that is asked has said or not said last; NULL: nothing wrong */
	uint64_t highest;
};

/* --- steps --- */

static struct error *read_number(const json_t *result, const char *method, uint64_t *ret)
{
	const struct json_place at = {NULL, method, 0};

	return rpc_read_quantity(result, &at, ret);
}

static struct error *has_met(struct join *j, const json_t *result, bool *ret_yes)
{
	uint64_t peers = 0;

	TRY(read_number(result, "net_peerCount", &peers));
	*ret_yes = peers + 1 >= j->options.count;
	return NULL;
}

static struct error *answers(struct join *j, const json_t *result, bool *ret_yes)
{
	uint64_t peers = 0;

	(void)j;
	*ret_yes = true;
	return read_number(result, "net_peerCount", &peers);
}

static struct error *keep_account(struct join *j, const json_t *result, bool *ret_yes)
{
	*ret_yes = json_is_string(result);
	/* One for each sealer, by which it is found again. */
	if (*ret_yes)
		json_array_append_new(j->accounts, json_deep_copy(result));
	return NULL;
}

static json_t *signing(const struct join *j)
{
	return json_pack("[O,s]", json_array_get(j->accounts, j->sealer), "0x");
}

static struct error *is_done(struct join *j, const json_t *result, bool *ret_yes)
{
	(void)j;
	(void)result;
	*ret_yes = true;
	return NULL;
}

/* Started again, they have blocks already, and one may have more than another. */
static struct error *keep_highest(struct join *j, const json_t *result, bool *ret_yes)
{
	uint64_t number = 0;

	TRY(read_number(result, "eth_blockNumber", &number));
	j->highest = number > j->highest ? number : j->highest;
	*ret_yes = true;
	return NULL;
}

static json_t *one_thread(const struct join *j)
{
	(void)j;
	return json_pack("[i]", 1);
}

static struct error *has_new_block(struct join *j, const json_t *result, bool *ret_yes)
{
	uint64_t number = 0;

	TRY(read_number(result, "eth_blockNumber", &number));
	*ret_yes = number > j->highest;
	return NULL;
}

static const struct step answering[] = {{"net_peerCount", NULL, answers, "does not answer", false}};

/* geth answers before it has unlocked the account, and who is told to seal then does not try again. */
static const struct step joining[] = {
	{"net_peerCount", NULL, has_met, "has not met the others", false},
	{"eth_coinbase", NULL, keep_account, "has no account", false},
	{"eth_sign", signing, is_done, "has not unlocked its account", false},
	{"eth_blockNumber", NULL, keep_highest, "does not answer", false},
	{"miner_start", one_thread, is_done, "does not begin to seal", false},
	{"eth_blockNumber", NULL, has_new_block, "has no new block", true},
};

/* --- one after the other --- */

static int join_destroy(struct join *j)
{
	json_decref(j->accounts);
	error_free(j->last);
	return 0;
}

static void finish(struct join *j, struct error *e)
{
	devnet_join_fn *done = j->options.done;
	void *arg = j->options.arg;

	mem_free(j);
	done(e, arg);
}

/* All sealers come as far before one of them goes further. */
static void next(struct join *j)
{
	if (!j->steps[j->step].first_only && j->sealer + 1 < j->options.count) {
		j->sealer++;
		return;
	}
	j->sealer = 0;
	j->step++;
}

/* One that does not answer yet is asked again, and one of which it is not so yet. */
static void on_answer(const struct rpc_reply *reply, void *arg)
{
	struct join *j = arg;
	bool yes = false;

	error_free(j->last);
	j->last = reply->error ? error_copy(reply->error) : j->steps[j->step].is_so(j, reply->result, &yes);
	if (yes)
		next(j);
	timer_again(j->go_on, yes ? 0 : LOOK_MS, 0);
}

static struct error *late(const struct join *j, const struct step *s)
{
	return error_new(ERROR_TIMEOUT, "the sealer at %s %s%s%s", j->options.urls[j->sealer], s->complaint,
			 j->last ? ": " : "", j->last ? j->last->message : "");
}

static void ask(void *arg)
{
	struct join *j = arg;
	const struct step *s = &j->steps[j->step];
	struct error *e = NULL;

	if (j->step == j->step_count) {
		finish(j, NULL);
		return;
	}
	if (j->options.check)
		e = j->options.check(j->options.arg);
	if (!e && clock_mono_ms() > j->options.end_ms)
		e = late(j, s);
	if (e)
		finish(j, e);
	else
		rpc_call(j->rpcs[j->sealer], j, s->method, s->params ? s->params(j) : json_array(), on_answer, j);
}

/* Each is asked by itself: together they would be one endpoint that does not fail. */
static struct error *open_rpcs(struct join *j)
{
	j->rpcs = mem_array(j, struct rpc *, j->options.count);
	for (size_t i = 0; i < j->options.count; i++) {
		const struct rpc_config config = {
			.urls = &j->options.urls[i], .url_count = 1, .answer_ms = ANSWER_MS, .give_up_ms = ANSWER_MS};

		TRY(rpc_open(j, j->loop, &config, &j->rpcs[i]));
	}
	return NULL;
}

static struct error *begin(const void *ctx, uv_loop_t *loop, const struct devnet_join_options *options,
			   const struct step *steps, size_t step_count)
{
	struct join *j = mem_new(ctx, struct join);
	struct error *e;
	char **urls;

	*j = (struct join){.loop = loop, .options = *options, .steps = steps, .step_count = step_count};
	j->accounts = json_array();
	talloc_set_destructor(j, join_destroy);
	urls = mem_array(j, char *, options->count);
	for (size_t i = 0; i < options->count; i++)
		urls[i] = mem_strdup(j, options->urls[i]);
	j->options.urls = (const char *const *)urls;
	j->go_on = timer_start(j, loop, 0, 0, ask, j);
	e = open_rpcs(j);
	if (e)
		mem_free(j); /* with its timer */
	return e;
}

struct error *devnet_join_answering(const void *ctx, uv_loop_t *loop, const struct devnet_join_options *options)
{
	return begin(ctx, loop, options, answering, sizeof(answering) / sizeof(answering[0]));
}

struct error *devnet_join(const void *ctx, uv_loop_t *loop, const struct devnet_join_options *options)
{
	return begin(ctx, loop, options, joining, sizeof(joining) / sizeof(joining[0]));
}
