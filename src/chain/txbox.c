#include "chain/txbox.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"

const char txbox_schema[] =
	"create table if not exists tx_intents( seq integer primary key autoincrement, id text not null unique, account blob not null, recipient blob not null," /* empty: creates a contract */
	" value blob not null, data blob not null, gas integer not null, state text not null, nonce integer, tx_hash blob, block integer, block_hash blob, gas_used integer, contract blob, why text, revert blob, put_ms integer not null, end_ms integer);create index if not exists tx_intents_state on tx_intents(account, state, seq);create index if not exists tx_intents_nonce on tx_intents(account, nonce);"
	"create table if not exists tx_attempts( number integer primary key autoincrement, seq integer not null references tx_intents(seq) on delete cascade, hash blob not null, raw blob not null, price blob not null, tip blob not null, signed_ms integer not null);create index if not exists tx_attempts_seq on tx_attempts(seq);create table if not exists tx_chain( one integer primary key check(one = 1),"
	" chain_id integer not null, genesis blob not null);create table if not exists tx_nonces(account blob primary key, next integer not null);create table if not exists tx_cancels(hash blob primary key);create table if not exists tx_retired( hash blob primary key, seq integer not null, nonce integer not null, raw blob not null);";
const char txbox_schema_said[] =
	"create table tx_said(seq integer primary key references tx_intents(seq) on delete cascade, hash blob not null);";

static const char *const first[] = {txbox_schema, NULL};
static const char *const second[] = {txbox_schema_said, NULL};
static const struct db_migration migrations[] = {{first}, {second}};
static const char *const first_tables[] = {"tx_intents", "tx_attempts", "tx_chain", "tx_nonces",
					   "tx_cancels", "tx_retired",  NULL};
const struct db_schema txbox_database = {
	.application_id = DB_APPLICATION_ID('T'),
	.name = "an outbox of transactions",
	.first_tables = first_tables,
	.migrations = migrations,
	.count = sizeof(migrations) / sizeof(migrations[0]),
};

static const char *const state_words[] = {
	[TXBOX_WANTED] = "wanted",       [TXBOX_SIGNED] = "signed",     [TXBOX_MINED] = "mined",
	[TXBOX_DONE] = "done",           [TXBOX_REVERTED] = "reverted", [TXBOX_REFUSED] = "refused",
	[TXBOX_ABANDONED] = "abandoned",
};
#define STATES (sizeof(state_words) / sizeof(state_words[0]))

#define COLUMNS                                                                                                   \
	"seq, id, recipient, value, data, gas, state, nonce, why, revert, tx_hash, block, block_hash, gas_used, " \
	"contract, account, (select hash from tx_said where tx_said.seq = tx_intents.seq)"

const char *txbox_state_word(enum txbox_state state)
{
	return state_words[state];
}

bool txbox_state_final(enum txbox_state state)
{
	return state >= TXBOX_DONE;
}

static enum txbox_state state_of(const char *word)
{
	size_t i = 0;

	while (i < STATES && strcmp(state_words[i], word) != 0)
		i++;
	assert(i < STATES); /* only we write it */
	return (enum txbox_state)i;
}

/* --- rows --- */

static struct u256 number_at(const struct db_row *row, int column)
{
	size_t n = 0;
	const void *bytes = db_blob(row, column, &n);

	return n <= U256_BYTES ? u256_from_bytes(bytes, n) : U256_ZERO;
}

static uint8_t *bytes_at(const void *ctx, const struct db_row *row, int column, size_t *ret_n)
{
	const void *bytes = db_blob(row, column, ret_n);

	return mem_memdup(ctx, bytes, *ret_n ? *ret_n : 1);
}

static bool fixed_at(const struct db_row *row, int column, uint8_t *ret_bytes, size_t wanted)
{
	size_t n = 0;
	const void *bytes = db_blob(row, column, &n);

	if (n == wanted)
		memcpy(ret_bytes, bytes, n);
	return n == wanted;
}

static struct txbox_record *record_of(const void *ctx, const struct db_row *row)
{
	struct txbox_record *r = mem_new(ctx, struct txbox_record);
	uint8_t said[TXBOX_HASH_BYTES];
	size_t n;
	const void *bytes;

