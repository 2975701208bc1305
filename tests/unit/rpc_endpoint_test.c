/* The endpoint of a daemon that knows nothing of Whisper: a method, a subscription that a timer feeds, metrics, and who
 * is let in. Real connections on the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/turns.h"
#include "http/client.h"
#include "http/rpc_client.h"
#include "rpc/endpoint.h"
#include "rpc/metrics.h"
#include "rpc/subscriptions.h"

#define WAIT_MS 20000

struct world {
	uv_loop_t loop;
	struct jsonrpc *rpc;
	struct subscriptions *subscriptions;
	struct metrics *metrics;
	struct endpoint *endpoint;
	struct rpc_client *client;
	/* what came */
	unsigned answers, notes, closes, refusals;
	int status;
	char *body;
	int64_t last_note;
	char subscription[64];
};

/* --- the program --- */

static void twice(struct jsonrpc_call *c, void *arg)
{
	(void)arg;
	json_write_integer(jsonrpc_result(c), 2 * (int64_t)jsonrpc_param(c, 0)->integer);
	jsonrpc_done(c);
}

struct feed {
	struct subscription *subscription;
	int64_t n;
};

static void write_number(struct json_writer *w, const void *thing)
{
	json_write_integer(w, *(const int64_t *)thing);
}

static void on_tick(void *arg)
{
	struct feed *f = arg;

	f->n++;
	subscription_note(f->subscription, write_number, &f->n);
}

static void subscribe(struct jsonrpc_call *c, void *arg)
{
	struct world *w = arg;
	struct subscription *s = subscription_new(c, w->subscriptions, "demo_subscription");
	struct feed *f;

	if (!s)
		return;
	f = mem_new(s, struct feed);
	f->subscription = s;
	on_tick(f); /* before the client knows the subscription's name: it has to wait */
	timer_start(f, &w->loop, 1, 5, on_tick, f);
	subscription_answer(s, c);
}

static const struct jsonrpc_method methods[] = {
	{.name = "demo_twice", .handle = twice, .count = 1, .params = {{JSONRPC_UINT32, NULL}}},
	{.name = "demo_subscribe", .handle = subscribe, .subscription = "numbers"},
};

static void write_figures(struct metrics_text *t, void *arg)
{
	(void)arg;
	metrics_counter(t, "figures_total", "Figures.", 7);
}

static struct error *open_endpoint(struct world *w, const char *address, struct endpoint **ret)
{
	static char *cors[] = {"http://page.example", NULL};
	const struct endpoint_config config = {.rules = {.address = address, .cors = cors},
					       .ws_port = -1,
					       .body_limit = 4096,
					       .queue_limit = 65536,
					       .connections = 4,
					       .rpc = w->rpc,
					       .turns = turns_new(w, &w->loop),
					       .metrics = w->metrics};

	return endpoint_open(w, &w->loop, &config, ret);
}

static int set_up(void **state)
{
	struct world *w = mem_new(NULL, struct world);
	struct error *e;

	uv_loop_init(&w->loop);
	w->rpc = jsonrpc_new(w, &(const struct jsonrpc_limits){0});
	w->subscriptions = subscriptions_new(w, w->rpc);
	w->metrics = metrics_new(w, "demo");
	jsonrpc_add(w->rpc, methods, sizeof(methods) / sizeof(methods[0]), w);
	metrics_add(w->metrics, write_figures, NULL);
	e = open_endpoint(w, "127.0.0.1", &w->endpoint);
	assert_null(e);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	mem_free(w->client);
	mem_free(w->endpoint);
	loop_drain(&w->loop);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	mem_free(w);
	return 0;
}

static void turn_until(struct world *w, const unsigned *what, unsigned wanted)
{
	int64_t until_ms = clock_mono_ms() + WAIT_MS;

	while (*what < wanted && clock_mono_ms() < until_ms)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_true(*what >= wanted);
}

/* --- over HTTP --- */

