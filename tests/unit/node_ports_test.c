#include "node/runtime/ports.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Listen as another program of this machine would; returns the descriptor, *port 0 picks one. */
static int listen_on(int family, int *port, bool loopback)
{
	struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
	socklen_t len = family == AF_INET ? sizeof *v4 : sizeof *v6;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (family == AF_INET) {
		v4->sin_port = htons((uint16_t)*port);
		v4->sin_addr.s_addr = htonl(loopback ? INADDR_LOOPBACK : INADDR_ANY);
	} else {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
		v6->sin6_port = htons((uint16_t)*port);
		v6->sin6_addr = loopback ? in6addr_loopback : in6addr_any;
	}
	if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 1) < 0) {
		close(fd);
		return -1;
	}
	getsockname(fd, (struct sockaddr *)&address, &len);
	*port = ntohs(family == AF_INET ? v4->sin_port : v6->sin6_port);
	return fd;
}

static void others_are_skipped(int family, bool loopback)
{
	int port = 0, picked = 0;
	int fd = listen_on(family, &port, loopback);
	if (fd < 0)
		skip();
	assert_false(ports_free(port));
	struct error *e = ports_pick(port, port, NULL, 0, &picked);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	assert_int_equal(picked, 0);
	int last = port + 50 < 65535 ? port + 50 : 65535;
	assert_null(ports_pick(port, last, NULL, 0, &picked));
	assert_in_range(picked, port + 1, last);
	close(fd);
	assert_true(ports_free(port));
}

static void test_others_are_skipped(void **state)
{
	(void)state;
	others_are_skipped(AF_INET, false);
	others_are_skipped(AF_INET, true);
	others_are_skipped(AF_INET6, false);
	others_are_skipped(AF_INET6, true);
}

static void test_promised_are_skipped(void **state)
{
	(void)state;
	int first = 0, second = 0;
	assert_null(ports_pick(20000, 20999, NULL, 0, &first));
	assert_null(ports_pick(20000, 20999, &first, 1, &second));
	assert_true(second > first);
	int picked = 0;
	struct error *e = ports_pick(first, first, &first, 1, &picked);
	assert_non_null(e);
	assert_non_null(strstr(e->message, "widen the range"));
	error_free(e);
}

static void test_a_picked_port_can_be_used(void **state)
{
	(void)state;
	int port = 0;
	assert_null(ports_pick(20000, 20999, NULL, 0, &port));
	int fd = listen_on(AF_INET, &port, false);
	assert_true(fd >= 0);
	close(fd);
}

static void test_connections_in_time_wait_do_not_count(void **state)
{
	(void)state;
	int port = 0;
	int server = listen_on(AF_INET, &port, true);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
	int served = accept(server, NULL, NULL);
	close(served); /* first: TIME_WAIT is on this side */
	close(client);
	close(server);
	assert_true(ports_free(port));
}

static void test_range(void **state)
{
	(void)state;
	struct ports_range range = {7, 7};
	assert_null(ports_parse_range("20000-20999", &range));
	assert_int_equal(range.first, 20000);
	assert_int_equal(range.last, 20999);
	assert_null(ports_parse_range("1-65535", &range));
	static const char *const wrong[] = {"",      "1",     "1-",           "-2",   "2-1", "0-5",           "1-65536",
					    "1-2-3", "1 - 2", "20000-20999x", "1--2", "a-b", "99999999999-1", "1-2 "};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct error *e = ports_parse_range(wrong[i], &range);
		assert_non_null(e);
		assert_int_equal(e->code, ERROR_INVALID);
		error_free(e);
	}
	assert_int_equal(range.last, 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_are_skipped),
		cmocka_unit_test(test_promised_are_skipped),
		cmocka_unit_test(test_a_picked_port_can_be_used),
		cmocka_unit_test(test_connections_in_time_wait_do_not_count),
		cmocka_unit_test(test_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
