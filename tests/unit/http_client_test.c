/* The HTTP client against a scripted peer (raw sockets in a thread) and against our own server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "http/client.h"
#include "http/peer.h"
#include "http/server.h"

static void test_framings(void **state)
{
	static const struct {
		const char *script, *body;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more", "hello"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"},
		{"HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (int slowly = 0; slowly < 2; slowly++) {
			struct peer p = {.script = rows[i].script, .slowly = slowly};
			struct http_answer *a = ask(&p, (struct http_exchange){0});

			if (a->error)
				fail_msg("%s: %s", rows[i].script, a->error->message);
			assert_int_equal(a->status, 200);
			assert_string_equal(a->body, rows[i].body);
			assert_int_equal(a->len, strlen(rows[i].body));
			mem_free(a);
		}
}

static void test_bad_answers(void **state)
{
	static const struct {
		const char *script;
		enum error_code code;
	} rows[] = {
		{"", ERROR_UNAVAILABLE},
		{"HTTP/1.1 20", ERROR_UNAVAILABLE},
		{"nonsense\r\n\r\n", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: br\r\n\r\n", ERROR_REFUSED},
		{"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n", ERROR_LIMIT},
		{"HTTP/1.1 200 OK\r\n\r\n12345678901234567", ERROR_LIMIT},
		{"HTTP/1.1 101 Switching Protocols\r\n\r\n", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nContent-Length: 2\r\n\r\nok", ERROR_INVALID},
		{"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nNoColon\r\nContent-Length: 2\r\n\r\nok", ERROR_INVALID},
		{"HTTP/2 200\r\nContent-Length: 2\r\n\r\nok", ERROR_INVALID},
		{"HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nok", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n", ERROR_INVALID},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n12345678901234567\r\n0\r\n\r\n",
		 ERROR_LIMIT},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", ERROR_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct peer p = {.script = rows[i].script};
		struct http_answer *a = ask(&p, (struct http_exchange){.limit = 16});

		if (!a->error || a->error->code != rows[i].code)
			fail_msg("%s: %s", rows[i].script, a->error ? a->error->message : "was taken");
		mem_free(a);
	}
}

static void test_long_head_is_refused(void **state)
{
	char *text = mem_array(NULL, char, 40001);
	struct peer p = {.script = text};

	(void)state;
	memset(text, 'x', 40000);
	memcpy(text, "HTTP/1.1 200 ", 13);
	memcpy(text + 39996, "\r\n\r\n", 4);
	struct http_answer *a = ask(&p, (struct http_exchange){0});
	assert_non_null(a->error);
	assert_int_equal(a->error->code, ERROR_LIMIT);
	mem_free(a);
	mem_free(text);
}

/* `unit` `n` times behind `begin`. */
static char *repeated(const char *begin, const char *unit, size_t n)
{
	size_t first = strlen(begin), each = strlen(unit);
	char *text = mem_array(NULL, char, first + n * each + 1);

	memcpy(text, begin, first);
	for (size_t i = 0; i < n; i++)
		memcpy(text + first + i * each, unit, each);
	return text;
}

static void test_heads_and_trailers_are_bounded(void **state)
{
	static const struct {
		const char *begin, *unit;
		size_t n;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\nX: ", "x", 200000},
		{"HTTP/1.1 200 OK\r\n", "Name: a value\r\n", 1000},
		{"", "HTTP/1.1 100 Continue\r\n\r\n", 1000},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "Name: a value\r\n", 1000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = repeated(rows[i].begin, rows[i].unit, rows[i].n);
		struct peer p = {.script = text, .hold = true};
		struct http_answer *a = ask(&p, (struct http_exchange){0});

		if (!a->error || a->error->code != ERROR_LIMIT)
			fail_msg("row %zu: %s", i, a->error ? a->error->message : "was taken");
		mem_free(a);
		mem_free(text);
	}
}

