/* The JSON-RPC client beside a server on a real loop, which does what the method's name says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "http/rpc_client.h"
#include "http/websocket.h"

#define TOKEN "Bearer sesame"

struct fixture {
	uv_loop_t loop;
	void *ctx;
	struct http_server *server;
	int status; /* not 0: what requests are answered */
	struct rpc_client *client;
	unsigned opened, closed, notes, answers;
	enum error_code closed_code, last_code;
	char *last;
	bool free_in_answer, free_in_closed;
};

/* --- the server --- */

static void say(struct websocket *ws, const char *text)
{
	error_free(websocket_send(ws, true, text, strlen(text)));
}

static void sayf(struct websocket *ws, const char *fmt, json_int_t id)
{
	char *text = mem_printf(NULL, fmt, (long long)id);

	say(ws, text);
	mem_free(text);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static const struct {
	const char *method, *answer; /* %lld: the id */
} answers[] = {
	{"null", "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":null}"},
	{"nothing", "{\"jsonrpc\":\"2.0\",\"id\":%lld}"},
	{"refuse", "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"error\":{\"code\":-32000,\"message\":\"not\\n\\u001btoday\"}}"},
	{"unknown", "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"error\":{\"code\":-32601,\"message\":\"no such method\"}}"},
	{"params", "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"error\":{\"code\":-32602,\"message\":\"missing value\"}}"},
	{"wordless", "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"error\":7}"},
	{"subscribe", "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":\"0x1\"}"},
};

static void on_server_message(struct websocket *ws, const char *bytes, size_t n, bool text, void *arg)
{
	json_t *document = NULL;
	const char *method;
	json_int_t id;

	(void)text;
	(void)arg;
	assert_null(json_parse(bytes, n, n, &document));
	method = json_string_value(json_object_get(document, "method"));
	id = json_integer_value(json_object_get(document, "id"));
	assert_string_equal(json_string_value(json_object_get(document, "jsonrpc")), "2.0");
	if (strcmp(method, "echo") == 0) {
		json_t *back = json_pack("{sI, sO}", "id", id, "result", json_object_get(document, "params"));
		char *out = json_text(NULL, back);

		say(ws, out);
		mem_free(out);
		json_decref(back);
	}
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strcmp(method, answers[i].method) == 0)
			sayf(ws, answers[i].answer, id);
	}
	if (strcmp(method, "subscribe") == 0)
		say(ws, "{\"jsonrpc\":\"2.0\",\"method\":\"shh_subscription\",\"params\":{\"subscription\":\"0x1\","
			"\"result\":{\"payload\":\"0x6869\"}}}");
	if (strcmp(method, "junk") == 0)
		say(ws, "{\"half");
	if (strcmp(method, "deep") == 0)
		say(ws, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
	if (strcmp(method, "stranger") == 0)
		say(ws, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error\"}}");
	if (strcmp(method, "close") == 0)
		websocket_close(ws, WEBSOCKET_GOING_AWAY, "stopping");
	json_decref(document);
}
#pragma GCC diagnostic pop

static void on_server_closed(struct websocket *ws, unsigned code, const char *reason, void *arg)
{
	(void)code;
	(void)reason;
	(void)arg;
	mem_free(ws);
}

static const struct websocket_events server_events = {.message = on_server_message, .closed = on_server_closed};

static void on_request(struct http_request *r, void *arg)
{
	static const struct websocket_options options = {.message_limit = 1 << 20};
	struct fixture *f = arg;
	const char *token = http_request_header(r, "Authorization");
	struct websocket *ws;

	assert_string_equal(http_request_path(r), "/rpc");
	if (f->status)
		http_respond(r, f->status, "text/plain", "no", 2);
	else if (!token || strcmp(token, TOKEN) != 0)
		http_respond(r, 401, "text/plain", "who?", 4);
	else
		assert_null(websocket_accept(f->ctx, &f->loop, r, &options, &server_events, f, &ws));
}

/* --- the client --- */

static void on_opened(struct rpc_client *c, void *arg)
{
	struct fixture *f = arg;

	assert_true(rpc_client_is_open(c));
	f->opened++;
}

