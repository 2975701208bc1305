#include "chain/logs.h"

#include <inttypes.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/gather.h"
#include "chain/u256.h"

#define KEPT 64 /* hashes of the last blocks */

const char logs_schema[] =
	"create table if not exists log_blocks( name text not null, number integer not null, hash blob not null, primary key(name, number));";

struct kept_block {
	uint64_t number;
	uint8_t hash[HASH_BYTES];
};

struct logs {
	uv_loop_t *loop;
	struct logs_config config;
	struct logs_events events;
	void *arg;
	struct kept_block kept[KEPT]; /* oldest first; the last is where the reader is */
	size_t kept_count;
	struct timer *timer;
	struct gather *round;
	struct backoff backoff;
	uint64_t range;      /* blocks; smaller while answers are too long */
	uint64_t from, to;   /* asked for */
	uint64_t first_head; /* of the blocks whose heads were asked for */
	char *trouble;
};

static void look(struct logs *l);

static void set_trouble(struct logs *l, const char *why)
{
	if (why && (!l->trouble || strcmp(l->trouble, why) != 0))
		log_warn("logs.trouble", "reader=%s why=%s", l->config.name, log_q(why));
	mem_free(l->trouble);
	l->trouble = why ? mem_strdup(l, why) : NULL;
}

/* Takes e. */
static void later(struct logs *l, struct error *e)
{
	set_trouble(l, e->message);
	error_free(e);
	timer_again(l->timer, backoff_next_ms(&l->backoff, 0), 0);
}

/* --- where the reader is --- */

static uint64_t next_block(const struct logs *l)
{
	return l->kept_count ? l->kept[l->kept_count - 1].number + 1 : l->config.from_block;
}

static struct error *on_kept(const struct db_row *row, void *arg)
{
	struct logs *l = arg;
	struct kept_block *b = &l->kept[l->kept_count++];
	size_t n = 0;
	const void *hash = db_blob(row, 1, &n);

	b->number = (uint64_t)db_int(row, 0);
	if (n == sizeof(b->hash))
		memcpy(b->hash, hash, n);
	return NULL;
}

static struct error *load_stored(struct logs *l)
{
	l->kept_count = 0;
	return db_query(
		l->config.db, on_kept, l,
		"select number, hash from (select number, hash from log_blocks where name = ? order by number desc limit ?) order by number",
		"si", l->config.name, (int64_t)KEPT);
}

static struct error *keep(struct logs *l, const struct rpc_block_head *b)
{
	return db_exec(l->config.db, "insert or replace into log_blocks values(?, ?, ?)", "sib", l->config.name,
		       (int64_t)b->number, b->hash, sizeof(b->hash));
}

/* --- asking --- */

static json_t *block_params(uint64_t number)
{
	char *quantity = u256_quantity(NULL, u256_of(number));
	json_t *params = json_pack("[s,b]", quantity, 0);

	mem_free(quantity);
	return params;
}

static json_t *filter_params(const struct logs *l)
{
	char *from = u256_quantity(NULL, u256_of(l->from)), *to = u256_quantity(NULL, u256_of(l->to));
	json_t *filter = json_pack("{s:s,s:s}", "fromBlock", from, "toBlock", to), *addresses = json_array();

	for (size_t i = 0; i < l->config.address_count; i++) {
		char text[ADDRESS_TEXT_BYTES];

		eth_address_text(l->config.addresses[i], text);
		json_array_append_new(addresses, json_string(text));
	}
	if (l->config.address_count > 0)
		json_object_set(filter, "address", addresses);
	json_decref(addresses);
	mem_free(from);
	mem_free(to);
	return json_pack("[o]", filter);
}

/* A block that must be there. */
static struct error *block_at(const struct gather *g, size_t i, const char *what, struct rpc_block_head *ret)
{
	const struct rpc_reply *reply = gather_at(g, i);
	const struct json_place at = {NULL, what, 0};

	if (reply->error)
		return error_copy(reply->error);
	if (json_is_null(reply->result))
		return error_new(ERROR_UNAVAILABLE, "%s: the endpoint does not have it yet", what);
	return rpc_read_block(reply->result, &at, ret);
}

/* --- reorganisations --- */

static struct error *undo_from(struct logs *l, uint64_t block)
{
	TRY(db_exec(l->config.db, "delete from log_blocks where name = ? and number >= ?", "si", l->config.name,
		    (int64_t)block));
	TRY(l->events.undo(block, l->arg));
	return db_commit(l->config.db);
}

/* kept[good - 1] is the last that the chain still has. */
static struct error *roll_back(struct logs *l, size_t good)
{
	uint64_t block = good ? l->kept[good - 1].number + 1 : l->config.from_block;
	struct error *e = db_begin(l->config.db);

