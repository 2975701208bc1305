#include "bench/shh_load.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"

#define TOPIC "0x62656e63"
#define POW_TIME_S 30
#define SETTLE_MS 20000      /* for what is still under way when a flood has ended */
#define TIMES_MAX (1u << 20) /* measurements of a run */
#define HEAD 7               /* kind, number, from */

enum note_kind { PING, PONG, DATA };

struct note {
	enum note_kind kind;
	uint32_t number;
	uint16_t from; /* who sent the ping */
};

struct run;
struct actor {
	struct run *run;
	struct shh_net_node *node;
	size_t index;
	char *public;
	char *filter; /* when polled */
	struct timer *poll;
	bool asking;
};

struct run {
	struct shh_net *net;
	const struct shh_load *load;
	struct actor *actors;
	size_t count;
	void (*take)(struct actor *a, const struct note *note);
	int64_t *began_us; /* by number */
	uint8_t *seen;     /* by number times `span` plus receiver */
	size_t span;
	double *times, *post_times; /* ms */
	size_t time_count, post_count;
	size_t senders;
	size_t numbers, awaited; /* begun; messages that are still to come */
	size_t posting;          /* posts under way */
	char *sym_id;            /* flood: the sender's */
	int64_t until_us;
	bool done;
	struct error *error; /* the first post that failed */
};

static int free_run(struct run *r)
{
	error_free(r->error);
	return 0;
}

static struct run *run_new(struct shh_net *n, const struct shh_load *load, size_t numbers, size_t span)
{
	struct run *r = mem_new(n, struct run);