	r->seq = db_int(row, 0);
	r->intent.id = mem_strdup(r, db_text(row, 1));
	bytes = db_blob(row, 2, &n);
	r->intent.creates = n != ETH_ADDRESS_BYTES;
	if (!r->intent.creates)
		memcpy(r->intent.to, bytes, ETH_ADDRESS_BYTES);
	r->intent.value = number_at(row, 3);
	r->intent.data = bytes_at(r, row, 4, &r->intent.n);
	r->intent.gas = (uint64_t)db_int(row, 5);
	r->state = state_of(db_text(row, 6));
	r->nonce = (uint64_t)db_int(row, 7);
	r->why = db_text(row, 8) ? mem_strdup(r, db_text(row, 8)) : NULL;
	db_blob(row, 9, &n);
	if (n > 0)
		r->revert = bytes_at(r, row, 9, &r->revert_n);
	fixed_at(row, 10, r->receipt.tx_hash, sizeof(r->receipt.tx_hash));
	r->receipt.block = (uint64_t)db_int(row, 11);
	fixed_at(row, 12, r->receipt.block_hash, sizeof(r->receipt.block_hash));
	r->receipt.gas_used = (uint64_t)db_int(row, 13);
	r->receipt.created = fixed_at(row, 14, r->receipt.contract, sizeof(r->receipt.contract));
	r->receipt.succeeded = r->state == TXBOX_DONE;
	fixed_at(row, 15, r->account, sizeof(r->account));
	if (fixed_at(row, 16, said, sizeof(said)))
		r->intent.said = mem_memdup(r, said, sizeof(said));
	return r;
}

struct txbox_lookup {
	const void *ctx;
	struct txbox_record *record;
};

static struct error *on_lookup(const struct db_row *row, void *arg)
{
	struct txbox_lookup *l = arg;

	l->record = record_of(l->ctx, row);
	return NULL;
}

struct error *txbox_get(const void *ctx, struct db *db, const char *id, struct txbox_record **ret_record)
{
	struct txbox_lookup l = {ctx, NULL};

	TRY(db_query(db, on_lookup, &l, "select " COLUMNS " from tx_intents where id = ?", "s", id));
	if (!l.record)
		return error_new(ERROR_NOT_FOUND, "no intention of the id \"%.80s\" was put", id);
	*ret_record = l.record;
	return NULL;
}

struct error *txbox_get_seq(const void *ctx, struct db *db, int64_t seq, struct txbox_record **ret_record)
{
	struct txbox_lookup l = {ctx, NULL};

	TRY(db_query(db, on_lookup, &l, "select " COLUMNS " from tx_intents where seq = ?", "i", seq));
	if (!l.record)
		return error_new(ERROR_NOT_FOUND, "there is no intention %" PRId64, seq);
	*ret_record = l.record;
	return NULL;
}

struct each {
	txbox_fn *fn;
	void *arg;
};

static struct error *on_each(const struct db_row *row, void *arg)
{
	struct each *each = arg;

	return each->fn(record_of(NULL, row), each->arg);
}

struct error *txbox_each(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], enum txbox_state state,
			 int64_t after_seq, int64_t limit, txbox_fn *fn, void *arg)
{
	struct each each = {fn, arg};

	return db_query(db, on_each, &each,
			"select " COLUMNS
			" from tx_intents where account = ? and state = ? and seq > ? order by seq limit ?",
			"bsii", account, (size_t)ETH_ADDRESS_BYTES, state_words[state], after_seq, limit);
}

/* --- putting --- */

static bool same(const struct txbox_intent *a, const struct txbox_intent *b)
{
	return a->creates == b->creates && (a->creates || !memcmp(a->to, b->to, sizeof(a->to))) &&
	       u256_cmp(a->value, b->value) == 0 && a->n == b->n && (a->n == 0 || !memcmp(a->data, b->data, a->n)) &&
	       a->gas == b->gas;
}

/* After the intention: one without a hash is known by its arguments. */
static struct error *put_said(struct db *db, const struct txbox_intent *intent)
{
	if (!intent->said)
		return NULL;
	return db_exec(db, "insert into tx_said(seq, hash) select seq, ? from tx_intents where id = ?", "bs",
		       intent->said, (size_t)TXBOX_HASH_BYTES, intent->id);
}

