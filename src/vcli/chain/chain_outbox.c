/* The outbox of transactions of one chain, in DIR/chain of --state-dir: opening it, and what an earlier command left.
 */
#include <glob.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/address.h"
#include "client/folders.h"
#include "crypto/secret.h"
#include "vcli/chain/chain.h"
#include "vcli/chain/wallet.h"
#include "vcli/money.h"
#include "vcli/progress.h"

#define POLL_MS 200
#define LOOK_MS 100
#define LOCK_MS 100
#define GWEI 1000000000

static struct error *pending(struct chain *c, int64_t *ret_count)
{
	return txbox_pending(c->db, sender_account(c->sender), ret_count);
}

/* Others' intentions may end too: those that an earlier run left. */
static void on_final(const struct txbox_record *record, void *arg)
{
	struct chain *c = arg;
	int64_t left = 0;

	contracts_final(record, c->contracts);
	if (c->waiting && strcmp(c->waiting, record->intent.id) == 0)
		c->settled = true;
	if (!c->waiting) {
		struct error *e = pending(c, &left);

		c->settled = e || left == 0;
		error_free(e);
	}
}

static void on_look(void *arg)
{
	struct chain *c = arg;

	if (sender_unproved(c->sender))
		c->settled = true;
}

void chain_wait(struct chain *c)
{
	struct timer *look = timer_start(c, &c->v->loop, LOOK_MS, LOOK_MS, on_look, c);

	c->settled = false;
	chain_run(c, &c->settled);
	mem_free(look);
}

/* What an earlier command left comes first: the next one may rest on it. */
static struct error *drain(struct chain *c)
{
	struct progress *p;
	int64_t left = 0;

	TRY(pending(c, &left));
	if (left == 0)
		return NULL;
	p = progress_new(c, c->v);
	progress_say(p, "what an earlier command left is written first");
	c->waiting = NULL;
	chain_wait(c);
	mem_free(p);
	TRY(pending(c, &left));
	return left == 0 ? NULL : contracts_not_yet(c->contracts, "an earlier transaction of this account");
}

/* --- opening --- */

static void on_pause(void *arg)
{
	struct chain *c = arg;

	c->settled = true;
}

/* Another command of the account may be at work: its turn comes first. */
static struct error *open_sender(struct chain *c, const struct sender_config *config, const struct secp_key *key)
{
	struct progress *p = progress_new(c, c->v);
	struct error *e;

	progress_say(p, "another command of this account is at work");
	for (;;) {
		struct timer *t;
		bool in_time;

		e = sender_open(c, &c->v->loop, config, key, on_final, c, &c->sender);
		if (!e || e->code != ERROR_EXISTS)
			break;
		c->settled = false;
		t = timer_start(c, &c->v->loop, LOCK_MS, 0, on_pause, c);
		in_time = chain_run(c, &c->settled);
		mem_free(t);
		if (!in_time) {
			e = error_wrap(e, "another command of this account is still at work, try again later");
			break;
		}
		error_free(e);
	}
	mem_free(p);
	return e;
}

/* --- which outbox --- */

static struct error *on_count(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

/* What has the account signed for a chain of this id that begins otherwise? It could be carried out here too. */
static struct error *refuse_if_used(struct chain *c, const char *path, const uint8_t account[ETH_ADDRESS_BYTES])
{
	struct db *db = NULL;
	int64_t count = 0;
	struct error *e;

	TRY(db_open(c, path, &txbox_database, &db));
	e = db_query(db, on_count, &count, "select count(*) from tx_nonces where account = ?", "b", account,
		     (size_t)ETH_ADDRESS_BYTES);
	mem_free(db);
	TRY(e);
	return count == 0
		       ? NULL
		       : error_new(
				 ERROR_REFUSED,
				 "%s has what this account has signed for chain %" PRIu64
				 ", which begins with another block than the endpoint tells: name the right endpoint (--chain-rpc) or the file of its contracts (--addresses); if that chain is gone for good, remove %s",
				 path, rpc_chain_id(c->rpc), path);
}

/* The first block says which of several chains with one id it is, development chains for instance. Whom nothing of the
 * user's tells it, an endpoint could make forget what was signed before. */
static struct error *refuse_other_begin(struct chain *c, const char *folder, const char *name,
					const uint8_t account[ETH_ADDRESS_BYTES])
{
	char *pattern = mem_printf(c, "%s/%" PRIu64 "-????????.db", folder, rpc_chain_id(c->rpc));
	struct error *e = NULL;
	glob_t found = {0};

	if (c->begun || file_exists(file_join(c, folder, name)))
		return NULL;
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; !e && i < found.gl_pathc; i++)
			e = refuse_if_used(c, found.gl_pathv[i], account);
		globfree(&found);
	}
	return e;
}

