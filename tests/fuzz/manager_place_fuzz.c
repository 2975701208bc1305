/* Any bytes as what happens to a small fleet: nodes come with any facts, speak, fail and go, orders are planned, held,
 * committed, given back. A plan names nodes that can be held at once; a refusal counts every node; nothing that was
 * given back stays promised. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/jobs/reserve.h"

#define STEPS 400
#define HOLDS 16
#define TEXTS 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	void *ctx;
	struct place_fleet *fleet;
	struct reserve_book *book;
	const uint8_t *next;
	size_t left;
	uint64_t holds[HOLDS];
	int64_t now_ms;
};

static uint8_t byte(struct world *w)
{
	if (w->left == 0)
		return 0;
	w->left--;
	return *w->next++;
}

/* Mostly so small that they often add up to just too much, sometimes at the edges. */
static int64_t number(struct world *w)
{
	static const int64_t edges[] = {
		-2, -1, 0, 1, 999, 1000, 1001, PLACE_MAX_AMOUNT, PLACE_MAX_AMOUNT + 1, INT64_MAX, INT64_MIN};
	const uint8_t b = byte(w);

	return b < 0xf0 ? b % 16 : edges[b % (sizeof(edges) / sizeof(edges[0]))];
}

static const char *text(struct world *w)
{
	static const char *const texts[TEXTS] = {
		"a",           "b",
		"c",           "d",
		"e",           "f",
		"g",           "",
		NULL,          "10.0.0.1",
		"2001:db8::1", "a text that is longer than any name may be, sixty-four bytes and more",
	};

	return texts[byte(w) % TEXTS];
}

static size_t fill_texts(struct world *w, const char **texts, size_t most)
{
	const size_t count = byte(w) % (most + 1);

	for (size_t i = 0; i < count; i++) {
		texts[i] = text(w);
		if (!texts[i])
			texts[i] = "h";
	}
	return count;
}

/* Mostly one of two machines: what shares one is what is easily promised twice. */
static const char *machine(struct world *w)
{
	const uint8_t b = byte(w);

	return b % 8 == 7 ? text(w) : b % 2 ? "m" : "n";
}

static void beat(struct world *w, const char *agent)
{
	struct place_beat b = place_beat_unknown;

	b.capacity = (struct place_amount){number(w), number(w)};
	b.load_pm = byte(w) % 4 ? 0 : byte(w) * 4;
	b.jobs_load_pm = byte(w) % 4 ? 0 : byte(w) * 4;
	b.realtime_pm[byte(w) % PLACE_RUNGS] = byte(w) * 4;
	error_free(place_agent_beat(w->fleet, agent, &b));
}

static void set(struct world *w)
{
	const char *labels[4], *customers[2];
	struct place_facts f = {
		.id = text(w),
		.agent = machine(w),
		.owner = text(w),
		.role = (enum api_role)(byte(w) % (API_ROLE_COUNT + 1)),
		.version = byte(w) % 2 ? "1.2.3" : text(w),
		.region = text(w),
		.labels = labels,
		.gpu = byte(w) % 2,
		.address = text(w),
		.price = number(w),
		.policy = place_policy_open,
	};

	f.label_count = byte(w) % 4 ? 0 : fill_texts(w, labels, 4);
	f.policy.customers = customers;
	f.policy.customer_count = byte(w) % 8 ? 0 : fill_texts(w, customers, 2);
	if (byte(w) % 4 == 0) {
		f.policy.roles = byte(w);
		f.policy.ceiling_pm = (int)(number(w) % 2000);
		f.policy.most_jobs = (int)(number(w) % 5);
	}
	error_free(place_node_set(w->fleet, &f));
	if (f.id && byte(w) % 4)
		(void)place_node_state(w->fleet, f.id, PLACE_ONLINE);
}

/* A plan that was made is one that can be held: nothing happens between. */
static void hold(struct world *w, const struct place_plan *plan)
{
	const size_t at = byte(w) % HOLDS;

	if (w->holds[at])
		(void)reserve_release(w->book, w->holds[at]);
	else
		assert(!reserve_hold_plan(w->book, "job", plan, w->now_ms + byte(w), &w->holds[at]));
}