static void test_deadline(void **state)
{
	struct peer p = {.script = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", .hold = true};
	int64_t before = clock_mono_ms();

	(void)state;
	struct http_answer *a = ask(&p, (struct http_exchange){.deadline_ms = 200});
	assert_non_null(a->error);
	assert_int_equal(a->error->code, ERROR_TIMEOUT);
	assert_in_range(clock_mono_ms() - before, 190, 4000);
	mem_free(a);
}

static void test_request_text(void **state)
{
	struct peer p = {.script = "HTTP/1.1 204 No Content\r\n\r\n", .hold = true};
	struct http_answer *a = ask(&p, (struct http_exchange){.method = "PUT",
							       .path = "/a?b=c",
							       .content_type = "application/json",
							       .body = "{}",
							       .body_len = 2,
							       .authorization = "Basic eDp5"});

	(void)state;
	assert_null(a->error);
	assert_int_equal(a->status, 204);
	assert_memory_equal(p.request, "PUT /a?b=c HTTP/1.1\r\n", 21);
	assert_non_null(strstr(p.request, "\r\nHost: 127.0.0.1\r\n"));
	assert_non_null(strstr(p.request, "\r\nAuthorization: Basic eDp5\r\n"));
	assert_non_null(strstr(p.request, "\r\nContent-Length: 2\r\n"));
	mem_free(a);
}

static void test_bad_requests_are_refused(void **state)
{
	static const struct http_exchange rows[] = {
		{.method = "GET", .path = "/a b"},
		{.method = "GET", .path = "no slash"},
		{.method = "GET\r\n", .path = "/"},
		{.method = "GET", .path = "/", .authorization = "x\r\nEvil: 1"},
		{.method = "GET", .path = "/", .content_type = "x\ny", .body = ""},
		{.method = "GET", .path = "/", .host = "a b"},
		{.method = "GET", .path = "/", .host = "user@127.0.0.1"},
		{.method = "GET", .path = "/", .host = "127.0.0.1/x"},
		{.method = "GET", .path = "/", .host = ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http_exchange x = rows[i];

		x.host = x.host ? x.host : "127.0.0.1";
		x.port = 1;
		struct http_answer *a = http_fetch_sync(NULL, &x);
		assert_non_null(a->error);
		assert_int_equal(a->error->code, ERROR_INVALID);
		mem_free(a);
	}
}

static void test_nobody_there(void **state)
{
	struct http_exchange x = {.unix_path = "/nonexistent/socket", .method = "GET", .path = "/"};
	struct http_answer *a = http_fetch_sync(NULL, &x);
	struct peer p = {0};

	(void)state;
	assert_non_null(a->error);
	assert_int_equal(a->error->code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(a->error->message, "unix:/nonexistent/socket"));
	mem_free(a);
	/* a port that was free a moment ago */
	p.script = "";
	mem_free(ask(&p, (struct http_exchange){0}));
	x = (struct http_exchange){.host = "127.0.0.1", .port = p.port, .method = "GET", .path = "/"};
	a = http_fetch_sync(NULL, &x);
	assert_non_null(a->error);
	assert_int_equal(a->error->code, ERROR_UNAVAILABLE);
	mem_free(a);
}

static void never(const struct http_answer *a, void *arg)
{
	(void)a;
	(void)arg;
	fail_msg("answer after its owner was freed");
}

static void test_freed_owner_hears_nothing(void **state)
{
	struct peer p = {.script = "", .hold = true};
	void *owner = talloc_new(NULL);
	uv_loop_t loop;

	(void)state;
	peer_start(&p);
	uv_loop_init(&loop);
	const struct http_exchange hanging = {.host = "127.0.0.1", .port = p.port, .method = "GET", .path = "/"};
	const struct http_exchange naming = {.host = "localhost", .port = p.port, .method = "GET", .path = "/"};
	const struct http_exchange refused = {.unix_path = "/nonexistent", .method = "GET", .path = "/"};
	http_fetch(owner, &loop, &hanging, never, NULL);
	http_fetch(owner, &loop, &naming, never, NULL);
	http_fetch(owner, &loop, &refused, never, NULL);
	mem_free(owner);
	uv_run(&loop, UV_RUN_DEFAULT);
	loop_drain(&loop);
	assert_int_equal(uv_loop_close(&loop), 0);
	/* the peer may not have been reached at all: reach it, so that its thread ends */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)p.port)};
	connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	peer_end(&p);
}

struct both {
	uv_loop_t loop;
	void *ctx;
	unsigned answers;
};

static void serve(struct http_request *r, void *arg)
{
	size_t len;
	const char *body = http_request_body(r, &len);

	(void)arg;
	http_respond(r, 201, "text/plain", body, len);
}

static void on_answer(const struct http_answer *a, void *arg)
{
	struct both *b = arg;

	if (a->error)
		fail_msg("%s", a->error->message);
	assert_int_equal(a->status, 201);
	assert_int_equal(a->len, 60000);
	if (++b->answers == 50)
		uv_stop(&b->loop);
}