/* How many transactions the account has sent, as the user knows. */
static struct error *read_nonce(struct chain *c, const uint8_t account[ETH_ADDRESS_BYTES], uint64_t *ret_nonce)
{
	uint64_t next = 0;

	*ret_nonce = (uint64_t)c->v->set.chain.nonce;
	if (c->v->set.chain.nonce == 0)
		return NULL;
	TRY(txbox_next_nonce(c->db, account, &next));
	if (*ret_nonce >= next)
		return NULL;
	return error_new(ERROR_INVALID,
			 "--nonce: %" PRIu64 " transactions were signed here already, so there are as many", next);
}

/* An outbox for each chain: a development chain that was begun anew is another one. */
static struct error *open_outbox(struct chain *c, const struct secp_key *key)
{
	struct sender_config config = {
		.rpc = c->rpc, .poll_ms = POLL_MS, .highest_fee = c->highest_fee, .highest_cost = c->highest_cost};
	char *folder = NULL, *genesis = hex_encode(c, c->genesis, 4), *name, *path, *lock;
	uint8_t address[ETH_ADDRESS_BYTES];

	secp_address(key->public, address);
	TRY(client_state_make(c->v, &c->v->set.client.state, "chain", &folder));
	name = mem_printf(c, "%" PRIu64 "-%s.db", rpc_chain_id(c->rpc), genesis);
	path = file_join(c, folder, name);
	lock = mem_printf(c, "%s.%s.lock", path, hex_encode(c, address, sizeof(address)));
	TRY(refuse_other_begin(c, folder, name, address));
	TRY(db_open(c, path, &txbox_database, &c->db));
	TRY(read_nonce(c, address, &config.first_nonce));
	config.db = c->db;
	config.lock = lock;
	return open_sender(c, &config, key);
}

static struct error *read_limits(struct chain *c)
{
	static const struct {
		const char *flag;
		size_t setting, limit;
		uint64_t usual_gwei;
	} rows[] = {
		{"--highest-fee", offsetof(struct vcli_chain_options, highest_fee), offsetof(struct chain, highest_fee),
		 SENDER_HIGHEST_GWEI},
		{"--highest-cost", offsetof(struct vcli_chain_options, highest_cost),
		 offsetof(struct chain, highest_cost), SENDER_HIGHEST_COST_GWEI},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *said = *(char *const *)((const char *)&c->v->set.chain + rows[i].setting);
		struct u256 *limit = (struct u256 *)((char *)c + rows[i].limit);

		TRY(u256_mul(u256_of(rows[i].usual_gwei), u256_of(GWEI), limit));
		if (!said)
			continue;
		TRY(money_amount(rows[i].flag, said, limit));
		if (u256_is_zero(*limit))
			return error_new(ERROR_INVALID, "%s: must be over 0", rows[i].flag);
	}
	return NULL;
}

/* A transaction is for the chain whose id is in it: an endpoint of another one must not choose. */
struct error *chain_check_named(const struct chain *c)
{
	if (c->named)
		return NULL;
	return error_new(ERROR_REFUSED,
			 "which chain is meant? The endpoint says that it is on chain %" PRIu64
			 ": if that is the one, say --chain-id %" PRIu64
			 ", or name a file of addresses with --addresses",
			 rpc_chain_id(c->rpc), rpc_chain_id(c->rpc));
}

struct error *chain_open_outbox(struct chain *c)
{
	struct secp_key key = {{0}, {0}};
	struct error *e;

	TRY(read_limits(c));
	TRY(chain_check_named(c));
	TRY(chain_compare(c));
	e = wallet_key(c->v, true, &key);
	if (!e)
		e = open_outbox(c, &key);
	if (!e)
		contracts_set_sender(c->contracts, c->sender, c->db, c->highest_fee, c->highest_cost);
	secret_wipe(&key, sizeof(key));
	return e;
}

struct error *chain_unlock(struct chain *c)
{
	TRY(chain_open_outbox(c));
	return drain(c);
}