static void on_http(const struct http_answer *a, void *arg)
{
	struct world *w = arg;

	assert_null(a->error);
	w->status = a->status;
	mem_free(w->body);
	w->body = mem_strdup(w, a->body);
	w->answers++;
}

static const char *http(struct world *w, const char *method, const char *path, const char *type, const char *body)
{
	const struct http_exchange x = {.host = "127.0.0.1",
					.port = endpoint_rpc_port(w->endpoint),
					.method = method,
					.path = path,
					.content_type = type,
					.body = body,
					.body_len = body ? strlen(body) : 0};

	http_fetch(w, &w->loop, &x, on_http, w);
	turn_until(w, &w->answers, w->answers + 1);
	return w->body;
}

static const char *post(struct world *w, const char *body)
{
	return http(w, "POST", "/", "application/json", body);
}

static void calls(void **state)
{
	struct world *w = *state;

	assert_string_equal(post(w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"demo_twice\",\"params\":[21]}"),
			    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":42}\n");
	assert_non_null(
		strstr(post(w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"shh_version\",\"params\":[]}"), "-32601"));
	/* Nobody could be notified. */
	assert_non_null(
		strstr(post(w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"demo_subscribe\",\"params\":[\"numbers\"]}"),
		       "\"error\""));
	assert_int_equal(subscriptions_count(w->subscriptions), 0);
}

static void who_is_let_in(void **state)
{
	struct world *w = *state;
	struct endpoint *none = NULL;
	struct error *e;

	http(w, "POST", "/", "text/plain", "{}");
	assert_int_equal(w->status, 415);
	http(w, "GET", "/other", NULL, NULL);
	assert_int_equal(w->status, 404);
	http(w, "DELETE", "/", NULL, NULL);
	assert_int_equal(w->status, 405);
	http(w, "POST", "/metrics", "application/json", "{}");
	assert_int_equal(w->status, 405);
	http(w, "GET", "/", NULL, NULL);
	assert_int_equal(w->status, 200);
	assert_non_null(strstr(http(w, "GET", "/metrics", NULL, NULL), "demo_http_refused_total 4\n"));
	e = open_endpoint(w, "0.0.0.0", &none);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_REFUSED);
	assert_non_null(strstr(e->message, "--token-file"));
	assert_null(none);
	error_free(e);
}

static void metrics(void **state)
{
	struct world *w = *state;
	const char *text;

	post(w, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"demo_twice\",\"params\":[21]}");
	text = http(w, "GET", "/metrics", NULL, NULL);
	assert_non_null(strstr(
		text, "# HELP demo_info Version.\n# TYPE demo_info gauge\ndemo_info{version=\"" DSN_VERSION "\"} 1\n"));
	assert_non_null(strstr(text, "# HELP demo_figures_total Figures.\n# TYPE demo_figures_total counter\n"
				     "demo_figures_total 7\n"));
	assert_non_null(strstr(text, "\ndemo_http_requests_total 2\n"));
	assert_non_null(strstr(text, "# TYPE demo_rpc_seconds histogram\ndemo_rpc_seconds_bucket{le=\""));
	assert_non_null(strstr(text, "\ndemo_rpc_seconds_bucket{le=\"+Inf\"} 1\ndemo_rpc_seconds_sum "));
	assert_non_null(strstr(text, "\ndemo_rpc_seconds_count 1\n"));
	assert_null(strstr(text, "shh"));
}

static void names(void **state)
{
	(void)state;
	assert_true(metrics_name_valid(METRICS_COUNTER, "bytes_received_total"));
	assert_true(metrics_name_valid(METRICS_GAUGE, "peers"));
	assert_true(metrics_name_valid(METRICS_HISTOGRAM, "rpc_seconds"));
	assert_false(metrics_name_valid(METRICS_COUNTER, "bytes_received"));
	assert_false(metrics_name_valid(METRICS_COUNTER, "_total"));
	assert_false(metrics_name_valid(METRICS_GAUGE, "peers_total"));
	assert_false(metrics_name_valid(METRICS_GAUGE, "Peers"));
	assert_false(metrics_name_valid(METRICS_GAUGE, "known-nodes"));
	assert_false(metrics_name_valid(METRICS_GAUGE, "2nd"));
	assert_false(metrics_name_valid(METRICS_GAUGE, ""));
}