struct putting {
	const uint8_t *account;
	const struct txbox_intent *intent;
};

static struct error *compare(struct db *db, const struct putting *p)
{
	struct txbox_record *old = NULL;
	struct error *e;
	bool is_same;

	TRY(txbox_get(NULL, db, p->intent->id, &old));
	assert(old);
	is_same = same(&old->intent, p->intent) && !memcmp(old->account, p->account, ETH_ADDRESS_BYTES);
	e = is_same ? NULL : error_new(ERROR_EXISTS, "another intention was put under the id \"%s\"", p->intent->id);
	mem_free(old);
	return e;
}

static struct error *put(struct db *db, const void *arg)
{
	const struct putting *p = arg;
	const struct txbox_intent *intent = p->intent;
	uint8_t value[U256_BYTES];

	u256_to_bytes(intent->value, value);
	TRY(db_exec(
		db,
		"insert into tx_intents(id, account, recipient, value, data, gas, state, put_ms) values(?, ?, ?, ?, ?, ?, 'wanted', ?) on conflict(id) do nothing",
		"sbbbbii", intent->id, p->account, (size_t)ETH_ADDRESS_BYTES, intent->to,
		(size_t)(intent->creates ? 0 : ETH_ADDRESS_BYTES), value, sizeof(value), intent->data, intent->n,
		(int64_t)intent->gas, clock_wall_ms()));
	return db_changes(db) == 1 ? put_said(db, intent) : compare(db, p);
}

/* Wholly or not at all: what failed must not be sent later. */
struct error *txbox_put(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], const struct txbox_intent *intent)
{
	const struct putting p = {account, intent};

	if (!*intent->id || strlen(intent->id) > TXBOX_ID_BYTES)
		return error_new(ERROR_INVALID, "an intention's id must have 1 to %d bytes", TXBOX_ID_BYTES);
	if (intent->n > ABI_CALL_BYTES - 1024)
		return error_new(ERROR_INVALID,
				 "intention \"%s\": %zu bytes of data are more than a transaction carries", intent->id,
				 intent->n);
	return db_together(db, put, &p);
}

static struct error *on_int(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

struct error *txbox_pending(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], int64_t *ret_count)
{
	return db_query(db, on_int, ret_count,
			"select count(*) from tx_intents where account = ? and state in ('wanted', 'signed', 'mined')",
			"b", account, (size_t)ETH_ADDRESS_BYTES);
}

struct error *txbox_forget(struct db *db, int64_t before_ms)
{
	return db_exec(
		db, "delete from tx_intents where end_ms < ? and state in ('done', 'reverted', 'refused', 'abandoned')",
		"i", before_ms);
}

/* --- for the sender --- */

#define ATTEMPT "hash, raw, price, tip, signed_ms, hash in (select hash from tx_cancels)"

struct each_attempt {
	txbox_attempt_fn *fn;
	void *arg;
};

static struct error *on_attempt(const struct db_row *row, void *arg)
{
	struct each_attempt *each = arg;
	struct txbox_attempt a = {0};
	size_t n = 0;
	const void *hash = db_blob(row, 0, &n);

	if (n == sizeof(a.hash))
		memcpy(a.hash, hash, n);
	a.raw = db_blob(row, 1, &a.n);
	a.price = number_at(row, 2);
	a.tip = number_at(row, 3);
	a.signed_ms = db_int(row, 4);
	a.cancels = db_int(row, 5) != 0;
	return each->fn(&a, each->arg); // cppcheck-suppress returnDanglingLifetime
}

struct error *txbox_attempts(struct db *db, int64_t seq, txbox_attempt_fn *fn, void *arg)
{
	struct each_attempt each = {fn, arg};

	return db_query(db, on_attempt, &each, "select " ATTEMPT " from tx_attempts where seq = ? order by number", "i",
			seq);
}

