/* What a client may send to /rpc: every type of parameter is checked, each call is answered once, and what is answered
 * is JSON-RPC. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/describe.h"
#include "manager/jobs/order.h"
#include "manager/jsonrpc2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(struct method_call *c, void *arg)
{
	json_t *o = json_object();

	(void)arg;
	json_object_set_new(o, "n", json_integer(method_integer(c, "n") + method_bool(c, "flag")));
	json_put(o, "text", method_text(c, "text") ? method_text(c, "text") : "");
	method_answer(c, o);
}

static void order(struct method_call *c, void *arg)
{
	struct api_pipeline *p = NULL;
	void *scope = mem_strdup(NULL, "");
	struct error *e = order_read(scope, method_object(c, "order"), &p);

	(void)arg;
	if (e)
		method_fail(c, e);
	else
		method_answer(c, json_integer((json_int_t)p->rendition_count));
	mem_free(scope);
}

static const struct method rows[] = {
	{"t.take",
	 take,
	 CALLER_ANYONE,
	 "a",
	 "a",
	 {{"text", METHOD_TEXT, true, NULL, NULL, 1, 8, "a"},
	  {"word", METHOD_WORD, true, NULL, "on|off", 0, 0, "a"},
	  {"job", METHOD_JOB, true, NULL, NULL, 0, 0, "a"},
	  {"id", METHOD_ADDRESS, true, NULL, NULL, 0, 0, "a"},
	  {"n", METHOD_INTEGER, false, "ms", NULL, -5, INT64_C(1) << 40, "a"},
	  {"flag", METHOD_BOOL, true, NULL, NULL, 0, 0, "a"}},
	 {{0}}},
	{"t.order", order, CALLER_ANYONE, "a", "a", {{"order", METHOD_OBJECT, false, NULL, NULL, 0, 4096, "a"}}, {{0}}},
	{"t.operators", take, CALLER_OPERATOR, "a", "a", {{0}}, {{0}}},
};

static void on_reply(const char *text, size_t n, void *arg)
{
	json_t *answer = NULL;
	struct error *e;

	(*(unsigned *)arg)++;
	if (!n)
		return;
	e = json_parse(text, n, 1 << 20, &answer);
	if (e || !json_object_get(answer, "id") ||
	    !json_object_get(answer, "result") == !json_object_get(answer, "error"))
		abort();
	json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct caller nobody = {.roles = CALLER_ANYONE};
	struct methods *all = methods_new(NULL);
	uint64_t begun, failed;
	unsigned replies = 0;
	size_t open;

	describe_add(all);
	methods_add(all, rows, sizeof(rows) / sizeof(rows[0]), NULL);
	jsonrpc2_serve(NULL, all, &nobody, (const char *)data, size, on_reply, &replies);
	methods_count(all, &begun, &failed, &open);
	if (replies != 1 || open)
		abort();
	mem_free(all);
	return 0;
}
