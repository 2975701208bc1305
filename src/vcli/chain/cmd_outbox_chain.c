/* vcli outbox resend, replace, abandon: a way out for each transaction that does not move; and their rows in the list.
 */
#include <assert.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/amount.h"
#include "client/folders.h"
#include "contracts/mend.h"
#include "vcli/bus/outbox_rows.h"
#include "vcli/chain/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/progress.h"

#define LOOK_MS 50
#define FORCE_MS 10000 /* so long the chain may take to tell its prices */

/* --- rows --- */

struct rows {
	struct db *db;
	json_t *list;
	const char *chain;                  /* its id, from the file's name */
	uint8_t account[ETH_ADDRESS_BYTES]; /* of the row before */
	uint64_t next;                      /* behind its nonce */
	bool any;
};

struct newest {
	struct txbox_attempt attempt;
	int64_t count;
};

static struct error *on_attempt(const struct txbox_attempt *a, void *arg)
{
	struct newest *n = arg;

	n->attempt = *a; /* its bytes are not looked at */
	n->count++;
	return NULL;
}

/* They are in the order of their nonces. */
static void put_gap(struct rows *rows, const struct txbox_record *r, json_t *row)
{
	bool same = rows->any && memcmp(rows->account, r->account, sizeof(r->account)) == 0;

	if (same && r->nonce > rows->next)
		json_object_set_new(row, "gap", json_sprintf("%" PRIu64, r->nonce - rows->next));
	rows->any = true;
	rows->next = r->nonce + 1;
	memcpy(rows->account, r->account, sizeof(r->account));
}

static struct error *on_record(struct txbox_record *r, void *arg)
{
	struct rows *rows = arg;
	struct newest n = {.count = 0};
	char account[ADDRESS_TEXT_BYTES], to[ADDRESS_TEXT_BYTES];
	json_t *row = json_object();
	struct error *e = txbox_attempts(rows->db, r->seq, on_attempt, &n);

	eth_address_text(r->account, account);
	eth_address_text(r->intent.to, to);
	json_put(row, "id", r->intent.id);
	json_put(row, "state", txbox_state_word(r->state));
	json_put(row, "chain", rows->chain);
	json_put(row, "account", account);
	json_put(row, "to", r->intent.creates ? "a new contract" : to);
	json_put(row, "value", amount_words(r, r->intent.value));
	if (r->state != TXBOX_WANTED) {
		json_object_set_new(row, "nonce", json_sprintf("%" PRIu64, r->nonce));
		json_object_set_new(row, "signed", json_sprintf("%" PRId64, n.count));
		json_put(row, "given_up", n.attempt.cancels ? "yes" : "no");
		json_object_set_new(row, "hash", json_sprintf("0x%s", hex_encode(r, n.attempt.hash, TX_HASH_BYTES)));
		put_gap(rows, r, row);
	}
	json_array_append_new(rows->list, row);
	mem_free(r);
	return e;
}

static struct error *rows_of(const void *ctx, const char *path, json_t *list)
{
	const char *base = strrchr(path, '/') + 1;
	struct rows rows = {.list = list, .chain = mem_strndup(ctx, base, strcspn(base, "-"))};
	struct error *e;

	TRY(db_open(ctx, path, &txbox_database, &rows.db));
	e = txbox_each_pending(rows.db, on_record, &rows);
	mem_free(rows.db);
	return e;
}

struct error *outbox_rows(struct vcli *v, json_t *list)
{
	char *folder = NULL, *pattern;
	struct error *e = NULL;
	glob_t found = {0};

	TRY(client_state_make(v, &v->set.client.state, "chain", &folder));
	pattern = file_join(v, folder, "*-????????.db");
	if (glob(pattern, 0, NULL, &found) != 0)
		return NULL;
	for (size_t i = 0; !e && i < found.gl_pathc; i++)
		e = rows_of(v, found.gl_pathv[i], list);
	globfree(&found);
	return e;
}

/* --- one of them --- */

