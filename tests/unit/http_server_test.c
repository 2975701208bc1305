/* The HTTP server on a real loop, spoken to by plain blocking sockets from another thread. */
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
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "http/server.h"

struct fixture {
	uv_loop_t loop;
	uv_async_t end;
	struct http_server *server;
	struct http_request *parked; /* answered by a later request */
	void *ctx;
	int port;
	unsigned handled;
	void (*client)(struct fixture *f);
};

static void answer_text(struct http_request *r, const char *text)
{
	http_respond(r, 200, "text/plain", text, strlen(text));
}

static void handle(struct http_request *r, void *arg)
{
	struct fixture *f = arg;
	const char *path = http_request_path(r);
	size_t len;

	f->handled++;
	if (!strcmp(path, "/echo")) {
		const char *body = http_request_body(r, &len);

		http_respond(r, 200, "application/octet-stream", body, len);
	} else if (!strcmp(path, "/field")) {
		const char *name = http_request_field(r, "name");

		answer_text(r, name ? name : "(none)");
	} else if (!strcmp(path, "/park")) {
		f->parked = r;
	} else if (!strcmp(path, "/release")) {
		answer_text(f->parked, "parked");
		f->parked = NULL;
		answer_text(r, "released");
	} else if (!strcmp(path, "/forget")) {
		mem_free(r);
	} else {
		char *text = mem_printf(r, "%s %s", http_request_method(r), path);

		answer_text(r, text);
	}
}

static void on_end(uv_async_t *end)
{
	uv_stop(end->loop);
}

static void *client_main(void *arg)
{
	struct fixture *f = arg;

	f->client(f);
	uv_async_send(&f->end);
	return NULL;
}

static void run(struct http_listen listen, void (*client)(struct fixture *f))
{
	struct fixture f = {.client = client, .ctx = talloc_new(NULL)};
	pthread_t thread;

	uv_loop_init(&f.loop);
	uv_async_init(&f.loop, &f.end, on_end);
	struct error *e = http_server_open(f.ctx, &f.loop, &listen, handle, &f, &f.server);
	if (e)
		fail_msg("%s", e->message);
	f.port = http_server_port(f.server);
	pthread_create(&thread, NULL, client_main, &f);
	uv_run(&f.loop, UV_RUN_DEFAULT);
	pthread_join(thread, NULL);
	mem_free(f.ctx);
	uv_close((uv_handle_t *)&f.end, NULL);
	loop_drain(&f.loop);
	assert_int_equal(uv_loop_close(&f.loop), 0);
}

static const struct http_listen on_tcp = {.address = "127.0.0.1", .body_limit = 1000, .request_ms = 300};

static int dial(const struct fixture *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port)};
	struct timeval wait = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	for (size_t n = strlen(text); n;) {
		ssize_t w = send(fd, text, n, MSG_NOSIGNAL);

		if (w <= 0)
			return;
		text += w;
		n -= (size_t)w;
	}
}

/* Reads until `want` has come or the server closed; returns what came. */
static const char *get(int fd, const char *want)
{
	static char text[65536];
	size_t n = 0;

	text[0] = 0;
	while (n < sizeof(text) - 1) {
		ssize_t r = recv(fd, text + n, sizeof(text) - 1 - n, 0);

		if (r <= 0)
			break;
		n += (size_t)r;
		text[n] = 0;
		if (want && strstr(text, want))
			break;
	}
	return text;
}

static bool closed(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) == 0;
}

static void expect(int fd, const char *send_text, const char *status, const char *body)
{
	put(fd, send_text);
	const char *got = get(fd, body);
	if (strncmp(got + 9, status, 3) != 0 || !strstr(got, body))
		fail_msg("sent:\n%s\ngot:\n%s", send_text, got);
}

