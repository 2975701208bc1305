#include "manager/payments/payments_link.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/deployment.h"
#include "chain/logs.h"
#include "chain/rpc.h"
#include "chain/sender.h"
#include "client/identity.h"
#include "contracts/refusal.h"
#include "crypto/secret.h"

#define GIVE_UP_MS 5000    /* of a call, at all endpoints */
#define LOOK_AGAIN_MS 1000 /* for an endpoint on the right chain */
#define READ_EVERY_MS 500
#define SEND_EVERY_MS 500

struct payments_link {
	const struct service_host *host;
	const struct service_chain *chain;
	struct rpc *rpc;
	struct db *ledger, *outbox;
	char *outbox_path, *lock;
	struct logs *logs; /* NULL: no endpoint has said yet which chain it is on */
	struct sender *sender;
	struct timer *look;
	char *account, *trouble;
	uint64_t block;
	int64_t up_ms; /* monotonic clock: read since then; 0: not */
	payments_link_fn *moved;
	void *arg;
};

static const char *const contracts_read[] = {"Jobs", "Blacklist", "Roles"};
#define CONTRACTS_READ (sizeof(contracts_read) / sizeof(contracts_read[0]))

static void set_trouble(struct payments_link *l, const char *why)
{
	if (why && (!l->trouble || strcmp(l->trouble, why) != 0))
		log_warn("payments.chain", "why=%s", log_q(why));
	mem_free(l->trouble);
	l->trouble = why ? mem_strdup(l, why) : NULL;
}

/* --- reading --- */

static struct error *on_log(const struct chain_log *log, void *arg)
{
	return ledger_take(((struct payments_link *)arg)->ledger, log);
}

static struct error *on_undo(uint64_t from_block, void *arg)
{
	return ledger_undo(((struct payments_link *)arg)->ledger, from_block);
}

static void on_reached(uint64_t block, void *arg)
{
	struct payments_link *l = arg;

	l->block = block;
	l->moved(l->arg);
}

static struct error *read_addresses(const struct deployment *d, uint8_t ret[CONTRACTS_READ][ETH_ADDRESS_BYTES])
{
	for (size_t i = 0; i < CONTRACTS_READ; i++)
		TRY(deployment_get(d, contracts_read[i], ret[i]));
	return NULL;
}

static struct error *begin_reading(struct payments_link *l)
{
	uint8_t addresses[CONTRACTS_READ][ETH_ADDRESS_BYTES];
	const struct logs_config config = {.rpc = l->rpc,
					   .db = l->ledger,
					   .name = "ledger",
					   .addresses = (const uint8_t(*)[ETH_ADDRESS_BYTES])addresses,
					   .address_count = CONTRACTS_READ,
					   .confirmations = l->chain->confirmations,
					   .poll_ms = READ_EVERY_MS};
	const struct logs_events events = {.log = on_log, .undo = on_undo, .reached = on_reached};

	TRY(read_addresses(l->chain->deployment, addresses));
	return logs_open(l, l->host->loop, &config, &events, l, &l->logs);
}

/* --- which chain it is --- */

/* Of one that answers. */
static struct error *compare(const struct payments_link *l, const struct rpc_endpoint_reply *o)
{
	const struct json_place at = {NULL, o->label, 0};
	struct rpc_block_head block = {0};

	TRY(rpc_read_block(o->result, &at, &block));
	if (memcmp(block.hash, l->chain->deployment->genesis, sizeof(block.hash)) == 0)
		return NULL;
	return error_new(ERROR_REFUSED, "%s: begins with another block than the chain of --addresses", o->label);
}

static void on_first_block(const struct rpc_endpoint_reply *replies, size_t count, void *arg)
{
	struct payments_link *l = arg;
	struct error *e = NULL;
	const struct error *away = NULL;
	size_t agree = 0;

	for (size_t i = 0; i < count && !e; i++) {
		away = replies[i].error ? replies[i].error : away;
		e = replies[i].error ? NULL : compare(l, &replies[i]);
		agree += !replies[i].error && !e;
	}
	if (!e && !agree)
		e = away ? error_copy(away) : error_new(ERROR_UNAVAILABLE, "no endpoint answers");
	if (!e)
		e = begin_reading(l);
	if (e) {
		set_trouble(l, e->message);
		timer_again(l->look, LOOK_AGAIN_MS, 0);
	} else {
		set_trouble(l, NULL);
		timer_again(l->look, LOOK_AGAIN_MS, LOOK_AGAIN_MS);
	}
	error_free(e);
}

/* Before the first block is known, it is asked for; then only whether the reader gets on. */
static void on_look(void *arg)
{
	struct payments_link *l = arg;

	if (!l->logs)
		rpc_ask_each(l->rpc, l, "eth_getBlockByNumber", json_pack("[s,b]", "0x0", 0), on_first_block, l);
	else if (logs_trouble(l->logs))
		l->up_ms = 0;
	else if (!l->up_ms)
		l->up_ms = clock_mono_ms();
}

int64_t payments_link_up_ms(const struct payments_link *l)
{
	return l->up_ms && l->block ? clock_mono_ms() - l->up_ms : 0;
}

uint64_t payments_link_block(const struct payments_link *l)
{
	return l->block;
}

const char *payments_link_trouble(const struct payments_link *l)
{
	if (l->trouble)
		return l->trouble;
	if (!l->logs)
		return "no endpoint of the chain has answered yet";
	return logs_trouble(l->logs) ? logs_trouble(l->logs) : l->sender ? sender_trouble(l->sender) : NULL;
}

