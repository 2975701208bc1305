/* The chain client for the end-to-end tests: orders as lines on stdin, events as lines on stdout.
 *
 *   chain_peer [--chain ID] [--db FILE] [--key FILE] [--confirmations N] [--poll MS] [--answer MS] [--give-up MS]
 *              [--limit BYTES] [--stuck MS] [--resend MS] [--window N] [--highest-fee WEI] URL...
 *
 * The key file holds 64 hexadecimal digits. Orders, words separated by one blank, JSON and texts without blanks:
 *   call METHOD PARAMS                            put ID TO|- WEI DATA GAS
 *   burst PREFIX COUNT TO DATA GAS                deploy ID CONTRACT ARGS
 *   transact ID CONTRACT ADDRESS FUNCTION ARGS WEI
 *   ask CONTRACT ADDRESS FUNCTION ARGS            follow NAME FROM CONFIRMATIONS ADDRESS|-
 *   get ID       pending       trouble       sign TO WEI NONCE GAS PRICE TIP       quit
 * `follow` stores what it reads in the table seen(block, place, data) of --db. `sign` gives a raw transaction: EIP-1559
 * with a TIP, legacy with a TIP of "-".
 * Events:
 *   ready ADDRESS    reply N ok RESULT | reply N CODE MESSAGE    put ID ok | put ID CODE MESSAGE
 *   fate ID STATE NONCE HASH BLOCK CONTRACT WHY                  answer ok VALUES | answer CODE MESSAGE
 *   log BLOCK INDEX DATA    undo BLOCK    reached BLOCK          pending N    trouble WORDS    raw HEX
 *   error CODE MESSAGE
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/contracts.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/logs.h"
#include "chain/sender.h"

#define WORDS 8

struct peer {
	uv_loop_t loop;
	struct rpc_config rpc_config;
	struct sender_config sender_config;
	const char *urls[RPC_ENDPOINTS];
	const char *db_path, *key_path;
	struct rpc *rpc;
	struct db *db;
	struct sender *sender;
	struct secp_key key;
	struct buf *input;
	unsigned calls;
};

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static bool complain(struct error *e)
{
	if (e)
		say("error %s %s", error_code_name(e->code), e->message);
	error_free(e);
	return e != NULL;
}

static void die(struct error *e)
{
	if (complain(e))
		exit(1);
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 0);
}

/* --- the sender --- */

static void on_final(const struct txbox_record *r, void *arg)
{
	char *hash = hex_encode(arg, r->receipt.tx_hash, TX_HASH_BYTES), contract[ADDRESS_TEXT_BYTES] = "-";
	char *why = abi_revert_text(arg, NULL, r->revert, r->revert_n);

	if (r->receipt.created)
		eth_address_text(r->receipt.contract, contract);
	say("fate %s %s %" PRIu64 " 0x%s %" PRIu64 " %s %s%s%s", r->intent.id, txbox_state_word(r->state), r->nonce,
	    hash, r->receipt.block, contract, r->revert ? why : "", r->revert && r->why ? " " : "",
	    r->why ? r->why : "");
	mem_free(hash);
	mem_free(why);
}

static void put(struct peer *p, const struct txbox_intent *in)
{
	struct error *e = sender_put(p->sender, in);

	if (e)
		say("put %s %s %s", in->id, error_code_name(e->code), e->message);
	else
		say("put %s ok", in->id);
	error_free(e);
}

static void put_order(struct peer *p, char **w)
{
	struct txbox_intent in = {.id = w[1], .creates = !strcmp(w[2], "-"), .gas = number(w[5])};
	uint8_t *data = mem_array(p, uint8_t, strlen(w[4]));

	if (!in.creates)
		die(eth_address_parse(w[2], in.to));
	die(u256_parse(w[3], &in.value));
	in.n = strlen(w[4]) / 2 - 1;
	die(hex_decode(w[4] + 2, data, in.n));
	in.data = data;
	put(p, &in);
	mem_free(data);
}

