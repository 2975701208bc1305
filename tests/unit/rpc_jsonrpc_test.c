/* JSON-RPC: what comes in, what go-ethereum v1.9.20 answers to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/loop.h"
#include "base/mem.h"
#include "base/turns.h"
#include "rpc/jsonrpc.h"

static const struct jsonrpc_field note_fields[] = {
	{"key", JSONRPC_STRING},    {"ttl", JSONRPC_UINT32},    {"topic", JSONRPC_TOPIC}, {"payload", JSONRPC_HEX},
	{"target", JSONRPC_DOUBLE}, {"topics", JSONRPC_TOPICS}, {"direct", JSONRPC_BOOL},
};
static const struct jsonrpc_object note = {"whisperv6.Note", note_fields, 7};

struct fixture {
	struct jsonrpc *rpc;
	struct jsonrpc_session *session;
	struct jsonrpc_call *parked[4];
	size_t parked_count;
	char *reply;
	size_t replies;
	unsigned after;
};

static void echo(struct jsonrpc_call *c, void *arg)
{
	(void)arg;
	jsonrpc_answer_text(c, jsonrpc_param(c, 0)->text);
}

static void sum(struct jsonrpc_call *c, void *arg)
{
	(void)arg;
	json_write_double(jsonrpc_result(c), jsonrpc_param(c, 0)->integer + jsonrpc_param(c, 1)->number);
	jsonrpc_done(c);
}

static void bytes(struct jsonrpc_call *c, void *arg)
{
	(void)arg;
	jsonrpc_answer_hex(c, jsonrpc_param(c, 0)->bytes, jsonrpc_param(c, 0)->n);
}

static void nothing(struct jsonrpc_call *c, void *arg)
{
	(void)arg;
	jsonrpc_answer_bool(c, true);
}

static void failing(struct jsonrpc_call *c, void *arg)
{
	(void)arg;
	jsonrpc_fail(c, "message size too large [%d>%d]", 5, 4);
}

static void park(struct jsonrpc_call *c, void *arg)
{
	struct fixture *f = arg;

	f->parked[f->parked_count++] = c;
}

static void show_note(struct jsonrpc_call *c, void *arg)
{
	const struct jsonrpc_value *m = jsonrpc_param(c, 0)->members;
	struct json_writer *w = jsonrpc_result(c);

	(void)arg;
	json_write_raw(w, "[");
	json_write_text(w, m[0].text);
	json_write_raw(w, ",");
	json_write_integer(w, m[1].given ? (int64_t)m[1].integer : -1);
	json_write_raw(w, ",");
	json_write_hex(w, m[2].bytes, m[2].n);
	json_write_raw(w, ",");
	json_write_hex(w, m[3].bytes, m[3].n);
	json_write_raw(w, ",");
	json_write_double(w, m[4].number);
	json_write_raw(w, ",");
	json_write_hex(w, m[5].bytes, m[5].n * 4);
	json_write_raw(w, ",");
	json_write_bool(w, m[6].flag);
	json_write_raw(w, "]");
	jsonrpc_done(c);
}

static void on_after(void *arg)
{
	struct fixture *f = arg;

	assert_int_equal(f->replies, 1); /* the reply came first */
	f->after++;
}

static void subscribe(struct jsonrpc_call *c, void *arg)
{
	assert_ptr_equal(jsonrpc_session_arg(jsonrpc_call_session(c)), arg);
	jsonrpc_after_reply(c, on_after, arg);
	jsonrpc_answer_text(c, jsonrpc_param(c, 0)->members[0].text);
}

static const struct jsonrpc_method methods[] = {
	{.name = "t_echo", .handle = echo, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "t_sum", .handle = sum, .count = 2, .params = {{JSONRPC_UINT32, NULL}, {JSONRPC_DOUBLE, NULL}}},
	{.name = "t_bytes", .handle = bytes, .count = 1, .params = {{JSONRPC_HEX, NULL}}},
	{.name = "t_nothing", .handle = nothing},
	{.name = "t_failing", .handle = failing},
	{.name = "t_park", .handle = park},
	{.name = "t_note", .handle = show_note, .count = 1, .params = {{JSONRPC_OBJECT, &note}}},
	{.name = "t_subscribe",
	 .handle = subscribe,
	 .count = 1,
	 .params = {{JSONRPC_OBJECT, &note}},
	 .subscription = "notes"},
	{.name = "_unsubscribe", .handle = echo, .count = 1, .params = {{JSONRPC_ID, NULL}}},
	{.name = "other_method", .handle = nothing},
};

