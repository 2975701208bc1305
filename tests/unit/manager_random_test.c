/* Anything in any order: orders, their ends and restarts, agents and managers that die, freeze and come back, a bus
 * that loses, repeats and delays, clocks that are set. The real registry and jobs on a real database over the memory
 * bus, under two managers of which one leads; the agents' media alone are made up (random/agents.h). After every step
 * the promises of docs/model.md hold (random/look.h), and when all is quiet everything is as its last wish says.
 *
 * DSN_RANDOM_SEED: a run again, the same in all; DSN_RANDOM_STEPS: how long; DSN_RANDOM_TELL=1: what happens, as it
 * happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/memory.h"
#include "random/agents.h"
#include "random/clock.h"
#include "random/dice.h"
#include "random/look.h"
#include "random/managers.h"
#include "random/tell.h"

#define STEPS 500
#define QUIET_EVERY 100 /* steps */
#define QUIET_MS (20 * 60 * 1000)
#define ADMIT_MS 30000 /* after which somebody leads */
#define LONG_MS 70000  /* until a silent node is lost, and more */
#define CLOCK_OFF_MS 180000
#define ORDERS_LATELY 24 /* whom cancels and the like are for */
#define TRIES 5          /* to find one that is not cancelled */

static struct {
	size_t answered, refused; /* calls */
	size_t words;
	int64_t off_ms; /* of the wall clock */
} all;

/* --- calls --- */

/* Whoever leads, or just any that runs. */
static size_t somebody(void)
{
	size_t leader = managers_leader(), any = dice_below(MANAGERS);

	if (leader < MANAGERS && !dice_chance(50))
		return leader;
	return managers_life(any) == MANAGERS_RUNS ? any : leader;
}

static void check_reason(const struct error *e)
{
	if (e && !*e->message)
		tell_fail("a decision without a reason: a call is refused without one");
	all.answered += !e;
	all.refused += e != NULL;
}

static void on_created(const json_t *result, const struct error *e, void *arg)
{
	(void)arg;
	check_reason(e);
	tell("  answered: %s", e ? e->message : json_string_value(json_object_get(result, "state")));
	if (result) {
		look_always();
		look_accepted(json_string_value(json_object_get(result, "job")));
	}
}

static json_t *rendition(const char *name, const char *size, const char *bps)
{
	return json_pack("{s:s,s:s,s:s}", "resolution_name", name, "resolution", size, "bitrate", bps);
}

static json_t *new_order(void)
{
	json_t *ladder = json_array();
	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:{s:s,s:{s:s,s:s,s:s},s:O}}", "apiVersion", "1.00", "typeApi",
			      "public", "command", "pipeline", "subcommand", "start", "pipeline", "type_source", "live",
			      "source", "resolution_name", "_720p", "resolution", "1280x720", "bitrate", "2500000",
			      "transcoding", ladder);
	json_t *pipeline = json_object_get(o, "pipeline");

	json_array_append_new(ladder, rendition("_360p", "640x360", "700000"));
	if (dice_chance(300))
		json_array_append_new(ladder, rendition("_540p", "960x540", "1500000"));
	if (dice_chance(300))
		json_object_set_new(pipeline, "redundancy", json_pack("{s:s}", "storage", "standby"));
	json_decref(ladder);
	return o;
}

static void order(void)
{
	size_t m = somebody();
	json_t *params;
	char word[16];

	if (m == MANAGERS)
		return;
	params = json_pack("{s:o}", "order", new_order());
	if (dice_chance(300)) {
		snprintf(word, sizeof(word), "w%zu", all.words + dice_below(3));
		all.words += dice_chance(500);
		json_put(params, "once", word);
	}
	tell("order at %zu", m);
	managers_call(m, CALLER_CUSTOMER, "orders.create", params, on_created, NULL);
}

static void on_changed(const json_t *result, const struct error *e, void *arg)
{
	(void)result;
	(void)arg;
	check_reason(e);
	if (e)
		tell("  answered: %s", e->message);
}

static struct error *on_state(const struct db_row *row, void *arg)
{
	snprintf(arg, 32, "%s", db_text(row, 0));
	return NULL;
}

/* Of the last ones, rather one that is not cancelled. */
static size_t some_order(void)
{
	size_t known = look_count(), n = 0;

	for (size_t i = 0; i < TRIES; i++) {
		n = known - 1 - dice_below(known < ORDERS_LATELY ? known : ORDERS_LATELY);
		if (look_wish(n) != LOOK_CANCEL)
			break;
	}
	return n;
}

