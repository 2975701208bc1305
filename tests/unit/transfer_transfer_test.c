/* When callbacks come, and what they may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/loop.h"
#include "base/mem.h"
#include "transfer/transfer.h"

#define MANY 50

struct trial {
	uv_loop_t loop;
	struct transfers *all;
	struct transfer *current, *second;
	uv_prepare_t prepare;
	unsigned turn, last_turn, ended;
};

static void on_turn(uv_prepare_t *handle)
{
	((struct trial *)handle->data)->turn++;
}

/* Ends as soon as it begins. */
static struct transfer *begin(struct trial *t, transfer_fn *fn)
{
	struct transfer *made = transfer_new(t->all, t->all, "http://localhost/", 5000, fn, t);

	curl_easy_setopt(transfer_handle(made), CURLOPT_UNIX_SOCKET_PATH, "/nonexistent/socket");
	transfer_start(made);
	return made;
}

static void on_ended(CURLcode code, void *arg)
{
	struct trial *t = arg;

	assert_int_equal(code, CURLE_COULDNT_CONNECT);
	if (t->ended)
		assert_true(t->turn > t->last_turn);
	t->last_turn = t->turn;
	mem_free(t->current);
	if (++t->ended < MANY)
		t->current = begin(t, on_ended);
	else
		uv_stop(&t->loop);
}

static void setup_trial(struct trial *t)
{
	uv_loop_init(&t->loop);
	uv_prepare_init(&t->loop, &t->prepare);
	t->prepare.data = t;
	uv_prepare_start(&t->prepare, on_turn);
	t->all = transfers_new(NULL, &t->loop, 0);
}

static void teardown_trial(struct trial *t)
{
	mem_free(t->all);
	loop_drain(&t->loop);
	assert_int_equal(uv_loop_close(&t->loop), 0);
}

/* Who tries again at once does not stop the loop. */
static void what_is_begun_in_a_callback_ends_in_a_later_turn(void **state)
{
	struct trial t = {.turn = 0};

	(void)state;
	setup_trial(&t);
	t.current = begin(&t, on_ended);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	assert_int_equal(t.ended, MANY);
	teardown_trial(&t);
}

static void on_one_of_two(CURLcode code, void *arg)
{
	struct trial *t = arg;

	(void)code;
	t->ended++;
	mem_free(t->current);
	mem_free(t->second);
	t->current = t->second = NULL;
	uv_stop(&t->loop);
}

/* Both have ended by then. */
static void who_is_freed_by_another_is_not_told(void **state)
{
	struct trial t = {.turn = 0};

	(void)state;
	setup_trial(&t);
	t.current = begin(&t, on_one_of_two);
	t.second = begin(&t, on_one_of_two);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	uv_run(&t.loop, UV_RUN_NOWAIT);
	assert_int_equal(t.ended, 1);
	teardown_trial(&t);
}

static void on_all_gone(CURLcode code, void *arg)
{
	struct trial *t = arg;

	(void)code;
	t->ended++;
	mem_free(t->all);
	t->all = NULL;
	uv_stop(&t->loop);
}

static void all_may_go_in_a_callback(void **state)
{
	struct trial t = {.turn = 0};

	(void)state;
	setup_trial(&t);
	(void)begin(&t, on_all_gone);
	(void)begin(&t, on_all_gone);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	assert_int_equal(t.ended, 1);
	teardown_trial(&t);
}

static void on_silent(CURLcode code, void *arg)
{
	struct trial *t = arg;

	assert_int_equal(code, CURLE_OPERATION_TIMEDOUT);
	t->ended++;
	uv_stop(&t->loop);
}

static void on_too_late(void *arg)
{
	uv_stop(&((struct trial *)arg)->loop);
}

/* To libcurl, no time at all is all the time there is. */
static void no_time_is_a_deadline_too(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	struct trial t = {.turn = 0};
	int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *url;

	(void)state;
	assert_int_equal(bind(silent, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(silent, 8), 0);
	getsockname(silent, (struct sockaddr *)&a, &len);
	setup_trial(&t);
	url = mem_printf(t.all, "http://127.0.0.1:%d/", ntohs(a.sin_port));
	transfer_start(transfer_new(t.all, t.all, url, 0, on_silent, &t));
	timer_start(t.all, &t.loop, 5000, 0, on_too_late, &t);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	close(silent);
	assert_int_equal(t.ended, 1);
	teardown_trial(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_begun_in_a_callback_ends_in_a_later_turn),
		cmocka_unit_test(who_is_freed_by_another_is_not_told),
		cmocka_unit_test(all_may_go_in_a_callback),
		cmocka_unit_test(no_time_is_a_deadline_too),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
