/* When callbacks come, and what they may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_begun_in_a_callback_ends_in_a_later_turn),
		cmocka_unit_test(who_is_freed_by_another_is_not_told),
		cmocka_unit_test(all_may_go_in_a_callback),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
