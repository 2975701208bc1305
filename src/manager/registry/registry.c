#include "manager/registry/registry.h"

#include <string.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/request.h"
#include "manager/registry/nodes.h"
#include "manager/registry/row.h"
#include "store/events.h"

#define TICK_MS 1000
#define STOPPED_MS 5000 /* between two ticks: the process did not run meanwhile */
#define ASK_EVERY_MS 250
#define ASK_AT_ONCE 256
#define ASK_MS 5000
#define ROLE_CHOICES "distributor|transcoder|storage"

struct registry {
	const struct service_host *host;
	struct nodes *nodes;
	/* The questions under way; NULL: none. */
	struct client_requests *asking;
	struct client_request_list *questions;
	int64_t tick_ms, listens_ms; /* the last tick, and since when it listens without a gap; monotonic */
	uint64_t not_written;        /* events */
};

/* --- changes of state --- */

static void on_moved(const struct nodes_node *n, void *arg)
{
	struct registry *r = arg;
	const char *state = n->obeys ? nodes_state_name(n->state) : "lost";
	bool leads = service_term(r->host) > 0;
	char *type = mem_printf(NULL, "node.%s", state);
	int64_t id = 0;
	json_t *body = json_pack("{s:s,s:s}", "role", api_role_name(n->said.role), "agent_id", n->said.agent_id);
	struct error *e = leads ? events_append(r->host->db, type, n->id, body, 0, &id) : NULL;

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
	if (now_ms - r->listens_ms >= NODES_SUSPECT_MS)
		nodes_tick(r->nodes, now_ms);
}

static void start(void *state)
{
	((struct registry *)state)->listens_ms = clock_mono_ms();
}

static void heard(const struct message *m, void *state)
{
	struct registry *r = state;

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

/* --- methods --- */

static bool wanted(const struct nodes_node *n, const char *role, const char *state)
{
	return (!role || strcmp(role, api_role_name(n->said.role)) == 0) &&
	       (!state || strcmp(state, nodes_state_name(n->state)) == 0);
}

static void nodes_list(struct method_call *c, void *arg)
{
	const struct registry *r = arg;
	const char *role = method_text(c, "role"), *state = method_text(c, "state");
	json_t *list = json_array();

	for (size_t i = 0; i < nodes_count(r->nodes); i++) {
		const struct nodes_node *n = nodes_at(r->nodes, i);

		if (wanted(n, role, state))
			json_array_append_new(list, row_json(n));
	}
	method_answer(c, json_pack("{s:o}", "nodes", list));
}

static void nodes_get(struct method_call *c, void *arg)
{
	const struct registry *r = arg;
	const struct nodes_node *n = nodes_find(r->nodes, method_text(c, "node_id"));

	if (n)
		method_answer(c, row_json(n));
	else
		method_fail(c, error_new(ERROR_NOT_FOUND, "params.node_id: node %s was not heard of",
					 method_text(c, "node_id")));
}

static void nodes_changes(struct method_call *c, void *arg)
{
	const struct registry *r = arg;
	json_t *rows = json_array(), *gone = json_array();
	struct nodes_changes all;

	nodes_changed(c, r->nodes, method_text(c, "epoch"), method_integer(c, "since"), &all);
	for (size_t i = 0; i < all.count; i++)
		json_array_append_new(rows, row_json(all.list[i]));
	for (size_t i = 0; i < all.gone_count; i++)
		json_array_append_new(gone, json_string(all.gone[i]));
	method_answer(c, json_pack("{s:s,s:I,s:o,s:o}", "epoch", all.epoch, "version", (json_int_t)all.version, "nodes",
				   rows, "gone", gone));
}

#define MAY (CALLER_CUSTOMER | CALLER_SUPPLIER | CALLER_OPERATOR | CALLER_SERVICE)

static const struct method methods[] = {
	{"nodes.list",
	 nodes_list,
	 MAY,
	 "Tell the nodes that are heard on the network",
	 "`nodes`: of each its id, role, state, address, ports, jobs, and whether it obeys this dsnd; of its agent owner, "
	 "version, region, labels, capacity, load, ratios to real time by size, and what it takes; -1 is not known",
	 {{"role", METHOD_WORD, true, NULL, ROLE_CHOICES, 0, 0, "Only those of this role"},
	  {"state", METHOD_WORD, true, NULL, "online|suspect|offline", 0, 0,
	   "Only those in this state: suspect is silent for 15 s, offline for 60 s"}},
	 {{0}}},
	{"nodes.get",
	 nodes_get,
	 MAY,
	 "Tell one node",
	 "what nodes.list tells of it",
	 {{"node_id", METHOD_ADDRESS, false, NULL, NULL, 0, 0, "The node"}},
	 {{ERROR_NOT_FOUND, "look at nodes.list; an agent reports each of its nodes every 5 s"}}},
	{"nodes.changes",
	 nodes_changes,
	 CALLER_SERVICE | CALLER_OPERATOR,
	 "Tell which nodes have changed since one has asked; that a node was heard again is no change",
	 "`epoch` and `version`, to ask with next; `nodes` as nodes.list tells them; `gone`, the ids that were forgotten. "
	 "Another `epoch` than one has asked with: these are all nodes, forget what was known before",
	 {{"epoch", METHOD_TEXT, true, NULL, NULL, 1, 64, "As the last answer told it; without it all nodes"},
	  {"since", METHOD_INTEGER, true, NULL, NULL, 0, INT64_MAX, "The `version` of the last answer"}},
	 {{0}}},
};

static const char *const told_by_standby[] = {"nodes.list", "nodes.get", "nodes.changes", NULL};

static const struct service_task tasks[] = {{TICK_MS, tick}, {ASK_EVERY_MS, ask}, {0, NULL}};

static struct error *open_registry(const void *ctx, const struct service_host *host, void **ret_state)
{
	struct registry *r = mem_new(ctx, struct registry);

	r->host = host;
	r->nodes = nodes_new(r, on_moved, r);
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
	metrics_counter(t, "registry_events_lost_total", "Changes of state that could not be written down.",
			r->not_written);
}

const struct service_ops registry_service = {
	.name = "registry",
	.text = "who is there",
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
	.tasks = tasks,
	.told_by_standby = told_by_standby,
	.warm = true,
	.open = open_registry,
	.start = start,
	.heard = heard,
	.measure = measure,
};
