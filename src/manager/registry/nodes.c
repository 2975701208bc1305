#include "manager/registry/nodes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bisect.h"
#include "base/clock.h"
#include "base/mem.h"

#define ASK_PAUSE_MS 2000 /* before the second question; doubled for each further one */
#define ASK_DOUBLINGS 8
#define ASK_STEADY_MS 60000 /* whether one that obeys still does */

struct nodes {
	struct nodes_node **list; /* by id */
	size_t count;
	struct changes *changes;
	struct agents *agents;
	struct nodes_options options;
	nodes_moved_fn *moved;
	void *arg;
};

static const struct {
	enum nodes_state from;
	int64_t silent_ms;
	enum nodes_state to;
} falls[] = {
	{NODES_ONLINE, NODES_SUSPECT_MS, NODES_SUSPECT},
	{NODES_SUSPECT, NODES_OFFLINE_MS, NODES_OFFLINE},
};

struct nodes *nodes_new(const void *ctx, const struct nodes_options *options, nodes_moved_fn *moved, void *arg)
{
	struct nodes *all = mem_new(ctx, struct nodes);

	all->list = mem_array(all, struct nodes_node *, 0);
	all->changes = changes_new(all);
	all->agents = agents_new(all);
	all->options = *options;
	all->moved = moved;
	all->arg = arg;
	return all;
}

size_t nodes_count(const struct nodes *all)
{
	return all->count;
}

const struct nodes_node *nodes_at(const struct nodes *all, size_t n)
{
	return all->list[n];
}

static const char *node_id_of(const void *row)
{
	return ((const struct nodes_node *)row)->id;
}

/* Where it stands, or would. */
static size_t place_of(const struct nodes *all, const char *id)
{
	return bisect_text((void *const *)all->list, all->count, node_id_of, id);
}

static struct nodes_node *find(const struct nodes *all, const char *id)
{
	size_t at = place_of(all, id);

	return at < all->count && strcmp(all->list[at]->id, id) == 0 ? all->list[at] : NULL;
}

const struct nodes_node *nodes_find(const struct nodes *all, const char *id)
{
	return find(all, id);
}

const struct api_beat *nodes_beat_of(const struct nodes_node *n)
{
	return n->named ? n->agent->beat : &api_beat_unknown;
}

const char *nodes_agent_of(const struct nodes_node *n)
{
	return n->named || !agents_speaks(n->agent) ? n->said.agent_id : "";
}

