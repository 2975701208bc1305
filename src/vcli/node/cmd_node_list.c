/* vcli node list: the nodes of a network, those that are dead too, or the nodes of an agent. */
#include <stdio.h>
#include <string.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/known_nodes.h"
#include "vcli/bus/request.h"
#include "vcli/commands.h"
#include "vcli/node/discovery.h"
#include "vcli/node/resolve.h"
#include "vcli/render.h"

/* Agents report every 5 s: who has been silent for three reports and does not answer either is dead. */
#define SILENT_MS 15000
/* A first look has nothing to ask: a report of each agent must fall into it. */
#define LISTEN_MS 6000

static const char *const columns[] = {"node_id", "name", "role", "state", "seen",      "agent", "maintenance",
				      "runtime", "mode", "ip",   "ports", "job_count", NULL};

/* --- of an agent --- */

static struct error *list_of_agent(struct vcli *v, json_t *list)
{
	json_t *data = NULL, *row = NULL;
	char *agent = NULL;
	size_t i = 0;

	TRY(resolve_id(v, &v->set.client, v->set.node.agent, RESOLVE_AGENT, &agent));
	TRY(request_one(v, agent, api_command_document(API_NODE_LIST, NULL, NULL, NULL), &data));
	json_array_foreach (json_object_get(data, "nodes"), i, row)
		json_array_append(list, row);
	json_decref(data);
	return NULL;
}

/* --- of the network --- */

static char *age_text(const void *ctx, int64_t age_ms)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{INT64_C(86400000), "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (age_ms >= 2 * units[i].ms || (i == 3 && age_ms >= units[i].ms))
			return mem_printf(ctx, "%lld %s ago", (long long)(age_ms / units[i].ms), units[i].unit);
	}
	return mem_strdup(ctx, "now");
}

/* `asked`: all had the chance to answer. */
static json_t *network_row(const void *ctx, const struct client_known_node *n, bool asked)
{
	int64_t age_ms = clock_wall_ms() - n->seen_ms;
	const char *state = json_string_value(json_object_get(n->row, "state"));
	json_t *row = json_object(), *rest = json_copy(n->row);

	json_put(row, "node_id", n->id);
	json_object_update(row, rest);
	json_decref(rest);
	if (!n->heard && (!asked || age_ms >= SILENT_MS)) {
		json_put(row, "last_state", state ? state : "unknown");
		json_put(row, "state", asked ? "dead" : "unknown");
	}
	json_put(row, "seen", n->heard ? "now" : age_text(ctx, age_ms < 0 ? 0 : age_ms));
	json_put(row, "seen_time", clock_format(ctx, n->seen_ms));
	return row;
}

static bool lives(const json_t *row)
{
	const char *state = json_string_value(json_object_get(row, "state"));

	return state && strcmp(state, "dead") != 0 && strcmp(state, "unknown") != 0;
}

static struct error *nobody(const struct vcli *v)
{
	return error_new(
		ERROR_UNAVAILABLE,
		"no node of network \"%s\" has reported at %s: is an agent running, with this --bus and --network, and has it a node (\"vcli node create\")?",
		v->set.client.network, v->set.client.bus);
}

/* The list is an answer also when all of it is dead; only then it is a failure too. */
static struct error *judge(const struct vcli *v, const json_t *list)
{
	const json_t *row = NULL;
	size_t i = 0, alive = 0;

	if (!json_array_size(list))
		return nobody(v);
	json_array_foreach (list, i, row)
		alive += lives(row);
	if (alive)
		return NULL;
	return error_new(
		ERROR_TIMEOUT,
		"none of the %zu nodes known here answers; \"seen\" tells when each last did. Are their agents running? (--timeout 10s asks longer, vcli node forget ID takes one out of the list)",
		json_array_size(list));
}

static struct error *list_of_network(struct vcli *v, json_t *list)
{
	void *scope = mem_new(NULL, char);
	struct client_known *k = NULL;
	struct error *e = client_known_open(scope, &v->set.client, &k), *saved = NULL;
	bool told = v->set.timeout_ms > 0;

	if (e) {
		mem_free(scope);
		return e;
	}
	e = discovery_run(v, k, told ? v->timeout_ms : k->count ? 0 : LISTEN_MS);
	saved = client_known_save(k);
	for (size_t i = 0; i < k->count; i++)
		json_array_append_new(list, network_row(scope, k->nodes[i], !e));
	mem_free(scope);
	if (e) {
		error_free(saved);
		return e;
	}
	TRY(saved);
	return judge(v, list);
}

/* Agents by name where they have one, else by the beginning of their id. */
static void put_agents(json_t *list)
{
	json_t *row = NULL;
	size_t i = 0;

	json_array_foreach (list, i, row) {
		const char *id = json_string_value(json_object_get(row, "agent_id"));
		const char *name = json_string_value(json_object_get(row, "agent_name"));
		char *text = id ? mem_printf(NULL, "%.8s", id) : NULL;

		if (name || text)
			json_put(row, "agent", name ? name : text);
		mem_free(text);
	}
}

/* Columns that no row has are left out. */
static void print(json_t *list)
{
	const char *shown[sizeof(columns) / sizeof(columns[0])] = {NULL};
	size_t count = 0;

	put_agents(list);
	for (size_t c = 0; columns[c]; c++) {
		for (size_t i = 0; i < json_array_size(list); i++) {
			if (json_object_get(json_array_get(list, i), columns[c])) {
				shown[count++] = columns[c];
				break;
			}
		}
	}
	render_table(stdout, list, shown);
}

struct error *cmd_node_list(struct vcli *v)
{
	json_t *list = json_array(), *answer = json_object();
	struct error *e = v->set.node.agent ? list_of_agent(v, list) : list_of_network(v, list);

	json_object_set(answer, "nodes", list);
	if (!v->set.json && json_array_size(list))
		print(list);
	else if (!v->set.json && !e)
		printf("no nodes\n");
	json_decref(list);
	vcli_answer(v, answer);
	return e;
}
