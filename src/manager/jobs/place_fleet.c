#include "manager/jobs/place_fleet.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "manager/jobs/place_impl.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const int rung_heights[PLACE_RUNGS] = {240, 360, 480, 540, 720, 1080, 1440, 2160};
static const char *const rung_names[PLACE_RUNGS] = {"240", "360", "480", "540", "720", "1080", "1440", "2160"};

static const char *const state_names[PLACE_STATES] = {
	[PLACE_ONLINE] = "online",       [PLACE_SUSPECT] = "suspect", [PLACE_OFFLINE] = "offline",
	[PLACE_DRAINING] = "draining",   [PLACE_TOO_OLD] = "too_old", [PLACE_BARRED] = "barred",
	[PLACE_SET_ASIDE] = "set_aside", [PLACE_STRANGE] = "strange", [PLACE_NOT_SERVING] = "not-serving",
	[PLACE_NO_PORTS] = "no-ports",
};

#define NOT_MEASURED                                                                                      \
	{                                                                                                 \
		PLACE_UNKNOWN, PLACE_UNKNOWN, PLACE_UNKNOWN, PLACE_UNKNOWN, PLACE_UNKNOWN, PLACE_UNKNOWN, \
			PLACE_UNKNOWN, PLACE_UNKNOWN                                                      \
	}
const struct place_beat place_beat_unknown = {
	.capacity = {PLACE_UNKNOWN, PLACE_UNKNOWN},
	.realtime_pm = NOT_MEASURED,
};
const struct place_policy place_policy_open = {
	.roles = (1u << API_ROLE_COUNT) - 1,
	.ceiling_pm = PLACE_CEILING_PM,
	.most_jobs = PLACE_UNKNOWN,
};
/* Of an agent that has not spoken: no room. */
static const struct place_agent silent = {.beat = {.realtime_pm = NOT_MEASURED}, .first_node = PLACE_NONE};

int place_rung(int height)
{
	int rung = 0;

	while (rung < PLACE_RUNGS - 1 && rung_heights[rung] < height)
		rung++;
	return rung;
}

const char *place_rung_name(int rung)
{
	return rung_names[rung];
}

const char *place_state_name(enum place_state state)
{
	return state_names[state];
}

struct place_fleet *place_fleet_new(const void *ctx, uint32_t seed)
{
	struct place_fleet *fleet = mem_new(ctx, struct place_fleet);
	struct place_words *const words[] = {&fleet->ids,    &fleet->agent_ids, &fleet->owners, &fleet->regions,
					     &fleet->labels, &fleet->customers, &fleet->hosts};

	for (size_t i = 0; i < LENGTH(words); i++)
		place_words_init(words[i], fleet, seed);
	return fleet;
}

/* An array as long as the numbers of `words` reach; what is new is zero. */
#define FOLLOW(fleet, words, array, room, type)                                                 \
	do {                                                                                    \
		if ((room) < (words)->capacity) {                                               \
			(array) = mem_resize((fleet), (array), type, (words)->capacity);        \
			memset(&(array)[room], 0, ((words)->capacity - (room)) * sizeof(type)); \
			(room) = (words)->capacity;                                             \
		}                                                                               \
	} while (0)

static struct error *check_text(const char *id, const char *what, const char *text, bool needed)
{
	const size_t n = text ? strlen(text) : 0;

	if (needed && n == 0)
		return error_new(ERROR_INVALID, "node \"%s\": has no %s", id, what);
	if (n > PLACE_MAX_ID)
		return error_new(ERROR_INVALID, "node \"%.64s\": its %s has %zu bytes; at most %d", id, what, n,
				 PLACE_MAX_ID);
	return NULL;
}

static struct error *check_number(const char *id, const char *what, int64_t value, int64_t low, int64_t high)
{
	if (value >= low && value <= high)
		return NULL;
	return error_new(ERROR_INVALID, "\"%s\": its %s is %lld; %lld to %lld", id, what, (long long)value,
			 (long long)low, (long long)high);
}

static struct error *check_policy(const char *id, const struct place_policy *p)
{
	TRY(check_number(id, "load ceiling", p->ceiling_pm, 1, 1000));
	TRY(check_number(id, "most jobs", p->most_jobs, PLACE_UNKNOWN, INT32_MAX));
	TRY(check_number(id, "number of customers", (int64_t)p->customer_count, 0, PLACE_MAX_CUSTOMERS));
	for (size_t i = 0; i < p->customer_count; i++)
		TRY(check_text(id, "customer", p->customers[i], true));
	return NULL;
}

