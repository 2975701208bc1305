#include "manager/jobs/place_filter.h"

#include "manager/jobs/place_impl.h"

/* An encoder that takes longer than this misses real time when anything else happens on its machine. */
#define MOST_REALTIME_PM 800

/* What the customer has asked for and can ask for less of. */
#define WISHES                                                                                              \
	(1u << PLACE_WHY_EXCLUDED | 1u << PLACE_WHY_REGION | 1u << PLACE_WHY_LABELS | 1u << PLACE_WHY_GPU | \
	 1u << PLACE_WHY_PRICE | 1u << PLACE_WHY_OWNER | 1u << PLACE_WHY_NET)

static bool has_state(const struct place_node *n, enum place_state state)
{
	return n->state == state;
}

static bool offline(const struct place_look *look, const struct place_node *n)
{
	(void)look;
	return has_state(n, PLACE_OFFLINE);
}

static bool suspect(const struct place_look *look, const struct place_node *n)
{
	(void)look;
	return has_state(n, PLACE_SUSPECT);
}

static bool draining(const struct place_look *look, const struct place_node *n)
{
	(void)look;
	return has_state(n, PLACE_DRAINING);
}

static bool too_old(const struct place_look *look, const struct place_node *n)
{
	return has_state(n, PLACE_TOO_OLD) || n->version < look->least_version;
}

static bool barred(const struct place_look *look, const struct place_node *n)
{
	(void)look;
	return has_state(n, PLACE_BARRED);
}

static bool set_aside(const struct place_look *look, const struct place_node *n)
{
	(void)look;
	return has_state(n, PLACE_SET_ASIDE);
}

static bool strange(const struct place_look *look, const struct place_node *n)
{
	(void)look;
	return has_state(n, PLACE_STRANGE);
}

static bool not_serving(const struct place_look *look, const struct place_node *n)
{
	(void)look;
	return has_state(n, PLACE_NOT_SERVING);
}

static bool no_ports(const struct place_look *look, const struct place_node *n)
{
	(void)look;
	return has_state(n, PLACE_NO_PORTS);
}

static bool disreputed(const struct place_look *look, const struct place_node *n)
{
	return place_disreputed(n, look->request->now_ms);
}

static bool used(const struct place_look *look, const struct place_node *n)
{
	return n->planned == look->fleet->plan && n->used;
}

static bool has_port(const struct place_node *n, uint16_t port)
{
	return port && (n->rtmp_port == port || n->http_port == port);
}

/* Nodes say themselves where they are. Two at one address cannot be told apart by those that send to them. */
static bool same_address(const struct place_look *look, const struct place_node *n)
{
	for (size_t i = 0; i < look->chosen_count; i++) {
		const struct place_node *other = &look->fleet->nodes[look->chosen[i].node];

		if (other != n && other->host == n->host &&
		    (has_port(other, n->rtmp_port) || has_port(other, n->http_port)))
			return true;
	}
	return false;
}

static bool excluded(const struct place_look *look, const struct place_node *n)
{
	return n->planned == look->fleet->plan && n->excluded;
}

static bool policy_role(const struct place_look *look, const struct place_node *n)
{
	return !(n->roles & 1u << look->role);
}

static bool policy_customer(const struct place_look *look, const struct place_node *n)
{
	for (size_t i = 0; i < n->customer_count; i++) {
		if (n->customers[i] == look->customer)
			return false;
	}
	return n->customer_count > 0;
}

static bool other_region(const struct place_look *look, const struct place_node *n)
{
	for (size_t i = 0; i < look->request->region_count; i++) {
		if (look->regions[i] == n->region)
			return false;
	}
	return look->request->region_count > 0;
}

static bool labels_missing(const struct place_look *look, const struct place_node *n)
{
	for (size_t i = 0; i < look->request->label_count; i++) {
		size_t k = 0;

		while (k < n->label_count && n->labels[k].word != look->labels[i])
			k++;
		if (k == n->label_count)
			return true;
	}
	return false;
}

static bool no_gpu(const struct place_look *look, const struct place_node *n)
{
	return look->request->gpu && look->role == API_TRANSCODER && !n->gpu;
}

static bool dear(const struct place_look *look, const struct place_node *n)
{
	return look->request->price_limit != PLACE_NO_PRICE && n->price > look->request->price_limit;
}

/* The node that this one is to stand in for, or NULL. */
static const struct place_node *first_of(const struct place_look *look)
{
	return look->stands_in_for == PLACE_NONE ? NULL : &look->fleet->nodes[look->stands_in_for];
}

static bool same_agent(const struct place_look *look, const struct place_node *n)
{
	const struct place_node *first = first_of(look);

	return first && first->agent == n->agent;
}

static bool same_owner(const struct place_look *look, const struct place_node *n)
{
	const struct place_node *first = first_of(look);

	return first && look->request->apart & PLACE_APART_OWNER && first->owner == n->owner;
}

