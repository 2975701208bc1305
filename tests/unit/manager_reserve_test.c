/* Reservations: of two that come for the last room one gets it; what is held expires, is committed or given back; and
 * a long run of random operations in which nothing is ever promised twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "manager/jobs/place_impl.h"
#include "manager/jobs/reserve.h"
#include "manager_fleet.h"

static const struct place_amount small = {1000, 2000};

static void assert_promised(struct place_fleet *fleet, const char *node, int64_t blocks, int64_t bps, int jobs)
{
	struct place_amount agent;
	int on_node = 0;

	assert_true(place_node_promised(fleet, node, &agent, &on_node));
	assert_int_equal(agent.blocks_per_s, blocks);
	assert_int_equal(agent.bps, bps);
	assert_int_equal(on_node, jobs);
}

/* Two orders are planned on one state; there is room for one. */
static void last_slot(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	struct place_facts facts = facts_of(ctx, 1, API_STORAGE);
	const struct place_want want = {.role = API_STORAGE, .base = small, .most_nodes = 1};
	const struct place_request request = {.wants = &want, .want_count = 1, .price_limit = PLACE_NO_PRICE};
	struct place_plan *a = NULL, *b = NULL;
	uint64_t id_a = 0, id_b = 0;

	(void)state;
	facts.policy.most_jobs = 1;
	join(fleet, &facts);
	assert_null(place_plan_make(ctx, fleet, &request, &a));
	assert_null(place_plan_make(ctx, fleet, &request, &b));
	assert_true(a->placed && b->placed);
	assert_null(reserve_hold_plan(book, "a", a, 5000, &id_a));
	assert_refused(reserve_hold_plan(book, "b", b, 5000, &id_b), ERROR_LIMIT, "\"node0001\" has no room any more");
	assert_int_equal(id_b, 0);
	assert_int_equal(reserve_count(book), 1);
	/* Nor does a plan find it now. */
	assert_null(place_plan_make(ctx, fleet, &request, &b));
	assert_false(b->placed);
	assert_int_equal(b->lack.give, 1u << PLACE_WHY_ROOM);
	assert_refused(reserve_hold_plan(book, "b", b, 5000, &id_b), ERROR_INVALID, "found no node");
	assert_true(reserve_release(book, id_a));
	assert_null(place_plan_make(ctx, fleet, &request, &b));
	assert_null(reserve_hold_plan(book, "b", b, 5000, &id_b));
	assert_string_equal(reserve_job(book, id_b), "b");
	assert_null(reserve_job(book, id_a));
	mem_free(ctx);
}

static void all_or_nothing(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	const struct reserve_line too_much[] = {{"node0001", small}, {"node0002", {MACHINE_BLOCKS, 0}}};
	const struct reserve_line nobody[] = {{"node0001", small}, {"node0009", small}};
	const struct reserve_line negative[] = {{"node0001", small}, {"node0002", {-1, 0}}};
	const struct reserve_line huge[] = {{"node0001", small}, {"node0002", {0, PLACE_MAX_AMOUNT + 1}}};
	const struct reserve_line away[] = {{"node0001", small}, {"node0003", small}};
	uint64_t id = 77;

	(void)state;
	join_many(fleet, API_TRANSCODER, 1, 3);
	assert_true(place_node_state(fleet, "node0003", PLACE_DRAINING));
	assert_refused(reserve_hold(book, "j", too_much, 2, 10, &id), ERROR_LIMIT, "\"node0002\" has no room");
	assert_refused(reserve_hold(book, "j", nobody, 2, 10, &id), ERROR_NOT_FOUND, "\"node0009\" is not known");
	assert_refused(reserve_hold(book, "j", negative, 2, 10, &id), ERROR_INVALID, "out of range");
	assert_refused(reserve_hold(book, "j", huge, 2, 10, &id), ERROR_INVALID, "out of range");
	assert_refused(reserve_hold(book, "j", away, 2, 10, &id), ERROR_UNAVAILABLE, "\"node0003\" is draining");
	assert_refused(reserve_hold(book, "j", away, 0, 10, &id), ERROR_INVALID, "of nothing");
	assert_int_equal(id, 77);
	assert_int_equal(reserve_count(book), 0);
	assert_promised(fleet, "node0001", 0, 0, 0);
	/* What runs there already is counted all the same. */
	assert_null(reserve_adopt(book, "j", away, 2, &id));
	assert_promised(fleet, "node0003", 1000, 2000, 1);
	assert_null(reserve_adopt(book, "j", too_much, 2, &id));
	assert_promised(fleet, "node0002", MACHINE_BLOCKS, 0, 1);
	assert_int_equal(reserve_next_expiry(book), RESERVE_NEVER);
	mem_free(ctx);
}

