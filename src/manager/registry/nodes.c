#include "manager/registry/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define ASK_PAUSE_MS 2000 /* before the second question; doubled for each further one */
#define ASK_DOUBLINGS 8
#define ASK_STEADY_MS 60000 /* whether one that obeys still does */

struct nodes {
	struct nodes_node **list; /* by id */
	size_t count;
	nodes_moved_fn *moved;
	void *arg;
};

static const char *const names[NODES_STATES] = {"online", "suspect", "offline"};

static const struct {
	enum nodes_state from;
	int64_t silent_ms;
	enum nodes_state to;
} falls[] = {
	{NODES_ONLINE, NODES_SUSPECT_MS, NODES_SUSPECT},
	{NODES_SUSPECT, NODES_OFFLINE_MS, NODES_OFFLINE},
};

const char *nodes_state_name(enum nodes_state state)
{
	return names[state];
}

struct nodes *nodes_new(const void *ctx, nodes_moved_fn *moved, void *arg)
{
	struct nodes *all = mem_new(ctx, struct nodes);

	all->list = mem_array(all, struct nodes_node *, 0);
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

/* Where it stands, or would. */
static size_t place_of(const struct nodes *all, const char *id)
{
	size_t low = 0, high = all->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(all->list[middle]->id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
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

static void forget(struct nodes *all, size_t at)
{
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

static struct nodes_node *add(struct nodes *all, const char *id, int64_t now_ms)
{
	struct nodes_node *n;
	size_t at;

	if (all->count >= NODES_MOST && !make_room(all))
		return NULL;
	at = place_of(all, id);
	n = mem_new(all, struct nodes_node);
	snprintf(n->id, sizeof(n->id), "%s", id);
	n->ask_ms = now_ms;
	all->list = mem_resize(all, all->list, struct nodes_node *, all->count + 1);
	memmove(&all->list[at + 1], &all->list[at], (all->count++ - at) * sizeof(struct nodes_node *));
	all->list[at] = n;
	return n;
}

static void move(struct nodes *all, struct nodes_node *n, enum nodes_state to)
{
	if (n->state == to)
		return;
	n->state = to;
	if (n->obeys)
		all->moved(n, all->arg);
}

static void alive(struct nodes *all, struct nodes_node *n, int64_t now_ms)
{
	n->seen_ms = now_ms;
	n->seen_wall_ms = clock_wall_ms();
	move(all, n, NODES_ONLINE);
}

/* --- what a status says --- */

static const char *text_of(const json_t *body, const char *key)
{
	const char *text = json_string_value(json_object_get(body, key));

	return text ? text : "";
}

static int number_of(const json_t *o, const char *key, int most)
{
	const char *text = text_of(o, key);
	long n = *text && strspn(text, "0123456789") == strlen(text) ? strtol(text, NULL, 10) : 0;

	return n > 0 && n <= most ? (int)n : 0;
}

static bool fits(struct error *e)
{
	bool good = !e;

	error_free(e);
	return good;
}

static bool read_status(const json_t *body, struct nodes_node *ret)
{
	const struct json_place at = {NULL, "status", 0};
	const json_t *ports = json_object_get(body, "ports");
	const char *agent = text_of(body, "agent_id"), *name = text_of(body, "name"), *ip = text_of(body, "ip");

	if (!fits(api_role_parse(text_of(body, "role"), &at, &ret->role)) || !fits(api_check_host(ip, &at)))
		return false;
	if (!hex_id_valid(agent) || (*name && !fits(api_check_name(name, &at))))
		return false;
	snprintf(ret->ip, sizeof(ret->ip), "%s", ip);
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	snprintf(ret->agent_id, sizeof(ret->agent_id), "%s", agent);
	ret->rtmp_port = number_of(ports, "rtmp", 65535);
	ret->http_port = number_of(ports, "http", 65535);
	ret->job_count = number_of(body, "job_count", INT32_MAX);
	ret->classic = strcmp(text_of(body, "mode"), "classic") == 0;
	ret->maintenance = strcmp(text_of(body, "maintenance"), "on") == 0;
	ret->serves = strcmp(text_of(body, "state"), "running") == 0;
	return ret->rtmp_port > 0;
}

/* A sender's id may come in any spelling, of which a key has thousands: a node's is lower-case. */
static bool is_node_id(const char *text)
{
	return hex_id_valid(text) && strspn(text, "0123456789abcdef") == ID_DIGITS;
}

bool nodes_see(struct nodes *all, const char *from, const json_t *body, int64_t now_ms)
{
	struct nodes_node said = {.rtmp_port = 0}, *n;

	if (!is_node_id(from) || strcmp(text_of(body, "node_id"), from) != 0 || !read_status(body, &said))
		return false;
	n = find(all, from);
	if (!n)
		n = add(all, from, now_ms);
	if (!n)
		return false;
	memcpy(said.id, n->id, sizeof(said.id));
	said.obeys = n->obeys;
	said.state = n->state;
	said.ask_ms = n->ask_ms;
	said.asked = n->asked;
	*n = said;
	alive(all, n, now_ms);
	return true;
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
		if (all->list[i]->ask_ms <= now_ms && all->list[i]->state != NODES_OFFLINE)
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
			if (n->state == falls[k].from && silent_ms >= falls[k].silent_ms)
				move(all, n, falls[k].to);
		}
		if (n->state == NODES_OFFLINE && (!n->obeys || silent_ms >= NODES_FORGET_MS))
			forget(all, i - 1);
	}
}
