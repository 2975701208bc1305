/* vcli chain tps: how many calls of the Counter a second the chain takes, beside its limit. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/txbox.h"
#include "crypto/secret.h"
#include "devnet/load.h"
#include "vcli/chain/chain.h"
#include "vcli/chain/wallet.h"
#include "vcli/commands.h"
#include "vcli/progress.h"

#define DRAIN_MS 180000 /* for what is under way at the end */

struct measuring {
	struct vcli *v;
	struct progress *progress;
	volatile sig_atomic_t interrupted;
};

static void on_signal(int signum, void *arg)
{
	struct measuring *m = arg;

	(void)signum;
	m->interrupted++;
}

static struct error *on_tick(const struct load_state *s, void *arg)
{
	struct measuring *m = arg;
	long long seconds = (long long)m->v->set.load.seconds, since = (long long)s->since_ms / 1000;

	switch (s->step) {
	case LOAD_SETUP:
		progress_say(m->progress, "a counter, and ether for %lld accounts", (long long)m->v->set.load.accounts);
		break;
	case LOAD_CALLS:
		if (s->since_ms < 0)
			progress_say(m->progress, "%zu calls sent; none is in a block yet", s->sent);
		else
			progress_say(m->progress,
				     "%lld s of %lld: %zu calls in blocks, %zu under way; Ctrl-C ends early",
				     since < seconds ? since : seconds, seconds, s->mined, s->sent - s->mined);
		break;
	case LOAD_DRAIN:
		progress_say(m->progress, "no more calls; %zu of %zu are under way%s", s->sent - s->mined, s->sent,
			     m->interrupted ? "; Ctrl-C leaves them" : "");
		break;
	case LOAD_CHECK:
		progress_say(m->progress, "counting what the chain has");
		break;
	}
	return NULL;
}

static struct error *load(struct measuring *m, struct chain *c, const char *folder, const struct secp_key *payer,
			  struct load_result **ret_result)
{
	struct vcli *v = m->v;
	struct load_config config = {.rpc = c->rpc,
				     .payer = payer,
				     .accounts = (size_t)v->set.load.accounts,
				     .window = (size_t)v->set.load.window,
				     .confirmations = (uint64_t)v->set.load.confirmations,
				     .seconds = v->set.load.seconds,
				     .drain_ms = DRAIN_MS,
				     .tick = on_tick,
				     .interrupted = &m->interrupted,
				     .arg = m};
	void *scope = mem_new(m, char);
	struct error *e;

	signal_start(scope, &v->loop, SIGINT, on_signal, m);
	signal_start(scope, &v->loop, SIGTERM, on_signal, m);
	m->progress = progress_new(scope, v);
	e = db_open(scope, file_join(scope, folder, "outbox.db"), &txbox_database, &config.db);
	if (!e)
		e = load_run(m, &v->loop, &config, ret_result);
	mem_free(scope);
	return e;
}

static struct error *measure(struct measuring *m, struct load_result **ret_result)
{
	const char *tmp = getenv("TMPDIR");
	char *folder = mem_printf(m, "%s/dsn-vcli.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	struct secp_key payer = {{0}, {0}};
	struct chain *c = NULL;
	struct error *e;

	TRY(chain_connect(m->v, &c));
	TRY(chain_check_named(c));
	TRY(wallet_key(m->v, true, &payer));
	if (mkdtemp(folder)) {
		e = load(m, c, folder, &payer, ret_result);
		error_free(file_remove_tree(folder));
	} else {
		e = error_new(ERROR_UNAVAILABLE, "%s: no folder could be made", folder);
	}
	secret_wipe(&payer, sizeof(payer));
	return e;
}

struct error *cmd_chain_tps(struct vcli *v)
{
	struct measuring *m = mem_new(v, struct measuring);
	struct load_result *result = NULL;

	vcli_answer(v, json_object());
	m->v = v;
	TRY(measure(m, &result));
	json_object_update_missing_new(v->answer, load_json(result));
	if (!v->set.json) {
		load_print(stdout, result);
		printf("\n");
		load_print_blocks(stdout, result);
	}
	if (!load_whole(result))
		return error_new(ERROR_FAILED, "the chain does not have each call once");
	return result->interrupted ? error_new(ERROR_FAILED, "interrupted: fewer seconds than were asked for") : NULL;
}