static void expiry(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	const struct reserve_line line = {"node0001", small};
	uint64_t early = 0, late = 0, committed = 0;

	(void)state;
	join_many(fleet, API_TRANSCODER, 1, 1);
	assert_null(reserve_hold(book, "late", &line, 1, 300, &late));
	assert_null(reserve_hold(book, "early", &line, 1, 100, &early));
	assert_null(reserve_hold(book, "committed", &line, 1, 50, &committed));
	assert_int_equal(reserve_next_expiry(book), 50);
	assert_null(reserve_commit(book, committed));
	assert_null(reserve_commit(book, committed));
	assert_int_equal(reserve_next_expiry(book), 100);
	assert_int_equal(reserve_expire(book, 99), 0);
	assert_promised(fleet, "node0001", 3000, 6000, 3);
	assert_int_equal(reserve_expire(book, 100), 1);
	assert_refused(reserve_commit(book, early), ERROR_NOT_FOUND, "has expired or was released; plan again");
	assert_false(reserve_release(book, early));
	assert_int_equal(reserve_expire(book, INT64_MAX), 1);
	assert_int_equal(reserve_expire(book, INT64_MAX), 0);
	assert_promised(fleet, "node0001", 1000, 2000, 1);
	assert_true(reserve_release(book, committed));
	assert_promised(fleet, "node0001", 0, 0, 0);
	/* The slots are used again, the ids are not. */
	assert_null(reserve_hold(book, "next", &line, 1, 300, &late));
	assert_true(late != early && late != committed && late != 0);
	mem_free(ctx);
}

static void failover(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	const struct reserve_line lines[] = {{"node0001", small}, {"node0002", small}};
	uint64_t id = 0;

	(void)state;
	join_many(fleet, API_TRANSCODER, 1, 3);
	assert_null(reserve_hold(book, "j", lines, 2, RESERVE_NEVER, &id));
	assert_refused(place_node_remove(fleet, "node0002"), ERROR_REFUSED, "has 1 jobs; move them first");
	assert_false(reserve_release_node(book, id, "node0003"));
	assert_false(reserve_release_node(book, id, "nobody"));
	assert_false(reserve_release_node(book, id + 1, "node0001"));
	assert_true(reserve_release_node(book, id, "node0002"));
	assert_false(reserve_release_node(book, id, "node0002"));
	assert_promised(fleet, "node0001", 1000, 2000, 1);
	assert_promised(fleet, "node0002", 0, 0, 0);
	assert_null(place_node_remove(fleet, "node0002"));
	assert_true(reserve_release_node(book, id, "node0001"));
	assert_int_equal(reserve_count(book), 0);
	assert_null(reserve_job(book, id));
	mem_free(ctx);
}

/* All nodes of a machine draw on one capacity. */
static void one_machine(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	const struct reserve_line half[] = {{"node0001", {500000, 0}}, {"node0002", {500000, 0}}};
	struct place_beat beat = idle_beat();
	uint64_t id = 0;

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		struct place_facts facts = facts_of(ctx, i, API_TRANSCODER);

		facts.agent = "machine";
		join(fleet, &facts);
	}
	/* 80 % of a million. */
	assert_refused(reserve_hold(book, "j", half, 2, 10, &id), ERROR_LIMIT, "\"node0002\" has no room");
	assert_null(reserve_hold(book, "j", half, 1, 10, &id));
	assert_promised(fleet, "node0002", 500000, 0, 0);
	/* Its jobs need more than was thought: what they use counts. Those of others on the machine count beside. */
	beat.load_pm = 700;
	beat.jobs_load_pm = 700;
	assert_null(place_agent_beat(fleet, "machine", &beat));
	assert_refused(reserve_hold(book, "k", &(struct reserve_line){"node0002", {100001, 0}}, 1, 10, &id),
		       ERROR_LIMIT, "no room");
	beat.jobs_load_pm = 500;
	assert_null(place_agent_beat(fleet, "machine", &beat));
	assert_refused(reserve_hold(book, "k", &(struct reserve_line){"node0002", {100001, 0}}, 1, 10, &id),
		       ERROR_LIMIT, "no room");
	assert_null(reserve_hold(book, "k", &(struct reserve_line){"node0002", {100000, 0}}, 1, 10, &id));
	mem_free(ctx);
}