static void test_our_own_server(void **state)
{
	char folder[] = "/tmp/dsn-http-XXXXXX", path[64];
	struct both b = {.ctx = talloc_new(NULL)};
	struct http_server *server = NULL;
	char *body = mem_array(b.ctx, char, 60000);

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	uv_loop_init(&b.loop);
	const struct http_listen listen = {.unix_path = path, .unix_mode = 0600};
	assert_null(http_server_open(b.ctx, &b.loop, &listen, serve, NULL, &server));
	const struct http_exchange x = {.unix_path = path,
					.method = "POST",
					.path = "/",
					.body = body,
					.body_len = 60000,
					.deadline_ms = 20000};
	for (int i = 0; i < 50; i++)
		http_fetch(b.ctx, &b.loop, &x, on_answer, &b);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	assert_int_equal(b.answers, 50);
	mem_free(b.ctx);
	loop_drain(&b.loop);
	assert_int_equal(uv_loop_close(&b.loop), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* The agent hands over a path through a descriptor that it closes then. */
static void on_whole(const struct http_answer *a, void *arg)
{
	struct both *b = arg;

	if (a->error)
		fail_msg("%s", a->error->message);
	assert_int_equal(a->status, 201);
	b->answers++;
	uv_stop(&b->loop);
}

static void test_the_socket_is_opened_at_once(void **state)
{
	char folder[] = "/tmp/dsn-http-XXXXXX", path[64], moved[64];
	struct both b = {.ctx = talloc_new(NULL)};
	struct http_server *server = NULL;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(moved, sizeof(moved), "%s/moved", folder);
	uv_loop_init(&b.loop);
	const struct http_listen listen = {.unix_path = path, .unix_mode = 0600};
	assert_null(http_server_open(b.ctx, &b.loop, &listen, serve, NULL, &server));
	const struct http_exchange x = {.unix_path = path, .method = "POST", .path = "/", .body = "x", .body_len = 1};
	http_fetch(b.ctx, &b.loop, &x, on_whole, &b);
	assert_int_equal(rename(path, moved), 0);
	uv_run(&b.loop, UV_RUN_DEFAULT);
	assert_int_equal(b.answers, 1);
	assert_int_equal(rename(moved, path), 0);
	mem_free(b.ctx);
	loop_drain(&b.loop);
	assert_int_equal(uv_loop_close(&b.loop), 0);
	assert_int_equal(rmdir(folder), 0);
}

struct chain_of {
	struct both both;
	struct http_exchange x;
	void *owner; /* of what is under way; freed by each answer */
	unsigned others;
};

static void on_other(const struct http_answer *a, void *arg)
{
	(void)a;
	((struct chain_of *)arg)->others++;
}

static void on_link(const struct http_answer *a, void *arg)
{
	struct chain_of *c = arg;

	if (a->error)
		fail_msg("%s", a->error->message);
	mem_free(c->owner);
	if (++c->both.answers == 20) {
		uv_stop(&c->both.loop);
		return;
	}
	c->owner = talloc_new(c->both.ctx);
	http_fetch(c->owner, &c->both.loop, &c->x, on_link, c);
	http_fetch(c->owner, &c->both.loop, &c->x, on_other, c);
}

/* Each callback frees all exchanges of the loop and begins others. */
static void test_a_callback_may_free_and_begin(void **state)
{
	char folder[] = "/tmp/dsn-http-XXXXXX", path[64];
	struct chain_of c = {.both.ctx = talloc_new(NULL)};
	struct http_server *server = NULL;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	uv_loop_init(&c.both.loop);
	const struct http_listen listen = {.unix_path = path, .unix_mode = 0600};
	assert_null(http_server_open(c.both.ctx, &c.both.loop, &listen, serve, NULL, &server));
	c.x = (struct http_exchange){.unix_path = path, .method = "GET", .path = "/"};
	c.owner = talloc_new(c.both.ctx);
	http_fetch(c.owner, &c.both.loop, &c.x, on_link, &c);
	uv_run(&c.both.loop, UV_RUN_DEFAULT);
	assert_int_equal(c.both.answers, 20);
	mem_free(c.both.ctx);
	loop_drain(&c.both.loop);
	assert_int_equal(uv_loop_close(&c.both.loop), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* It is refused without a byte to whoever listens there, by its address, whatever name led to it. */
static void test_out_of_reach(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "::ffff:127.0.0.1", "0x7f.1", "2130706433"};
	static const struct http_reach far = {.local = false}, near = {.local = true};
	const char *good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		struct peer p = {.script = good}, q = {.script = good};
		struct http_answer *a = ask(&p, (struct http_exchange){.host = hosts[i], .reach = &far});

		if (!a->error || a->error->code != ERROR_REFUSED || !strstr(a->error->message, "is this machine"))
			fail_msg("%s: %s", hosts[i], a->error ? a->error->message : "was reached");
		assert_int_equal(strlen(p.request), 0);
		mem_free(a);
		a = ask(&q, (struct http_exchange){.host = hosts[i], .reach = &near});
		if (a->error)
			fail_msg("%s: %s", hosts[i], a->error->message);
		mem_free(a);
	}
}

/* An answer that leads elsewhere is an answer, and leads nowhere. */
static void test_redirects_are_not_followed(void **state)
{
	struct peer other = {.script = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, p = {0};
	char script[160];
	struct http_answer *a;

	(void)state;
	peer_start(&other);
	snprintf(script, sizeof(script),
		 "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n", other.port);
	p.script = script;
	a = ask(&p, (struct http_exchange){0});
	assert_null(a->error);
	assert_int_equal(a->status, 302);
	mem_free(a);
	peer_end(&other);
	assert_int_equal(strlen(other.request), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framings),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_long_head_is_refused),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_request_text),
		cmocka_unit_test(test_bad_requests_are_refused),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_out_of_reach),
		cmocka_unit_test(test_redirects_are_not_followed),
		cmocka_unit_test(test_freed_owner_hears_nothing),
		cmocka_unit_test(test_our_own_server),
		cmocka_unit_test(test_heads_and_trailers_are_bounded),
		cmocka_unit_test(test_the_socket_is_opened_at_once),
		cmocka_unit_test(test_a_callback_may_free_and_begin),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
