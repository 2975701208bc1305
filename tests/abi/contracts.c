#include "abi/contracts.h"

#include <string.h>

#include "abi/artefacts.h"
#include "base/hex.h"
#include "base/loop.h"
#include "base/mem.h"
#include "chain/address.h"

/* --- artefacts --- */

const char *contract_name_at(size_t i)
{
	return artefacts[i].name;
}

static struct error *read_artefact(const json_t *document, const struct json_place *root, struct contract *c)
{
	const struct json_place abi_at = {root, "abi", 0}, code_at = {root, "bytecode", 0};
	const char *name = NULL;
	struct abi *abi = NULL;
	uint8_t *code = NULL;

	TRY(json_read_string(document, root, "contract", &name));
	c->name = mem_strdup(c, name);
	TRY(abi_read(c, json_object_get(document, "abi"), &abi_at, &abi));
	c->abi = abi;
	TRY(abi_read_hex(c, json_object_get(document, "bytecode"), &code_at, ABI_CALL_BYTES, &code, &c->n));
	c->code = code;
	return NULL;
}

struct error *contract_parse(const void *ctx, const char *text, size_t n, const char *what,
			     const struct contract **ret_contract)
{
	const struct json_place root = {NULL, what, 0};
	json_t *document = NULL;
	struct contract *c;
	struct error *e;

	TRY(json_parse(text, n, CONTRACT_JSON_BYTES, &document));
	c = mem_new(ctx, struct contract);
	e = read_artefact(document, &root, c);
	json_decref(document);
	if (e) {
		mem_free(c);
		return e;
	}
	*ret_contract = c;
	return NULL;
}

struct error *contract_builtin(const void *ctx, const char *name, const struct contract **ret_contract)
{
	struct buf *known;
	struct error *e = NULL;

	for (const struct artefact *a = artefacts; a->name; a++) {
		if (strcmp(a->name, name) == 0)
			return contract_parse(ctx, (const char *)a->json, a->n, name, ret_contract);
	}
	known = buf_new(NULL, 4096);
	for (size_t i = 0; !e && artefacts[i].name; i++)
		e = buf_printf(known, "%s%s", i ? ", " : "", artefacts[i].name);
	error_free(e);
	e = error_new(ERROR_NOT_FOUND, "there is no contract \"%.60s\"; there are: %s", name, known->data);
	mem_free(known);
	return e;
}

/* --- writing --- */

static struct txbox_intent *intent_of(const void *ctx, const char *id, const struct buf *data)
{
	struct txbox_intent *in = mem_new(ctx, struct txbox_intent);

	in->id = mem_strdup(in, id);
	in->data = mem_memdup(in, data->data, data->len);
	in->n = data->len;
	return in;
}

static struct error *creation(const struct contract *c, const json_t *args, struct buf *to)
{
	const struct abi_entry *constructor = abi_constructor(c->abi);
	char *what = mem_printf(to, "the constructor of %s", c->name);
	const struct json_place at = {NULL, what, 0};

	if (c->n == 0)
		return json_place_error(&at, "has no code: it cannot be created");
	TRY(buf_append(to, c->code, c->n));
	return abi_encode(constructor ? constructor->inputs : NULL, constructor ? constructor->input_count : 0, args,
			  &at, to);
}

struct error *contract_create(const void *ctx, const struct contract *c, const char *id, const json_t *args,
			      struct txbox_intent **ret_intent)
{
	struct buf *data = buf_new(NULL, ABI_CALL_BYTES);
	struct error *e = creation(c, args, data);

	if (!e) {
		*ret_intent = intent_of(ctx, id, data);
		(*ret_intent)->creates = true;
	}
	mem_free(data);
	return e;
}

static struct error *call_data(const struct contract *c, const char *function, const json_t *args, struct u256 value,
			       struct buf *to)
{
	const struct abi_entry *f = NULL;

	TRY(abi_function(c->abi, function, &f));
	if (f->view)
		return error_new(ERROR_INVALID, "%s changes nothing: ask it instead of sending a transaction",
				 f->signature);
	if (!f->payable && !u256_is_zero(value))
		return error_new(ERROR_INVALID, "%s takes no ether", f->signature);
	return abi_call(f, args, to);
}