/* It counts as wanted when the order's state says so at once: the answer comes when the nodes have been told. */
static void change(const char *method, const char *state, enum look_wish wish)
{
	size_t m = somebody(), n;
	char before[32] = "", after[32] = "";
	const char *sql = "select state from jobs_order where job=?";

	if (m == MANAGERS || !look_count())
		return;
	n = some_order();
	tell("%s %s at %zu", method, look_job(n), m);
	tell_must(db_query(managers_db(), on_state, before, sql, "s", look_job(n)));
	managers_call(m, CALLER_CUSTOMER, method, json_pack("{s:s}", "job", look_job(n)), on_changed, NULL);
	tell_must(db_query(managers_db(), on_state, after, sql, "s", look_job(n)));
	if (strcmp(before, after) != 0 && strncmp(after, state, 4) == 0)
		look_wishes(n, wish);
}

static void cancel(void)
{
	change("orders.cancel", "cancelling", LOOK_CANCEL);
}

static void stop(void)
{
	change("pipelines.stop", "stopping", LOOK_STOP);
}

static void start(void)
{
	change("pipelines.start", "starting", LOOK_RUN);
}

static void on_explained(const json_t *result, const struct error *e, void *arg)
{
	const json_t *list = json_object_get(result, "decisions");

	(void)arg;
	check_reason(e);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!json_object_size(json_object_get(json_array_get(list, i), "record")))
			tell_fail("a decision without a reason: orders.explain has an empty record");
	}
	if (result && !json_array_size(list))
		tell_fail("a decision without a reason: orders.explain has none");
}

static void explain(void)
{
	size_t m = somebody(), known = look_count();

	if (m < MANAGERS && known)
		managers_call(m, CALLER_CUSTOMER, "orders.explain",
			      json_pack("{s:s}", "job", look_job(dice_below(known))), on_explained, NULL);
}

static void mark(void)
{
	static const char *const methods[] = {"nodes.bar", "nodes.set_aside", "nodes.admit", "nodes.admit",
					      "nodes.admit"};
	const char *method = methods[dice_below(5)];
	const struct agents_node *n = agents_node(dice_below(AGENTS_NODES));
	size_t m = somebody();

	if (m == MANAGERS)
		return;
	tell("%s %.8s", method, n->id);
	managers_call(m, CALLER_OPERATOR, method, json_pack("{s:s,s:s}", "node_id", n->id, "why", "a throw of dice"),
		      on_changed, NULL);
}

/* --- agents --- */

static void kill_agent(void)
{
	size_t n = dice_below(AGENTS);

	tell("agent %zu is killed", n);
	if (agents_alive(n))
		agents_kill(n);
}

static void return_agent(void)
{
	size_t n = dice_below(AGENTS);

	tell("agent %zu returns", n);
	agents_return(n);
}

static void maintain(void)
{
	struct agents_node *n = agents_node(dice_below(AGENTS_NODES));

	n->maintenance = !n->maintenance && dice_chance(400);
	tell("node %.8s: maintenance %d", n->id, n->maintenance);
}

static void sicken(void)
{
	struct agents_node *n = agents_node(dice_below(AGENTS_NODES));

	n->sick = !n->sick && dice_chance(400);
	tell("node %.8s: sick %d", n->id, n->sick);
}

static void complain(void)
{
	agents_node(dice_below(AGENTS_NODES))->complains = true;
}

/* --- managers --- */

static void start_manager(void)
{
	for (size_t i = 0; i < MANAGERS; i++) {
		if (managers_life(i) == MANAGERS_GONE) {
			tell("manager %zu starts", i);
			managers_start(i);
		}
	}
}

static void end_manager(void)
{
	size_t m = dice_below(MANAGERS);

	if (managers_life(m) == MANAGERS_GONE)
		return;
	if (dice_chance(700)) {
		tell("manager %zu is killed", m);
		managers_crash(m);
	} else if (managers_life(m) == MANAGERS_RUNS) {
		tell("manager %zu ends", m);
		managers_stop(m);
	}
}

static void freeze_manager(void)
{
	size_t m = dice_below(MANAGERS);
	bool frozen = managers_life(m) == MANAGERS_FROZEN;

	if (managers_life(m) == MANAGERS_GONE)
		return;
	tell("manager %zu is %s", m, frozen ? "woken" : "frozen");
	managers_freeze(m, !frozen);
}

/* --- the bus, and time --- */

static void break_bus(void)
{
	switch (dice_below(5)) {
	case 0:
		tell("every connection breaks");
		memory_hub_drop(AGENTS_HUB);
		break;
	case 1:
		tell("the bus goes");
		memory_hub_refuse(AGENTS_HUB, true);
		memory_hub_drop(AGENTS_HUB);
		break;
	case 2:
		tell("messages come twice");
		memory_hub_duplicate(AGENTS_HUB, (unsigned)dice_below(8));
		break;
	default:
		tell("confirms are lost");
		memory_hub_lose_confirms(AGENTS_HUB, (unsigned)dice_below(8));
	}
}

static void mend_bus(void)
{
	memory_hub_refuse(AGENTS_HUB, false);
}