/* Nobody has measured anything: the one with fewer jobs gets the next. */
static void unmeasured(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	const struct place_want want = {.role = API_TRANSCODER, .base = small, .most_nodes = 1};
	struct place_request request = {.wants = &want, .want_count = 1, .price_limit = PLACE_NO_PRICE};
	uint64_t id = 0;

	(void)state;
	join_many(fleet, API_TRANSCODER, 0, 5);
	for (unsigned i = 0; i < 5; i++) {
		const struct place_beat unknown = place_beat_unknown;

		assert_null(place_agent_beat(fleet, mem_printf(ctx, "agent%04u", i), &unknown));
	}
	for (request.seed = 0; request.seed < 100; request.seed++) {
		struct place_plan *plan = NULL;

		assert_null(place_plan_make(ctx, fleet, &request, &plan));
		assert_null(reserve_hold_plan(book, "j", plan, RESERVE_NEVER, &id));
	}
	for (unsigned i = 0; i < 5; i++)
		assert_promised(fleet, mem_printf(ctx, "node%04u", i), 20000, 40000, 20);
	mem_free(ctx);
}

/* What one part takes whole is not there for another on the same machine, even one that asks for nothing. */
static void nothing_left(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	const struct place_want wants[] = {
		{.role = API_DISTRIBUTOR, .base = {0, MACHINE_BPS}, .most_nodes = 1},
		{.role = API_STORAGE, .base = {0, 0}, .most_nodes = 1},
	};
	struct place_request request = {.wants = wants, .want_count = 2, .price_limit = PLACE_NO_PRICE};
	struct place_plan *plan = NULL;
	uint64_t id = 0;

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		struct place_facts facts = facts_of(ctx, i, i == 1 ? API_DISTRIBUTOR : API_STORAGE);

		facts.agent = "machine";
		join(fleet, &facts);
	}
	assert_null(place_plan_make(ctx, fleet, &request, &plan));
	assert_false(plan->placed);
	assert_int_equal(plan->lack.role, API_STORAGE);
	assert_int_equal(plan->lack.give, 1u << PLACE_WHY_ROOM);
	join_many(fleet, API_STORAGE, 3, 1);
	assert_null(place_plan_make(ctx, fleet, &request, &plan));
	assert_null(reserve_hold_plan(book, "j", plan, 1, &id));
	mem_free(ctx);
}

/* A transcoder on a busy machine gets nothing, whatever it is asked for; other roles do not need the processor. */
static void busy_machine(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct reserve_book *book = reserve_book_new(ctx, fleet);
	const struct reserve_line all = {"node0001", {MACHINE_BLOCKS / 1000 * PLACE_CEILING_PM, 0}};
	const struct reserve_line more = {"node0001", {0, 1}}, storage = {"node0002", {0, 1}};
	uint64_t id = 0;

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		struct place_facts facts = facts_of(ctx, i, i == 1 ? API_TRANSCODER : API_STORAGE);

		facts.agent = "machine";
		join(fleet, &facts);
	}
	assert_null(reserve_hold(book, "j", &all, 1, RESERVE_NEVER, &id));
	assert_refused(reserve_hold(book, "j", &more, 1, RESERVE_NEVER, &id), ERROR_LIMIT, "no room");
	assert_null(reserve_hold(book, "j", &storage, 1, RESERVE_NEVER, &id));
	mem_free(ctx);
}

/* The random run: a ledger of its own beside the book. */
#define STEPS 30000
#define NODES 40
#define AGENTS 15
#define MAX_LIVE 200
#define MAX_LINES 4

struct deal {
	uint64_t id;
	int64_t expires_ms;
	size_t count;
	unsigned nodes[MAX_LINES];
	struct place_amount amounts[MAX_LINES];
};

struct run {
	void *ctx;
	struct place_fleet *fleet;
	struct reserve_book *book;
	uint64_t random;
	int64_t now_ms;
	struct deal live[MAX_LIVE];
	size_t live_count;
	bool online[NODES];
	int most_jobs[NODES];
	struct place_amount capacity[AGENTS];
	size_t held, full;
};

static unsigned below(struct run *r, unsigned n)
{
	return (unsigned)place_random(&r->random, n);
}

static const char *name_of(struct run *r, unsigned node)
{
	return mem_printf(r->ctx, "node%04u", node);
}

/* What the ledger says of a node and its agent. */
static struct place_amount ledger(const struct run *r, unsigned node, int *ret_jobs)
{
	struct place_amount sum = {0, 0};