static void burst_order(struct peer *p, char **w)
{
	struct txbox_intent in = {.gas = number(w[5])};
	uint8_t *data = mem_array(p, uint8_t, strlen(w[4]));

	die(eth_address_parse(w[3], in.to));
	in.n = strlen(w[4]) / 2 - 1;
	die(hex_decode(w[4] + 2, data, in.n));
	in.data = data;
	die(db_begin(p->db));
	for (uint64_t i = 0; i < number(w[2]); i++) {
		char *id = mem_printf(data, "%s%" PRIu64, w[1], i);

		in.id = id;
		die(sender_put(p->sender, &in));
		mem_free(id);
	}
	die(db_commit(p->db));
	mem_free(data);
	say("put %s ok", w[1]);
}

static void deploy_order(struct peer *p, char **w)
{
	const struct contract *c = NULL;
	struct txbox_intent *in = NULL;
	json_t *args = NULL;
	void *scratch = talloc_new(p);

	if (!complain(json_parse(w[3], strlen(w[3]), 65536, &args)) && !complain(contract_builtin(scratch, w[2], &c)) &&
	    !complain(contract_create(scratch, c, w[1], args, &in)))
		put(p, in);
	json_decref(args);
	mem_free(scratch);
}

static void transact_order(struct peer *p, char **w)
{
	const struct contract *c = NULL;
	struct txbox_intent *in = NULL;
	json_t *args = NULL;
	uint8_t address[ETH_ADDRESS_BYTES];
	struct u256 value = U256_ZERO;
	void *scratch = talloc_new(p);

	die(eth_address_parse(w[3], address));
	die(u256_parse(w[6], &value));
	if (!complain(json_parse(w[5], strlen(w[5]), 65536, &args)) && !complain(contract_builtin(scratch, w[2], &c)) &&
	    !complain(contract_transact(scratch, c, address, w[1], w[4], args, value, &in)))
		put(p, in);
	json_decref(args);
	mem_free(scratch);
}

static void get_order(struct peer *p, char **w)
{
	struct txbox_record *r = NULL;

	if (!complain(txbox_get(p, p->db, w[1], &r)))
		on_final(r, p);
	mem_free(r);
}

static void pending_order(struct peer *p, char **w)
{
	int64_t n = 0;

	(void)w;
	if (!complain(txbox_pending(p->db, sender_account(p->sender), &n)))
		say("pending %" PRId64, n);
}

static void trouble_order(struct peer *p, char **w)
{
	(void)w;
	say("trouble %s", sender_trouble(p->sender) ? sender_trouble(p->sender) : "-");
}

static void sign_order(struct peer *p, char **w)
{
	struct tx tx = {.kind = strcmp(w[6], "-") ? TX_EIP1559 : TX_LEGACY,
			.chain_id = rpc_chain_id(p->rpc),
			.nonce = number(w[3]),
			.gas = number(w[4])};
	size_t n;
	uint8_t *raw;
	char *text;

	die(eth_address_parse(w[1], tx.to));
	die(u256_parse(w[2], &tx.value));
	die(u256_parse(w[5], &tx.gas_price));
	tx.max_fee = tx.gas_price;
	if (tx.kind == TX_EIP1559)
		die(u256_parse(w[6], &tx.max_priority_fee));
	raw = tx_sign(p, &tx, &p->key, &n, NULL);
	text = hex_encode(p, raw, n);
	say("raw 0x%s", text);
	mem_free(raw);
	mem_free(text);
}

/* --- calls --- */

static void on_reply(const struct rpc_reply *reply, void *arg)
{
	char *text = reply->result ? json_text(NULL, reply->result) : NULL;

	if (reply->error)
		say("reply %u %s %s", *(unsigned *)arg, error_code_name(reply->error->code), reply->error->message);
	else
		say("reply %u ok %s", *(unsigned *)arg, text);
	mem_free(text);
	mem_free(arg);
}

static void call_order(struct peer *p, char **w)
{
	json_t *params = NULL;
	unsigned *n = mem_new(p, unsigned);

	die(json_parse(w[2], strlen(w[2]), 1 << 20, &params));
	*n = ++p->calls;
	rpc_call(p->rpc, p, w[1], params, on_reply, n);
}