static bool fallback(struct jsonrpc_call *c, const char *method, struct json_slice params, void *arg)
{
	(void)arg;
	if (strncmp(method, "eth_", 4) != 0)
		return false;
	if (!strcmp(method, "eth_error")) {
		jsonrpc_fail_raw(c, (struct json_slice){"{\"code\":3,\"message\":\"m\"}", 24});
		return true;
	}
	json_write_bytes(jsonrpc_result(c), params.n ? params.at : "null", params.n ? params.n : 4);
	jsonrpc_done(c);
	return true;
}

static void on_reply(const char *text, size_t n, void *arg)
{
	struct fixture *f = arg;

	mem_free(f->reply);
	f->reply = mem_strndup(f->rpc, text, n);
	f->replies++;
}

static struct fixture *setup(const struct jsonrpc_limits *limits)
{
	static const struct jsonrpc_limits none;
	struct fixture *f = mem_new(NULL, struct fixture);

	f->rpc = jsonrpc_new(f, limits ? limits : &none);
	jsonrpc_add(f->rpc, methods, sizeof(methods) / sizeof(methods[0]), f);
	jsonrpc_set_fallback(f->rpc, fallback, f);
	return f;
}

static const char *serve(struct fixture *f, const char *text)
{
	f->replies = 0;
	jsonrpc_serve(f->rpc, f->session, text, strlen(text), on_reply, f);
	return f->replies ? f->reply : NULL;
}

/* However many tables there are, the methods of the last are served as those of the first. */
#define TABLES 40

static void test_every_table_is_served(void **state)
{
	struct jsonrpc_method *rows;
	struct fixture *f = setup(NULL);

	(void)state;
	rows = mem_array(f, struct jsonrpc_method, TABLES);
	for (size_t i = 0; i < TABLES; i++) {
		rows[i] = (struct jsonrpc_method){.name = mem_printf(f, "u_%zu", i), .handle = nothing};
		jsonrpc_add(f->rpc, &rows[i], 1, f);
	}
	for (size_t i = 0; i < TABLES; i++)
		assert_non_null(
			strstr(serve(f, mem_printf(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"u_%zu\"}", i)),
			       "\"result\""));
	mem_free(f);
}

static void expect(const char *text, const char *answer)
{
	struct fixture *f = setup(NULL);
	struct jsonrpc_counters n;

	assert_string_equal(serve(f, text), answer);
	jsonrpc_count(f->rpc, &n);
	assert_int_equal(n.open, 0);
	mem_free(f);
}

#define OK(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}\n"
#define BAD(id, code, text) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":" code ",\"message\":\"" text "\"}}\n"

static void test_ids_come_back_as_they_were(void **state)
{
	(void)state;
	expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"t_nothing\"}", OK("1", "true"));
	expect(" {\"id\" : 1.50e1 , \"method\":\"t_nothing\",\"params\":[]} ", OK("1.50e1", "true"));
	expect("{\"id\":\"a\\u0041\",\"method\":\"t_nothing\",\"params\":null}", OK("\"a\\u0041\"", "true"));
	expect("{\"id\":123456789012345678901234567890,\"method\":\"t_nothing\"}",
	       OK("123456789012345678901234567890", "true"));
	expect("{\"id\":null,\"method\":\"t_nothing\"}", OK("null", "true"));
	expect("{\"ID\":7,\"Method\":\"t_nothing\"}", OK("7", "true"));
}