static bool same_net(const struct place_look *look, const struct place_node *n)
{
	const struct place_node *first = first_of(look);

	return first && look->request->apart & PLACE_APART_NET && n->net && first->net == n->net;
}

static bool too_slow(const struct place_look *look, const struct place_node *n)
{
	const struct place_beat *beat = &look->fleet->agents[n->agent].beat;

	for (int i = 0; i < PLACE_RUNGS; i++) {
		if (look->rungs & 1u << i && beat->realtime_pm[i] > MOST_REALTIME_PM)
			return true;
	}
	return false;
}

/* What the order has taken of the same machine before counts too: nothing of it is promised yet. */
static bool no_room(const struct place_look *look, const struct place_node *n)
{
	const struct place_agent *a = &look->fleet->agents[n->agent];
	struct place_amount left = place_node_free(look->fleet, n);

	if (a->planned == look->fleet->plan) {
		left.blocks_per_s -= a->taken.blocks_per_s;
		left.bps -= a->taken.bps;
	}
	return !place_node_fits(n, &left, &look->amount);
}

static const struct place_rule {
	const char *name, *text, *mend;
	bool (*refuses)(const struct place_look *look, const struct place_node *n);
} filters[PLACE_WHYS] = {
	[PLACE_WHY_OFFLINE] = {"offline", "are offline", "nodes that come back", offline},
	[PLACE_WHY_SUSPECT] = {"suspect", "were not heard of lately", "nodes that are heard of again", suspect},
	[PLACE_WHY_DRAINING] = {"draining", "are in maintenance", "nodes whose maintenance ends", draining},
	[PLACE_WHY_TOO_OLD] = {"too_old", "are too old", "an update of the nodes", too_old},
	[PLACE_WHY_BARRED] = {"barred", "are barred", "a bar that is lifted", barred},
	[PLACE_WHY_SET_ASIDE] = {"set_aside", "are set aside", "nodes that the operator lets work again", set_aside},
	[PLACE_WHY_STRANGE] = {"strange", "are without this dsnd as --manager",
			       "agents that run with --manager and this dsnd's address", strange},
	[PLACE_WHY_NOT_SERVING] = {"not-serving", "are not serving yet", "nodes that have begun to serve", not_serving},
	[PLACE_WHY_NO_PORTS] = {"no-ports", "are without ports to reach them", "agents that tell their ports",
				no_ports},
	[PLACE_WHY_REPUTATION] = {"reputation", "have failed too often", "time: failures count for half after a week",
				  disreputed},
	[PLACE_WHY_USED] = {"used", "have a part of this order already", "more nodes of the role", used},
	[PLACE_WHY_ADDRESS] = {"address", "have an address that another node of this order has",
			       "nodes with addresses of their own", same_address},
	[PLACE_WHY_EXCLUDED] = {"excluded", "are excluded by the order", "fewer excluded nodes", excluded},
	[PLACE_WHY_ROLE] = {"role", "are not to serve in this role, say their owners", "an owner's policy",
			    policy_role},
	[PLACE_WHY_CUSTOMER] = {"customer", "do not serve this customer, say their owners", "an owner's policy",
				policy_customer},
	[PLACE_WHY_REGION] = {"region", "are in other regions", "another region", other_region},
	[PLACE_WHY_LABELS] = {"labels", "lack a label", "fewer labels", labels_missing},
	[PLACE_WHY_GPU] = {"gpu", "have no GPU", "no GPU", no_gpu},
	[PLACE_WHY_PRICE] = {"price", "are dearer than the limit", "a higher price limit", dear},
	[PLACE_WHY_AGENT] = {"agent", "are on the machine they were to stand in for", "more machines", same_agent},
	[PLACE_WHY_OWNER] = {"owner", "belong to the owner they were to stand in for", "standbys of the same owner",
			     same_owner},
	[PLACE_WHY_NET] = {"net", "are in the network they were to stand in for", "standbys in the same network",
			   same_net},
	[PLACE_WHY_REALTIME] = {"realtime", "are too slow for a rendition", "smaller renditions", too_slow},
	[PLACE_WHY_ROOM] = {"room", "have no room", "less work, or more nodes", no_room},
};

unsigned place_refusals(const struct place_look *look, uint32_t node, bool all)
{
	const struct place_node *n = &look->fleet->nodes[node];
	unsigned refusals = 0;

	for (size_t i = 0; i < PLACE_WHYS; i++) {
		if (!filters[i].refuses(look, n))
			continue;
		refusals |= 1u << i;
		if (!all)
			break;
	}
	return refusals;
}

const char *place_why_name(enum place_why why)
{
	return filters[why].name;
}

const char *place_why_text(enum place_why why)
{
	return filters[why].text;
}

bool place_why_is_wish(enum place_why why)
{
	return WISHES & 1u << why;
}

const char *place_why_mend(enum place_why why)
{
	return filters[why].mend;
}
