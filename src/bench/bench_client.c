/* What a request costs a program that talks to agents: over one lasting link one after the other and all at once, and
 * with a link of its own for each. Signed and sealed, answered by a node in the same process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bus/keyring.h"
#include "client/request.h"

#define NETWORK "bench"
#define FAR_MS 60000

struct settings {
	char *bus, *password_file, *ca_file;
	int64_t requests, links;
	bool json;
};

static const struct config_row rows[] = {
	{"bus", CONFIG_STRING, offsetof(struct settings, bus), "memory:bench", NULL, 0, 0, "URL",
	 "bus to measure with: amqp[s]://[user@]host[:port]/vhost, or memory:NAME", NULL},
	{"password-file", CONFIG_STRING, offsetof(struct settings, password_file), NULL, NULL, 0, 0, "FILE",
	 "file of mode 0600 with the broker password; else $DSN_BROKER_PASSWORD", NULL},
	{"ca-file", CONFIG_STRING, offsetof(struct settings, ca_file), NULL, NULL, 0, 0, "FILE",
	 "trusted certificates for amqps", NULL},
	{"requests", CONFIG_INT, offsetof(struct settings, requests), "1000", NULL, 1, 10000, "N",
	 "requests over one link", NULL},
	{"links", CONFIG_INT, offsetof(struct settings, links), "100", NULL, 1, 10000, "N", "requests with a link each",
	 NULL},
	{"json", CONFIG_BOOL, offsetof(struct settings, json), NULL, NULL, 0, 0, NULL, "print one JSON object", NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench client [options]",
	.about = "Microseconds of a request to an agent and its answer: over one link, and with a link for each.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

struct client_bench {
	uv_loop_t loop;
	void *ctx; /* of all that uses the loop */
	struct client_options client;
	char *folder;
	struct bus *node;
	char *id; /* the node's */
	bool served;
	double one_us, at_once_us, each_us; /* results */
};

/* --- the node --- */

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct client_bench *b = arg;
	struct message *result = message_result(NULL, m, m->to, NULL, NULL);

	bus_send(b->node, result, NULL, NULL);
	mem_free(result);
	bus_accept(d);
}

static void on_served(const char *id, void *arg)
{
	(void)id;
	((struct client_bench *)arg)->served = true;
}

static void on_late(void *arg)
{
	*(bool *)arg = true;
}

/* Turns the loop until *done. */
static struct error *turn_until(struct client_bench *b, const bool *done, const char *what)
{
	bool late = false;
	struct timer *t = timer_start(b->ctx, &b->loop, FAR_MS, 0, on_late, &late);

	while (!*done && !late)
		uv_run(&b->loop, UV_RUN_ONCE);
	mem_free(t);
	return *done ? NULL : error_new(ERROR_TIMEOUT, "%s: %s within %d ms", b->client.bus, what, FAR_MS);
}

static struct error *start_node(struct client_bench *b)
{
	struct bus_options options = client_link_options(&b->client);
	const struct bus_handlers handlers = {.on_message = on_message, .on_served = on_served, .arg = b};
	struct secp_key key;

	options.keyring = keyring_new(b->ctx, NULL);
	secp_key_new(&key);
	b->id = mem_strdup(b->ctx, keyring_add(options.keyring, &key));
	TRY(bus_open(b->ctx, &b->loop, &options, &handlers, &b->node));
	TRY(bus_serve(b->node, b->id, true));
	return turn_until(b, &b->served, "no node could be started");
}

/* --- requests --- */

struct asking {
	struct client_requests *requests;
	struct client_request_list *list;
	struct error *error;
	bool ended;
};

static void on_ended(const struct error *e, void *arg)
{
	struct asking *a = arg;

	a->error = error_copy(e ? e : a->list->items[0].error);
	a->ended = true;
}

static struct error *begin(struct client_bench *b, struct client_link *link, struct asking *a)
{
	const struct client_request_options options = {
		.link = link, .timeout_ms = FAR_MS, .patience_ms = FAR_MS, .ttl_ms = CLIENT_TTL_LEAST_MS};
	const struct client_request_events events = {.ended = on_ended, .arg = a};

	a->list = client_requests_new(b->ctx);
	client_requests_add(a->list, b->id, NULL, api_command_document(API_NODE_STATUS, b->id, NULL, NULL));
	return client_requests_begin(b->ctx, &options, a->list, &events, &a->requests);
}

