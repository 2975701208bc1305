/* Confirmed commands per second through our bus and through a bare rabbitmq-c loop: the same broker, queue, exchange,
 * routing key, size, persistence and mandatory flag; in turn, order alternated, medians.
 *
 * The command's text is made anew for each message on our side (id, time, JSON), and once for the bare loop: what the
 * bus adds is what is measured. */
#include <amqp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bus/amqp_link.h"
#include "bus/amqp_names.h"
#include "bus/bus.h"
#include "bus/keyring.h"

#define NETWORK "bench"
#define GOAL_RATIO 0.9
#define GOAL_SEALED_RATIO 0.65 /* signed and encrypted, against a loop that does neither */
#define CHANNEL 1
#define TTL_MS 600000
#define MAX_ROUNDS 99
/* A mailbox holds 10,000 messages and nobody empties it while we measure. */
#define MAX_MESSAGES 9000

struct settings {
	char *bus, *password_file, *ca_file;
	int64_t rounds, size;
	bool json;
};

static const struct config_row rows[] = {
	{"bus", CONFIG_STRING, offsetof(struct settings, bus), NULL, NULL, 0, 0, "URL",
	 "broker to measure with: amqp[s]://[user@]host[:port]/vhost", NULL},
	{"password-file", CONFIG_STRING, offsetof(struct settings, password_file), NULL, NULL, 0, 0, "FILE",
	 "file of mode 0600 with the broker password; else $DSN_BROKER_PASSWORD", NULL},
	{"ca-file", CONFIG_STRING, offsetof(struct settings, ca_file), NULL, NULL, 0, 0, "FILE",
	 "trusted certificates for amqps", NULL},
	{"rounds", CONFIG_INT, offsetof(struct settings, rounds), "5", NULL, 1, MAX_ROUNDS, "N",
	 "measurements of each case; the median counts", NULL},
	{"size", CONFIG_INT, offsetof(struct settings, size), "1024", NULL, 512, 65536, "BYTES",
	 "bytes of an encoded command", NULL},
	{"json", CONFIG_BOOL, offsetof(struct settings, json), NULL, NULL, 0, 0, NULL, "print one JSON object", NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench amqp --bus URL [options]",
	.about = "Confirmed commands per second through the bus, as a ratio to a bare rabbitmq-c loop in the same run.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

/* Messages of one measurement, by window. */
static const struct amqp_load {
	unsigned window;
	unsigned messages;
} loads[] = {
	{1, 1500},
	{100, MAX_MESSAGES},
};
#define LOADS (sizeof(loads) / sizeof(loads[0]))

/* --- our bus --- */

struct ours {
	uv_loop_t loop;
	struct bus *bus;
	struct timer *deadline;
	char *from, *to;
	json_t *body;
	unsigned to_send, to_confirm;
	struct error *error;
	bool up;
};

static void stop_with(struct ours *o, struct error *e)
{
	if (o->error)
		error_free(e);
	else
		o->error = e;
	uv_stop(&o->loop);
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct ours *o = arg;

	o->up = up;
	if (up)
		uv_stop(&o->loop);
	else
		stop_with(o, error_copy(why));
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	(void)m;
	(void)arg;
	bus_accept(d);
}

static void on_deadline(void *arg)
{
	stop_with(arg, error_new(ERROR_TIMEOUT, "the broker does not confirm"));
}

static void send_next(struct ours *o);

static void on_sent(const struct error *e, void *arg)
{
	struct ours *o = arg;

	if (e) {
		stop_with(o, error_copy(e));
		return;
	}
	if (--o->to_confirm == 0)
		uv_stop(&o->loop);
	else if (o->to_send)
		send_next(o);
}

static void send_next(struct ours *o)
{
	struct message *m = message_new(NULL, MESSAGE_COMMAND, o->from, o->to, TTL_MS, o->body);

	o->to_send--;
	bus_send(o->bus, m, on_sent, o);
	mem_free(m);
}

static struct error *take_error(struct ours *o)
{
	struct error *e = o->error;

	o->error = NULL;
	return e;
}

static char *new_address(const void *ctx, struct keyring *k)
{
	struct secp_key key;

	if (!k)
		return hex_random(ctx, ID_DIGITS / 2);
	secp_key_new(&key);
	return mem_strdup(ctx, keyring_add(k, &key));
}

static struct error *ours_open(const void *ctx, const struct bus_options *options, bool sealed, struct ours **ret_ours)
{
	struct bus_handlers handlers = {.on_state = on_state, .on_message = on_message};
	struct bus_options with_keys = *options;
	struct ours *o = mem_new(ctx, struct ours);

	handlers.arg = o;
	uv_loop_init(&o->loop);
	with_keys.keyring = sealed ? keyring_new(o, NULL) : NULL;
	o->from = new_address(o, with_keys.keyring);
	o->to = new_address(o, with_keys.keyring);
	*ret_ours = o;
	TRY(bus_open(o, &o->loop, &with_keys, &handlers, &o->bus));
	TRY(bus_serve(o->bus, o->to, true));
	o->deadline = timer_start(o, &o->loop, 60000, 0, on_deadline, o);
	uv_run(&o->loop, UV_RUN_DEFAULT);
	return take_error(o);
}

/* A body that makes the whole encoded message `size` bytes long. */
static void ours_fill(struct ours *o, size_t size)
{
	struct message *m;
	char *text, *filler;
	size_t empty;

	o->body = json_object();
	json_put(o->body, "filler", "");
	m = message_new(o, MESSAGE_COMMAND, o->from, o->to, TTL_MS, o->body);
	text = message_encode(o, m);
	empty = strlen(text);
	filler = mem_zalloc_(o, size + 1, "filler");
	memset(filler, 'x', size > empty ? size - empty : 0);
	json_put(o->body, "filler", filler);
	mem_free(filler);
	mem_free(text);
	mem_free(m);
}

static struct error *ours_run(struct ours *o, const struct amqp_load *l, double *ret_rate)
{
	int64_t began_us;

	o->to_send = o->to_confirm = l->messages;
	timer_again(o->deadline, 120000, 0);
	began_us = clock_mono_us();
	for (unsigned i = 0; i < l->window; i++)
		send_next(o);
	uv_run(&o->loop, UV_RUN_DEFAULT);
	TRY(take_error(o));
	*ret_rate = l->messages * 1e6 / (double)(clock_mono_us() - began_us);
	return NULL;
}

static void ours_close(struct ours *o)
{
	if (!o)
		return;
	if (o->bus && o->up)
		bus_unserve(o->bus, o->to, true);
	mem_free(o->bus);
	mem_free(o->deadline);
	loop_drain(&o->loop);
	uv_loop_close(&o->loop);
	json_decref(o->body);
	error_free(o->error);
	mem_free(o);
}

/* --- the bare loop --- */

static struct error *bare_open(const void *ctx, const struct bus_options *options, amqp_connection_state_t *ret_link)
{
	struct amqp_address *address;

	TRY(amqp_address_new(ctx, options, &address));
	TRY(amqp_link_open(address, "dsn-bench bare", 60000, ret_link));
	TRY(amqp_link_open_channel(*ret_link, CHANNEL));
	amqp_confirm_select(*ret_link, CHANNEL);
	return amqp_link_check(*ret_link, CHANNEL, "switch publisher confirms on");
}

/* Waits for one confirm frame; *confirmed becomes the highest number it covers (single confirms come in order here). */
static struct error *bare_wait(amqp_connection_state_t link, unsigned *outstanding, uint64_t *confirmed)
{
	const struct timeval patience = {.tv_sec = 60};
	const amqp_basic_ack_t *ack;
	amqp_frame_t f;
	int status;

	amqp_maybe_release_buffers(link);
	status = amqp_simple_wait_frame_noblock(link, &f, &patience);
	if (status != AMQP_STATUS_OK)
		return amqp_status_error(status, "bare loop");
	if (f.frame_type != AMQP_FRAME_METHOD || f.payload.method.id != AMQP_BASIC_ACK_METHOD)
		return error_new(ERROR_FAILED, "bare loop: the broker refused a message");
	ack = f.payload.method.decoded;
	if (!ack->multiple) {
		(*outstanding)--;
		if (ack->delivery_tag > *confirmed)
			*confirmed = ack->delivery_tag;
	} else if (ack->delivery_tag > *confirmed) {
		*outstanding -= (unsigned)(ack->delivery_tag - *confirmed);
		*confirmed = ack->delivery_tag;
	}
	return NULL;
}

static struct error *bare_run(amqp_connection_state_t link, const char *to, const char *text, const struct amqp_load *l,
			      uint64_t *confirmed, double *ret_rate)
{
	const amqp_basic_properties_t properties = {
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_EXPIRATION_FLAG |
			  AMQP_BASIC_MESSAGE_ID_FLAG,
		.content_type = amqp_cstring_bytes("application/json"),
		.delivery_mode = AMQP_DELIVERY_PERSISTENT,
		.expiration = amqp_cstring_bytes("600000"),
		.message_id = amqp_cstring_bytes("0123456789abcdef0123456789abcdef"),
	};
	amqp_bytes_t body = amqp_cstring_bytes(text), exchange = amqp_cstring_bytes("dsn." NETWORK);
	unsigned sent = 0, outstanding = 0;
	int64_t began_us = clock_mono_us();

	while (sent < l->messages || outstanding) {
		int status = AMQP_STATUS_OK;

		if (sent < l->messages && outstanding < l->window) {
			status = amqp_basic_publish(link, CHANNEL, exchange, amqp_cstring_bytes(to), 1, 0, &properties,
						    body);
			sent++;
			outstanding++;
		} else {
			TRY(bare_wait(link, &outstanding, confirmed));
		}
		if (status != AMQP_STATUS_OK)
			return amqp_status_error(status, "bare loop");
	}
	*ret_rate = l->messages * 1e6 / (double)(clock_mono_us() - began_us);
	return NULL;
}

static struct error *purge(amqp_connection_state_t link, const char *queue)
{
	amqp_queue_purge(link, CHANNEL, amqp_cstring_bytes(queue));
	return amqp_link_check(link, CHANNEL, "empty the queue");
}

/* --- all --- */

/* The goal is the transport's: the bare loop neither signs nor encrypts. */
enum kind { PLAIN, BARE, SEALED, KINDS };

struct contest {
	struct ours *ours[KINDS]; /* none for BARE, which sends to PLAIN's mailbox */
	char *queue[KINDS];
	amqp_connection_state_t link;
	uint64_t confirmed;
	char *text;
	double rates[LOADS][KINDS][MAX_ROUNDS];
};

static struct error *run_case(struct contest *c, size_t load, enum kind kind, size_t round)
{
	double *rate = &c->rates[load][kind][round];

	TRY(purge(c->link, c->queue[kind]));
	if (kind == BARE)
		return bare_run(c->link, c->ours[PLAIN]->to, c->text, &loads[load], &c->confirmed, rate);
	return ours_run(c->ours[kind], &loads[load], rate);
}

static struct error *run_all(struct contest *c, size_t rounds)
{
	for (size_t round = 0; round < rounds; round++) {
		for (size_t load = 0; load < LOADS; load++) {
			enum kind first = round % 2 ? BARE : PLAIN;

			TRY(run_case(c, load, first, round));
			TRY(run_case(c, load, first == PLAIN ? BARE : PLAIN, round));
			TRY(run_case(c, load, SEALED, round));
		}
	}
	TRY(purge(c->link, c->queue[SEALED]));
	return purge(c->link, c->queue[PLAIN]);
}

struct outcome {
	double ours, bare, sealed; /* median of the rounds */
	/* Medians of the rounds' ratios to the bare loop: what slowed the machine down for a while slowed both. */
	double ratio, sealed_ratio;
};

static double ratio_of(const struct contest *c, size_t load, enum kind kind, size_t rounds)
{
	double ratios[MAX_ROUNDS];

	for (size_t i = 0; i < rounds; i++)
		ratios[i] = c->rates[load][kind][i] / c->rates[load][BARE][i];
	return bench_median(ratios, rounds);
}

static const char *verdict(double ratio, double goal)
{
	return ratio >= goal ? "met" : "MISSED";
}

static struct outcome outcome_of(struct contest *c, size_t load, size_t rounds)
{
	struct outcome o;

	o.ratio = ratio_of(c, load, PLAIN, rounds);
	o.sealed_ratio = ratio_of(c, load, SEALED, rounds);
	o.ours = bench_median(c->rates[load][PLAIN], rounds);
	o.bare = bench_median(c->rates[load][BARE], rounds);
	o.sealed = bench_median(c->rates[load][SEALED], rounds);
	return o;
}

static void print_table(struct contest *c, size_t rounds, int64_t size)
{
	printf("confirmed commands of %" PRId64 " bytes per second, median of %zu\n", size, rounds);
	printf("%8s %12s %12s %8s  %-14s %12s %8s  %s\n", "window", "bare", "dsn", "ratio", "goal", "dsn sealed",
	       "ratio", "goal");
	for (size_t i = 0; i < LOADS; i++) {
		struct outcome o = outcome_of(c, i, rounds);

		printf("%8u %12.0f %12.0f %8.2f  >= %.2f %-6s %12.0f %8.2f  >= %.2f %s\n", loads[i].window, o.bare,
		       o.ours, o.ratio, GOAL_RATIO, verdict(o.ratio, GOAL_RATIO), o.sealed, o.sealed_ratio,
		       GOAL_SEALED_RATIO, verdict(o.sealed_ratio, GOAL_SEALED_RATIO));
	}
}

static void print_json(struct contest *c, size_t rounds, int64_t size)
{
	json_t *o = json_object(), *list = json_array();
	bool met = true;

	json_put(o, "bench", "amqp");
	json_put_decimal(o, "message_bytes", size);
	json_put_decimal(o, "rounds", (int64_t)rounds);
	for (size_t i = 0; i < LOADS; i++) {
		struct outcome result = outcome_of(c, i, rounds);
		json_t *row = json_object();

		json_put_decimal(row, "window", loads[i].window);
		bench_put(row, "dsn_per_second", result.ours, 0);
		bench_put(row, "bare_per_second", result.bare, 0);
		bench_put(row, "ratio", result.ratio, 3);
		bench_put(row, "dsn_sealed_per_second", result.sealed, 0);
		bench_put(row, "sealed_ratio", result.sealed_ratio, 3);
		met = met && result.ratio >= GOAL_RATIO && result.sealed_ratio >= GOAL_SEALED_RATIO;
		json_array_append_new(list, row);
	}
	json_object_set_new(o, "results", list);
	bench_put(o, "goal_ratio", GOAL_RATIO, 1);
	bench_put(o, "goal_sealed_ratio", GOAL_SEALED_RATIO, 2);
	json_put(o, "met", met ? "yes" : "no");
	bench_print_json(o);
}

/* The mailbox is served only until it exists: nobody shall empty it while we measure. */
static struct error *open_one(struct contest *c, const struct bus_options *options, enum kind kind, size_t size)
{
	TRY(ours_open(c, options, kind == SEALED, &c->ours[kind]));
	bus_unserve(c->ours[kind]->bus, c->ours[kind]->to, false);
	ours_fill(c->ours[kind], size);
	c->queue[kind] = amqp_name_mailbox(c, NETWORK, c->ours[kind]->to);
	return NULL;
}

static struct error *contest_open(struct contest *c, const struct bus_options *options, size_t size)
{
	struct message *m;
	struct ours *plain;

	TRY(open_one(c, options, PLAIN, size));
	TRY(open_one(c, options, SEALED, size));
	c->queue[BARE] = c->queue[PLAIN];
	plain = c->ours[PLAIN];
	m = message_new(c, MESSAGE_COMMAND, plain->from, plain->to, TTL_MS, plain->body);
	c->text = message_encode(c, m);
	return bare_open(c, options, &c->link);
}

struct error *bench_amqp(int argc, char **argv)
{
	struct settings s = {0};
	struct contest *c = mem_new(NULL, struct contest);
	struct bus_options options = {.network = NETWORK};
	struct error *e;
	bool done = false;
	char **words;

	e = config_load(c, &program, argc, argv, &s, &words, &done);
	if (!e && !done && !s.bus)
		e = error_new(ERROR_INVALID, "--bus URL is missing; scripts/broker starts a broker to measure with");
	if (e || done) {
		mem_free(c);
		return e;
	}
	options.url = s.bus;
	options.password_file = s.password_file;
	options.ca_file = s.ca_file;
	e = contest_open(c, &options, (size_t)s.size);
	if (!e)
		e = run_all(c, (size_t)s.rounds);
	if (!e && s.json)
		print_json(c, (size_t)s.rounds, s.size);
	else if (!e)
		print_table(c, (size_t)s.rounds, s.size);
	ours_close(c->ours[PLAIN]);
	ours_close(c->ours[SEALED]);
	amqp_link_close(c->link, !e);
	mem_free(c);
	return e;
}