struct error *txbox_attempts_of_nonce(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], uint64_t nonce,
				      txbox_attempt_fn *fn, void *arg)
{
	struct each_attempt each = {fn, arg};

	return db_query(
		db, on_attempt, &each,
		"select " ATTEMPT
		" from tx_attempts where seq in (select seq from tx_intents where account = ? and nonce = ? and (state <> 'abandoned' or tx_attempts.hash in (select hash from tx_cancels))) order by number",
		"bi", account, (size_t)ETH_ADDRESS_BYTES, (int64_t)nonce);
}

struct error *txbox_next_nonce(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], uint64_t *ret_nonce)
{
	int64_t next = 0;

	TRY(db_query(db, on_int, &next, "select next from tx_nonces where account = ?", "b", account,
		     (size_t)ETH_ADDRESS_BYTES));
	*ret_nonce = (uint64_t)next;
	return NULL;
}

struct signed_at {
	int64_t seq, nonce;
};

static struct error *set_signed(struct db *db, const void *arg)
{
	const struct signed_at *at = arg;

	TRY(db_exec(db, "update tx_intents set state = 'signed', nonce = ? where seq = ?", "ii", at->nonce, at->seq));
	return db_exec(
		db,
		"insert into tx_nonces select account, ? from tx_intents where seq = ? on conflict(account) do update set next = max(next, excluded.next)",
		"ii", at->nonce + 1, at->seq);
}

struct error *txbox_set_signed(struct db *db, int64_t seq, uint64_t nonce)
{
	return db_together(db, set_signed, &(struct signed_at){seq, (int64_t)nonce});
}

struct attempt_of {
	int64_t seq;
	const struct txbox_attempt *attempt;
};

static struct error *add_attempt(struct db *db, const void *arg)
{
	const struct attempt_of *of = arg;
	const struct txbox_attempt *a = of->attempt;
	uint8_t price[U256_BYTES], tip[U256_BYTES];

	u256_to_bytes(a->price, price);
	u256_to_bytes(a->tip, tip);
	if (a->cancels)
		TRY(db_exec(db, "insert or ignore into tx_cancels values(?)", "b", a->hash, sizeof(a->hash)));
	return db_exec(db, "insert into tx_attempts(seq, hash, raw, price, tip, signed_ms) values(?, ?, ?, ?, ?, ?)",
		       "ibbbbi", of->seq, a->hash, sizeof(a->hash), a->raw, a->n, price, sizeof(price), tip,
		       sizeof(tip), a->signed_ms);
}

struct error *txbox_add_attempt(struct db *db, int64_t seq, const struct txbox_attempt *attempt)
{
	return db_together(db, add_attempt, &(struct attempt_of){seq, attempt});
}

struct error *txbox_set_mined(struct db *db, int64_t seq, enum txbox_state state, const struct rpc_receipt *receipt)
{
	assert(state >= TXBOX_MINED && state <= TXBOX_ABANDONED && state != TXBOX_REFUSED);
	return db_exec(
		db,
		"update tx_intents set state = ?, tx_hash = ?, block = ?, block_hash = ?, gas_used = ?, contract = ?, end_ms = ? where seq = ?",
		"sbibibii", state_words[state], receipt->tx_hash, sizeof(receipt->tx_hash), (int64_t)receipt->block,
		receipt->block_hash, sizeof(receipt->block_hash), (int64_t)receipt->gas_used, receipt->contract,
		receipt->created ? sizeof(receipt->contract) : 0, clock_wall_ms(), seq);
}

struct error *txbox_set_unmined(struct db *db, int64_t seq)
{
	return db_exec(db, "update tx_intents set state = 'signed', tx_hash = null where seq = ?", "i", seq);
}

static struct error *set_wanted(struct db *db, const void *arg)
{
	const int64_t seq = *(const int64_t *)arg;

	TRY(db_exec(
		db,
		"insert or ignore into tx_retired select hash, a.seq, nonce, raw from tx_attempts a join tx_intents i on i.seq = a.seq where a.seq = ?",
		"i", seq));
	TRY(db_exec(db, "delete from tx_attempts where seq = ?", "i", seq));
	return db_exec(db, "update tx_intents set state = 'wanted', nonce = null, tx_hash = null where seq = ?", "i",
		       seq);
}

struct error *txbox_set_wanted(struct db *db, int64_t seq)
{
	return db_together(db, set_wanted, &seq);
}