static struct error *end(struct client_bench *b, struct asking *a)
{
	struct error *e = turn_until(b, &a->ended, "no answer");

	mem_free(a->requests);
	mem_free(a->list);
	if (e)
		error_free(a->error);
	return e ? e : a->error;
}

static struct error *ask(struct client_bench *b, struct client_link *link)
{
	struct asking a = {0};

	TRY(begin(b, link, &a));
	return end(b, &a);
}

static struct error *ask_with_a_link(struct client_bench *b)
{
	struct client_link *link = NULL;
	struct error *e;

	TRY(client_link_open(b->ctx, &b->loop, &b->client, &link));
	e = ask(b, link);
	mem_free(link);
	return e;
}

static double each_us(int64_t began_us, int64_t count)
{
	return (double)(clock_mono_us() - began_us) / (double)count;
}

static struct error *ask_at_once(struct client_bench *b, struct client_link *link, int64_t count)
{
	struct asking *all = mem_array(b->ctx, struct asking, (size_t)count);

	for (int64_t i = 0; i < count; i++)
		TRY(begin(b, link, &all[i]));
	for (int64_t i = 0; i < count; i++)
		TRY(end(b, &all[i]));
	mem_free(all);
	return NULL;
}

static struct error *measure(struct client_bench *b, const struct settings *s)
{
	struct client_link *link = NULL;
	int64_t began_us;

	TRY(client_link_open(b->ctx, &b->loop, &b->client, &link));
	TRY(ask(b, link)); /* connects, and learns the key */
	began_us = clock_mono_us();
	for (int64_t i = 0; i < s->requests; i++)
		TRY(ask(b, link));
	b->one_us = each_us(began_us, s->requests);
	began_us = clock_mono_us();
	TRY(ask_at_once(b, link, s->requests));
	b->at_once_us = each_us(began_us, s->requests);
	mem_free(link);
	began_us = clock_mono_us();
	for (int64_t i = 0; i < s->links; i++)
		TRY(ask_with_a_link(b));
	b->each_us = each_us(began_us, s->links);
	bus_unserve(b->node, b->id, true);
	return NULL;
}

/* --- all --- */

static void print(const struct client_bench *b, const struct settings *s)
{
	json_t *o;

	if (!s->json) {
		printf("a request to an agent and its answer, microseconds\n\n");
		printf("%-44s %10.0f\n", "over one link, one after the other", b->one_us);
		printf("%-44s %10.0f\n", "over one link, all at once", b->at_once_us);
		printf("%-44s %10.0f\n", "with a link for each", b->each_us);
		return;
	}
	o = json_pack("{s:s}", "bench", "client");
	bench_put(o, "requests", (double)s->requests, 0);
	bench_put(o, "links", (double)s->links, 0);
	bench_put(o, "one_link_us", b->one_us, 1);
	bench_put(o, "one_link_at_once_us", b->at_once_us, 1);
	bench_put(o, "link_each_us", b->each_us, 1);
	bench_print_json(o);
}

static struct error *run(struct client_bench *b, const struct settings *s)
{
	const char *tmp = getenv("TMPDIR");

	b->folder = mem_printf(b, "%s/dsn-bench.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(b->folder)) {
		b->folder = NULL;
		return error_new(ERROR_UNAVAILABLE, "no folder for keys could be made below %s (TMPDIR)",
				 tmp && *tmp ? tmp : "/tmp");
	}
	b->client = (struct client_options){.bus = s->bus,
					    .network = mem_strdup(b, NETWORK),
					    .password_file = s->password_file,
					    .ca_file = s->ca_file,
					    .state.folder = b->folder};
	TRY(start_node(b));
	return measure(b, s);
}

struct error *bench_client(int argc, char **argv)
{
	struct client_bench *b = mem_new(NULL, struct client_bench);
	struct settings s = {0};
	bool done = false;
	char **words = NULL;
	struct error *e = config_load(b, &program, argc, argv, &s, &words, &done);

	if (e || done) {
		mem_free(b);
		return e;
	}
	uv_loop_init(&b->loop);
	b->ctx = mem_new(b, char);
	e = run(b, &s);
	mem_free(b->ctx);
	loop_drain(&b->loop);
	uv_loop_close(&b->loop);
	if (b->folder)
		error_free(file_remove_tree(b->folder));
	if (!e)
		print(b, &s);
	mem_free(b);
	return e;
}