static void test_requests_that_are_none(void **state)
{
	(void)state;
	expect("", "");
	expect("  \n", "");
	expect("{\"id\":1,", BAD("null", "-32700", "parse error"));
	expect("{'id':1}", BAD("null", "-32700", "parse error"));
	expect("{\"id\":1}", BAD("1", "-32600", "invalid request"));
	expect("{\"id\":1,\"method\":5}", BAD("1", "-32600", "invalid request"));
	expect("{\"id\":{},\"method\":\"t_nothing\"}", BAD("null", "-32600", "invalid request"));
	expect("{}", BAD("null", "-32600", "invalid request"));
	expect("5", BAD("null", "-32600", "invalid request"));
	expect("null", BAD("null", "-32600", "invalid request"));
	expect("[]", BAD("null", "-32600", "empty batch"));
	expect("{\"id\":1,\"method\":\"t_none\"}",
	       BAD("1", "-32601", "the method t_none does not exist/is not available"));
	expect("{\"id\":1,\"method\":\"t_nothing\\u0000\"}",
	       BAD("1", "-32601", "the method t_nothing\\u0000 does not exist/is not available"));
	/* Answers and notifications of a client are nothing to answer. */
	expect("{\"id\":1,\"result\":5}", "");
	expect("{\"id\":1,\"error\":{}}", "");
	expect("{\"method\":\"t_subscription\",\"params\":{}}", "");
	expect("{\"method\":\"t_nothing\"}", "");
	expect("{\"method\":\"t_none\"}", "");
	char deep[200] = "";
	memset(deep, '[', 100);
	expect(deep, BAD("null", "-32700", "parse error"));
}

static void test_params(void **state)
{
	(void)state;
	expect("{\"id\":1,\"method\":\"t_echo\",\"params\":[\"a\\n\\u00e9\\ud83d\\ude00\\ud83d<\"]}",
	       OK("1", "\"a\\n\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd\\u003c\""));
	expect("{\"id\":1,\"method\":\"t_echo\",\"params\":[\"\xff\"]}", OK("1", "\"\xef\xbf\xbd\""));
	expect("{\"id\":1,\"method\":\"t_echo\",\"params\":[null]}", OK("1", "\"\""));
	expect("{\"id\":1,\"method\":\"t_echo\"}", BAD("1", "-32602", "missing value for required argument 0"));
	expect("{\"id\":1,\"method\":\"t_sum\",\"params\":[1]}",
	       BAD("1", "-32602", "missing value for required argument 1"));
	expect("{\"id\":1,\"method\":\"t_sum\",\"params\":[1,2,3]}",
	       BAD("1", "-32602", "too many arguments, want at most 2"));
	expect("{\"id\":1,\"method\":\"t_nothing\",\"params\":[1]}",
	       BAD("1", "-32602", "too many arguments, want at most 0"));
	expect("{\"id\":1,\"method\":\"t_echo\",\"params\":{\"a\":1}}", BAD("1", "-32602", "non-array args"));
	/* The first that is wrong counts, also before those that are too many. */
	expect("{\"id\":1,\"method\":\"t_echo\",\"params\":[1,2]}",
	       BAD("1", "-32602", "invalid argument 0: json: cannot unmarshal number into Go value of type string"));
	expect("{\"id\":1,\"method\":\"t_sum\",\"params\":[4294967295,0.5]}", OK("1", "4294967295.5"));
	expect("{\"id\":1,\"method\":\"t_sum\",\"params\":[4294967296,1]}",
	       BAD("1", "-32602",
		   "invalid argument 0: json: cannot unmarshal number 4294967296 into Go value of type uint32"));
	expect("{\"id\":1,\"method\":\"t_sum\",\"params\":[100.0,1]}",
	       BAD("1", "-32602",
		   "invalid argument 0: json: cannot unmarshal number 100.0 into Go value of type uint32"));
	expect("{\"id\":1,\"method\":\"t_sum\",\"params\":[-1,1]}",
	       BAD("1", "-32602", "invalid argument 0: json: cannot unmarshal number -1 into Go value of type uint32"));
	expect("{\"id\":1,\"method\":\"t_sum\",\"params\":[\"0x64\",1]}",
	       BAD("1", "-32602", "invalid argument 0: json: cannot unmarshal string into Go value of type uint32"));
	expect("{\"id\":1,\"method\":\"t_sum\",\"params\":[1,1e999]}",
	       BAD("1", "-32602",
		   "invalid argument 1: json: cannot unmarshal number 1e999 into Go value of type float64"));
	expect("{\"id\":1,\"method\":\"t_sum\",\"params\":[1,true]}",
	       BAD("1", "-32602", "invalid argument 1: json: cannot unmarshal bool into Go value of type float64"));
	expect("{\"id\":1,\"method\":\"x_unsubscribe\",\"params\":[5]}",
	       BAD("1", "-32602", "invalid argument 0: json: cannot unmarshal number into Go value of type rpc.ID"));
}