/* Opens the outbox of the chain that is meant, and finds what ID names in it. */
static struct error *open_one(struct vcli *v, struct chain **ret_chain, struct txbox_record **ret_record)
{
	struct chain *c = NULL;
	struct error *e;

	vcli_answer(v, json_object());
	e = chain_connect(v, &c);
	if (e)
		return chain_unreached(e);
	e = chain_read_addresses(c);
	if (e && (e->code != ERROR_NOT_FOUND || c->deployment))
		return e;
	error_free(e);
	TRY(chain_open_outbox(c));
	TRY(mend_find(c, c->contracts, v->args[0], ret_record));
	*ret_chain = c;
	json_put(v->answer, "id", (*ret_record)->intent.id);
	return NULL;
}

/* Until it is final. What became of it is told; `wanted` is what was asked for. */
static struct error *finish(struct chain *c, const struct txbox_record *r, enum txbox_state wanted)
{
	struct progress *p = progress_new(c, c->v);
	struct txbox_record *now = NULL;

	progress_say(p, "waiting for its block");
	c->waiting = r->intent.id;
	chain_wait(c);
	mem_free(p);
	TRY(txbox_get(c, c->db, r->intent.id, &now));
	assert(now);
	json_put(c->v->answer, "state", txbox_state_word(now->state));
	if (!txbox_state_final(now->state))
		return contracts_not_yet(c->contracts, "it");
	if (!c->v->set.json)
		printf("%s\n", txbox_state_word(now->state));
	if (now->state == wanted)
		return NULL;
	return error_new(ERROR_REFUSED, "it is %s, in block %" PRIu64, txbox_state_word(now->state),
			 now->receipt.block);
}

struct error *cmd_outbox_resend(struct vcli *v)
{
	struct txbox_record *r = NULL;
	struct chain *c = NULL;

	TRY(open_one(v, &c, &r));
	assert(c && r);
	TRY(mend_check_signed(r));
	/* What is not in a block is sent when a sender begins. */
	return finish(c, r, TXBOX_DONE);
}

struct error *cmd_outbox_replace(struct vcli *v)
{
	struct txbox_record *r = NULL;
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(open_one(v, &c, &r));
	assert(c && r);
	if (v->set.chain.fill_gap) {
		TRY(mend_fill(c->contracts, r));
	} else {
		w = chain_begin(c);
		mend_replace(w, c->contracts, r, chain_answered, w);
		TRY(chain_await(c, w));
	}
	return finish(c, r, TXBOX_DONE);
}

/* --- abandon --- */

static struct error *told(struct vcli *v)
{
	json_put(v->answer, "state", txbox_state_word(TXBOX_ABANDONED));
	if (!v->set.json)
		printf("%s\n", txbox_state_word(TXBOX_ABANDONED));
	return NULL;
}

/* What gives it up is signed, and sent where that is possible. */
static void try_to_cancel(struct chain *c)
{
	int64_t end_ms = c->deadline_ms, own_ms = clock_mono_ms() + FORCE_MS;
	bool never = false;

	while (sender_ordered(c->sender) && clock_mono_ms() < (own_ms < end_ms ? own_ms : end_ms)) {
		c->deadline_ms = clock_mono_ms() + LOOK_MS;
		chain_run(c, &never);
	}
	c->deadline_ms = end_ms;
}

static struct error *force(struct chain *c, const struct txbox_record *r)
{
	try_to_cancel(c);
	TRY(mend_forget(c->contracts, r));
	if (!c->v->set.quiet)
		fprintf(stderr,
			"vcli: it may still be carried out, with nonce %" PRIu64
			": do not say it again before you know\n",
			r->nonce);
	return told(c->v);
}

struct error *cmd_outbox_abandon(struct vcli *v)
{
	struct txbox_record *r = NULL;
	struct chain *c = NULL;
	bool ended = false;

	TRY(open_one(v, &c, &r));
	assert(c && r);
	TRY(mend_abandon(c->contracts, r, &ended));
	if (ended)
		return told(v);
	return v->set.force ? force(c, r) : finish(c, r, TXBOX_ABANDONED);
}
