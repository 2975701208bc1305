#include "chain/rpc_answer.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/printable.h"
#include "chain/rpc_read.h"

static int answer_destroy(struct rpc_answer *a)
{
	json_decref(a->document);
	return 0;
}

/* Endpoints' words go into messages and logs. */
static char *shown(const void *ctx, const char *text)
{
	char *begin = mem_strndup(ctx, text, RPC_MESSAGE_BYTES), *line = printable_line(ctx, begin);

	mem_free(begin);
	return line;
}

static struct error *read_refusal(const void *ctx, const json_t *error, const struct json_place *at,
				  struct rpc_outcome *o)
{
	const struct json_place code = {at, "code", 0};
	const char *message = "no reason given";
	const json_t *data;
	uint8_t *bytes = NULL;

	if (!json_is_object(error))
		return json_place_error(at, "must be an object");
	if (!json_is_integer(json_object_get(error, "code")))
		return json_place_error(&code, "must be a whole number");
	o->code = json_integer_value(json_object_get(error, "code"));
	TRY(json_read_string_opt(error, at, "message", &message));
	o->message = shown(ctx, message);
	data = json_object_get(error, "data");
	if (json_is_string(data)) {
		/* Bytes when it is hexadecimal; other nodes write words here. */
		error_free(abi_read_hex(ctx, data, at, RPC_REVERT_BYTES, &bytes, &o->revert_n));
		o->revert = bytes;
	}
	return NULL;
}

static struct error *read_reply(const void *ctx, const json_t *reply, const struct json_place *at, const char *method,
				struct rpc_outcome *o)
{
	const struct json_place refusal = {at, "error", 0}, version = {at, "jsonrpc", 0};
	const json_t *result = json_object_get(reply, "result"), *error = json_object_get(reply, "error");
	const char *word = json_string_value(json_object_get(reply, "jsonrpc"));

	if (!word || strcmp(word, "2.0") != 0)
		return json_place_error(&version, "must be \"2.0\"");
	if (json_is_null(error))
		error = NULL;
	if (error && result && !json_is_null(result))
		return json_place_error(at, "has a result and an error");
	if (error)
		return read_refusal(ctx, error, &refusal, o);
	if (!result)
		return json_place_error(at, "has neither a result nor an error");
	TRY(rpc_check_result(method, result));
	o->result = result;
	return NULL;
}

/* Which of the calls; count: none. */
static size_t call_of(const json_t *reply, int64_t first_id, size_t count)
{
	const json_t *id = json_object_get(reply, "id");
	int64_t value = json_integer_value(id);

	if (!json_is_integer(id) || value < first_id || (uint64_t)(value - first_id) >= count)
		return count;
	return (size_t)(value - first_id);
}

/* go-ethereum's answer to a batch over its limit: an array of one refusal, under the id of the first call or none. */
static bool is_refused_whole(const json_t *batch, size_t count)
{
	return count > 1 && json_array_size(batch) == 1 &&
	       json_is_object(json_object_get(json_array_get(batch, 0), "error"));
}

static struct error *read_batch(struct rpc_answer *a, const struct json_place *root, int64_t first_id,
				const char *const *methods, size_t count)
{
	const json_t *reply;
	size_t i, answered = 0;

	if (is_refused_whole(a->document, count)) {
		const struct json_place at = {root, NULL, 0};

		a->whole_refused = true;
		return read_reply(a, json_array_get(a->document, 0), &at, "", &a->outcomes[0]);
	}
	json_array_foreach (a->document, i, reply) {
		const struct json_place at = {root, NULL, i};
		size_t call = call_of(reply, first_id, count);

		if (call == count)
			return json_place_error(&at, "has the id of no call");
		if (a->outcomes[call].result || a->outcomes[call].message)
			return json_place_error(&at, "answers a call for the second time");
		TRY(read_reply(a, reply, &at, methods[call], &a->outcomes[call]));
		answered++;
	}
	return answered == count
		       ? NULL
		       : json_place_error(root, "leaves %zu of %zu calls unanswered", count - answered, count);
}

static struct error *read_single(struct rpc_answer *a, const struct json_place *root, int64_t first_id,
				 const char *const *methods, size_t count)
{
	const json_t *id = json_object_get(a->document, "id");

	/* An endpoint that could not make sense of what was sent says so with an id of null. */
	if (json_is_null(id) || !id || count > 1) {
		TRY(read_reply(a, a->document, root, "", &a->outcomes[0]));
		if (a->outcomes[0].result)
			return json_place_error(root, count > 1 ? "must be an array" : "has the id of no call");
		a->whole_refused = true;
		return NULL;
	}
	if (call_of(a->document, first_id, count) == count)
		return json_place_error(root, "has the id of no call");
	return read_reply(a, a->document, root, methods[0], &a->outcomes[0]);
}

static struct error *read_document(struct rpc_answer *a, int64_t first_id, const char *const *methods, size_t count)
{
	const struct json_place root = {NULL, "the answer", 0};

	if (json_is_object(a->document))
		return read_single(a, &root, first_id, methods, count);
	if (json_is_array(a->document) && count > 1)
		return read_batch(a, &root, first_id, methods, count);
	return json_place_error(&root, "is no JSON-RPC answer");
}

struct error *rpc_answer_read(const void *ctx, const char *text, size_t n, size_t limit, int64_t first_id,
			      const char *const *methods, size_t count, struct rpc_answer **ret_answer)
{
	json_t *document = NULL;
	struct rpc_answer *a;
	struct error *e;

	/* anvil's words about a custom error hold its bytes, zeros too. */
	TRY(json_parse_foreign(text, n, limit, &document));
	a = mem_new(ctx, struct rpc_answer);
	a->document = document;
	talloc_set_destructor(a, answer_destroy);
	a->outcomes = mem_array(a, struct rpc_outcome, count);
	e = read_document(a, first_id, methods, count);
	if (e) {
		mem_free(a);
		return e;
	}
	*ret_answer = a;
	return NULL;
}