static void test_hex(void **state)
{
	(void)state;
#define HEX_BAD(what) \
	BAD("1", "-32602", "invalid argument 0: json: cannot unmarshal " what " into Go value of type hexutil.Bytes")
	expect("{\"id\":1,\"method\":\"t_bytes\",\"params\":[\"0xaBCd\"]}", OK("1", "\"0xabcd\""));
	expect("{\"id\":1,\"method\":\"t_bytes\",\"params\":[\"\"]}", OK("1", "\"0x\""));
	expect("{\"id\":1,\"method\":\"t_bytes\",\"params\":[\"0X\"]}", OK("1", "\"0x\""));
	expect("{\"id\":1,\"method\":\"t_bytes\",\"params\":[\"abcd\"]}", HEX_BAD("hex string without 0x prefix"));
	expect("{\"id\":1,\"method\":\"t_bytes\",\"params\":[\"0xabc\"]}", HEX_BAD("hex string of odd length"));
	expect("{\"id\":1,\"method\":\"t_bytes\",\"params\":[\"0xabcg\"]}", HEX_BAD("invalid hex string"));
	expect("{\"id\":1,\"method\":\"t_bytes\",\"params\":[5]}", HEX_BAD("non-string"));
	expect("{\"id\":1,\"method\":\"t_bytes\",\"params\":[null]}", HEX_BAD("non-string"));
}

static void note_expect(const char *object, const char *answer)
{
	char *text = mem_printf(NULL, "{\"id\":1,\"method\":\"t_note\",\"params\":[%s]}", object);

	expect(text, answer);
	mem_free(text);
}

static void test_objects(void **state)
{
	(void)state;
#define NOTE_BAD(text) BAD("1", "-32602", "invalid argument 0: " text)
	note_expect("{}", OK("1", "[\"\",-1,\"0x\",\"0x\",0,\"0x\",false]"));
	note_expect("null", OK("1", "[\"\",-1,\"0x\",\"0x\",0,\"0x\",false]"));
	note_expect(
		"{\"KEY\":\"k\",\"Ttl\":5,\"topic\":\"0x01020304\",\"payload\":\"0xff\",\"target\":0.2,"
		"\"topics\":[\"0x0a0b0c0d\",null,\"0x01010101\",\"0x02020202\",\"0x03030303\"],\"direct\":true,"
		"\"unknown\":{\"a\":[1,2]}}",
		OK("1", "[\"k\",5,\"0x01020304\",\"0xff\",0.2,\"0x0a0b0c0d00000000010101010202020203030303\",true]"));
	note_expect("{\"ttl\":5,\"ttl\":null,\"key\":null,\"topics\":null}",
		    OK("1", "[\"\",-1,\"0x\",\"0x\",0,\"0x\",false]"));
	note_expect("\"x\"", NOTE_BAD("json: cannot unmarshal string into Go value of type whisperv6.Note"));
	note_expect("[]", NOTE_BAD("json: cannot unmarshal array into Go value of type whisperv6.Note"));
	note_expect("{\"ttl\":1.5}",
		    NOTE_BAD("json: cannot unmarshal number 1.5 into Go struct field Note.ttl of type uint32"));
	note_expect("{\"payload\":\"00\"}", NOTE_BAD("json: cannot unmarshal hex string without 0x prefix into Go "
						     "struct field Note.payload of type hexutil.Bytes"));
	note_expect("{\"topic\":\"0x010203\"}", NOTE_BAD("hex string has length 6, want 8 for Topic"));
	note_expect("{\"topic\":\"\"}", NOTE_BAD("hex string has length 0, want 8 for Topic"));
	note_expect("{\"topic\":\"0x01020304\\u0000\\u0000\"}", NOTE_BAD("hex string has length 10, want 8 for Topic"));
	note_expect("{\"topics\":[\"0x0102030g\"]}", NOTE_BAD("invalid hex string"));
	note_expect("{\"topics\":\"0x01020304\"}", NOTE_BAD("json: cannot unmarshal string into Go struct field "
							    "Note.topics of type []whisperv6.TopicType"));
	note_expect("{\"topics\":[5]}", NOTE_BAD("json: cannot unmarshal number into Go struct field Note.topics of "
						 "type whisperv6.TopicType"));
	/* A wrong type is told at the end only, a broken hex string at once. */
	note_expect("{\"ttl\":\"5\",\"topic\":\"0x\"}", NOTE_BAD("hex string has length 0, want 8 for Topic"));
	note_expect("{\"ttl\":\"5\",\"key\":6}",
		    NOTE_BAD("json: cannot unmarshal string into Go struct field Note.ttl of type uint32"));
}