void nodes_owner_of(const struct nodes_node *n, char ret_owner[ID_DIGITS + 1])
{
	snprintf(ret_owner, ID_DIGITS + 1, "%s", nodes_beat_of(n)->owner);
	for (char *p = ret_owner; *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

static void forget(struct nodes *all, size_t at)
{
	changes_forget(all->changes, &all->list[at]->change, all->list[at]->id);
	agents_leave(all->agents, all->list[at]->agent);
	mem_free(all->list[at]);
	memmove(&all->list[at], &all->list[at + 1], (--all->count - at) * sizeof(struct nodes_node *));
}

/* Of those that do not obey, the longest silent one. */
static bool make_room(struct nodes *all)
{
	size_t worst = all->count;

	for (size_t i = 0; i < all->count; i++) {
		if (!all->list[i]->obeys && (worst == all->count || all->list[i]->seen_ms < all->list[worst]->seen_ms))
			worst = i;
	}
	if (worst == all->count)
		return false;
	forget(all, worst);
	return true;
}

static struct nodes_node *add(struct nodes *all, const char *id, const char *agent, int64_t now_ms)
{
	struct nodes_node *n;
	size_t at;

	if (all->count >= NODES_MOST && !make_room(all))
		return NULL;
	at = place_of(all, id);
	n = mem_new(all, struct nodes_node);
	snprintf(n->id, sizeof(n->id), "%s", id);
	n->agent = agents_join(all->agents, agent);
	n->ask_ms = now_ms;
	all->list = mem_resize(all, all->list, struct nodes_node *, all->count + 1);
	memmove(&all->list[at + 1], &all->list[at], (all->count++ - at) * sizeof(struct nodes_node *));
	all->list[at] = n;
	return n;
}

/* --- states --- */

static bool is_too_old(const struct nodes *all, const struct nodes_node *n)
{
	return *all->options.least_version &&
	       api_version_compare(nodes_beat_of(n)->version, all->options.least_version) < 0;
}

const char *nodes_chain_bar_of(const struct nodes *all, const struct nodes_node *n)
{
	int64_t now_s = clock_wall_ms() / 1000;
	char owner[ID_DIGITS + 1];
	const char *why;

	if (!all->options.bars)
		return NULL;
	why = chain_bars_find(all->options.bars, n->id, now_s);
	if (why)
		return why;
	nodes_owner_of(n, owner);
	return chain_bars_find(all->options.bars, owner, now_s);
}

static enum nodes_state state_of(const struct nodes *all, const struct nodes_node *n)
{
	const struct marks_mark *mark = marks_find(all->options.marks, n->id);

	if (n->heard != NODES_ONLINE)
		return n->heard;
	if (mark)
		return mark->state;
	if (nodes_chain_bar_of(all, n))
		return NODES_BARRED;
	if (is_too_old(all, n))
		return NODES_TOO_OLD;
	return n->said.maintenance ? NODES_DRAINING : NODES_ONLINE;
}

/* Something of it is new (`changed`), or something that its state goes by. */
static void look_again(struct nodes *all, struct nodes_node *n, bool changed)
{
	enum nodes_state before = n->state;

	n->state = state_of(all, n);
	if (changed || n->state != before)
		changes_touch(all->changes, &n->change);
	if (n->obeys && n->state != before)
		all->moved(n, all->arg);
}

static void hear(struct nodes *all, struct nodes_node *n, enum nodes_state heard)
{
	if (n->heard == heard)
		return;
	n->heard = (enum nodes_state)state_next(&nodes_state_heard, (int)n->heard, (int)heard);
	look_again(all, n, false);
}

static void alive(struct nodes *all, struct nodes_node *n, int64_t now_ms)
{
	n->seen_ms = now_ms;
	n->seen_wall_ms = clock_wall_ms();
	hear(all, n, NODES_ONLINE);
}

void nodes_look_again(struct nodes *all)
{
	for (size_t i = 0; i < all->count; i++)
		look_again(all, all->list[i], false);
}

void nodes_marked(struct nodes *all, const char *id)
{
	struct nodes_node *n = find(all, id);

	if (n)
		look_again(all, n, true);
}

/* --- what a status says --- */

/* A sender's id may come in any spelling, of which a key has thousands: a node's is lower-case. */
static bool is_node_id(const char *text)
{
	return hex_id_valid(text) && strspn(text, "0123456789abcdef") == ID_DIGITS;
}

static void take_agent(struct nodes *all, struct nodes_node *n, const char *id)
{
	struct agents_agent *before = n->agent;

	n->agent = agents_join(all->agents, id);
	agents_leave(all->agents, before);
	if (n->agent == before)
		return;
	n->named = false;
	n->agent_version = n->agent->version;
}

bool nodes_see(struct nodes *all, const char *from, const json_t *body, int64_t now_ms)
{
	struct nodes_said said;
	struct nodes_node *n;
	bool changed, named;

	if (!is_node_id(from))
		return false;
	if (!json_is_string(json_object_get(body, "node_id")) ||
	    strcmp(json_string_value(json_object_get(body, "node_id")), from) != 0 || !said_read(body, &said))
		return false;
	n = find(all, from);
	if (!n)
		n = add(all, from, said.agent_id, now_ms);
	if (!n)
		return false;
	take_agent(all, n, said.agent_id);
	named = n->named || agents_names(n->agent, n->id);
	changed = !n->change.version || !said_same(&said, &n->said) || named != n->named;
	n->named = named;
	n->said = said;
	look_again(all, n, changed);
	alive(all, n, now_ms);
	return true;
}

/* --- what an agent says --- */

/* Of one of its nodes, which has named it. */
static void take_short(struct nodes *all, struct nodes_node *n, const struct api_beat_node *said, int64_t now_ms)
{
	bool changed = !n->named || n->said.serves != said->serves || n->said.maintenance != said->maintenance ||
		       n->said.job_count != said->job_count || n->agent_version != n->agent->version;

	n->named = true;
	n->said.serves = said->serves;
	n->said.maintenance = said->maintenance;
	n->said.job_count = said->job_count;
	n->agent_version = n->agent->version;
	look_again(all, n, changed);
	alive(all, n, now_ms);
}

/* Of an agent that was silent so far: whom it does not name is another's machine from now on. */
static void look_at_strangers(struct nodes *all, const struct agents_agent *agent)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->list[i]->agent == agent && !all->list[i]->named)
			look_again(all, all->list[i], true);
	}
}

struct error *nodes_beat(struct nodes *all, const char *from, const json_t *body, int64_t now_ms)
{
	struct agents_agent *agent = agents_find(all->agents, from);
	struct api_beat *beat = NULL;
	size_t named = 0;
	bool spoke;