static struct error *check_facts(const struct place_facts *f)
{
	TRY(check_text(f->id ? f->id : "", "id", f->id, true));
	TRY(check_text(f->id, "agent", f->agent, true));
	TRY(check_text(f->id, "owner", f->owner, true));
	TRY(check_text(f->id, "region", f->region, false));
	TRY(check_number(f->id, "RTMP port", f->rtmp_port, 0, UINT16_MAX));
	TRY(check_number(f->id, "HTTP port", f->http_port, 0, UINT16_MAX));
	TRY(check_number(f->id, "role", f->role, 0, API_ROLE_COUNT - 1));
	TRY(check_number(f->id, "price", f->price, PLACE_NO_PRICE, INT64_MAX));
	TRY(check_number(f->id, "number of labels", (int64_t)f->label_count, 0, PLACE_MAX_LABELS));
	for (size_t i = 0; i < f->label_count; i++) {
		TRY(check_text(f->id, "label", f->labels[i], true));
		for (size_t k = 0; k < i; k++) {
			if (strcmp(f->labels[i], f->labels[k]) == 0)
				return error_new(ERROR_INVALID, "node \"%s\": its label \"%s\" stands there twice",
						 f->id, f->labels[i]);
		}
	}
	return check_policy(f->id, &f->policy);
}

uint32_t place_node_find(const struct place_fleet *fleet, const char *id)
{
	return place_words_find(&fleet->ids, id);
}

/* Out of the sets of open nodes, or into them; what changed between must be set between. */
static void leave(struct place_fleet *fleet, uint32_t node)
{
	struct place_node *n = &fleet->nodes[node];

	if (!n->open)
		return;
	place_set_remove(fleet, &fleet->open[n->role][n->is_new], node, PLACE_AT_OPEN);
	place_set_remove(fleet, &fleet->in_region[n->region].open[n->role][n->is_new], node, PLACE_AT_REGION);
	n->open = false;
}

void place_node_sort(struct place_fleet *fleet, uint32_t node)
{
	struct place_node *n = &fleet->nodes[node];
	const bool open = n->state == PLACE_ONLINE && !place_node_full(fleet, n);
	const bool is_new = n->outcomes < PLACE_NEW_OUTCOMES;

	if (n->open == open && n->is_new == is_new)
		return;
	leave(fleet, node);
	n->is_new = is_new;
	if (!open)
		return;
	n->open = true;
	place_set_add(fleet, &fleet->open[n->role][is_new], node, PLACE_AT_OPEN);
	place_set_add(fleet, &fleet->in_region[n->region].open[n->role][is_new], node, PLACE_AT_REGION);
}

static void sort_agent(struct place_fleet *fleet, uint32_t agent)
{
	for (uint32_t i = fleet->agents[agent].first_node; i != PLACE_NONE; i = fleet->nodes[i].next_of_agent)
		place_node_sort(fleet, i);
}

/* Takes everything back that the facts of a node have brought. */
static void forget_facts(struct place_fleet *fleet, uint32_t node)
{
	struct place_node *n = &fleet->nodes[node];
	uint32_t *link = &fleet->agents[n->agent].first_node;

	leave(fleet, node);
	while (*link != node)
		link = &fleet->nodes[*link].next_of_agent;
	*link = n->next_of_agent;
	place_set_remove(fleet, &fleet->of_role[n->role], node, PLACE_AT_ROLE);
	if (n->gpu)
		place_set_remove(fleet, &fleet->with_gpu, node, PLACE_AT_GPU);
	fleet->counts[n->role][n->state]--;
	for (size_t i = 0; i < n->label_count; i++) {
		place_label_remove(fleet, &n->labels[i]);
		place_words_drop(&fleet->labels, n->labels[i].word);
	}
	for (size_t i = 0; i < n->customer_count; i++)
		place_words_drop(&fleet->customers, n->customers[i]);
	mem_free(n->labels);
	mem_free(n->customers);
	fleet->agents[n->agent].says_jobs -= n->says_jobs;
	place_words_drop(&fleet->agent_ids, n->agent);
	place_words_drop(&fleet->owners, n->owner);
	place_words_drop(&fleet->regions, n->region);
	place_words_drop(&fleet->hosts, n->host);
	n->labels = NULL;
	n->customers = NULL;
	n->label_count = n->customer_count = 0;
}

/* The number of an agent's name, with one use more. */
static uint32_t hold_agent(struct place_fleet *fleet, const char *id)
{
	const bool known = place_words_find(&fleet->agent_ids, id) != PLACE_NONE;
	const uint32_t agent = place_words_take(&fleet->agent_ids, id);

	FOLLOW(fleet, &fleet->agent_ids, fleet->agents, fleet->agent_room, struct place_agent);
	if (!known)
		fleet->agents[agent] = silent;
	return agent;
}

