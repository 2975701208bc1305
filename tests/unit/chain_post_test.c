/* The POSTs to an endpoint, against a scripted peer (raw sockets in a thread) that means ill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/loop.h"
#include "base/mem.h"
#include "chain/post.h"

/* More than any heap of a test may grow by. */
#define FLOOD_BYTES ((size_t)64 << 20)
#define DEADLINE_MS 60000

struct peer {
	int listener, port;
	const char *begin, *unit; /* `unit` is repeated until the client closes, or FLOOD_BYTES are taken */
	size_t taken;
	pthread_t thread;
};

static bool give(int fd, const char *bytes, size_t n, size_t *taken)
{
	while (n > 0) {
		ssize_t w = send(fd, bytes, n, MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		bytes += w;
		n -= (size_t)w;
		*taken += (size_t)w;
	}
	return true;
}

static void *peer_main(void *arg)
{
	struct peer *p = arg;
	int fd = accept(p->listener, NULL, NULL);
	char request[4096], units[16384];
	size_t each = strlen(p->unit), n = sizeof(units) / each * each;

	assert_true(recv(fd, request, sizeof(request), 0) > 0);
	for (size_t at = 0; at < n; at += each)
		memcpy(units + at, p->unit, each);
	if (give(fd, p->begin, strlen(p->begin), &p->taken))
		while (p->taken < FLOOD_BYTES && give(fd, units, n, &p->taken))
			;
	close(fd);
	return NULL;
}

static void peer_start(struct peer *p)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(p->listener, 8), 0);
	getsockname(p->listener, (struct sockaddr *)&a, &len);
	p->port = ntohs(a.sin_port);
	pthread_create(&p->thread, NULL, peer_main, p);
}

struct answer {
	uv_loop_t loop;
	enum error_code code;
	char *words;
};

static void on_answer(const struct error *e, const char *body, size_t n, void *arg)
{
	struct answer *a = arg;

	(void)body;
	(void)n;
	a->code = e ? e->code : 0;
	a->words = mem_strdup(NULL, e ? e->message : "was taken");
	uv_stop(&a->loop);
}

static void ask(struct peer *p, struct answer *a)
{
	void *ctx = talloc_new(NULL);
	struct post_client *client;
	char *url;

	peer_start(p);
	uv_loop_init(&a->loop);
	client = post_client_new(ctx, &a->loop);
	url = mem_printf(ctx, "http://127.0.0.1:%d", p->port);
	post_start(ctx, client, url, "{}", 2, 4096, DEADLINE_MS, true, on_answer, a);
	uv_run(&a->loop, UV_RUN_DEFAULT);
	mem_free(ctx);
	loop_drain(&a->loop);
	assert_int_equal(uv_loop_close(&a->loop), 0);
	pthread_join(p->thread, NULL);
	close(p->listener);
}

static void no_part_of_an_answer_is_without_end(void **state)
{
	static const struct {
		const char *begin, *unit;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\n\r\n", "x"},
		{"HTTP/1.1 200 OK\r\n", "Name: a value\r\n"},
		{"", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "Name: a value\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer p = {.begin = rows[i].begin, .unit = rows[i].unit};
		struct answer a = {.code = 0};

		ask(&p, &a);
		if (a.code != ERROR_LIMIT || p.taken >= FLOOD_BYTES)
			fail_msg("row %zu, after %zu bytes: %s", i, p.taken, a.words);
		mem_free(a.words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_part_of_an_answer_is_without_end),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