	log_warn("logs.reorganisation", "reader=%s from-block=%" PRIu64, l->config.name, block);
	if (!e)
		e = undo_from(l, block);
	if (e) {
		db_rollback(l->config.db);
		return e;
	}
	return load_stored(l);
}

/* The heads of all kept blocks have come. */
static void on_compared(struct gather *g, void *arg)
{
	struct logs *l = arg;
	struct error *e = gather_failure(g) ? error_copy(gather_failure(g)) : NULL;
	size_t good = 0;

	l->round = NULL;
	for (size_t i = 0; !e && i < l->kept_count; i++) {
		struct rpc_block_head b = {0};

		/* One that is not there belongs to no other chain: the endpoint is behind. */
		e = block_at(g, i, "a block", &b);
		if (e || memcmp(b.hash, l->kept[i].hash, HASH_BYTES) != 0)
			break;
		good = i + 1;
	}
	if (!e && good < l->kept_count)
		e = roll_back(l, good);
	if (e)
		later(l, e);
	else
		look(l);
}

static void compare(struct logs *l)
{
	l->round = gather_new(l, l->config.rpc, on_compared, l);
	for (size_t i = 0; i < l->kept_count; i++)
		gather_add(l->round, "eth_getBlockByNumber", block_params(l->kept[i].number));
	gather_run(l->round);
}

/* --- giving out --- */

struct found {
	struct logs *logs;
	struct rpc_block_head *heads; /* first_head..to */
	size_t head_count;
	struct chain_log *logs_found;
	size_t count;
};

static struct error *read_heads(struct found *f, const struct gather *g)
{
	struct logs *l = f->logs;
	const uint8_t *parent = l->kept_count && l->first_head == l->from ? l->kept[l->kept_count - 1].hash : NULL;

	f->head_count = l->to - l->first_head + 1;
	f->heads = mem_array(f, struct rpc_block_head, f->head_count);
	for (size_t i = 0; i < f->head_count; i++) {
		struct rpc_block_head *b = &f->heads[i];

		TRY(block_at(g, i + 1, "a block", b));
		if (b->number != l->first_head + i || (parent && memcmp(b->parent, parent, HASH_BYTES) != 0))
			return error_new(ERROR_UNAVAILABLE,
					 "block %" PRIu64
					 " does not follow the one before it: the chain is being reorganised",
					 l->first_head + i);
		parent = b->hash;
	}
	return NULL;
}

static struct error *read_logs(struct found *f, const json_t *list)
{
	const struct json_place at = {NULL, "eth_getLogs", 0};
	struct logs *l = f->logs;

	f->count = json_array_size(list);
	f->logs_found = mem_array(f, struct chain_log, f->count + 1);
	for (size_t i = 0; i < f->count; i++) {
		const struct json_place here = {&at, NULL, i};
		struct chain_log *log = &f->logs_found[i], *before = i ? log - 1 : NULL;

		TRY(rpc_read_log(f, json_array_get(list, i), &here, log));
		if (log->block < l->from || log->block > l->to)
			return json_place_error(&here,
						"is of block %" PRIu64 ", asked for were %" PRIu64 " to %" PRIu64,
						log->block, l->from, l->to);
		if (before &&
		    (log->block < before->block || (log->block == before->block && log->index <= before->index)))
			return json_place_error(&here, "is not in order");
		if (log->block >= l->first_head &&
		    memcmp(log->block_hash, f->heads[log->block - l->first_head].hash, HASH_BYTES) != 0)
			return error_new(ERROR_UNAVAILABLE,
					 "the logs are of another block %" PRIu64 ": the chain is being reorganised",
					 log->block);
	}
	return NULL;
}

static struct error *store(struct found *f)
{
	struct logs *l = f->logs;

	for (size_t i = 0; i < f->count; i++)
		TRY(l->events.log(&f->logs_found[i], l->arg));
	for (size_t i = 0; i < f->head_count; i++)
		TRY(keep(l, &f->heads[i]));
	TRY(db_exec(
		l->config.db,
		"delete from log_blocks where name = ?1 and number not in (select number from log_blocks where name = ?1 order by number desc limit ?2)",
		"si", l->config.name, (int64_t)KEPT));
	return db_commit(l->config.db);
}

static struct error *give_out(struct found *f, const struct gather *g)
{
	struct error *e;

	TRY(read_heads(f, g));
	TRY(read_logs(f, gather_at(g, 0)->result));
	TRY(db_begin(f->logs->config.db));
	e = store(f);
	if (e) {
		db_rollback(f->logs->config.db);
		return e;
	}
	return load_stored(f->logs);
}