static void on_notified(struct rpc_client *c, const char *method, const char *subscription, const json_t *result,
			void *arg)
{
	struct fixture *f = arg;

	(void)c;
	assert_string_equal(method, "shh_subscription");
	assert_string_equal(subscription, "0x1");
	assert_string_equal(json_string_value(json_object_get(result, "payload")), "0x6869");
	f->notes++;
}

static void on_closed(struct rpc_client *c, const struct error *e, void *arg)
{
	struct fixture *f = arg;

	assert_false(rpc_client_is_open(c));
	assert_int_equal(rpc_client_pending(c), 0);
	f->closed++;
	f->closed_code = e->code;
	mem_free(f->last);
	f->last = mem_strdup(f->ctx, e->message);
	if (f->free_in_closed) {
		mem_free(c);
		f->client = NULL;
	}
}

static const struct rpc_client_events events = {on_opened, on_notified, on_closed};

static void on_answer(const json_t *result, const struct error *e, void *arg)
{
	struct fixture *f = arg;

	assert_true((result == NULL) == (e != NULL));
	f->answers++;
	f->last_code = e ? e->code : 0;
	if (f->free_in_answer) {
		mem_free(f->client);
		f->client = NULL;
	}
}

static int setup(void **state)
{
	static const struct http_listen listen = {.address = "127.0.0.1"};
	struct fixture *f = mem_new(NULL, struct fixture);

	f->ctx = talloc_new(NULL);
	uv_loop_init(&f->loop);
	assert_null(http_server_open(f->ctx, &f->loop, &listen, on_request, f, &f->server));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mem_free(f->ctx);
	loop_drain(&f->loop);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	mem_free(f);
	return 0;
}

static struct rpc_client_options base_options(const struct fixture *f)
{
	return (struct rpc_client_options){.host = "127.0.0.1",
					   .port = http_server_port(f->server),
					   .path = "/rpc",
					   .authorization = TOKEN,
					   .open_ms = 5000,
					   .answer_ms = 5000};
}

static void dial(struct fixture *f, const struct rpc_client_options *options)
{
	f->client = rpc_client_open(f->ctx, &f->loop, options, &events, f);
}

static void turn_until(struct fixture *f, const unsigned *what, unsigned wanted)
{
	int64_t until_ms = clock_mono_ms() + 10000;

	while (*what < wanted && clock_mono_ms() < until_ms)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(*what, wanted);
}

static void open_client(struct fixture *f)
{
	struct rpc_client_options o = base_options(f);

	dial(f, &o);
	assert_null(rpc_client_wait_open(f->client));
	assert_int_equal(f->opened, 1);
}

/* --- tests --- */

static void test_calls_are_answered(void **state)
{
	struct fixture *f = *state;
	json_t *result = NULL;

	open_client(f);
	assert_null(rpc_client_wait(f->client, "echo", json_pack("[s, i]", "a", 7), &result));
	assert_string_equal(json_string_value(json_array_get(result, 0)), "a");
	json_decref(result);
	assert_null(rpc_client_wait(f->client, "null", json_array(), &result));
	assert_true(json_is_null(result));
	json_decref(result);
	assert_null(rpc_client_wait(f->client, "echo", json_array(), NULL));
	for (int i = 0; i < 1000; i++)
		rpc_client_call(f->client, "echo", json_array(), on_answer, f);
	assert_int_equal(rpc_client_pending(f->client), 1000);
	turn_until(f, &f->answers, 1000);
	assert_int_equal(f->last_code, 0);
	assert_int_equal(rpc_client_pending(f->client), 0);
	/* Nobody cares for the answer. */
	rpc_client_call(f->client, "echo", json_array(), NULL, NULL);
	rpc_client_call(f->client, "echo", json_array(), on_answer, f);
	turn_until(f, &f->answers, 1001);
}

static void test_refusals_have_codes_and_clean_words(void **state)
{
	static const struct {
		const char *method, *words;
		enum error_code code;
	} rows[] = {{"refuse", "refuse: not  today", ERROR_FAILED},
		    {"unknown", "unknown: no such method", ERROR_NOT_FOUND},
		    {"params", "params: missing value", ERROR_INVALID},
		    {"wordless", "wordless: an error without words", ERROR_FAILED},
		    {"nothing", "nothing: an answer without a result", ERROR_FAILED}};
	struct fixture *f = *state;

	open_client(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error *e = rpc_client_wait(f->client, rows[i].method, json_array(), NULL);

		assert_non_null(e);
		assert_int_equal(e->code, rows[i].code);
		assert_string_equal(e->message, rows[i].words);
		error_free(e);
	}
	assert_int_equal(f->closed, 0);
}