	talloc_set_destructor(r, free_run);
	r->net = n;
	r->load = load;
	r->count = n->count;
	r->actors = mem_array(r, struct actor, n->count);
	r->span = span;
	r->began_us = mem_array(r, int64_t, numbers);
	r->seen = mem_array(r, uint8_t, numbers * span);
	r->times = mem_array(r, double, numbers *span);
	r->post_times = mem_array(r, double, numbers);
	for (size_t i = 0; i < n->count; i++)
		r->actors[i] = (struct actor){.run = r, .node = n->nodes[i], .index = i};
	return r;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static struct shh_load_times summary(double *values, size_t n)
{
	struct shh_load_times t = {0};

	if (n == 0)
		return t;
	qsort(values, n, sizeof(*values), compare);
	t.min = values[0];
	t.median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
	t.p95 = values[(n - 1) * 95 / 100];
	t.p99 = values[(n - 1) * 99 / 100];
	t.max = values[n - 1];
	return t;
}

/* --- messages --- */

static char *note_hex(const void *ctx, const struct note *note)
{
	uint8_t bytes[SHH_PAYLOAD] = {
		(uint8_t)note->kind,          (uint8_t)(note->number >> 24), (uint8_t)(note->number >> 16),
		(uint8_t)(note->number >> 8), (uint8_t)note->number,         (uint8_t)(note->from >> 8),
		(uint8_t)note->from,
	};
	char *digits, *text;

	memset(bytes + HEAD, 0xa5, sizeof(bytes) - HEAD);
	digits = hex_encode(ctx, bytes, sizeof(bytes));
	text = mem_printf(ctx, "0x%s", digits);
	mem_free(digits);
	return text;
}

static bool note_read(const json_t *message, struct note *note)
{
	const char *text = json_string_value(json_object_get(message, "payload"));
	uint8_t b[HEAD];
	struct error *e;

	if (!text || strlen(text) != 2 + 2 * SHH_PAYLOAD)
		return false;
	for (size_t i = 0; i < HEAD; i++) {
		char pair[3] = {text[2 + 2 * i], text[3 + 2 * i], '\0'};

		e = hex_decode(pair, &b[i], 1);
		if (e) {
			error_free(e);
			return false;
		}
	}
	note->kind = b[0];
	note->number = (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 8 | b[4];
	note->from = (uint16_t)(b[5] << 8 | b[6]);
	return true;
}

static void take(struct actor *a, const json_t *message)
{
	struct note note;

	if (note_read(message, &note) && note.number < a->run->numbers)
		a->run->take(a, &note);
}

static void on_note(const json_t *message, void *arg)
{
	take(arg, message);
}

static void on_polled(const json_t *result, const struct error *e, void *arg)
{
	struct actor *a = arg;
	json_t *message;
	size_t i;

	(void)e;
	a->asking = false;
	json_array_foreach (result, i, message)
		take(a, message);
}

static void on_poll(void *arg)
{
	struct actor *a = arg;

	if (a->asking)
		return;
	a->asking = true;
	rpc_client_call(a->node->rpc, "shh_getFilterMessages", json_pack("[s]", a->filter), on_polled, a);
}

/* The wanted messages reach run->take from now on. Takes `criteria`. */
static struct error *listen_for(struct actor *a, json_t *criteria)
{
	int64_t poll_ms = a->run->load->poll_ms;
	json_t *id = NULL;

	json_object_set_new(criteria, "topics", json_pack("[s]", TOPIC));
	if (poll_ms) {
		TRY(rpc_client_wait(a->node->rpc, "shh_newMessageFilter", json_pack("[o]", criteria), &id));
		a->filter = mem_strdup(a->run, json_string_value(id));
		a->poll = timer_start(a->run, &a->run->net->loop, poll_ms, poll_ms, on_poll, a);
	} else {
		shh_net_node_listen(a->node, on_note, a);
		TRY(rpc_client_wait(a->node->rpc, "shh_subscribe", json_pack("[so]", "messages", criteria), &id));
		a->filter = mem_strdup(a->run, json_string_value(id));
	}
	json_decref(id);
	return NULL;
}

static void take_nothing(struct actor *a, const struct note *note)
{
	(void)a;
	(void)note;
}

static bool waits(const struct run *r)
{
	bool asking = false;

	for (size_t i = 0; i < r->count; i++)
		asking = asking || r->actors[i].asking;
	return asking || r->posting;
}

/* Nothing is taken any more; what was asked for is given up, so that the next run begins alike. */
static void run_end(struct run *r)
{
	int64_t until_ms;
	bool never = false;

	r->take = take_nothing;
	for (size_t i = 0; i < r->count; i++) {
		struct actor *a = &r->actors[i];

		mem_free(a->poll);
		shh_net_node_listen(a->node, NULL, NULL);
		if (a->filter)
			error_free(rpc_client_wait(a->node->rpc,
						   r->load->poll_ms ? "shh_deleteMessageFilter" : "shh_unsubscribe",
						   json_pack("[s]", a->filter), NULL));
	}
	/* Calls that were not answered hold the run: leave it when they never are. */
	until_ms = clock_mono_ms() + SETTLE_MS;
	while (waits(r) && clock_mono_ms() < until_ms && !shh_net_interrupted)
		shh_net_run_until(&r->net->loop, &never, 10);
	if (!waits(r))
		mem_free(r);
}

static void post(struct actor *a, const char *key, const char *value, const struct note *note, rpc_answer_fn *fn,
		 void *arg)
{
	char *payload = note_hex(NULL, note);
	json_t *message =
		json_pack("{ss, si, ss, ss, sf, si}", key, value, "ttl", (int)a->run->load->ttl_s, "topic", TOPIC,
			  "payload", payload, "powTarget", a->run->load->pow_target, "powTime", POW_TIME_S);

	mem_free(payload);
	a->run->posting++;
	rpc_client_call(a->node->rpc, "shh_post", json_pack("[o]", message), fn, arg);
}

static void posted(struct run *r, const struct error *e)
{
	r->posting--;
	if (e && !r->error)
		r->error = error_copy(e);
}

/* --- ping --- */

static struct error *make_key(struct actor *a)
{
	json_t *pair = NULL, *public = NULL;
	struct error *e;

	TRY(rpc_client_wait(a->node->rpc, "shh_newKeyPair", json_array(), &pair));
	e = rpc_client_wait(a->node->rpc, "shh_getPublicKey", json_pack("[O]", pair), &public);
	if (!e) {
		a->public = mem_strdup(a->run, json_string_value(public));
		e = listen_for(a, json_pack("{sO}", "privateKeyID", pair));
	}
	json_decref(pair);
	json_decref(public);
	return e;
}

static void on_pong_posted(const json_t *result, const struct error *e, void *arg)
{
	(void)result;
	posted(arg, e);
}

static void take_ping(struct actor *a, const struct note *note)
{
	struct run *r = a->run;
	struct note pong = {PONG, note->number, note->from};

	if (note->kind == PING && note->from < r->count) {
		post(a, "pubKey", r->actors[note->from].public, &pong, on_pong_posted, r);
	} else if (note->kind == PONG && note->from == a->index && !r->seen[note->number]) {
		r->seen[note->number] = 1;
		r->times[r->time_count++] = (double)(clock_mono_us() - r->began_us[note->number]) / 1e3;
		r->done = --r->awaited == 0;
	}
}

struct ping_post {
	struct run *run;
	size_t number;
};

static void ping(struct run *r, size_t number);

/* A sender's next ping follows when the post before is done, as in a script. */
static void on_ping_posted(const json_t *result, const struct error *e, void *arg)
{
	struct ping_post *p = arg;
	struct run *r = p->run;
	size_t next = p->number + r->senders;

	posted(r, e);
	if (result)
		r->post_times[r->post_count++] = (double)(clock_mono_us() - r->began_us[p->number]) / 1e3;
	mem_free(p);
	if (next < r->numbers && !shh_net_interrupted)
		ping(r, next);
}

static void ping(struct run *r, size_t number)
{
	size_t receivers = r->count - r->senders;
	struct actor *from = &r->actors[number % r->senders], *to = &r->actors[r->senders + number % receivers];
	struct note note = {PING, (uint32_t)number, (uint16_t)from->index};
	struct ping_post *p = mem_new(r, struct ping_post);

	*p = (struct ping_post){r, number};
	r->began_us[number] = clock_mono_us();
	post(from, "pubKey", to->public, &note, on_ping_posted, p);
}

struct error *shh_load_ping(struct shh_net *n, const struct shh_load *load, size_t senders, size_t count, size_t round,
			    int64_t round_ms, struct shh_load_pings *ret_pings)
{
	struct run *r = run_new(n, load, count, 1);
	struct error *e = NULL;

	r->take = take_ping;
	r->senders = senders;
	for (size_t i = 0; i < r->count && !e; i++)
		e = make_key(&r->actors[i]);
	while (!e && r->numbers < count && !shh_net_interrupted) {
		size_t first = r->numbers, size = count - first < round ? count - first : round;

		r->done = false;
		r->awaited += size;
		r->numbers += size;
		for (size_t i = first; i < r->numbers && i < first + senders; i++)
			ping(r, i);
		shh_net_run_until(&n->loop, &r->done, round_ms);
	}
	if (!e && r->time_count == 0)
		e = r->error ? error_copy(r->error) : error_new(ERROR_TIMEOUT, "no ping was answered");
	if (!e)
		*ret_pings = (struct shh_load_pings){r->numbers, r->time_count, summary(r->times, r->time_count),
						     summary(r->post_times, r->post_count)};
	run_end(r);
	return e;
}

/* --- flood and spread --- */

/* A key that all nodes have; node 0 posts, the others listen. */
static struct error *share_key(struct run *r)
{
	char *key = mem_printf(r, "0x%s", hex_random(r, 32));

	for (size_t i = 0; i < r->count; i++) {
		struct actor *a = &r->actors[i];
		json_t *id = NULL;

		TRY(rpc_client_wait(a->node->rpc, "shh_addSymKey", json_pack("[s]", key), &id));
		if (i == 0) {
			r->sym_id = mem_strdup(r, json_string_value(id));
			json_decref(id);
		} else {
			TRY(listen_for(a, json_pack("{so}", "symKeyID", id)));
		}
	}
	return NULL;
}

static void take_data(struct actor *a, const struct note *note)
{
	struct run *r = a->run;
	uint8_t *seen = &r->seen[note->number * r->span + (r->span > 1 ? a->index : 0)];

	if (note->kind != DATA || *seen)
		return;
	*seen = 1;
	r->times[r->time_count++] = (double)(clock_mono_us() - r->began_us[note->number]) / 1e3;
	if (r->awaited && --r->awaited == 0)
		r->done = true;
}

static void on_flooded(const json_t *result, const struct error *e, void *arg);

static void flood_one(struct run *r)
{
	struct note note = {DATA, (uint32_t)r->numbers, 0};

	r->began_us[r->numbers++] = clock_mono_us();
	post(&r->actors[0], "symKeyID", r->sym_id, &note, on_flooded, r);
}

static void on_flooded(const json_t *result, const struct error *e, void *arg)
{
	struct run *r = arg;

	posted(r, e);
	if (result)
		r->post_count++;
	if (!e && clock_mono_us() < r->until_us && r->numbers < TIMES_MAX)
		flood_one(r);
	else if (r->posting == 0)
		r->done = true;
}

struct error *shh_load_flood(struct shh_net *n, const struct shh_load *load, size_t at_once, int64_t ms,
			     struct shh_load_flood *ret_flood)
{
	struct run *r = run_new(n, load, TIMES_MAX, 1);
	int64_t began_us, took_us = 0;
	struct error *e;

	r->take = take_data;
	e = share_key(r);
	if (!e) {
		began_us = clock_mono_us();
		r->until_us = began_us + ms * 1000;
		for (size_t i = 0; i < at_once; i++)
			flood_one(r);
		shh_net_run_until(&n->loop, &r->done, ms + SETTLE_MS);
		took_us = clock_mono_us() - began_us;
		r->done = r->time_count >= r->post_count;
		r->awaited = r->done ? 0 : r->post_count - r->time_count;
		shh_net_run_until(&n->loop, &r->done, SETTLE_MS);
		e = r->error ? error_copy(r->error) : NULL;
	}
	if (!e)
		*ret_flood = (struct shh_load_flood){r->post_count, r->time_count,
						     (double)r->post_count * 1e6 / (double)took_us,
						     summary(r->times, r->time_count)};
	run_end(r);
	return e;
}

static void on_spread(const json_t *result, const struct error *e, void *arg)
{
	(void)result;
	posted(arg, e);
}

struct error *shh_load_spread(struct shh_net *n, const struct shh_load *load, size_t count, int64_t each_ms,
			      struct shh_load_spread *ret_spread)
{
	struct run *r = run_new(n, load, count, n->count);
	struct error *e;

	r->take = take_data;
	e = share_key(r);
	while (!e && r->numbers < count && !shh_net_interrupted) {
		struct note note = {DATA, (uint32_t)r->numbers, 0};

		r->done = false;
		r->awaited = r->count - 1;
		r->began_us[r->numbers++] = clock_mono_us();
		post(&r->actors[0], "symKeyID", r->sym_id, &note, on_spread, r);
		shh_net_run_until(&n->loop, &r->done, each_ms);
		if (r->error)
			e = error_copy(r->error);
	}
	if (!e)
		*ret_spread = (struct shh_load_spread){r->numbers * (r->count - 1), r->time_count,
						       summary(r->times, r->time_count)};
	run_end(r);
	return e;
}