static void put_labels(struct place_fleet *fleet, uint32_t node, const struct place_facts *f)
{
	struct place_node *n = &fleet->nodes[node];

	n->labels = f->label_count > 0 ? mem_array(fleet, struct place_label, f->label_count) : NULL;
	for (size_t i = 0; i < f->label_count; i++) {
		n->labels[i].word = place_words_take(&fleet->labels, f->labels[i]);
		FOLLOW(fleet, &fleet->labels, fleet->with_label, fleet->label_room, struct place_set);
		place_label_add(fleet, node, &n->labels[i]);
	}
	n->label_count = (uint8_t)f->label_count;
}

static void put_policy(struct place_fleet *fleet, struct place_node *n, const struct place_policy *p)
{
	n->roles = p->roles;
	n->ceiling_pm = (uint16_t)p->ceiling_pm;
	n->most_jobs = p->most_jobs;
	n->customers = p->customer_count > 0 ? mem_array(fleet, uint32_t, p->customer_count) : NULL;
	for (size_t i = 0; i < p->customer_count; i++)
		n->customers[i] = place_words_take(&fleet->customers, p->customers[i]);
	n->customer_count = (uint8_t)p->customer_count;
}

/* The number of an address, which is the same in any spelling. */
static uint32_t hold_host(struct place_fleet *fleet, const char *address)
{
	char *lower = mem_strdup(NULL, address ? address : "");
	uint32_t host;

	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	host = place_words_take(&fleet->hosts, lower);
	mem_free(lower);
	return host;
}

static void put_facts(struct place_fleet *fleet, uint32_t node, const struct place_facts *f)
{
	struct place_node *n = &fleet->nodes[node];
	struct place_agent *a;

	n->agent = hold_agent(fleet, f->agent);
	a = &fleet->agents[n->agent];
	n->next_of_agent = a->first_node;
	a->first_node = node;
	a->says_jobs += n->says_jobs;
	n->owner = place_words_take(&fleet->owners, f->owner);
	n->region = place_words_take(&fleet->regions, f->region);
	FOLLOW(fleet, &fleet->regions, fleet->in_region, fleet->region_room, struct place_region);
	n->role = (uint8_t)f->role;
	n->gpu = f->gpu;
	n->price = f->price;
	n->net = place_net(f->address);
	n->host = hold_host(fleet, f->address);
	n->rtmp_port = (uint16_t)f->rtmp_port;
	n->http_port = (uint16_t)f->http_port;
	n->classic = f->classic;
	n->version = place_version(f->version);
	put_policy(fleet, n, &f->policy);
	put_labels(fleet, node, f);
	place_set_add(fleet, &fleet->of_role[n->role], node, PLACE_AT_ROLE);
	if (n->gpu)
		place_set_add(fleet, &fleet->with_gpu, node, PLACE_AT_GPU);
	fleet->counts[n->role][n->state]++;
	place_node_sort(fleet, node);
}

struct error *place_node_set(struct place_fleet *fleet, const struct place_facts *facts)
{
	uint32_t node, agent;

	TRY(check_facts(facts));
	node = place_node_find(fleet, facts->id);
	agent = place_words_find(&fleet->agent_ids, facts->agent);
	if (node != PLACE_NONE && fleet->nodes[node].jobs > 0 &&
	    (fleet->nodes[node].agent != agent || fleet->nodes[node].role != facts->role))
		return error_new(ERROR_REFUSED, "node \"%s\": has jobs, so its agent and role stay", facts->id);
	/* What an agent has said outlives the moment in which its only node has no facts. */
	agent = hold_agent(fleet, facts->agent);
	if (node != PLACE_NONE) {
		forget_facts(fleet, node);
	} else {
		node = place_words_take(&fleet->ids, facts->id);
		FOLLOW(fleet, &fleet->ids, fleet->nodes, fleet->node_room, struct place_node);
		fleet->nodes[node] = (struct place_node){.state = PLACE_OFFLINE, .is_new = true};
	}
	put_facts(fleet, node, facts);
	place_words_drop(&fleet->agent_ids, agent);
	return NULL;
}

struct error *place_node_remove(struct place_fleet *fleet, const char *id)
{
	const uint32_t node = place_node_find(fleet, id);

	if (node == PLACE_NONE)
		return error_new(ERROR_NOT_FOUND, "node \"%s\" is not known", id);
	if (fleet->nodes[node].jobs > 0)
		return error_new(ERROR_REFUSED, "node \"%s\": has %d jobs; move them first", id,
				 fleet->nodes[node].jobs);
	forget_facts(fleet, node);
	place_words_drop(&fleet->ids, node);
	return NULL;
}

