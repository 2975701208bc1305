/* What the HTTP client may not do, whatever a server, a name server or the environment asks of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/client.h"
#include "http/peer.h"

static void test_the_path_goes_out_as_it_is(void **state)
{
	struct peer p = {.script = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"};
	struct http_answer *a = ask(&p, (struct http_exchange){.method = "HEAD", .path = "/a/../b//c?d#e@f"});

	(void)state;
	assert_null(a->error);
	assert_int_equal(a->status, 200);
	assert_int_equal(a->len, 0);
	assert_memory_equal(p.request, "HEAD /a/../b//c?d#e@f HTTP/1.1\r\n", 32);
	mem_free(a);
	p = (struct peer){.script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	a = ask(&p, (struct http_exchange){.method = "DELETE"});
	assert_null(a->error);
	assert_memory_equal(p.request, "DELETE / HTTP/1.1\r\n", 19);
	assert_non_null(strstr(p.request, "\r\nContent-Length: 0\r\n"));
	assert_null(strstr(p.request, "\r\nContent-Type:"));
	mem_free(a);
}

/* A server on this machine may not send the agent elsewhere, nor may the environment. */
static void test_neither_redirect_nor_proxy_is_followed(void **state)
{
	static const char redirect[] = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nSet-Cookie: a=b\r\n"
				       "Content-Length: 4\r\n\r\nbody";
	struct peer p = {.script = redirect};

	(void)state;
	unsetenv("no_proxy"); /* of whoever runs this */
	unsetenv("NO_PROXY");
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	struct http_answer *a = ask(&p, (struct http_exchange){0});
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	if (a->error)
		fail_msg("%s", a->error->message);
	assert_int_equal(a->status, 302);
	assert_string_equal(a->body, "body");
	assert_memory_equal(p.request, "GET / HTTP/1.1\r\n", 16);
	mem_free(a);
}

/* A name server that is silent until it is let go; libcurl's look-ups come here too. */
#define SILENT "silent.test"
static pthread_mutex_t silence_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t silence_ends = PTHREAD_COND_INITIALIZER;
static bool silence_over;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct timespec until;

	if (!name || strcmp(name, SILENT) != 0) {
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
		return real(name, service, hints, found);
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20; /* a client that waits for it fails its test by then */
	pthread_mutex_lock(&silence_lock);
	while (!silence_over && !pthread_cond_timedwait(&silence_ends, &silence_lock, &until))
		;
	pthread_mutex_unlock(&silence_lock);
	return EAI_NONAME;
}

static void test_nobody_waits_for_a_silent_name_server(void **state)
{
	struct http_exchange x = {.host = SILENT, .port = 1, .method = "GET", .path = "/", .deadline_ms = 200};
	int64_t before = clock_mono_ms();
	struct http_answer *a = http_fetch_sync(NULL, &x);

	(void)state;
	assert_non_null(a->error);
	assert_int_equal(a->error->code, ERROR_TIMEOUT);
	assert_in_range(clock_mono_ms() - before, 190, 4000);
	mem_free(a);
	pthread_mutex_lock(&silence_lock);
	silence_over = true;
	pthread_cond_broadcast(&silence_ends);
	pthread_mutex_unlock(&silence_lock);
	x.deadline_ms = 5000;
	a = http_fetch_sync(NULL, &x);
	assert_non_null(a->error);
	assert_int_equal(a->error->code, ERROR_UNAVAILABLE);
	mem_free(a);
}

/* "localhost" may be ::1 first, where nobody listens: the next address is tried. */
static void test_names_are_resolved(void **state)
{
	struct peer p = {.script = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
	struct http_answer *a = ask(&p, (struct http_exchange){.host = "localhost"});

	(void)state;
	if (a->error)
		fail_msg("%s", a->error->message);
	assert_string_equal(a->body, "ok");
	mem_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_path_goes_out_as_it_is),
		cmocka_unit_test(test_neither_redirect_nor_proxy_is_followed),
		cmocka_unit_test(test_names_are_resolved),
		cmocka_unit_test(test_nobody_waits_for_a_silent_name_server),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