static void test_notifications(void **state)
{
	struct fixture *f = *state;
	json_t *id = NULL;

	open_client(f);
	assert_null(rpc_client_wait(f->client, "subscribe", json_array(), &id));
	assert_string_equal(json_string_value(id), "0x1");
	json_decref(id);
	turn_until(f, &f->notes, 1);
}

static void test_what_is_no_answer_ends_it(void **state)
{
	static const struct {
		const char *method, *words;
	} rows[] = {{"junk", "no JSON"}, {"deep", "levels of brackets"}, {"stranger", "no answer: parse error"}};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f->opened = f->closed = f->answers = 0;
		open_client(f);
		rpc_client_call(f->client, "silent", json_array(), on_answer, f);
		rpc_client_call(f->client, rows[i].method, json_array(), on_answer, f);
		turn_until(f, &f->closed, 1);
		assert_int_equal(f->answers, 2);
		assert_int_equal(f->last_code, ERROR_FAILED);
		assert_int_equal(f->closed_code, ERROR_FAILED);
		assert_non_null(strstr(f->last, rows[i].words));
		/* And so it stays. */
		rpc_client_call(f->client, "echo", json_array(), on_answer, f);
		assert_int_equal(f->answers, 3);
		assert_int_equal(f->last_code, ERROR_FAILED);
		mem_free(f->client);
	}
}

static void test_a_server_that_goes(void **state)
{
	struct fixture *f = *state;

	open_client(f);
	rpc_client_call(f->client, "silent", json_array(), on_answer, f);
	rpc_client_call(f->client, "close", json_array(), on_answer, f);
	turn_until(f, &f->closed, 1);
	assert_int_equal(f->answers, 2);
	assert_int_equal(f->closed_code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(f->last, "stopping (1001)"));
}

static void test_deadlines_and_bounds(void **state)
{
	struct fixture *f = *state;
	struct rpc_client_options o = base_options(f);

	o.answer_ms = 100;
	o.call_limit = 3;
	o.queue_limit = 100000;
	dial(f, &o);
	assert_null(rpc_client_wait_open(f->client));
	for (int i = 0; i < 3; i++)
		rpc_client_call(f->client, "silent", json_array(), on_answer, f);
	assert_int_equal(f->answers, 0);
	rpc_client_call(f->client, "echo", json_array(), on_answer, f);
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->last_code, ERROR_LIMIT);
	turn_until(f, &f->answers, 4);
	assert_int_equal(f->last_code, ERROR_TIMEOUT);
	assert_null(rpc_client_wait(f->client, "echo", json_array(), NULL));
	/* More than the queue takes. */
	char *big = mem_array(f->ctx, char, 200001);
	memset(big, 'b', 200000);
	rpc_client_call(f->client, "echo", json_pack("[s]", big), on_answer, f);
	assert_int_equal(f->answers, 5);
	assert_int_equal(f->last_code, ERROR_LIMIT);
	turn_until(f, &f->closed, 1);
	assert_int_equal(f->closed_code, ERROR_LIMIT);
}

static void test_refused_and_not_there(void **state)
{
	static const struct {
		int status;
		enum error_code code;
	} rows[] = {{401, ERROR_REFUSED}, {403, ERROR_REFUSED}, {404, ERROR_FAILED}};
	struct fixture *f = *state;
	struct rpc_client_options o = base_options(f);
	struct error *e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f->status = rows[i].status;
		f->closed = 0;
		dial(f, &o);
		e = rpc_client_wait_open(f->client);
		assert_non_null(e);
		assert_int_equal(e->code, rows[i].code);
		error_free(e);
		assert_int_equal(f->closed, 1);
		mem_free(f->client);
	}
	f->status = 0;
	o.authorization = NULL;
	dial(f, &o);
	e = rpc_client_wait_open(f->client);
	assert_int_equal(e->code, ERROR_REFUSED);
	error_free(e);
	mem_free(f->client);
	/* Nobody listens there any more. */
	mem_free(f->server);
	f->server = NULL;
	dial(f, &o);
	e = rpc_client_wait_open(f->client);
	assert_int_equal(e->code, ERROR_UNAVAILABLE);
	error_free(e);
}