/* Too many logs for one answer, or the node says so. */
static bool narrow(struct logs *l, const struct error *e)
{
	if (!e || (e->code != ERROR_LIMIT && e->code != ERROR_FAILED) || l->to == l->from)
		return false;
	l->range = (l->to - l->from + 1) / 2;
	return true;
}

static void on_found(struct gather *g, void *arg)
{
	struct logs *l = arg;
	const struct error *refused = gather_at(g, 0)->error;
	struct found *f;
	struct error *e;

	l->round = NULL;
	if (narrow(l, refused)) {
		look(l);
		return;
	}
	f = mem_new(l, struct found);
	f->logs = l;
	e = refused ? error_copy(refused) : gather_failure(g) ? error_copy(gather_failure(g)) : give_out(f, g);
	mem_free(f);
	if (e) {
		later(l, e);
		return;
	}
	backoff_reset(&l->backoff);
	set_trouble(l, NULL);
	if (l->range < l->config.range)
		l->range = l->range * 2 < l->config.range ? l->range * 2 : l->config.range;
	timer_again(l->timer, 0, 0);
	if (l->events.reached) /* may free us */
		l->events.reached(l->to, l->arg);
}

static void ask(struct logs *l, uint64_t last)
{
	l->from = next_block(l);
	l->to = last - l->from < l->range ? last : l->from + l->range - 1;
	/* Far behind, the chain's order is checked by its last blocks only. */
	l->first_head = l->to - l->from < KEPT ? l->from : l->to - KEPT + 1;
	l->round = gather_new(l, l->config.rpc, on_found, l);
	gather_add(l->round, "eth_getLogs", filter_params(l));
	for (uint64_t n = l->first_head; n <= l->to; n++)
		gather_add(l->round, "eth_getBlockByNumber", block_params(n));
	gather_run(l->round);
}

/* --- rounds --- */

static void on_looked(struct gather *g, void *arg)
{
	struct logs *l = arg;
	struct rpc_block_head latest = {0};
	const struct rpc_reply *last = l->kept_count ? gather_at(g, 1) : NULL;
	struct rpc_block_head b = {0};
	struct error *e = gather_failure(g) ? error_copy(gather_failure(g)) : NULL;

	l->round = NULL;
	if (!e)
		e = block_at(g, 0, "the latest block", &latest);
	if (!e && last && !json_is_null(last->result))
		e = block_at(g, 1, "a block", &b);
	if (e) {
		later(l, e);
		return;
	}
	/* Not there: the endpoint is behind, or the chain has become shorter. */
	if (last && memcmp(b.hash, l->kept[l->kept_count - 1].hash, HASH_BYTES) != 0 &&
	    (latest.number >= l->kept[l->kept_count - 1].number)) {
		compare(l);
		return;
	}
	if (latest.number < l->config.confirmations || latest.number - l->config.confirmations < next_block(l)) {
		set_trouble(l, NULL);
		timer_again(l->timer, l->config.poll_ms, 0);
		return;
	}
	ask(l, latest.number - l->config.confirmations);
}

static void look(struct logs *l)
{
	if (l->round)
		return;
	l->round = gather_new(l, l->config.rpc, on_looked, l);
	gather_add(l->round, "eth_getBlockByNumber", json_pack("[s,b]", "latest", 0));
	if (l->kept_count)
		gather_add(l->round, "eth_getBlockByNumber", block_params(l->kept[l->kept_count - 1].number));
	gather_run(l->round);
}

static void on_timer(void *arg)
{
	look(arg);
}

struct error *logs_open(const void *ctx, uv_loop_t *loop, const struct logs_config *config,
			const struct logs_events *events, void *arg, struct logs **ret_logs)
{
	struct logs *l = mem_new(ctx, struct logs);
	struct error *e;

	l->loop = loop;
	l->config = *config;
	l->config.name = mem_strdup(l, config->name);
	if (config->address_count > 0)
		l->config.addresses =
			mem_memdup(l, config->addresses, config->address_count * sizeof(config->addresses[0]));
	l->config.poll_ms = config->poll_ms ? config->poll_ms : 1000;
	l->config.range = config->range ? config->range : 500;
	l->range = l->config.range;
	l->backoff = (struct backoff){.first_ms = 200, .max_ms = 5000, .steady_ms = 60000};
	l->events = *events;
	l->arg = arg;
	e = load_stored(l);
	if (e) {
		mem_free(l);
		return e;
	}
	l->timer = timer_start(l, loop, 0, 0, on_timer, l);
	*ret_logs = l;
	return NULL;
}

const char *logs_trouble(const struct logs *l)
{
	return l->trouble;
}