static void set_clock(void)
{
	int64_t to_ms = (int64_t)dice_below(2 * CLOCK_OFF_MS + 1) - CLOCK_OFF_MS;

	tell("the clock is %lld ms off", (long long)to_ms);
	clock_set_wall(to_ms - all.off_ms);
	all.off_ms = to_ms;
}

static void pass(void)
{
	static const int64_t times_ms[] = {0, 0, 10, 100, 100, 300, 300, 1000, 1000, 1000, 3000, 6000};

	clock_pass(dice_chance(10) ? LONG_MS : times_ms[dice_below(sizeof(times_ms) / sizeof(times_ms[0]))]);
}

static void nothing(void)
{
}

static const struct {
	unsigned weight;
	void (*run)(void);
} operations[] = {
	{18, order},        {12, cancel},        {6, stop},      {8, start},    {3, explain},   {2, mark},
	{4, kill_agent},    {9, return_agent},   {3, maintain},  {3, sicken},   {3, complain},  {3, end_manager},
	{7, start_manager}, {2, freeze_manager}, {3, break_bus}, {7, mend_bus}, {1, set_clock}, {5, nothing},
};

static void one_step(void)
{
	unsigned sum = 0, at;

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		sum += operations[i].weight;
	at = (unsigned)dice_below(sum);
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (at < operations[i].weight) {
			operations[i].run();
			break;
		}
		at -= operations[i].weight;
	}
	pass();
	look_always();
}

/* --- quiet --- */

/* All that hinders ends. */
static void calm(void)
{
	tell("all that hinders ends");
	memory_hub_refuse(AGENTS_HUB, false);
	memory_hub_duplicate(AGENTS_HUB, 0);
	memory_hub_lose_confirms(AGENTS_HUB, 0);
	for (size_t i = 0; i < MANAGERS; i++)
		managers_freeze(i, false);
	start_manager();
	for (size_t i = 0; i < AGENTS; i++)
		agents_return(i);
	for (size_t i = 0; i < AGENTS_NODES; i++) {
		agents_node(i)->maintenance = agents_node(i)->sick = agents_node(i)->complains = false;
	}
	clock_set_wall(-all.off_ms);
	all.off_ms = 0;
}

static void admit_all(void)
{
	size_t m = managers_leader();

	for (size_t i = 0; i < AGENTS_NODES && m < MANAGERS; i++)
		managers_call(m, CALLER_OPERATOR, "nodes.admit", json_pack("{s:s}", "node_id", agents_node(i)->id),
			      on_changed, NULL);
}

static void be_quiet(void)
{
	const char *lack = "";

	calm();
	for (int64_t ms = 0; lack && ms < QUIET_MS; ms += 1000) {
		clock_pass(1000);
		look_always();
		if (ms == ADMIT_MS)
			admit_all();
		lack = ms > ADMIT_MS ? look_unsettled() : lack;
	}
	if (lack)
		tell_fail("not as it is to be when all is quiet: %s", lack);
}

/* --- */

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t any_seed(void)
{
	FILE *f = fopen("/dev/urandom", "re");
	uint32_t seed = 1;

	if (f) {
		if (fread(&seed, sizeof(seed), 1, f) != 1)
			seed = 1;
		fclose(f);
	}
	return seed;
}

static void test_anything_in_any_order(void **state)
{
	uint64_t seed = number_of("DSN_RANDOM_SEED", any_seed());
	size_t steps = number_of("DSN_RANDOM_STEPS", STEPS);
	const char *tmp = getenv("TMPDIR");
	char *folder = mem_printf(NULL, "%s/dsn-random-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	uv_loop_t loop;

	(void)state;
	assert_non_null(mkdtemp(folder));
	printf("DSN_RANDOM_SEED=%llu DSN_RANDOM_STEPS=%zu\n", (unsigned long long)seed, steps);
	fflush(stdout);
	dice_begin(seed);
	tell_begin(seed);
	uv_loop_init(&loop);
	agents_begin(&loop);
	managers_begin(folder);
	look_begin();
	for (size_t i = 1; i <= steps; i++) {
		tell_step(i);
		one_step();
		if (i % QUIET_EVERY == 0 || i == steps)
			be_quiet();
	}
	printf("%zu orders, %zu calls answered, %zu refused, %zu commands of lower terms refused\n", look_count(),
	       all.answered, all.refused, agents_refused());
	managers_end();
	look_end();
	agents_end();
	loop_drain(&loop);
	uv_loop_close(&loop);
	memory_hub_free(AGENTS_HUB);
	tell_must(file_remove_tree(folder));
	mem_free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_anything_in_any_order)};
	enum log_level level;

	if (log_parse_level(getenv("DSN_RANDOM_LOG") ? getenv("DSN_RANDOM_LOG") : "error", &level))
		return 1;
	log_set_level(level);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
