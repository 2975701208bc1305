#include "manager/registry/registry.h"

#include <string.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "manager/registry/history.h"
#include "manager/registry/registry_impl.h"
#include "store/events.h"

#define TICK_MS 1000
#define STOPPED_MS 5000 /* between two ticks: the process did not run meanwhile */
#define ASK_EVERY_MS 250
#define ASK_AT_ONCE 256
#define ASK_MS 5000

/* --- changes of state --- */

static void on_moved(const struct nodes_node *n, void *arg)
{
	struct registry *r = arg;
	const struct marks_mark *mark = marks_find(r->marks, n->id);
	const char *state = n->obeys ? nodes_state_name(n->state) : "lost";
	bool leads = service_term(r->host) > 0;
	char *type = mem_printf(NULL, "node.%s", state);
	int64_t id = 0;
	json_t *body = json_pack("{s:s,s:s}", "role", api_role_name(n->said.role), "agent_id", nodes_agent_of(n));
	char owner[ID_DIGITS + 1];
	struct error *e;

	nodes_owner_of(n, owner);
	if (*owner)
		json_put(body, "owner", owner);
	if (mark && mark->state == n->state)
		json_put(body, "why", mark->why);
	else if (n->state == NODES_BARRED && nodes_chain_bar_of(r->nodes, n))
		json_object_set_new(body, "why", json_sprintf("on the chain: %s", nodes_chain_bar_of(r->nodes, n)));
	e = leads && !r->marking ? events_append(r->host->db, type, n->id, body, 0, &id) : NULL;

	log_info("registry.node", "node=%s role=%s state=%s", n->id, api_role_name(n->said.role), state);
	if (e) {
		r->not_written++;
		log_error("registry.event", "node=%s why=%s", n->id, log_q(e->message));
	}
	error_free(e);
	json_decref(body);
	mem_free(type);
}

/* Who was stopped, or has just come to lead, has not listened long enough to call anybody silent. */
static void tick(void *state)
{
	struct registry *r = state;
	int64_t now_ms = clock_mono_ms();

	if (now_ms - r->tick_ms > STOPPED_MS)
		r->listens_ms = now_ms;
	r->tick_ms = now_ms;
	if (chain_bars_ended(r->bars, clock_wall_ms() / 1000))
		nodes_look_again(r->nodes);
	if (now_ms - r->listens_ms >= NODES_SUSPECT_MS)
		nodes_tick(r->nodes, now_ms);
}

static void start(void *state)
{
	struct registry *r = state;
	struct error *e = marks_load(r->marks, r->host->db); /* another dsnd may have led, and made some */

	if (e)
		log_error("registry.marks", "why=%s", log_q(e->message));
	error_free(e);
	nodes_look_again(r->nodes);
	r->listens_ms = clock_mono_ms();
}

static void heard(const struct message *m, void *state)
{
	struct registry *r = state;
	struct error *e;

	if (api_beat_is(m->body)) {
		r->beats++;
		e = nodes_beat(r->nodes, m->from, m->body, clock_mono_ms());
		r->bad_beats += e != NULL;
		if (e)
			log_debug("registry.beat", "agent=%s why=%s", m->from, log_q(e->message));
		error_free(e);
		return;
	}
	nodes_see(r->nodes, m->from, m->body, clock_mono_ms());
}

/* --- whom we may give work --- */

static void on_answer(const struct client_request *q, void *arg)
{
	struct registry *r = arg;

	if (!q->error)
		nodes_answered(r->nodes, q->to, true, clock_mono_ms());
	else if (q->error->code == ERROR_REFUSED)
		nodes_answered(r->nodes, q->to, false, clock_mono_ms());
}

static void on_asked(const struct error *e, void *arg)
{
	struct registry *r = arg;

	if (e)
		log_debug("registry.ask", "why=%s", log_q(e->message));
	mem_free(r->asking);
	mem_free(r->questions);
	r->asking = NULL;
	r->questions = NULL;
}

static void ask(void *state)
{
	struct registry *r = state;
	const struct nodes_node *list[ASK_AT_ONCE];
	const struct client_request_options options = {
		.link = r->host->link, .timeout_ms = ASK_MS, .patience_ms = ASK_MS, .ttl_ms = CLIENT_TTL_LEAST_MS};
	const struct client_request_events events = {.answered = on_answer, .ended = on_asked, .arg = r};
	size_t count;
	struct error *e;

	if (r->asking)
		return;
	count = nodes_to_ask(r->nodes, clock_mono_ms(), list, ASK_AT_ONCE);
	if (!count)
		return;
	r->questions = client_requests_new(r);
	for (size_t i = 0; i < count; i++)
		client_requests_add(r->questions, list[i]->id, api_role_name(list[i]->said.role),
				    api_command_document(API_NODE_STATUS, list[i]->id, NULL, NULL));
	e = client_requests_begin(r, &options, r->questions, &events, &r->asking);
	if (e) {
		log_warn("registry.ask", "why=%s", log_q(e->message));
		on_asked(e, r);
	}
	error_free(e);
}

static const struct db_migration migrations[] = {{marks_tables}, {history_tables}};
static const char *const told_by_standby[] = {"nodes.list",    "nodes.get",        "nodes.changes",
					      "nodes.history", "nodes.chain_bars", NULL};
static const struct service_task tasks[] = {{TICK_MS, tick}, {ASK_EVERY_MS, ask}, {0, NULL}};

static struct error *open_registry(const void *ctx, const struct service_host *host, void **ret_state)
{
	struct registry *r = mem_new(ctx, struct registry);

	r->host = host;
	r->marks = marks_new(r);
	r->bars = chain_bars_new(r);
	r->nodes = nodes_new(r, &(struct nodes_options){r->marks, host->network->least_version, r->bars}, on_moved, r);
	TRY(marks_load(r->marks, host->db));
	*ret_state = r;
	return NULL;
}

static void measure(struct metrics_text *t, void *state)
{
	const struct registry *r = state;
	size_t in_state[NODES_STATES] = {0}, obey = 0;

	for (size_t i = 0; i < nodes_count(r->nodes); i++) {
		in_state[nodes_at(r->nodes, i)->state]++;
		obey += nodes_at(r->nodes, i)->obeys;
	}
	metrics_head(t, METRICS_GAUGE, "nodes", "Nodes heard of, by state.");
	for (enum nodes_state s = 0; s < NODES_STATES; s++)
		metrics_line(t, "nodes", "state", nodes_state_name(s), (double)in_state[s]);
	metrics_gauge(t, "nodes_obeying", "Nodes whose agent names this dsnd its manager.", (double)obey);
	metrics_counter(t, "registry_beats_total", "Heartbeats of agents heard.", r->beats);
	metrics_counter(t, "registry_beats_refused_total", "Those of them that said nothing that can be read.",
			r->bad_beats);
	metrics_counter(t, "registry_events_lost_total", "Changes of state that could not be written down.",
			r->not_written);
}

const struct service_ops registry_service = {
	.name = "registry",
	.text = "who is there",
	.migrations = migrations,
	.migration_count = sizeof(migrations) / sizeof(migrations[0]),
	.methods = registry_methods,
	.method_count = REGISTRY_METHODS,
	.tasks = tasks,
	.told_by_standby = told_by_standby,
	.warm = true,
	.keeps_log = true,
	.open = open_registry,
	.start = start,
	.heard = heard,
	.measure = measure,
};
