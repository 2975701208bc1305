#include "manager/jsonrpc2.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "http/jsonrpc_codes.h"

/* Those of our own, in the range that JSON-RPC leaves to servers. */
static const int numbers[] = {
	[ERROR_INVALID] = JSONRPC_INVALID_PARAMS,
	[ERROR_NOT_FOUND] = -32004,
	[ERROR_EXISTS] = -32009,
	[ERROR_REFUSED] = -32003,
	[ERROR_UNAVAILABLE] = -32010,
	[ERROR_TIMEOUT] = -32008,
	[ERROR_LIMIT] = -32011,
	[ERROR_IO] = -32012,
	[ERROR_FAILED] = JSONRPC_FAILED,
};

int jsonrpc2_code(enum error_code code)
{
	return numbers[code];
}

struct jsonrpc2_request {
	jsonrpc2_reply_fn *reply;
	void *arg;
	json_t *id; /* owned; NULL: a notification */
};

static int request_destroy(struct jsonrpc2_request *r)
{
	json_decref(r->id);
	return 0;
}

/* Takes `answer`, whose id comes from r, and ends r. */
static void reply_with(struct jsonrpc2_request *r, json_t *answer)
{
	jsonrpc2_reply_fn *reply = r->reply;
	void *arg = r->arg;
	char *text = NULL;

	if (r->id) {
		json_object_set(answer, "id", r->id);
		text = json_text(NULL, answer);
	}
	json_decref(answer);
	mem_free(r);
	reply(text ? text : "", text ? strlen(text) : 0, arg);
	mem_free(text);
}

static json_t *error_answer(int code, const char *message, const char *word, const char *mend)
{
	return json_pack("{s:s,s:{s:i,s:s,s:{s:s,s:s}}}", "jsonrpc", "2.0", "error", "code", code, "message", message,
			 "data", "error", word, "mend", mend);
}

static void on_answered(const struct method *row, const json_t *result, const struct error *e, void *arg)
{
	json_t *answer;

	if (e)
		answer = error_answer(row ? jsonrpc2_code(e->code) : JSONRPC_NO_METHOD, e->message,
				      error_code_name(e->code), method_mend(row, e->code));
	else
		answer = json_pack("{s:s,s:O}", "jsonrpc", "2.0", "result", result);
	reply_with(arg, answer);
}

/* What is no call at all is answered with the id null, as the specification has it. Takes e. */
static void refuse(struct jsonrpc2_request *r, int code, struct error *e)
{
	json_t *answer = error_answer(code, e->message, error_code_name(e->code),
				      "send {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"...\",\"params\":{...}}");

	error_free(e);
	if (!r->id)
		r->id = json_null();
	reply_with(r, answer);
}

static struct error *read_call(struct jsonrpc2_request *r, const json_t *call, const char **ret_method,
			       json_t **ret_params)
{
	static const char *const known[] = {"jsonrpc", "id", "method", "params", NULL};
	const struct json_place root = {NULL, NULL, 0}, id_at = {&root, "id", 0}, version_at = {&root, "jsonrpc", 0};
	const char *version = NULL;
	json_t *id = json_object_get(call, "id");

	if (json_is_array(call))
		return error_new(ERROR_INVALID, "a batch is not taken: one call a request");
	if (!json_is_object(call))
		return error_new(ERROR_INVALID, "is no object");
	if (id && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return json_place_error(&id_at, "must be a string or a number");
	r->id = json_incref(id);
	TRY(json_read_string(call, &root, "jsonrpc", &version));
	if (strcmp(version, "2.0") != 0)
		return json_place_error(&version_at, "\"%.20s\" is not \"2.0\"", version);
	TRY(json_read_string(call, &root, "method", ret_method));
	*ret_params = json_object_get(call, "params");
	return json_refuse_unknown(call, &root, known);
}

void jsonrpc2_serve(const void *ctx, struct methods *all, const struct caller *caller, const char *text, size_t n,
		    jsonrpc2_reply_fn *reply, void *arg)
{
	struct jsonrpc2_request *r = mem_new(ctx, struct jsonrpc2_request);
	const char *method = NULL;
	json_t *call = NULL, *params = NULL;
	struct error *e = json_parse(text, n, JSONRPC2_BYTES, &call);

	*r = (struct jsonrpc2_request){.reply = reply, .arg = arg};
	talloc_set_destructor(r, request_destroy);
	if (e) {
		refuse(r, JSONRPC_PARSE, e);
		return;
	}
	e = read_call(r, call, &method, &params);
	if (e)
		refuse(r, JSONRPC_INVALID_REQUEST, e);
	else
		method_begin(r, all, caller, method, params, on_answered, r);
	json_decref(call);
}