/* --- over WebSocket --- */

static void on_note(struct rpc_client *c, const char *method, const char *subscription, const json_t *result, void *arg)
{
	struct world *w = arg;

	(void)c;
	assert_string_equal(method, "demo_subscription");
	assert_string_equal(subscription, w->subscription);
	assert_int_equal(json_integer_value(result), w->last_note + 1); /* none is lost, none before the reply */
	w->last_note++;
	w->notes++;
}

static void on_closed(struct rpc_client *c, const struct error *e, void *arg)
{
	struct world *w = arg;

	(void)c;
	(void)e;
	w->closes++;
}

static void on_subscribed(const json_t *result, const struct error *e, void *arg)
{
	struct world *w = arg;

	assert_null(e);
	snprintf(w->subscription, sizeof(w->subscription), "%s", json_string_value(result));
	w->answers++;
}

static void on_refused(const json_t *result, const struct error *e, void *arg)
{
	struct world *w = arg;

	w->refusals += result == NULL && e->code == ERROR_FAILED;
	w->answers++;
}

static void on_true(const json_t *result, const struct error *e, void *arg)
{
	struct world *w = arg;

	assert_null(e);
	assert_true(json_is_true(result));
	w->answers++;
}

static struct rpc_client *dial(struct world *w)
{
	const struct rpc_client_options o = {.host = "127.0.0.1", .port = endpoint_rpc_port(w->endpoint)};
	const struct rpc_client_events events = {.notified = on_note, .closed = on_closed};

	w->client = rpc_client_open(w, &w->loop, &o, &events, w);
	assert_null(rpc_client_wait_open(w->client));
	return w->client;
}

static void subscriptions(void **state)
{
	struct world *w = *state;
	struct rpc_client *c = dial(w);

	rpc_client_call(c, "demo_subscribe", json_pack("[s]", "numbers"), on_subscribed, w);
	turn_until(w, &w->notes, 3);
	assert_int_equal(subscriptions_count(w->subscriptions), 1);
	assert_true(subscriptions_sent(w->subscriptions) >= 3);
	w->answers = 0;
	rpc_client_call(c, "demo_unsubscribe", json_pack("[s]", "0x12"), on_refused, w);
	rpc_client_call(c, "demo_unsubscribe", json_pack("[s]", w->subscription), on_true, w);
	turn_until(w, &w->answers, 2);
	assert_int_equal(w->refusals, 1);
	assert_int_equal(subscriptions_count(w->subscriptions), 0);
}

/* A subscription ends with its client. */
static void clients_that_go(void **state)
{
	struct world *w = *state;
	struct rpc_client *c = dial(w);
	int64_t until_ms = clock_mono_ms() + WAIT_MS;

	rpc_client_call(c, "demo_subscribe", json_pack("[s]", "numbers"), on_subscribed, w);
	turn_until(w, &w->notes, 1);
	mem_free(c);
	w->client = NULL;
	while (subscriptions_count(w->subscriptions) && clock_mono_ms() < until_ms)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(subscriptions_count(w->subscriptions), 0);
	assert_non_null(strstr(http(w, "GET", "/metrics", NULL, NULL), "\ndemo_websockets 0\n"));
}

/* All are told to go. */
static void the_end(void **state)
{
	struct world *w = *state;

	dial(w);
	endpoint_close(w->endpoint);
	assert_int_equal(endpoint_rpc_port(w->endpoint), -1);
	turn_until(w, &w->closes, 1);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(calls),         IN_A_WORLD(who_is_let_in),   IN_A_WORLD(metrics), cmocka_unit_test(names),
		IN_A_WORLD(subscriptions), IN_A_WORLD(clients_that_go), IN_A_WORLD(the_end),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