	TRY(api_beat_read(all, body, &beat));
	if (!agent || strcmp(beat->agent_id, from) != 0) {
		mem_free(beat);
		return NULL;
	}
	spoke = agents_speaks(agent);
	agents_hear(agent, beat);
	for (size_t i = 0; i < beat->node_count; i++) {
		struct nodes_node *n = find(all, beat->nodes[i].id);

		if (!n || n->agent != agent)
			continue;
		named += !n->named;
		take_short(all, n, &beat->nodes[i], now_ms);
	}
	if (!spoke && named < agent->nodes)
		look_at_strangers(all, agent);
	return NULL;
}

/* --- whether it obeys --- */

void nodes_answered(struct nodes *all, const char *id, bool obeys, int64_t now_ms)
{
	struct nodes_node *n = find(all, id);

	if (!n)
		return;
	alive(all, n, now_ms);
	if (n->obeys == obeys)
		return;
	n->obeys = obeys;
	n->asked = 0;
	changes_touch(all->changes, &n->change);
	all->moved(n, all->arg);
}

/* Into a list of `count` that has room for `most`, the longest due first. Returns the new count. */
static size_t put_in_turn(const struct nodes_node **list, size_t count, size_t most, const struct nodes_node *n)
{
	size_t at = count;

	while (at > 0 && list[at - 1]->ask_ms > n->ask_ms)
		at--;
	if (at == most)
		return count;
	count = count < most ? count + 1 : most;
	memmove(&list[at + 1], &list[at], (count - at - 1) * sizeof(const struct nodes_node *));
	list[at] = n;
	return count;
}

static void count_question(struct nodes_node *n, int64_t now_ms)
{
	unsigned doublings = n->asked < ASK_DOUBLINGS ? n->asked : ASK_DOUBLINGS;

	n->ask_ms = now_ms + (n->obeys ? ASK_STEADY_MS : (int64_t)ASK_PAUSE_MS << doublings);
	n->asked++;
}

size_t nodes_to_ask(struct nodes *all, int64_t now_ms, const struct nodes_node **ret_list, size_t most)
{
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++) {
		if (all->list[i]->ask_ms <= now_ms && all->list[i]->heard != NODES_OFFLINE)
			count = put_in_turn(ret_list, count, most, all->list[i]);
	}
	for (size_t i = 0; i < count; i++)
		count_question(find(all, ret_list[i]->id), now_ms);
	return count;
}

void nodes_tick(struct nodes *all, int64_t now_ms)
{
	for (size_t i = all->count; i > 0; i--) {
		struct nodes_node *n = all->list[i - 1];
		int64_t silent_ms = now_ms - n->seen_ms;

		for (size_t k = 0; k < sizeof(falls) / sizeof(falls[0]); k++) {
			if (n->heard == falls[k].from && silent_ms >= falls[k].silent_ms)
				hear(all, n, falls[k].to);
		}
		if (n->heard == NODES_OFFLINE && (!n->obeys || silent_ms >= NODES_FORGET_MS))
			forget(all, i - 1);
	}
}

/* --- what has changed --- */

static bool is_all(const struct nodes *all, const char *epoch)
{
	return !epoch || strcmp(epoch, changes_epoch(all->changes)) != 0;
}

/* Whoever came back is not gone, and whoever came and went in between was never heard of. */
static void list_gone(const void *ctx, const struct nodes *all, int64_t since, struct nodes_changes *ret)
{
	const struct changes_lost *g;
	size_t most = 0;

	for (size_t i = 0; (g = changes_gone(all->changes, i)) && g->version > since; i++)
		most++;
	ret->gone = mem_array(ctx, const char *, most);
	for (size_t i = 0; i < most; i++) {
		g = changes_gone(all->changes, i);
		if (g->born <= since && !find(all, g->id))
			ret->gone[ret->gone_count++] = g->id;
	}
}

void nodes_changed(const void *ctx, const struct nodes *all, const char *epoch, int64_t since,
		   struct nodes_changes *ret)
{
	int64_t after = is_all(all, epoch) ? 0 : since;
	size_t most = 0;

	*ret = (struct nodes_changes){.epoch = changes_epoch(all->changes), .version = changes_version(all->changes)};
	for (const struct changes_link *c = changes_newest(all->changes); c && c->version > after; c = c->older)
		most++;
	ret->list = mem_array(ctx, const struct nodes_node *, most);
	for (const struct changes_link *c = changes_newest(all->changes); ret->count < most; c = c->older)
		ret->list[ret->count++] = (const struct nodes_node *)c;
	list_gone(ctx, all, is_all(all, epoch) ? INT64_MAX : since, ret);
}