bool place_node_state(struct place_fleet *fleet, const char *id, enum place_state state)
{
	const uint32_t node = place_node_find(fleet, id);
	struct place_node *n;

	if (node == PLACE_NONE)
		return false;
	n = &fleet->nodes[node];
	fleet->counts[n->role][n->state]--;
	n->state = (uint8_t)state;
	fleet->counts[n->role][n->state]++;
	place_node_sort(fleet, node);
	return true;
}

bool place_node_is(const struct place_fleet *fleet, const char *id, enum place_state state)
{
	const uint32_t node = place_node_find(fleet, id);

	return node != PLACE_NONE && fleet->nodes[node].state == state;
}

struct error *place_agent_beat(struct place_fleet *fleet, const char *agent, const struct place_beat *beat)
{
	const uint32_t at = place_words_find(&fleet->agent_ids, agent);

	if (at == PLACE_NONE)
		return error_new(ERROR_NOT_FOUND, "agent \"%s\" has no node here", agent);
	TRY(check_number(agent, "capacity for work", beat->capacity.blocks_per_s, PLACE_UNKNOWN, PLACE_MAX_AMOUNT));
	TRY(check_number(agent, "capacity of its link", beat->capacity.bps, PLACE_UNKNOWN, PLACE_MAX_AMOUNT));
	TRY(check_number(agent, "load", beat->load_pm, 0, 1000));
	TRY(check_number(agent, "load by jobs", beat->jobs_load_pm, 0, 1000));
	for (size_t i = 0; i < PLACE_RUNGS; i++)
		TRY(check_number(agent, "realtime ratio", beat->realtime_pm[i], PLACE_UNKNOWN, INT32_MAX));
	fleet->agents[at].beat = *beat;
	sort_agent(fleet, at);
	return NULL;
}

void place_node_promise(struct place_fleet *fleet, uint32_t node, const struct place_amount *amount, int count)
{
	struct place_node *n = &fleet->nodes[node];
	struct place_agent *a = &fleet->agents[n->agent];

	n->jobs += count;
	a->jobs += count;
	a->promised.blocks_per_s += count * amount->blocks_per_s;
	a->promised.bps += count * amount->bps;
	sort_agent(fleet, n->agent);
}

bool place_node_promised(const struct place_fleet *fleet, const char *id, struct place_amount *ret_agent, int *ret_jobs)
{
	const uint32_t node = place_node_find(fleet, id);

	if (node == PLACE_NONE)
		return false;
	*ret_agent = fleet->agents[fleet->nodes[node].agent].promised;
	*ret_jobs = fleet->nodes[node].jobs;
	return true;
}

bool place_node_contact(const struct place_fleet *fleet, const char *id, struct place_contact *ret)
{
	const uint32_t node = place_node_find(fleet, id);
	const struct place_node *n;

	if (node == PLACE_NONE)
		return false;
	n = &fleet->nodes[node];
	*ret = (struct place_contact){(enum api_role)n->role, fleet->hosts.rows[n->host].text, n->rtmp_port,
				      n->http_port, n->classic};
	return true;
}

const char *place_node_owner(const struct place_fleet *fleet, const char *id)
{
	const uint32_t node = place_node_find(fleet, id);

	return node == PLACE_NONE ? NULL : fleet->owners.rows[fleet->nodes[node].owner].text;
}

bool place_node_says_jobs(struct place_fleet *fleet, const char *id, int jobs)
{
	const uint32_t node = place_node_find(fleet, id);

	if (node == PLACE_NONE)
		return false;
	fleet->agents[fleet->nodes[node].agent].says_jobs += jobs - fleet->nodes[node].says_jobs;
	fleet->nodes[node].says_jobs = jobs;
	return true;
}

void place_fleet_each(const struct place_fleet *fleet, void (*fn)(const char *id, void *arg), void *arg)
{
	for (uint32_t i = 0; i < fleet->ids.count; i++) {
		if (fleet->ids.rows[i].text)
			fn(fleet->ids.rows[i].text, arg);
	}
}

size_t place_fleet_count(const struct place_fleet *fleet, enum api_role role, enum place_state state)
{
	return fleet->counts[role][state];
}

size_t place_fleet_nodes(const struct place_fleet *fleet)
{
	size_t nodes = 0;

	for (size_t i = 0; i < API_ROLE_COUNT; i++)
		nodes += fleet->of_role[i].count;
	return nodes;
}