static void test_errors_of_methods(void **state)
{
	(void)state;
	expect("{\"id\":1,\"method\":\"t_failing\"}", BAD("1", "-32000", "message size too large [5\\u003e4]"));
	expect("{\"id\":1,\"method\":\"eth_call\",\"params\":[1, {}]}", OK("1", "[1, {}]"));
	expect("{\"id\":1,\"method\":\"eth_error\"}",
	       "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":3,\"message\":\"m\"}}\n");
}

static void test_batches(void **state)
{
	struct fixture *f = setup(NULL);
	struct jsonrpc_call *first;

	(void)state;
	assert_string_equal(serve(f, "[{\"id\":1,\"method\":\"t_nothing\"},5,{\"method\":\"t_nothing\"},{\"id\":2,"
				     "\"method\":\"t_none\"}]"),
			    "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true},{\"jsonrpc\":\"2.0\",\"id\":null,"
			    "\"error\":{\"code\":-32600,"
			    "\"message\":\"invalid "
			    "request\"}},{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32601,\"message\":"
			    "\"the method t_none does not exist/is not available\"}}]\n");
	assert_string_equal(serve(f, "[{\"method\":\"t_nothing\"}]"), "");
	/* Late answers, in whatever order: the batch's order stays. */
	assert_null(serve(f, "[{\"id\":1,\"method\":\"t_park\"},{\"id\":2,\"method\":\"t_park\"},{\"id\":3,\"method\":"
			     "\"t_nothing\"}]"));
	first = f->parked[0];
	jsonrpc_answer_text(f->parked[1], "second");
	assert_int_equal(f->replies, 0);
	jsonrpc_answer_text(first, "first");
	assert_string_equal(f->reply,
			    "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"first\"},{\"jsonrpc\":\"2.0\",\"id\":2,"
			    "\"result\":\"second\"},{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":true}]\n");
	mem_free(f);
}

static void test_documents_are_answered_out_of_order(void **state)
{
	struct fixture *f = setup(NULL);
	struct jsonrpc_counters n;

	(void)state;
	assert_null(serve(f, "{\"id\":1,\"method\":\"t_park\"}"));
	assert_string_equal(serve(f, "{\"id\":2,\"method\":\"t_nothing\"}"), OK("2", "true"));
	jsonrpc_count(f->rpc, &n);
	assert_int_equal(n.open, 1);
	jsonrpc_answer_bool(f->parked[0], false);
	assert_string_equal(f->reply, OK("1", "false"));
	jsonrpc_count(f->rpc, &n);
	assert_int_equal(n.open, 0);
	assert_int_equal(n.calls, 2);
	mem_free(f);
}

static void test_limits(void **state)
{
	const struct jsonrpc_limits limits = {.batch_limit = 3, .call_limit = 2, .reply_limit = 150};
	struct fixture *f = setup(&limits);
	char *big = mem_printf(f, "{\"id\":1,\"method\":\"t_echo\",\"params\":[\"%0300d\"]}", 1);
	char *id = mem_printf(f, "{\"id\":\"%0300d\",\"method\":\"t_nothing\"}", 1);

	(void)state;
	assert_string_equal(serve(f, "[1,2,3,4]"), BAD("null", "-32600", "batch too large"));
	assert_string_equal(serve(f, "[1,2,3]"), BAD("null", "-32000", "too many requests under way"));
	assert_null(serve(f, "{\"id\":1,\"method\":\"t_park\"}"));
	assert_string_equal(serve(f, "[1,2]"), BAD("null", "-32000", "too many requests under way"));
	jsonrpc_answer_bool(f->parked[0], true);
	assert_string_equal(serve(f, big), BAD("1", "-32000", "the answer is too large"));
	assert_string_equal(serve(f, id), BAD("null", "-32000", "the answer is too large"));
	assert_string_equal(serve(f, "[1,2]"), BAD("null", "-32000", "the batch's answers are too large"));
	mem_free(f);
}