static void keep_alive(struct fixture *f)
{
	int fd = dial(f);

	expect(fd, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET /one");
	expect(fd, "GET /two HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET /two");
	expect(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "200", "hello");
	/* two requests in one write */
	expect(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET /b");
	expect(fd, "GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "200", "GET /end");
	assert_true(closed(fd));
	close(fd);
	fd = dial(f);
	expect(fd, "GET /old HTTP/1.0\r\n\r\n", "200", "GET /old");
	assert_true(closed(fd));
	close(fd);
	assert_int_equal(f->handled, 7);
}

static void byte_by_byte(struct fixture *f)
{
	static const char text[] = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
	int fd = dial(f), one = 1;

	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
	for (const char *p = text; *p; p++)
		assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
	assert_non_null(strstr(get(fd, "abcdefg"), "Content-Length: 7\r\n"));
	close(fd);
}

static void fields(struct fixture *f)
{
	int fd = dial(f);

	expect(fd, "GET /field?name=a%20b&x=1 HTTP/1.1\r\nHost: x\r\n\r\n", "200", "a b");
	expect(fd,
	       "POST /field HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	       "Content-Length: 13\r\n\r\nx=1&name=form",
	       "200", "form");
	expect(fd,
	       "POST /field?name=query HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	       "Content-Length: 9\r\n\r\nname=form",
	       "200", "query");
	expect(fd, "POST /field HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nname=form", "200", "(none)");
	expect(fd, "GET /%7Ea HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET /~a");
	close(fd);
}

static void refusals(struct fixture *f)
{
	static const struct {
		const char *status, *text;
	} bad[] = {
		{"400", "nonsense\r\n\r\n"},
		{"400", "GET / HTTP/1.1\r\n\r\n"},
		{"400", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"400", "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"400", "GET /a/%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"400", "GET /a?b=% HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"400", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
		{"400", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
		{"400", "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
			"Content-Length: 3\r\n\r\na=%"},
		{"413", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"},
		{"413", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n"},
		{"501", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char padding[1200];
		int fd = dial(f);

		put(fd, bad[i].text);
		/* a refused body is still being sent while the answer comes */
		memset(padding, 'x', sizeof(padding) - 1);
		padding[sizeof(padding) - 1] = 0;
		put(fd, bad[i].status[0] == '4' && bad[i].status[2] == '3' ? padding : "");
		const char *got = get(fd, NULL);
		if (strncmp(got, "HTTP/1.1 ", 9) != 0 || strncmp(got + 9, bad[i].status, 3) != 0)
			fail_msg("sent:\n%s\nwant %s, got:\n%s", bad[i].text, bad[i].status, got);
		assert_non_null(strstr(got, "Connection: close"));
		close(fd);
	}
	assert_int_equal(f->handled, 0);
}

static void long_head(struct fixture *f)
{
	char *text = mem_array(NULL, char, 30000);
	int fd = dial(f);

	memset(text, 'x', 29999);
	memcpy(text, "GET /", 5);
	put(fd, text);
	assert_memory_equal(get(fd, "431"), "HTTP/1.1 431", 12);
	close(fd);
	mem_free(text);
}

static void slow(struct fixture *f)
{
	int fd = dial(f);

	put(fd, "GET / HT");
	assert_memory_equal(get(fd, NULL), "HTTP/1.1 408", 12);
	close(fd);
	fd = dial(f);
	put(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
	assert_memory_equal(get(fd, NULL), "HTTP/1.1 408", 12);
	close(fd);
	/* silence is closed without a word, and so is a request that nobody answers */
	fd = dial(f);
	assert_true(closed(fd));
	close(fd);
	fd = dial(f);
	put(fd, "GET /forget HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(closed(fd));
	close(fd);
}

static void later(struct fixture *f)
{
	int first = dial(f), second = dial(f);

	put(first, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	while (__atomic_load_n(&f->handled, __ATOMIC_SEQ_CST) < 1)
		usleep(1000);
	expect(second, "GET /release HTTP/1.1\r\nHost: x\r\n\r\n", "200", "released");
	assert_non_null(strstr(get(first, "parked"), "parked"));
	/* the client goes away before the answer */
	put(first, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	while (__atomic_load_n(&f->handled, __ATOMIC_SEQ_CST) < 3)
		usleep(1000);
	close(first);
	assert_true(closed(second)); /* idle for so long that the server has closed both */
	close(second);
	second = dial(f);
	expect(second, "GET /release HTTP/1.1\r\nHost: x\r\n\r\n", "200", "released");
	/* a request in the air when the server goes */
	put(second, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	while (__atomic_load_n(&f->handled, __ATOMIC_SEQ_CST) < 5)
		usleep(1000);
	close(second);
}

static void head_and_expect(struct fixture *f)
{
	int fd = dial(f);
	const char *got;

	put(fd, "HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	got = get(fd, NULL);
	assert_non_null(strstr(got, "Content-Length: 7\r\n"));
	assert_null(strstr(got, "HEAD /x"));
	close(fd);
	fd = dial(f);
	put(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_memory_equal(get(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue", 21);
	put(fd, "ok");
	assert_memory_equal(get(fd, "\r\n\r\nok"), "HTTP/1.1 200 OK", 15);
	close(fd);
}

static void crowd(struct fixture *f)
{
	int fds[257];

	for (size_t i = 0; i < 256; i++) {
		fds[i] = dial(f);
		expect(fds[i], "GET /x HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET /x");
	}
	/* One that began to wait later, with half a request, is not the one that gives way. */
	put(fds[0], "GET /");
	expect(fds[0], " HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET /");
	fds[256] = dial(f);
	expect(fds[256], "GET /x HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET /x");
	assert_true(closed(fds[1]));
	put(fds[0], "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_non_null(strstr(get(fds[0], "GET /x"), "200"));
	for (size_t i = 0; i < 257; i++)
		close(fds[i]);
}

#define TCP_TEST(name)                        \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		run(on_tcp, name);            \
	}
TCP_TEST(keep_alive)
TCP_TEST(byte_by_byte)
TCP_TEST(fields)
TCP_TEST(refusals)
TCP_TEST(long_head)
TCP_TEST(slow)
TCP_TEST(later)
TCP_TEST(head_and_expect)

static void test_crowd(void **state)
{
	struct http_listen listen = on_tcp;

	(void)state;
	listen.request_ms = 20000;
	run(listen, crowd);
}

static void put_bytes(int fd, size_t n)
{
	char *bytes = calloc(1, n);

	for (size_t sent = 0; sent < n;) {
		ssize_t part = send(fd, bytes + sent, n - sent, MSG_NOSIGNAL);

		if (part <= 0)
			break; /* refused meanwhile */
		sent += (size_t)part;
	}
	free(bytes);
}

static void large_bodies(struct fixture *f)
{
	static const char head[] = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 120000\r\n\r\n";
	int first = dial(f), second = dial(f), small = dial(f);

	put(first, head);
	put_bytes(first, 100000);
	usleep(50000); /* it is read before the second one, or the second before it: one of them is refused */
	put(second, head);
	put_bytes(second, 100000);
	assert_memory_equal(get(second, "at a time\n"), "HTTP/1.1 503 Service Unavailable", 32);
	assert_true(closed(second));
	expect(small, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok", "200", "POST /x");
	put_bytes(first, 20000);
	assert_memory_equal(get(first, "POST /x"), "HTTP/1.1 200 OK", 15);
	assert_int_equal(http_server_count(f->server, HTTP_BUSY), 1);
	/* What was refused, and what was answered, is given back. */
	put(first, head);
	put_bytes(first, 120000);
	assert_memory_equal(get(first, "POST /x"), "HTTP/1.1 200 OK", 15);
	close(first);
	close(second);
	close(small);
}

static void test_large_bodies(void **state)
{
	struct http_budget budget = {.limit = 150000};
	struct http_listen listen = {
		.address = "127.0.0.1", .body_limit = 200000, .request_ms = 10000, .budget = &budget};

	(void)state;
	run(listen, large_bodies);
	assert_int_equal(budget.used, 0);
}

static struct sockaddr_un unix_address = {.sun_family = AF_UNIX};

static void over_unix(struct fixture *f)
{
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)f;
	assert_int_equal(stat(unix_address.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(connect(fd, (struct sockaddr *)&unix_address, sizeof(unix_address)), 0);
	expect(fd, "GET /unix HTTP/1.1\r\nHost: x\r\n\r\n", "200", "GET /unix");
	close(fd);
}

static int listen_fd(int fd)
{
	return listen(fd, 8);
}

static void test_unix_socket(void **state)
{
	char folder[] = "/tmp/dsn-http-XXXXXX";
	struct http_server *second = NULL;
	struct error *e;
	uv_loop_t loop;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(unix_address.sun_path, sizeof(unix_address.sun_path), "%s/s", folder);
	const struct http_listen listen = {.unix_path = unix_address.sun_path, .unix_mode = 0640, .request_ms = 300};

	/* left by a process that died */
	int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(stale, (struct sockaddr *)&unix_address, sizeof(unix_address)), 0);
	close(stale);
	run(listen, over_unix);
	assert_int_equal(access(unix_address.sun_path, F_OK), -1);

	/* held by a process that lives */
	int live = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(live, (struct sockaddr *)&unix_address, sizeof(unix_address)), 0);
	assert_int_equal(listen_fd(live), 0);
	uv_loop_init(&loop);
	e = http_server_open(NULL, &loop, &listen, handle, NULL, &second);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_EXISTS);
	assert_null(second);
	error_free(e);
	loop_drain(&loop);
	uv_loop_close(&loop);
	close(live);
	unlink(unix_address.sun_path);
	rmdir(folder);
}

static void test_bad_addresses_are_refused(void **state)
{
	char path[200];
	struct http_server *server = NULL;
	uv_loop_t loop;

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	const struct http_listen bad[] = {
		{.address = "nowhere"}, {.address = "192.0.2.1", .port = 1}, {.unix_path = path}};
	uv_loop_init(&loop);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error *e = http_server_open(NULL, &loop, &bad[i], handle, NULL, &server);

		assert_non_null(e);
		assert_null(server);
		error_free(e);
	}
	loop_drain(&loop);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep_alive),  cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_fields),      cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_long_head),   cmocka_unit_test(test_slow),
		cmocka_unit_test(test_later),       cmocka_unit_test(test_head_and_expect),
		cmocka_unit_test(test_crowd),       cmocka_unit_test(test_large_bodies),
		cmocka_unit_test(test_unix_socket), cmocka_unit_test(test_bad_addresses_are_refused),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