static void on_values(const struct error *e, const json_t *values, void *arg)
{
	char *text = values ? json_text(NULL, values) : NULL;

	if (e)
		say("answer %s %s", error_code_name(e->code), e->message);
	else
		say("answer ok %s", text);
	mem_free(text);
	mem_free(arg);
}

static void ask_order(struct peer *p, char **w)
{
	const struct contract *c = NULL;
	json_t *args = NULL;
	uint8_t address[ETH_ADDRESS_BYTES];
	void *scratch = talloc_new(p);

	die(eth_address_parse(w[2], address));
	die(json_parse(w[4], strlen(w[4]), 65536, &args));
	if (!complain(contract_builtin(scratch, w[1], &c)))
		contract_ask(p, p->rpc, c, address, NULL, w[3], args, on_values, scratch);
	json_decref(args);
}

/* --- logs --- */

static struct error *on_log(const struct chain_log *log, void *arg)
{
	struct peer *p = arg;
	char *data = hex_encode(p, log->data, log->n);
	struct error *e = db_exec(p->db, "insert into seen values(?, ?, ?)", "iis", (int64_t)log->block,
				  (int64_t)log->index, data);

	if (!e)
		say("log %" PRIu64 " %" PRIu64 " 0x%s", log->block, log->index, data);
	mem_free(data);
	return e;
}

static struct error *on_undo(uint64_t from_block, void *arg)
{
	struct peer *p = arg;

	say("undo %" PRIu64, from_block);
	return db_exec(p->db, "delete from seen where block >= ?", "i", (int64_t)from_block);
}

static void on_reached(uint64_t block, void *arg)
{
	(void)arg;
	say("reached %" PRIu64, block);
}

static void follow_order(struct peer *p, char **w)
{
	static const struct logs_events events = {on_log, on_undo, on_reached};
	uint8_t address[1][ETH_ADDRESS_BYTES] = {{0}};
	struct logs_config config = {.rpc = p->rpc,
				     .db = p->db,
				     .name = w[1],
				     .from_block = number(w[2]),
				     .confirmations = number(w[3]),
				     .poll_ms = p->sender_config.poll_ms,
				     .addresses = (const uint8_t(*)[ETH_ADDRESS_BYTES])address};
	struct logs *logs = NULL;

	config.address_count = strcmp(w[4], "-") != 0;
	if (config.address_count)
		die(eth_address_parse(w[4], address[0]));
	die(logs_open(p, &p->loop, &config, &events, p, &logs));
}

/* --- orders --- */

static void quit_order(struct peer *p, char **w)
{
	(void)w;
	uv_stop(&p->loop);
}

static const struct {
	const char *word;
	unsigned words;
	void (*act)(struct peer *p, char **words);
} orders[] = {
	{"call", 3, call_order},       {"put", 6, put_order},           {"burst", 6, burst_order},
	{"deploy", 4, deploy_order},   {"transact", 7, transact_order}, {"ask", 5, ask_order},
	{"follow", 5, follow_order},   {"get", 2, get_order},           {"pending", 1, pending_order},
	{"trouble", 1, trouble_order}, {"sign", 7, sign_order},         {"quit", 1, quit_order},
};

static void obey(struct peer *p, char *line)
{
	char *words[WORDS] = {NULL}, *word;
	unsigned count = 0;

	while ((word = strsep(&line, " ")) && count < WORDS)
		words[count++] = word;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(orders[i].word, words[0]) == 0 && orders[i].words == count) {
			orders[i].act(p, words);
			return;
		}
	}
	say("error invalid no such order: %s", words[0]);
}

static void on_input(uv_poll_t *handle, int status, int events)
{
	struct peer *p = handle->data;
	char bytes[65536], *end;
	ssize_t n = read(0, bytes, sizeof(bytes));

	(void)status;
	(void)events;
	if (n <= 0) {
		uv_stop(&p->loop);
		return;
	}
	die(buf_append(p->input, bytes, (size_t)n));
	while ((end = memchr(p->input->data, '\n', p->input->len))) {
		char *line = mem_strndup(p, p->input->data, (size_t)(end - p->input->data));

		buf_consume(p->input, (size_t)(end - p->input->data) + 1);
		obey(p, line);
		mem_free(line);
	}
}