static void test_freed_in_a_callback(void **state)
{
	struct fixture *f = *state;

	open_client(f);
	f->free_in_answer = true;
	rpc_client_call(f->client, "echo", json_array(), on_answer, f);
	rpc_client_call(f->client, "echo", json_array(), on_answer, f);
	turn_until(f, &f->answers, 1);
	assert_null(f->client);
	/* While the calls of a broken connection are answered. */
	f->opened = f->answers = 0;
	open_client(f);
	rpc_client_call(f->client, "silent", json_array(), on_answer, f);
	rpc_client_call(f->client, "junk", json_array(), on_answer, f);
	turn_until(f, &f->answers, 1);
	assert_null(f->client);
	assert_int_equal(f->closed, 0);
	f->free_in_answer = false;
	f->free_in_closed = true;
	f->opened = 0;
	open_client(f);
	rpc_client_call(f->client, "junk", json_array(), NULL, NULL);
	turn_until(f, &f->closed, 1);
	assert_null(f->client);
}

static bool yes(void *arg)
{
	(void)arg;
	return true;
}

static void test_an_interrupted_wait(void **state)
{
	struct fixture *f = *state;
	struct rpc_client_options o = base_options(f);
	struct error *e;

	open_client(f);
	mem_free(f->client);
	o.interrupted = yes;
	dial(f, &o);
	e = rpc_client_wait_open(f->client);
	assert_string_equal(e->message, "interrupted");
	error_free(e);
	turn_until(f, &f->opened, 2);
	e = rpc_client_wait(f->client, "echo", json_array(), NULL);
	assert_string_equal(e->message, "echo: interrupted");
	error_free(e);
	/* Its answer comes and finds nobody. */
	rpc_client_call(f->client, "echo", json_array(), on_answer, f);
	turn_until(f, &f->answers, 1);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *url, *host, *path;
		int port;
		bool loopback;
	} good[] = {
		{"ws://127.0.0.1", "127.0.0.1", "/", 8545, true},
		{"ws://127.9.9.9:1/", "127.9.9.9", "/", 1, true},
		{"ws://localhost:8546/a/b?c=d", "localhost", "/a/b?c=d", 8546, true},
		{"ws://[::1]:65535", "::1", "/", 65535, true},
		{"ws://node-1.example_x?y", "node-1.example_x", "/?y", 8545, false},
		{"ws://[2001:db8::1]/x", "2001:db8::1", "/x", 8545, false},
	};
	static const char *const bad[] = {
		"",
		"http://127.0.0.1",
		"wss://a",
		"ws://",
		"ws://:8545",
		"ws://a:0",
		"ws://a:65536",
		"ws://a:",
		"ws://a:x",
		"ws://a:99999999999999999999",
		"ws://user@a",
		"ws://u:secret@a:1/",
		"ws://[::1",
		"ws://[::1]x",
		"ws://[a]:1",
		"ws://[]",
		"ws://a b",
		"ws://a\n",
		"ws://a/b c",
		"ws://a#b",
		"ws://a$",
		"ws://a:80:81",
	};
	struct rpc_client_address a;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		void *ctx = talloc_new(NULL);

		assert_null(rpc_client_address_read(ctx, good[i].url, &a));
		assert_string_equal(a.host, good[i].host);
		assert_string_equal(a.path, good[i].path);
		assert_int_equal(a.port, good[i].port);
		assert_int_equal(rpc_client_address_is_loopback(&a), good[i].loopback);
		mem_free(ctx);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error *e = rpc_client_address_check(bad[i]);

		if (!e)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e->code, ERROR_INVALID);
		assert_null(strstr(e->message, "secret"));
		error_free(e);
	}
	char *big = mem_printf(NULL, "ws://a/%4000s", "");
	memset(big + 7, 'x', 4000);
	struct error *e = rpc_client_address_check(big);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	mem_free(big);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_calls_are_answered),    CASE(test_refusals_have_codes_and_clean_words),
		CASE(test_notifications),         CASE(test_what_is_no_answer_ends_it),
		CASE(test_a_server_that_goes),    CASE(test_deadlines_and_bounds),
		CASE(test_refused_and_not_there), CASE(test_freed_in_a_callback),
		CASE(test_an_interrupted_wait),   cmocka_unit_test(test_addresses),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
