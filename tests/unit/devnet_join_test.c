/* When sealers are told to seal, held against servers that answer as geth does on its way up. With real ones:
 * tests/interop/chain_up_geth_test.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "devnet/join.h"
#include "http/server.h"

#define SEALERS 3
#define ACCOUNT "0x%040zx"

struct network;

struct sealer {
	struct network *net;
	struct http_server *server;
	size_t number;
	int meets_at, unlocks_at; /* at which question so far */
	int peers_asked, signs_asked, block, seals;
	bool shy; /* names no account when it is first asked for it */
};

struct network {
	uv_loop_t loop;
	struct sealer sealers[SEALERS];
	char *urls[SEALERS];
	size_t told;       /* to seal */
	bool stands;       /* no block comes */
	const char *ended; /* what check says */
	bool done;
	struct error *error;
};

static bool all_met_and_unlocked(const struct network *n)
{
	for (size_t i = 0; i < SEALERS; i++) {
		if (n->sealers[i].peers_asked < n->sealers[i].meets_at ||
		    n->sealers[i].signs_asked < n->sealers[i].unlocks_at)
			return false;
	}
	return true;
}

static json_t *refused(const char *why)
{
	return json_pack("{s:{s:i,s:s}}", "error", "code", -32000, "message", why);
}

static json_t *result(json_t *value)
{
	return json_pack("{s:o}", "result", value);
}

static json_t *start_sealing(struct sealer *s)
{
	assert_true(all_met_and_unlocked(s->net));
	s->seals++;
	s->net->told++;
	return result(json_null());
}

static json_t *sign(struct sealer *s, const json_t *params)
{
	char account[64];

	snprintf(account, sizeof(account), ACCOUNT, s->number);
	assert_string_equal(json_string_value(json_array_get(params, 0)), account);
	return ++s->signs_asked < s->unlocks_at ? refused("authentication needed: password or unlock")
						: result(json_sprintf("0x%0130d", 0));
}

static json_t *latest(struct sealer *s)
{
	if (s->net->told == SEALERS && !s->net->stands)
		s->block++;
	return result(json_sprintf("0x%x", s->block));
}

static json_t *answer_one(struct sealer *s, const json_t *call)
{
	const char *method = json_string_value(json_object_get(call, "method"));
	json_t *answer;

	if (strcmp(method, "eth_chainId") == 0)
		answer = result(json_string("0x5eb"));
	else if (strcmp(method, "net_peerCount") == 0)
		answer = result(json_sprintf("0x%x", ++s->peers_asked < s->meets_at ? 1 : SEALERS - 1));
	else if (strcmp(method, "eth_coinbase") == 0)
		answer = result(s->shy ? json_null() : json_sprintf(ACCOUNT, s->number)), s->shy = false;
	else if (strcmp(method, "eth_sign") == 0)
		answer = sign(s, json_object_get(call, "params"));
	else if (strcmp(method, "miner_start") == 0)
		answer = start_sealing(s);
	else
		answer = latest(s);
	json_object_set_new(answer, "jsonrpc", json_string("2.0"));
	json_object_set(answer, "id", json_object_get(call, "id"));
	return answer;
}

static void on_request(struct http_request *r, void *arg)
{
	size_t n = 0, i;
	const char *body = http_request_body(r, &n);
	json_t *call = json_loadb(body, n, 0, NULL), *answer, *one;
	char *text;

	if (json_is_array(call)) {
		answer = json_array();
		json_array_foreach (call, i, one)
			json_array_append_new(answer, answer_one(arg, one));
	} else {
		answer = answer_one(arg, call);
	}
	text = json_text(r, answer);
	json_decref(call);
	json_decref(answer);
	http_respond(r, 200, "application/json", text, strlen(text));
}

static void network_start(struct network *n)
{
	const struct http_listen listen = {.address = "127.0.0.1"};

	uv_loop_init(&n->loop);
	for (size_t i = 0; i < SEALERS; i++) {
		struct sealer *s = &n->sealers[i];

		s->net = n;
		s->number = i;
		assert_null(http_server_open(NULL, &n->loop, &listen, on_request, s, &s->server));
		n->urls[i] = mem_printf(s->server, "http://127.0.0.1:%d", http_server_port(s->server));
	}
}

static void network_end(struct network *n)
{
	for (size_t i = 0; i < SEALERS; i++)
		mem_free(n->sealers[i].server);
	loop_drain(&n->loop);
	assert_int_equal(uv_loop_close(&n->loop), 0);
}