struct error *txbox_set_refused(struct db *db, int64_t seq, const char *why, const uint8_t *revert, size_t n)
{
	return db_exec(db, "update tx_intents set state = 'refused', why = ?, revert = ?, end_ms = ? where seq = ?",
		       "sbii", why, revert, n, clock_wall_ms(), seq);
}

struct error *txbox_is_own(struct db *db, const uint8_t hash[TX_HASH_BYTES], bool *ret_own)
{
	int64_t n = 0;

	TRY(db_query(
		db, on_int, &n,
		"select (select count(*) from tx_attempts where hash = ?1) + (select count(*) from tx_retired where hash = ?1)",
		"b", hash, (size_t)TX_HASH_BYTES));
	*ret_own = n > 0;
	return NULL;
}

struct error *txbox_has_nonce(struct db *db, const uint8_t account[ETH_ADDRESS_BYTES], uint64_t nonce, bool *ret_has)
{
	int64_t n = 0;

	TRY(db_query(db, on_int, &n, "select count(*) from tx_intents where account = ? and nonce = ?", "bi", account,
		     (size_t)ETH_ADDRESS_BYTES, (int64_t)nonce));
	*ret_has = n > 0;
	return NULL;
}

struct abandoned {
	const struct txbox_record *record;
	const char *why;
};

static struct error *set_abandoned(struct db *db, const void *arg)
{
	const struct abandoned *a = arg;
	const struct txbox_record *r = a->record;
	int64_t next = 0;

	TRY(db_exec(db, "update tx_intents set state = 'abandoned', why = ?, end_ms = ? where seq = ?", "sii", a->why,
		    clock_wall_ms(), r->seq));
	TRY(db_query(
		db, on_int, &next,
		"select coalesce(max(nonce) + 1, 0) from tx_intents where account = ? and seq <> ? and (state <> 'abandoned' or nonce < ?)",
		"bii", r->account, (size_t)ETH_ADDRESS_BYTES, r->seq, (int64_t)r->nonce));
	if (r->state < TXBOX_SIGNED || (int64_t)r->nonce - next <= TXBOX_REACH)
		return NULL;
	return db_exec(db, "update tx_nonces set next = ? where account = ?", "ib", next, r->account,
		       (size_t)ETH_ADDRESS_BYTES);
}

struct error *txbox_abandon(struct db *db, const struct txbox_record *record, const char *why)
{
	return db_together(db, set_abandoned, &(struct abandoned){record, why});
}

struct error *txbox_each_pending(struct db *db, txbox_fn *fn, void *arg)
{
	struct each each = {fn, arg};

	return db_query(
		db, on_each, &each,
		"select " COLUMNS
		" from tx_intents where state in ('wanted', 'signed', 'mined') order by account, nonce is null, nonce, seq",
		"");
}

struct claim {
	bool found;
	int64_t chain_id;
	uint8_t genesis[HASH_BYTES];
};

static struct error *on_claim(const struct db_row *row, void *arg)
{
	struct claim *c = arg;
	size_t n = 0;
	const void *genesis = db_blob(row, 1, &n);

	c->found = true;
	c->chain_id = db_int(row, 0);
	if (n == sizeof(c->genesis))
		memcpy(c->genesis, genesis, n);
	return NULL;
}

struct error *txbox_claim_chain(struct db *db, uint64_t chain_id, const uint8_t genesis[HASH_BYTES])
{
	struct claim c = {false, 0, {0}};

	TRY(db_query(db, on_claim, &c, "select chain_id, genesis from tx_chain", ""));
	if (!c.found)
		return db_exec(db, "insert into tx_chain values(1, ?, ?)", "ib", (int64_t)chain_id, genesis,
			       (size_t)HASH_BYTES);
	if (c.chain_id == (int64_t)chain_id && memcmp(c.genesis, genesis, HASH_BYTES) == 0)
		return NULL;
	return error_new(ERROR_REFUSED,
			 "the outbox belongs to %schain %" PRId64 ", the endpoint is on chain %" PRIu64
			 ": name an endpoint of the outbox's chain, or use another outbox",
			 c.chain_id == (int64_t)chain_id ? "an earlier, other " : "", c.chain_id, chain_id);
}