struct error *contract_transact(const void *ctx, const struct contract *c, const uint8_t address[ETH_ADDRESS_BYTES],
				const char *id, const char *function, const json_t *args, struct u256 value,
				struct txbox_intent **ret_intent)
{
	struct buf *data = buf_new(NULL, ABI_CALL_BYTES);
	struct error *e = call_data(c, function, args, value, data);

	if (!e) {
		*ret_intent = intent_of(ctx, id, data);
		memcpy((*ret_intent)->to, address, ETH_ADDRESS_BYTES);
		(*ret_intent)->value = value;
	}
	mem_free(data);
	return e;
}

/* --- asking --- */

struct question {
	const struct contract *contract;
	const struct abi_entry *function;
	struct error *refused; /* before it was asked */
	contract_fn *fn;
	void *arg;
};

static int question_destroy(struct question *q)
{
	error_free(q->refused);
	return 0;
}

static struct error *refusal(const struct question *q, const struct rpc_reply *reply)
{
	char *why;
	struct error *e;

	if (!reply->revert)
		return error_copy(reply->error);
	why = abi_revert_text(NULL, q->contract->abi, reply->revert, reply->revert_n);
	e = error_new(ERROR_REFUSED, "%s.%s refused: %s", q->contract->name, q->function->name, why);
	mem_free(why);
	return e;
}

static void on_reply(const struct rpc_reply *reply, void *arg)
{
	struct question *q = talloc_steal(NULL, (struct question *)arg);
	const struct json_place at = {NULL, q->function->signature, 0};
	json_t *values = NULL;
	uint8_t *bytes = NULL;
	size_t n = 0;
	struct error *e = reply->error ? refusal(q, reply) : abi_read_hex(q, reply->result, &at, SIZE_MAX, &bytes, &n);

	if (!e)
		e = abi_result(q->function, bytes, n, &values);
	q->fn(e, values, q->arg);
	json_decref(values);
	error_free(e);
	mem_free(q);
}

static struct error *prepare(struct question *q, const char *function, const json_t *args, struct buf *data)
{
	TRY(abi_function(q->contract->abi, function, &q->function));
	return abi_call(q->function, args, data);
}

/* The arguments do not fit: told in a later turn, as every answer is. */
static void on_refused(void *arg)
{
	struct question *q = talloc_steal(NULL, (struct question *)arg);

	q->fn(q->refused, NULL, q->arg);
	mem_free(q);
}

void contract_ask_at(const void *ctx, struct rpc *rpc, const struct contract *c,
		     const uint8_t address[ETH_ADDRESS_BYTES], const uint8_t *from, const char *function,
		     const json_t *args, const char *block, contract_fn *fn, void *arg)
{
	struct question *q = mem_new(ctx, struct question);
	struct buf *data = buf_new(q, ABI_CALL_BYTES);
	char to[ADDRESS_TEXT_BYTES], *digits;
	json_t *call;

	*q = (struct question){.contract = c, .fn = fn, .arg = arg};
	talloc_set_destructor(q, question_destroy);
	q->refused = prepare(q, function, args, data);
	if (q->refused) {
		timer_start(q, rpc_loop(rpc), 0, 0, on_refused, q);
		return;
	}
	eth_address_text(address, to);
	digits = hex_encode(q, (const uint8_t *)data->data, data->len);
	call = json_pack("{s:s,s:o}", "to", to, "data", json_sprintf("0x%s", digits));
	if (from) {
		eth_address_text(from, to);
		json_object_set_new(call, "from", json_string(to));
	}
	rpc_call(rpc, q, "eth_call", json_pack("[o,s]", call, block), on_reply, q);
}

void contract_ask(const void *ctx, struct rpc *rpc, const struct contract *c, const uint8_t address[ETH_ADDRESS_BYTES],
		  const uint8_t *from, const char *function, const json_t *args, contract_fn *fn, void *arg)
{
	contract_ask_at(ctx, rpc, c, address, from, function, args, "latest", fn, arg);
}

char *contract_outcome_text(const void *ctx, const struct contract *c, const struct txbox_record *record)
{
	char *why, *text;

	if (!record->revert)
		return mem_strdup(ctx, record->why ? record->why : txbox_state_word(record->state));
	why = abi_revert_text(NULL, c->abi, record->revert, record->revert_n);
	text = mem_printf(ctx, "%s refused: %s", c->name, why);
	mem_free(why);
	return text;
}