static void on_joined(struct error *e, void *arg)
{
	struct network *n = arg;

	n->error = e;
	n->done = true;
}

static struct error *check(void *arg)
{
	const struct network *n = arg;

	return n->ended ? error_new(ERROR_FAILED, "%s", n->ended) : NULL;
}

static void run(struct network *n, int64_t ms)
{
	const struct devnet_join_options options = {.urls = (const char *const *)n->urls,
						    .count = SEALERS,
						    .check = check,
						    .done = on_joined,
						    .arg = n,
						    .end_ms = clock_mono_ms() + ms};
	void *ctx = mem_new(NULL, char);

	assert_null(devnet_join(ctx, &n->loop, &options));
	while (!n->done)
		uv_run(&n->loop, UV_RUN_ONCE);
	mem_free(ctx);
}

static void none_seals_before_all_have_met(void **state)
{
	struct network n = {.sealers = {{.meets_at = 1, .unlocks_at = 1, .block = 4},
					{.meets_at = 3, .unlocks_at = 2, .block = 9, .shy = true},
					{.meets_at = 2, .unlocks_at = 3}}};

	(void)state;
	network_start(&n);
	run(&n, 60000);
	assert_null(n.error);
	for (size_t i = 0; i < SEALERS; i++)
		assert_int_equal(n.sealers[i].seals, 1);
	/* The first has a block that none of them had. */
	assert_true(n.sealers[0].block > 9);
	network_end(&n);
}

static void fails_with(struct network *n, int64_t ms, const char *url, const char *words)
{
	network_start(n);
	run(n, ms);
	assert_non_null(n->error);
	assert_non_null(strstr(n->error->message, words));
	assert_true(!url || strstr(n->error->message, url));
	assert_int_equal(n->error->code, url ? ERROR_TIMEOUT : ERROR_FAILED);
	error_free(n->error);
	network_end(n);
}

static void what_has_not_come(void **state)
{
	struct network alone = {.sealers = {{0}, {.meets_at = 1 << 20}, {0}}},
		       locked = {.sealers = {{.unlocks_at = 1 << 20}}}, again = locked, stands = {.stands = true};

	(void)state;
	fails_with(&alone, 1500, "http://127.0.0.1:", "has not met the others");
	fails_with(&locked, 1500, "http://127.0.0.1:", "has not unlocked its account: ");
	fails_with(&again, 1500, "http://127.0.0.1:", "authentication needed: password or unlock");
	fails_with(&stands, 1500, "http://127.0.0.1:", "has no new block");
	assert_int_equal(alone.told + locked.told, 0);
}

static void a_program_that_ended(void **state)
{
	struct network n = {.ended = "sealer2 has ended"};

	(void)state;
	fails_with(&n, 60000, NULL, "sealer2 has ended");
	assert_int_equal(n.told, 0);
}

static void given_up(void **state)
{
	struct network n = {.sealers = {{.meets_at = 1 << 20}}};
	const struct devnet_join_options options = {.urls = (const char *const *)n.urls,
						    .count = SEALERS,
						    .done = on_joined,
						    .arg = &n,
						    .end_ms = INT64_MAX};
	void *ctx = mem_new(NULL, char);

	(void)state;
	network_start(&n);
	assert_null(devnet_join(ctx, &n.loop, &options));
	while (n.sealers[0].peers_asked < 2)
		uv_run(&n.loop, UV_RUN_ONCE);
	mem_free(ctx);
	network_end(&n);
	assert_false(n.done);
}

/* Nothing comes later of what was refused, while its ctx lives on. */
static void an_address_that_is_none(void **state)
{
	const char *const urls[] = {"ftp://127.0.0.1"};
	struct network n = {0};
	const struct devnet_join_options options = {
		.urls = urls, .count = 1, .done = on_joined, .arg = &n, .end_ms = INT64_MAX};
	void *ctx = mem_new(NULL, char);
	struct error *e;

	(void)state;
	network_start(&n);
	e = devnet_join(ctx, &n.loop, &options);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_INVALID);
	error_free(e);
	uv_run(&n.loop, UV_RUN_NOWAIT);
	uv_run(&n.loop, UV_RUN_NOWAIT);
	assert_false(n.done);
	mem_free(ctx);
	network_end(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(none_seals_before_all_have_met),
					   cmocka_unit_test(what_has_not_come), cmocka_unit_test(a_program_that_ended),
					   cmocka_unit_test(given_up), cmocka_unit_test(an_address_that_is_none)};

	mem_init();
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
