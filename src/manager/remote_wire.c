#include "manager/remote_wire.h"

#include <string.h>

#include "base/mem.h"
#include "manager/jsonrpc2.h"

#define SAID_BYTES 4096 /* of a refusal's sentence */

char *remote_question(const void *ctx, const struct caller *caller, const char *method, const json_t *params)
{
	json_t *o = json_pack("{s:o,s:{s:s,s:i,s:s,s:O*}}", "caller", caller_json(caller), "call", "jsonrpc", "2.0",
			      "id", 1, "method", method, "params", params);
	char *text = json_text(ctx, o);

	json_decref(o);
	return text;
}

static struct error *read_question(const json_t *o, struct caller *ret_caller, json_t **ret_call)
{
	static const char *const known[] = {"caller", "call", NULL};
	const struct json_place root = {NULL, NULL, 0}, caller_at = {&root, "caller", 0};
	json_t *caller = NULL;

	if (!json_is_object(o))
		return json_place_error(&root, "must be an object");
	TRY(json_refuse_unknown(o, &root, known));
	TRY(json_read_object(o, &root, "caller", &caller));
	TRY(json_read_object(o, &root, "call", ret_call));
	return caller_read(caller, &caller_at, ret_caller);
}

struct error *remote_question_read(const void *ctx, const char *text, size_t n, struct caller *ret_caller,
				   char **ret_call)
{
	json_t *o = NULL, *call = NULL;
	struct error *e;

	TRY(json_parse(text, n, JSONRPC2_BYTES, &o));
	e = read_question(o, ret_caller, &call);
	if (!e)
		*ret_call = json_text(ctx, call);
	json_decref(o);
	return e;
}

static struct error *read_refusal(const json_t *refused, struct error **ret_refusal)
{
	const struct json_place root = {NULL, NULL, 0}, error_at = {&root, "error", 0},
				data_at = {&error_at, "data", 0};
	const char *message = NULL, *word = NULL;
	json_t *data = NULL;

	TRY(json_read_string(refused, &error_at, "message", &message));
	TRY(json_read_object(refused, &error_at, "data", &data));
	TRY(json_read_string(data, &data_at, "error", &word));
	*ret_refusal = error_new(error_code_from_name(word), "%.*s", SAID_BYTES, message);
	return NULL;
}

struct error *remote_answer_read(const char *text, size_t n, json_t **ret_result, struct error **ret_refusal)
{
	const struct json_place root = {NULL, NULL, 0};
	json_t *o = NULL, *refused = NULL, *result;
	struct error *e;

	TRY(json_parse(text, n, REMOTE_ANSWER_BYTES, &o));
	result = json_object_get(o, "result");
	e = json_is_object(o) ? json_read_object_opt(o, &root, "error", &refused)
			      : json_place_error(&root, "must be an object");
	if (!e && !refused == !result)
		e = json_place_error(&root, "is neither a result nor an error");
	else if (!e && refused)
		e = read_refusal(refused, ret_refusal);
	else if (!e)
		*ret_result = json_incref(result);
	json_decref(o);
	return e;
}
