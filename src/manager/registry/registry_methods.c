/* The methods of the registry. */
#include <string.h>

#include "base/log.h"
#include "manager/registry/history.h"
#include "manager/registry/registry_impl.h"
#include "manager/registry/row.h"

#define ROLE_CHOICES "distributor|transcoder|storage"
#define STATE_CHOICES "online|suspect|offline|draining|too_old|barred|set_aside"

static bool wanted(const struct nodes_node *n, const char *role, const char *state)
{
	return (!role || strcmp(role, api_role_name(n->said.role)) == 0) &&
	       (!state || strcmp(state, nodes_state_name(n->state)) == 0);
}

/* Who an owner's customers are is for him, and for those who place by it. */
static json_t *row_for(const struct method_call *c, const struct nodes_node *n)
{
	const struct caller *who = method_caller(c);
	char owner[ID_DIGITS + 1];
	json_t *row = row_json(n);

	nodes_owner_of(n, owner);
	if (!(who->roles & (CALLER_OPERATOR | CALLER_SERVICE)) && (!*owner || strcmp(owner, who->address) != 0))
		json_object_del(json_object_get(row, "policy"), "customers");
	return row;
}

static void nodes_list(struct method_call *c, void *arg)
{
	const struct registry *r = arg;
	const char *role = method_text(c, "role"), *state = method_text(c, "state");
	json_t *list = json_array();

	for (size_t i = 0; i < nodes_count(r->nodes); i++) {
		const struct nodes_node *n = nodes_at(r->nodes, i);

		if (wanted(n, role, state))
			json_array_append_new(list, row_for(c, n));
	}
	method_answer(c, json_pack("{s:o,s:s,s:s}", "nodes", list, "least_version", r->host->network->least_version,
				   "suggested_version", r->host->network->suggested_version));
}

static void nodes_get(struct method_call *c, void *arg)
{
	const struct registry *r = arg;
	const struct nodes_node *n = nodes_find(r->nodes, method_text(c, "node_id"));

	if (n)
		method_answer(c, row_for(c, n));
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

/* --- what the operator says of one --- */

static void mark(struct method_call *c, struct registry *r, enum nodes_state state)
{
	const char *id = method_text(c, "node_id"), *why = method_text(c, "why");
	const struct nodes_node *n;
	char owner[ID_DIGITS + 1] = "";
	struct error *e;

	n = nodes_find(r->nodes, id);
	if (n)
		nodes_owner_of(n, owner);
	e = marks_set(r->marks, r->host->db,
		      &(struct marks_change){id, state, why ? why : "", method_caller(c)->address, owner});

	if (e) {
		method_fail(c, e);
		return;
	}
	r->marking = true;
	nodes_marked(r->nodes, id);
	r->marking = false;
	n = nodes_find(r->nodes, id);
	log_info("registry.mark", "node=%s state=%s why=%s", id, nodes_state_name(state), log_q(why ? why : ""));
	method_answer(c, n ? row_json(n) : json_pack("{s:s}", "node_id", id));
}

static void nodes_set_aside(struct method_call *c, void *arg)
{
	mark(c, arg, NODES_SET_ASIDE);
}

static void nodes_bar(struct method_call *c, void *arg)
{
	mark(c, arg, NODES_BARRED);
}

static void nodes_admit(struct method_call *c, void *arg)
{
	mark(c, arg, NODES_ONLINE);
}

static void nodes_history(struct method_call *c, void *arg)
{
	const struct registry *r = arg;
	int64_t most = method_integer(c, "most");
	json_t *list = NULL;
	struct error *e = history_read(r->host->db, method_text(c, "node_id"), most ? most : HISTORY_MOST, &list);

	if (e)
		method_fail(c, e);
	else
		method_answer(c, json_pack("{s:o}", "history", list));
}

static void nodes_chain_bars(struct method_call *c, void *arg)
{
	struct registry *r = arg;
	bool changed = false;
	struct error *e = chain_bars_set(r->bars, method_object(c, "bars"), &changed);

	if (!e && changed)
		nodes_look_again(r->nodes);
	if (e)
		method_fail(c, e);
	else
		method_answer(c, json_object());
}

#define MARKS (CALLER_OPERATOR | CALLER_SERVICE)
#define WHY                                                                                                       \
	{                                                                                                         \
		"why", METHOD_TEXT, false, NULL, NULL, 1, MARKS_WHY_BYTES, "For people, and for the node's owner" \
	}
#define NODE                                                                                    \
	{                                                                                       \
		"node_id", METHOD_ADDRESS, false, NULL, NULL, 0, 0, "The node, heard of or not" \
	}
#define MAY (CALLER_CUSTOMER | CALLER_SUPPLIER | CALLER_OPERATOR | CALLER_SERVICE)

const struct method registry_methods[REGISTRY_METHODS] = {
	{"nodes.list",
	 nodes_list,
	 MAY,
	 "Tell the nodes that are heard on the network",
	 "`nodes`: of each its id, role, state, address, ports, jobs, and whether it obeys this dsnd; of its agent owner, "
	 "version, region, labels, capacity, load, ratios to real time by size, and what it takes (its customers are told to "
	 "its owner and to operators only); -1 is not known",
	 {{"role", METHOD_WORD, true, NULL, ROLE_CHOICES, 0, 0, "Only those of this role"},
	  {"state", METHOD_WORD, true, NULL, STATE_CHOICES, 0, 0,
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
	{"nodes.set_aside",
	 nodes_set_aside,
	 MARKS,
	 "Give a node no more work, until nodes.admit; what runs there goes on",
	 "the node, as nodes.list tells it",
	 {NODE, WHY},
	 {{0}}},
	{"nodes.bar",
	 nodes_bar,
	 MARKS,
	 "Bar a node from the network, until nodes.admit",
	 "the node, as nodes.list tells it",
	 {NODE, WHY},
	 {{0}}},
	{"nodes.admit",
	 nodes_admit,
	 MARKS,
	 "Take back nodes.set_aside or nodes.bar",
	 "the node, as nodes.list tells it",
	 {NODE, {"why", METHOD_TEXT, true, NULL, NULL, 1, MARKS_WHY_BYTES, "For people"}},
	 {{ERROR_NOT_FOUND, "look at nodes.list: only a node that is set_aside or barred can be admitted"}}},
	{"nodes.history",
	 nodes_history,
	 MAY,
	 "Tell what has become of a node",
	 "`history`, the newest first: `at`, `state`, and `why` where somebody has said it",
	 {NODE, {"most", METHOD_INTEGER, true, NULL, NULL, 1, HISTORY_MOST, "How many at most; 1000 otherwise"}},
	 {{0}}},
	{"nodes.chain_bars",
	 nodes_chain_bars,
	 CALLER_SERVICE,
	 "Say who is barred on the chain, all of them; what an operator has barred stays so",
	 "nothing",
	 {{"bars", METHOD_OBJECT, false, NULL, NULL, 0, CHAIN_BARS_BYTES,
	   "`list`: of each `subject` (a node or an owner), `until_s` (since 1970), `why`"}},
	 {{0}}},
};