	*ret_jobs = 0;
	for (size_t i = 0; i < r->live_count; i++) {
		for (size_t k = 0; k < r->live[i].count; k++) {
			*ret_jobs += r->live[i].nodes[k] == node;
			if (r->live[i].nodes[k] % AGENTS != node % AGENTS)
				continue;
			sum.blocks_per_s += r->live[i].amounts[k].blocks_per_s;
			sum.bps += r->live[i].amounts[k].bps;
		}
	}
	return sum;
}

static void books_agree(struct run *r)
{
	for (unsigned node = 0; node < NODES; node++) {
		struct place_amount here;
		int jobs = 0;

		here = ledger(r, node, &jobs);
		assert_promised(r->fleet, name_of(r, node), here.blocks_per_s, here.bps, jobs);
	}
	assert_int_equal(reserve_count(r->book), r->live_count);
}

/* Is nothing promised twice? All lines are in the ledger already. */
static bool fits(const struct run *r, const struct deal *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const unsigned node = d->nodes[i];
		const struct place_amount *all = &r->capacity[node % AGENTS];
		int jobs = 0;
		const struct place_amount sum = ledger(r, node, &jobs);

		if (!r->online[node] || sum.blocks_per_s > all->blocks_per_s / 1000 * PLACE_CEILING_PM ||
		    sum.bps > all->bps || jobs > r->most_jobs[node])
			return false;
	}
	return true;
}

static void do_hold(struct run *r)
{
	struct reserve_line lines[MAX_LINES];
	struct deal *d = &r->live[r->live_count];
	struct error *e;
	bool room;

	if (r->live_count == MAX_LIVE)
		return;
	*d = (struct deal){.count = 1 + below(r, MAX_LINES), .expires_ms = r->now_ms + 1 + below(r, 500)};
	for (size_t i = 0; i < d->count; i++) {
		d->nodes[i] = below(r, NODES);
		/* Never 0: who has nothing left gets nothing, and a machine in the ledger is full at 0 too. */
		d->amounts[i] = (struct place_amount){1 + below(r, 200000), 1 + below(r, 20000000)};
		lines[i] = (struct reserve_line){name_of(r, d->nodes[i]), d->amounts[i]};
	}
	r->live_count++;
	room = fits(r, d);
	e = reserve_hold(r->book, "job", lines, d->count, d->expires_ms, &d->id);
	if (room == !!e)
		fail_msg("%s", e ? e->message : "was held, though there is no room");
	r->held += !e;
	r->full += !!e;
	r->live_count -= !!e;
	error_free(e);
}

static void forget(struct run *r, size_t at)
{
	r->live[at] = r->live[--r->live_count];
}

static void do_release(struct run *r)
{
	size_t at;

	if (r->live_count == 0)
		return;
	at = below(r, (unsigned)r->live_count);
	assert_true(reserve_release(r->book, r->live[at].id));
	assert_false(reserve_release(r->book, r->live[at].id));
	forget(r, at);
}

static void do_release_node(struct run *r)
{
	struct deal *d;
	size_t at;

	if (r->live_count == 0)
		return;
	at = below(r, (unsigned)r->live_count);
	d = &r->live[at];
	assert_true(reserve_release_node(r->book, d->id, name_of(r, d->nodes[0])));
	/* The book takes the first line of that node, the ledger too. */
	d->nodes[0] = d->nodes[d->count - 1];
	d->amounts[0] = d->amounts[d->count - 1];
	if (--d->count == 0)
		forget(r, at);
}

static void do_commit(struct run *r)
{
	struct deal *d;

	if (r->live_count == 0)
		return;
	d = &r->live[below(r, (unsigned)r->live_count)];
	assert_null(reserve_commit(r->book, d->id));
	d->expires_ms = RESERVE_NEVER;
}

static void do_pass(struct run *r)
{
	size_t expired = 0;
	int64_t next = RESERVE_NEVER;

	r->now_ms += below(r, 60);
	for (size_t i = r->live_count; i-- > 0;) {
		if (r->live[i].expires_ms > r->now_ms)
			continue;
		forget(r, i);
		expired++;
	}
	for (size_t i = 0; i < r->live_count; i++) {
		if (r->live[i].expires_ms < next)
			next = r->live[i].expires_ms;
	}
	assert_int_equal(reserve_expire(r->book, r->now_ms), expired);
	assert_int_equal(reserve_next_expiry(r->book), next);
}

static void do_change_node(struct run *r)
{
	const unsigned node = below(r, NODES);

	r->online[node] = below(r, 4) > 0;
	assert_true(
		place_node_state(r->fleet, name_of(r, node),
				 r->online[node] ? PLACE_ONLINE : (enum place_state)(1 + below(r, PLACE_STATES - 1))));
}

