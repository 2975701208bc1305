#include "random/managers.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"
#include "manager/host.h"
#include "manager/jobs/jobs.h"
#include "manager/registry/registry.h"
#include "random/agents.h"
#include "random/clock.h"
#include "random/tell.h"
#include "store/lease.h"

#define EXPIRE_MS 9000
#define START_MS 15000 /* that a node may take until it serves */
#define KEEP_MS (INT64_C(30) * 24 * 3600 * 1000)
#define CUSTOMER "c0ffee0000000000000000000000000000000001"

struct error *__wrap_lease_release(struct lease *lease);
struct error *__real_lease_release(struct lease *lease);

struct process {
	uv_loop_t loop;
	void *calls; /* what is waited for; freed first */
	struct manager *manager;
};

static struct {
	struct process list[MANAGERS];
	struct client_options client;
	char *database;
	void *ctx;
	struct db *look;
	bool crashes;
} all;

static const struct service_ops *const services[] = {&registry_service, &jobs_service, NULL};
static const struct service_network network = {.name = "random",
					       .bus = "memory:" AGENTS_HUB,
					       .manager = CUSTOMER,
					       .chain = "none",
					       .least_version = "",
					       .suggested_version = "1.0.0",
					       .origin = "http://127.0.0.1"};

struct error *__wrap_lease_release(struct lease *lease)
{
	return all.crashes ? NULL : __real_lease_release(lease);
}

/* No machine loses its power here. */
static struct error *open_db(const void *ctx, const char *where, const struct db_schema *schema, struct db **ret_db)
{
	TRY(db_open(ctx, where, schema, ret_db));
	return db_exec(*ret_db, "pragma synchronous=off", "");
}

void managers_begin(const char *folder)
{
	memset(&all, 0, sizeof(all));
	all.ctx = mem_new(NULL, char);
	all.client = (struct client_options){.bus = mem_strdup(all.ctx, "memory:" AGENTS_HUB),
					     .network = mem_strdup(all.ctx, "random"),
					     .send_plain = true,
					     .state = {.folder = mem_strdup(all.ctx, folder)}};
	all.database = file_join(all.ctx, folder, "dsnd.db");
	for (size_t i = 0; i < MANAGERS; i++)
		uv_loop_init(&all.list[i].loop);
	managers_start(0);
	tell_must(open_db(all.ctx, all.database, &manager_database, &all.look));
}

struct db *managers_db(void)
{
	return all.look;
}

enum managers_life managers_life(size_t m)
{
	if (!all.list[m].manager)
		return MANAGERS_GONE;
	return clock_frozen(&all.list[m].loop) ? MANAGERS_FROZEN : MANAGERS_RUNS;
}

void managers_start(size_t m)
{
	struct process *p = &all.list[m];
	const struct manager_options options = {.client = &all.client,
						.known = services,
						.database = all.database,
						.open_db = open_db,
						.shared = true,
						.expire_ms = EXPIRE_MS,
						.keep_ms = KEEP_MS,
						.start_ms = START_MS,
						.network = &network};

	p->calls = mem_new(NULL, char);
	tell_must(manager_open(NULL, &p->loop, &options, &p->manager));
	tell_must(manager_lead(p->manager, m ? "http://second" : "http://first"));
}

void managers_stop(size_t m)
{
	struct process *p = &all.list[m];

	mem_free(p->calls);
	mem_free(p->manager);
	p->calls = NULL;
	p->manager = NULL;
	clock_freeze(&p->loop, false);
}

void managers_crash(size_t m)
{
	all.crashes = true;
	managers_stop(m);
	all.crashes = false;
}

void managers_freeze(size_t m, bool frozen)
{
	clock_freeze(&all.list[m].loop, frozen);
}

void managers_end(void)
{
	for (size_t i = 0; i < MANAGERS; i++) {
		if (all.list[i].manager)
			managers_stop(i);
		loop_drain(&all.list[i].loop);
		uv_loop_close(&all.list[i].loop);
	}
	mem_free(all.ctx);
}

/* --- calls --- */

struct call {
	managers_answered_fn *fn;
	void *arg;
};

static void on_answered(const struct method *row, const json_t *result, const struct error *e, void *arg)
{
	struct call *c = arg;

	(void)row;
	c->fn(result, e, c->arg);
	mem_free(c);
}

void managers_call(size_t m, unsigned role, const char *method, json_t *params, managers_answered_fn *fn, void *arg)
{
	struct process *p = &all.list[m];
	struct caller caller = {.roles = role | CALLER_ANYONE};
	struct call *c = mem_new(p->calls, struct call);

	snprintf(caller.address, sizeof(caller.address), "%s", CUSTOMER);
	*c = (struct call){fn, talloc_steal(c, arg)};
	method_begin(p->calls, manager_methods(p->manager), &caller, method, params, on_answered, c);
	json_decref(params);
}

/* --- who leads --- */

static void on_listed(const json_t *result, const struct error *e, void *arg)
{
	(void)e;
	**(bool **)arg = result != NULL;
}

static bool leads(size_t m)
{
	bool yes = false, **to = mem_new(NULL, bool *);

	*to = &yes;
	managers_call(m, CALLER_OPERATOR, "orders.list", json_pack("{s:i}", "most", 1), on_listed, to);
	return yes;
}

size_t managers_leader(void)
{
	size_t leader = MANAGERS;

	for (size_t i = 0; i < MANAGERS; i++) {
		if (managers_life(i) != MANAGERS_RUNS || !leads(i))
			continue;
		if (leader < MANAGERS)
			tell_fail("two managers lead the jobs");
		leader = i;
	}
	return leader;
}