static void read_arguments(struct peer *p, int argc, char **argv)
{
	uint64_t confirmations = 1, poll = 0, answer = 0, give_up = 0, limit = 0, stuck = 0, resend = 0, window = 0,
		 chain = 0;
	const struct {
		const char *word;
		uint64_t *number;
	} numbers[] = {{"--confirmations", &confirmations},
		       {"--poll", &poll},
		       {"--answer", &answer},
		       {"--give-up", &give_up},
		       {"--limit", &limit},
		       {"--stuck", &stuck},
		       {"--resend", &resend},
		       {"--window", &window},
		       {"--chain", &chain}};

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-') {
			p->urls[p->rpc_config.url_count++] = argv[i];
			continue;
		}
		if (!strcmp(argv[i], "--db"))
			p->db_path = argv[i + 1];
		if (!strcmp(argv[i], "--key"))
			p->key_path = argv[i + 1];
		if (!strcmp(argv[i], "--highest-fee"))
			die(u256_parse(argv[i + 1], &p->sender_config.highest_fee));
		for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
			if (!strcmp(argv[i], numbers[n].word))
				*numbers[n].number = number(argv[i + 1]);
		}
		i++;
	}
	p->rpc_config.urls = p->urls;
	p->rpc_config.chain_id = chain;
	p->rpc_config.answer_ms = (int64_t)answer;
	p->rpc_config.give_up_ms = (int64_t)give_up;
	p->rpc_config.limit = limit;
	p->sender_config.confirmations = confirmations;
	p->sender_config.poll_ms = (int64_t)poll;
	p->sender_config.stuck_ms = (int64_t)stuck;
	p->sender_config.resend_ms = (int64_t)resend;
	p->sender_config.window = window;
}

#define SEEN "create table if not exists seen(block integer, place integer, data text, primary key(block, place));"
static const struct db_schema schema = {
	.application_id = DB_APPLICATION_ID('t'),
	.name = "a test's database",
	.migrations = &(const struct db_migration){(const char *const[]){txbox_schema, txbox_schema_said, logs_schema,
									 SEEN, NULL}},
	.count = 1,
};

static void open_sender(struct peer *p)
{
	char *digits = NULL, *lock = mem_printf(p, "%s.lock", p->db_path), address[ADDRESS_TEXT_BYTES];
	uint8_t secret[SECP_SECRET_BYTES];

	die(db_open(p, p->db_path, &schema, &p->db));
	die(file_read_secret(p, p->key_path, &digits));
	die(hex_decode(digits, secret, sizeof(secret)));
	die(secp_key_from_secret(secret, &p->key));
	p->sender_config.rpc = p->rpc;
	p->sender_config.db = p->db;
	p->sender_config.lock = lock;
	die(sender_open(p, &p->loop, &p->sender_config, &p->key, on_final, p, &p->sender));
	eth_address_text(sender_account(p->sender), address);
	say("ready %s", address);
}

int main(int argc, char **argv)
{
	struct peer *p;
	uv_poll_t input;

	mem_init();
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error of the write */
	signal(SIGPIPE, SIG_IGN);
	p = mem_new(NULL, struct peer);
	uv_loop_init(&p->loop);
	read_arguments(p, argc, argv);
	die(rpc_open(p, &p->loop, &p->rpc_config, &p->rpc));
	if (p->db_path)
		open_sender(p);
	else
		say("ready -");
	p->input = buf_new(p, 1 << 24);
	uv_poll_init(&p->loop, &input, 0);
	input.data = p;
	uv_poll_start(&input, UV_READABLE, on_input);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	uv_poll_stop(&input);
	uv_close((uv_handle_t *)&input, NULL);
	talloc_free_children(p);
	loop_drain(&p->loop);
	uv_loop_close(&p->loop);
	mem_free(p);
	return 0;
}