/* A machine measures anew: less than is promised takes nothing away, but nothing more is promised. */
static void do_beat(struct run *r)
{
	const unsigned agent = below(r, AGENTS);
	struct place_beat beat = place_beat_unknown;
	char *name = mem_printf(r->ctx, "agent%04u", agent);

	r->capacity[agent] = (struct place_amount){1000 * (500 + (int64_t)below(r, 1000)), 1 + below(r, 100000000)};
	beat.capacity = r->capacity[agent];
	assert_null(place_agent_beat(r->fleet, name, &beat));
}

static void set_nodes(struct run *r)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct place_facts facts = facts_of(r->ctx, i, (enum api_role)(i % API_ROLE_COUNT));

		facts.agent = mem_printf(r->ctx, "agent%04u", i % AGENTS);
		r->most_jobs[i] = facts.policy.most_jobs = 1 + (int)below(r, 12);
		r->online[i] = true;
		join(r->fleet, &facts);
		r->capacity[i % AGENTS] = idle_beat().capacity;
	}
}

/* Whatever is open is found, and a plan that was made can be held: nothing else has happened between. */
static void do_plan(struct run *r)
{
	struct place_want wants[] = {
		{.role = API_DISTRIBUTOR, .base = {0, 1 + below(r, 9000000)}, .most_nodes = 1},
		{.role = API_TRANSCODER, .base = {1 + below(r, 300000), 1000}, .most_nodes = 1, .standby = below(r, 2)},
		{.role = API_STORAGE, .base = {0, 1000}, .most_nodes = 1, .standby = below(r, 2)},
	};
	struct place_request request = {
		.wants = wants,
		.want_count = LENGTH(wants),
		.price_limit = PLACE_NO_PRICE,
		.seed = below(r, 1u << 30),
		.now_ms = r->now_ms,
	};
	struct place_plan *plan = NULL, *whole = NULL;
	uint64_t id = 0;

	assert_null(place_plan_make(r->ctx, r->fleet, &request, &plan));
	if (plan->placed) {
		assert_null(reserve_hold_plan(r->book, "plan", plan, r->now_ms + 10, &id));
		assert_true(reserve_release(r->book, id));
	} else {
		/* Of its first part nobody finds more by looking at all. */
		assert_all_counted(&plan->lack.counts);
		assert_true(plan->lack.counts.of == 0 || plan->lack.give);
		if (plan->part_count == 0) {
			request.candidates = PLACE_EVERY;
			assert_null(place_plan_make(r->ctx, r->fleet, &request, &whole));
			assert_false(whole->placed);
			assert_int_equal(whole->part_count, 0);
		}
	}
	for (size_t i = 0; i < plan->part_count; i++) {
		assert_true(plan->parts[i].candidate_count > 0);
		assert_string_equal(plan->parts[i].candidates[0].node, plan->parts[i].node);
		assert_true(plan->parts[i].counts.looked >= plan->parts[i].candidate_count);
	}
}

static void random_run(void **state)
{
	static void (*const steps[])(struct run *) = {
		do_hold, do_hold, do_hold,        do_hold, do_commit,       do_release,
		do_pass, do_plan, do_change_node, do_beat, do_release_node,
	};
	const char *given = getenv("DSN_TEST_SEED");
	struct run r = {0};

	(void)state;
	r.random = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("DSN_TEST_SEED=%llu\n", (unsigned long long)r.random);
	r.ctx = mem_new(NULL, char);
	r.fleet = place_fleet_new(r.ctx, (uint32_t)r.random);
	r.book = reserve_book_new(r.fleet, r.fleet);
	set_nodes(&r);
	for (int i = 0; i < STEPS; i++) {
		void *ctx = r.ctx;

		r.ctx = mem_new(NULL, char);
		steps[below(&r, LENGTH(steps))](&r);
		if (i % 8 == 0)
			books_agree(&r);
		mem_free(r.ctx);
		r.ctx = ctx;
	}
	books_agree(&r);
	/* It was worth it: many got room, and many found none. */
	assert_true(r.held > STEPS / 50 && r.full > STEPS / 50);
	while (r.live_count > 0)
		do_release(&r);
	books_agree(&r);
	mem_free(r.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_slot),    cmocka_unit_test(all_or_nothing), cmocka_unit_test(expiry),
		cmocka_unit_test(failover),     cmocka_unit_test(one_machine),    cmocka_unit_test(unmeasured),
		cmocka_unit_test(nothing_left), cmocka_unit_test(busy_machine),   cmocka_unit_test(random_run),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