static void test_subscriptions(void **state)
{
	struct fixture *f = setup(NULL);

	(void)state;
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"t_subscribe\",\"params\":[\"notes\",{}]}"),
			    BAD("1", "-32000", "notifications not supported"));
	f->session = jsonrpc_session_new(f, f->rpc, f);
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"t_subscribe\",\"params\":[\"notes\",{\"key\":\"k\"}]}"),
			    OK("1", "\"k\""));
	assert_int_equal(f->after, 1);
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"t_subscribe\"}"), BAD("1", "-32602", "non-array args"));
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"t_subscribe\",\"params\":[]}"),
			    BAD("1", "-32602", "expected subscription name as first argument"));
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"t_subscribe\",\"params\":[\"blocks\"]}"),
			    BAD("1", "-32601", "no \\\"blocks\\\" subscription in t namespace"));
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"t_subscribe\",\"params\":[\"notes\"]}"),
			    BAD("1", "-32602", "missing value for required argument 1"));
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"t_subscribe\",\"params\":[\"notes\",{},1]}"),
			    BAD("1", "-32602", "too many arguments, want at most 2"));
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"y_unsubscribe\",\"params\":[\"0x1\"]}"),
			    OK("1", "\"0x1\""));
	mem_free(f);
}

static void test_a_session_that_goes(void **state)
{
	struct fixture *f = setup(NULL);

	(void)state;
	f->session = jsonrpc_session_new(f, f->rpc, f);
	assert_null(
		serve(f, "[{\"id\":1,\"method\":\"t_park\"},{\"id\":1,\"method\":\"t_subscribe\",\"params\":[\"notes\","
			 "{}]}]"));
	mem_free(f->session);
	f->session = NULL;
	assert_null(jsonrpc_call_session(f->parked[0]));
	jsonrpc_answer_bool(f->parked[0], true);
	assert_int_equal(f->replies, 0);
	assert_int_equal(f->after, 0);
	mem_free(f);
}

static char *batch_of(const void *ctx, size_t count, const char *method)
{
	char *text = mem_strdup(ctx, "[");

	for (size_t i = 0; i < count; i++)
		text = talloc_asprintf_append_buffer(text, "%s{\"id\":%zu,\"method\":\"%s\"}", i ? "," : "", i, method);
	return talloc_asprintf_append_buffer(text, "]");
}

static void on_begun(void *arg)
{
	struct fixture *f = arg;

	f->after++;
}