static void check_lack(const struct place_request *r, const struct place_lack *l)
{
	size_t sum = 0;
	char *words = place_lack_text(NULL, r, l);

	for (size_t i = 0; i < PLACE_WHYS; i++)
		sum += l->counts.refused[i];
	assert(sum == l->counts.of && l->counts.looked == l->counts.of);
	assert(!l->counts.of == !l->give);
	mem_free(words);
}

static void plan(struct world *w)
{
	struct place_rendition ladder[3];
	struct place_want wants[3];
	const char *regions[2], *labels[2];
	struct place_excluded excluded = {text(w), text(w)};
	struct place_plan *p = NULL;
	struct place_request r = {
		.customer = text(w),
		.wants = wants,
		.want_count = byte(w) % 16 ? 1 + byte(w) % 3 : 0,
		.near = text(w),
		.regions = regions,
		.labels = labels,
		.gpu = byte(w) % 16 == 0,
		.price_limit = byte(w) % 8 ? PLACE_NO_PRICE : number(w),
		.least_version = byte(w) % 16 ? NULL : text(w),
		.apart = byte(w) % 4,
		.excluded = &excluded,
		.excluded_count = excluded.node && byte(w) % 8 == 0,
		.candidates = byte(w) % 8 ? byte(w) % 8 : PLACE_EVERY,
		.seed = byte(w),
		.now_ms = w->now_ms,
	};

	r.region_count = byte(w) % 8 ? 0 : fill_texts(w, regions, 2);
	r.label_count = byte(w) % 8 ? 0 : fill_texts(w, labels, 2);
	for (size_t i = 0; i < 3; i++) {
		ladder[i] = (struct place_rendition){(int)(number(w) % 9000), {number(w), number(w)}};
		wants[i] = (struct place_want){
			.role = (enum api_role)(byte(w) % API_ROLE_COUNT),
			.base = {number(w), number(w)},
			.renditions = ladder,
			.rendition_count = byte(w) % 8 ? 0 : byte(w) % 4,
			.most_nodes = byte(w) % 16 ? 1 + byte(w) % 3 : 0,
			.standby = byte(w) % 8 == 0,
		};
	}
	error_free(place_plan_make(w->ctx, w->fleet, &r, &p));
	if (!p)
		return;
	json_decref(place_plan_json(p));
	if (p->placed)
		hold(w, p);
	else
		check_lack(&r, &p->lack);
	mem_free(p);
}

static void step(struct world *w)
{
	const uint8_t what = byte(w) % 8;
	const char *id = text(w);

	if (!id)
		id = "a";
	if (what < 2)
		set(w);
	else if (what == 2)
		beat(w, machine(w));
	else if (what == 3)
		(void)place_node_state(w->fleet, id, (enum place_state)(byte(w) % 2 ? 0 : byte(w) % PLACE_STATES));
	else if (what == 4)
		(void)place_node_outcome(w->fleet, id, (enum place_outcome)(byte(w) % 3), w->now_ms);
	else if (what == 5)
		error_free(place_node_remove(w->fleet, id));
	else if (what == 6)
		plan(w);
	else {
		w->now_ms += byte(w);
		(void)reserve_expire(w->book, w->now_ms);
		error_free(reserve_commit(w->book, w->holds[byte(w) % HOLDS]));
		(void)reserve_release_node(w->book, w->holds[byte(w) % HOLDS], id);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.ctx = mem_new(NULL, char), .next = data, .left = size};

	w.fleet = place_fleet_new(w.ctx, 1);
	w.book = reserve_book_new(w.ctx, w.fleet);
	for (int i = 0; i < STEPS && w.left > 0; i++)
		step(&w);
	for (size_t i = 0; i < HOLDS; i++)
		(void)reserve_release(w.book, w.holds[i]);
	(void)reserve_expire(w.book, INT64_MAX);
	/* Nothing is promised any more: every node can go. */
	for (char id[2] = "a"; id[0] <= 'g'; id[0]++) {
		struct place_amount amount = {0, 0};
		int jobs = 0;

		if (!place_node_promised(w.fleet, id, &amount, &jobs))
			continue;
		assert(amount.blocks_per_s == 0 && amount.bps == 0 && jobs == 0);
		assert(!place_node_remove(w.fleet, id));
	}
	mem_free(w.ctx);
	return 0;
}