struct db *payments_link_ledger(const struct payments_link *l)
{
	return l->ledger;
}

const char *payments_link_account(const struct payments_link *l)
{
	return l->account;
}

/* --- opening --- */

static struct error *open_files(struct payments_link *l)
{
	const struct deployment *d = l->chain->deployment;
	char *genesis = hex_encode(l, d->genesis, 4);

	TRY(file_mkdirs(l->chain->folder, 0700));
	l->outbox_path = mem_printf(l, "%s/%" PRIu64 "-%s.db", l->chain->folder, d->chain_id, genesis);
	l->lock = mem_printf(l, "%s.%s.lock", l->outbox_path, l->account);
	TRY(db_open(l, l->outbox_path, &txbox_database, &l->outbox));
	return db_open(l, mem_printf(l, "%s/ledger-%" PRIu64 "-%s.db", l->chain->folder, d->chain_id, genesis),
		       &ledger_database, &l->ledger);
}

static struct error *open_link(struct payments_link *l)
{
	const struct rpc_config config = {.urls = l->chain->urls,
					  .url_count = l->chain->url_count,
					  .chain_id = l->chain->deployment->chain_id,
					  .give_up_ms = GIVE_UP_MS};
	uint8_t addresses[CONTRACTS_READ][ETH_ADDRESS_BYTES], account[ETH_ADDRESS_BYTES];
	struct error *e = read_addresses(l->chain->deployment, addresses);

	if (e)
		return error_wrap(e, "--addresses");
	TRY(client_identity_address(client_link_client(l->host->link), account));
	l->account = hex_encode(l, account, sizeof(account));
	TRY(open_files(l));
	e = rpc_open(l, l->host->loop, &config, &l->rpc);
	if (e)
		return error_wrap(e, "--chain");
	l->look = timer_start(l, l->host->loop, 0, 0, on_look, l);
	return NULL;
}

/* What calls the endpoints goes before them. */
static int link_destroy(struct payments_link *l)
{
	mem_free(l->logs);
	mem_free(l->sender);
	return 0;
}

struct error *payments_link_open(const void *ctx, const struct service_host *host, payments_link_fn *moved, void *arg,
				 struct payments_link **ret_link)
{
	struct payments_link *l = mem_new(ctx, struct payments_link);
	struct error *e;

	*l = (struct payments_link){.host = host, .chain = host->network->chain_paid_on, .moved = moved, .arg = arg};
	talloc_set_destructor(l, link_destroy);
	e = open_link(l);
	if (e) {
		mem_free(l);
		return e;
	}
	*ret_link = l;
	return NULL;
}

/* --- writing --- */

static void on_final(const struct txbox_record *record, void *arg)
{
	struct payments_link *l = arg;

	log_info("payments.written", "id=%s state=%s block=%" PRIu64, log_q(record->intent.id),
		 txbox_state_word(record->state), record->receipt.block);
	l->moved(l->arg);
}

struct error *payments_link_lead(struct payments_link *l)
{
	const struct sender_config config = {
		.rpc = l->rpc,
		.db = l->outbox,
		.lock = l->lock,
		.confirmations = l->chain->confirmations,
		.poll_ms = SEND_EVERY_MS,
	};
	struct secp_key key = {{0}, {0}};
	struct error *e = client_identity_load(client_link_client(l->host->link), &key);

	if (!e)
		e = sender_open(l, l->host->loop, &config, &key, on_final, l, &l->sender);
	secret_wipe(&key, sizeof(key));
	return e;
}

void payments_link_rest(struct payments_link *l)
{
	mem_free(l->sender);
	l->sender = NULL;
}

struct error *payments_link_put(struct payments_link *l, const char *id, const struct codec_function *f,
				const void *args)
{
	struct txbox_intent in = {.id = id};
	struct buf *data;
	struct error *e;

	if (!l->sender)
		return error_new(ERROR_UNAVAILABLE, "the outbox is not open");
	data = buf_new(NULL, ABI_CALL_BYTES);
	e = deployment_get(l->chain->deployment, f->contract, in.to);
	if (!e)
		e = codec_call(f, args, data);
	in.data = (const uint8_t *)data->data;
	in.n = data->len;
	if (!e)
		e = sender_put(l->sender, &in);
	mem_free(data);
	return e;
}

static char *why_of(const void *ctx, const struct txbox_record *r)
{
	if (r->state == TXBOX_REVERTED)
		return mem_printf(ctx, "the contract refused it in block %" PRIu64 ": something else came first",
				  r->receipt.block);
	if (r->revert)
		return refusal_text(ctx, r->revert, r->revert_n);
	return r->why ? mem_strdup(ctx, r->why) : NULL;
}

struct error *payments_link_find(const void *ctx, struct payments_link *l, const char *id, enum txbox_state *ret_state,
				 char **ret_why)
{
	struct txbox_record *r = NULL;

	TRY(txbox_get(ctx, l->outbox, id, &r));
	*ret_state = r->state;
	*ret_why = why_of(ctx, r);
	return NULL;
}

struct error *payments_link_pending(struct payments_link *l, int64_t *ret_count)
{
	uint8_t account[ETH_ADDRESS_BYTES];

	TRY(hex_decode(l->account, account, sizeof(account)));
	return txbox_pending(l->outbox, account, ret_count);
}