/* Others' calls are answered before a batch that came earlier; its own answers stand in order. */
static void test_long_batches_in_slices(void **state)
{
	const struct jsonrpc_limits limits = {.call_limit = 400};
	struct fixture *f = setup(&limits), other = {.rpc = f->rpc};
	struct jsonrpc_session *session = jsonrpc_session_new(f, f->rpc, f);
	char *batch = batch_of(f, 100, "t_nothing"), *big = batch_of(f, 150, "t_nothing"),
	     *small = batch_of(f, 1, "t_nothing");
	struct jsonrpc_counters n;
	uv_loop_t loop;
	const char *at;

	(void)state;
	uv_loop_init(&loop);
	jsonrpc_set_turns(f->rpc, turns_new(f, &loop));
	jsonrpc_session_on_begun(session, on_begun);
	assert_true(jsonrpc_serve(f->rpc, session, small, strlen(small), on_reply, f));
	assert_int_equal(f->replies, 1);
	assert_int_equal(f->after, 0);

	assert_false(jsonrpc_serve(f->rpc, session, batch, strlen(batch), on_reply, f));
	assert_string_equal(serve(&other, "{\"id\":1,\"method\":\"t_nothing\"}"), OK("1", "true"));
	assert_int_equal(f->replies, 1);
	/* No room for a second one beside it: it waits, single calls do not. */
	assert_false(jsonrpc_serve(f->rpc, NULL, big, strlen(big), on_reply, &other));
	assert_string_equal(serve(&other, "{\"id\":1,\"method\":\"t_nothing\"}"), OK("1", "true"));
	jsonrpc_count(f->rpc, &n);
	assert_int_equal(n.open, 100);
	uv_run(&loop, UV_RUN_DEFAULT); /* until nothing waits */
	assert_int_equal(f->replies, 2);
	assert_int_equal(f->after, 1);
	at = f->reply;
	for (size_t i = 0; i < 100; i++) {
		char *id = mem_printf(f, "\"id\":%zu,", i);

		at = strstr(at, id);
		assert_non_null(at);
	}
	assert_int_equal(other.replies, 2);
	jsonrpc_count(f->rpc, &n);
	assert_int_equal(n.open, 0);

	/* Who goes in the middle is not served to the end. */
	assert_false(jsonrpc_serve(f->rpc, session, batch, strlen(batch), on_reply, f));
	jsonrpc_count(f->rpc, &n);
	mem_free(session);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(f->replies, 2);
	assert_int_equal(f->after, 1);
	mem_free(f);
	loop_drain(&loop);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* A batch that waits for room behind others is refused when what stays of them leaves none. */
static void test_no_room_after_waiting(void **state)
{
	const struct jsonrpc_limits limits = {.call_limit = 100};
	struct fixture *f = setup(&limits), other = {.rpc = f->rpc};
	char *first = batch_of(f, 59, "t_nothing"), *second = batch_of(f, 60, "t_nothing");
	uv_loop_t loop;

	(void)state;
	first[strlen(first) - 1] = ',';
	first = talloc_asprintf_append_buffer(first, "{\"id\":59,\"method\":\"t_park\"}]");
	uv_loop_init(&loop);
	jsonrpc_set_turns(f->rpc, turns_new(f, &loop));
	assert_false(jsonrpc_serve(f->rpc, NULL, first, strlen(first), on_reply, f));
	assert_false(jsonrpc_serve(f->rpc, NULL, second, strlen(second), on_reply, &other));
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(f->replies, 0);
	assert_int_equal(other.replies, 1);
	assert_string_equal(other.reply, BAD("null", "-32000", "too many requests under way"));
	jsonrpc_answer_bool(f->parked[0], true);
	assert_int_equal(f->replies, 1);
	mem_free(f);
	loop_drain(&loop);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_namespaces(void **state)
{
	struct fixture *f = setup(NULL);
	char other[] = "other", *names[] = {other, NULL};

	(void)state;
	jsonrpc_set_namespaces(f->rpc, names);
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"other_method\"}"), OK("1", "true"));
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"t_nothing\"}"),
			    BAD("1", "-32601", "the method t_nothing does not exist/is not available"));
	assert_string_equal(serve(f, "{\"id\":1,\"method\":\"eth_call\"}"),
			    BAD("1", "-32601", "the method eth_call does not exist/is not available"));
	mem_free(f);
}

static void test_doubles(void **state)
{
	static const struct {
		double n;
		const char *text;
	} cases[] = {
		{0, "0"},
		{0.2, "0.2"},
		{1, "1"},
		{19.692307692307693, "19.692307692307693"},
		{1e20, "100000000000000000000"},
		{1e21, "1e+21"},
		{123456789012345680000.0, "123456789012345680000"},
		{1e-6, "0.000001"},
		{1.5e-7, "1.5e-7"},
		{-2.5, "-2.5"},
		{0.07692307692307693, "0.07692307692307693"},
		{5e-324, "5e-324"},
		{100, "100"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
		{1048576, "1048576"},
		{0.00012, "0.00012"},
		{1234.5, "1234.5"},
	};
	struct buf *b = buf_new(NULL, 100);
	struct json_writer w = {.to = b};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(b);
		json_write_double(&w, cases[i].n);
		assert_string_equal(b->data, cases[i].text);
	}
	mem_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_table_is_served),
		cmocka_unit_test(test_ids_come_back_as_they_were),
		cmocka_unit_test(test_requests_that_are_none),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_errors_of_methods),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_documents_are_answered_out_of_order),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_subscriptions),
		cmocka_unit_test(test_a_session_that_goes),
		cmocka_unit_test(test_long_batches_in_slices),
		cmocka_unit_test(test_no_room_after_waiting),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_doubles),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
