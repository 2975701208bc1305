#include "manager/jobs/choose.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"

static const char *text_of(const json_t *node, const char *key)
{
	const char *text = json_string_value(json_object_get(node, key));

	return text ? text : "";
}

static int number_of(const json_t *node, const char *key)
{
	return (int)json_integer_value(json_object_get(node, key));
}

/* --- what keeps a node out, in the order that it is asked --- */

static bool is_offline(const json_t *node)
{
	return strcmp(text_of(node, "state"), "online") != 0;
}

static bool is_anothers(const json_t *node)
{
	return !json_is_true(json_object_get(node, "obeys"));
}

static bool is_in_maintenance(const json_t *node)
{
	return json_is_true(json_object_get(node, "maintenance"));
}

static bool is_not_serving(const json_t *node)
{
	return !json_is_true(json_object_get(node, "serves"));
}

static bool is_storage(const json_t *node)
{
	return strcmp(text_of(node, "role"), api_role_name(API_STORAGE)) == 0;
}

static bool has_no_port(const json_t *node)
{
	int rtmp_port = number_of(node, "rtmp_port"), http_port = number_of(node, "http_port");

	return !rtmp_port || (is_storage(node) && (!http_port || http_port == rtmp_port));
}

static const struct {
	bool (*keeps_out)(const json_t *node);
	const char *what; /* "of 3, 1 WHAT" */
} filters[] = {
	{is_offline, "not heard of lately"},        {is_anothers, "without this dsnd as --manager"},
	{is_in_maintenance, "in maintenance"},      {is_not_serving, "not serving yet"},
	{has_no_port, "without ports to reach it"},
};
#define FILTERS (sizeof(filters) / sizeof(filters[0]))

struct choice {
	enum api_role role;
	const json_t **fit; /* fewest jobs first */
	size_t fit_count, of;
	size_t kept_out[FILTERS], clashing;
};

static void look_at(struct choice *c, const json_t *node)
{
	if (strcmp(text_of(node, "role"), api_role_name(c->role)) != 0)
		return;
	c->of++;
	for (size_t i = 0; i < FILTERS; i++) {
		if (filters[i].keeps_out(node)) {
			c->kept_out[i]++;
			return;
		}
	}
	c->fit[c->fit_count++] = node;
}

static int by_jobs(const void *a, const void *b)
{
	const json_t *left = *(const json_t *const *)a, *right = *(const json_t *const *)b;
	int l = number_of(left, "jobs"), r = number_of(right, "jobs");

	return l != r ? (l > r) - (l < r) : strcmp(text_of(left, "node_id"), text_of(right, "node_id"));
}

static struct error *lack(const struct choice *c, size_t wanted)
{
	void *scope = mem_strdup(NULL, "");
	char *why = mem_strdup(scope, "");
	struct error *e;

	for (size_t i = 0; i < FILTERS; i++) {
		if (c->kept_out[i])
			why = mem_printf(scope, "%s, %zu %s", why, c->kept_out[i], filters[i].what);
	}
	if (c->clashing)
		why = mem_printf(scope, "%s, %zu with an address that another one has", why, c->clashing);
	e = error_new(ERROR_UNAVAILABLE, "it cannot be placed: %s: %zu wanted, %zu would do, of %zu known%s",
		      api_role_name(c->role), wanted, c->fit_count - c->clashing, c->of, why);
	mem_free(scope);
	return e;
}

/* Nodes say themselves where they are. Two at one address cannot be told apart by those that send to them. */
static bool has_address_of(const json_t *node, const json_t *other)
{
	int mine = number_of(node, "rtmp_port"), its = number_of(other, "rtmp_port");

	if (strcasecmp(text_of(node, "ip"), text_of(other, "ip")) != 0)
		return false;
	return mine == its || (is_storage(node) && number_of(node, "http_port") == its) ||
	       (is_storage(other) && number_of(other, "http_port") == mine);
}

static bool clashes(const json_t *node, const json_t *const *chosen, size_t count)
{
	const json_t *const *end = chosen + count;

	while (chosen < end && !has_address_of(node, *chosen))
		chosen++;
	return chosen < end;
}

static void put(json_t *nodes, const json_t *node)
{
	json_t *o = json_object();

	json_put(o, "type", text_of(node, "role"));
	json_put(o, "node_id", text_of(node, "node_id"));
	json_put(o, "ip", text_of(node, "ip"));
	json_put_decimal(o, "port", number_of(node, "rtmp_port"));
	if (is_storage(node))
		json_put_decimal(o, "http_port", number_of(node, "http_port"));
	if (strcmp(text_of(node, "mode"), "classic") == 0)
		json_put(o, "mode", "classic");
	json_array_append_new(nodes, o);
}

/* Of those that fit, behind the *count that are chosen. */
static struct error *choose(struct choice *c, size_t wanted, const json_t **chosen, size_t *count)
{
	size_t end = *count + wanted;

	qsort(c->fit, c->fit_count, sizeof(const json_t *), by_jobs);
	for (size_t i = 0; *count < end && i < c->fit_count; i++) {
		if (clashes(c->fit[i], chosen, *count))
			c->clashing++;
		else
			chosen[(*count)++] = c->fit[i];
	}
	return *count < end ? lack(c, wanted) : NULL;
}

struct error *choose_nodes(const json_t *known, const struct api_pipeline *p, json_t **ret_nodes)
{
	const size_t wanted[API_ROLE_COUNT] = {
		[API_DISTRIBUTOR] = 1, [API_TRANSCODER] = p->rendition_count, [API_STORAGE] = 1};
	const json_t *list = json_object_get(known, "nodes");
	void *scope = mem_strdup(NULL, "");
	const json_t **chosen = mem_array(scope, const json_t *, p->rendition_count + 2);
	size_t count = 0;
	struct error *e = NULL;

	for (int role = 0; !e && role < API_ROLE_COUNT; role++) {
		struct choice c = {.role = (enum api_role)role,
				   .fit = mem_array(scope, const json_t *, json_array_size(list) + 1)};

		for (size_t i = 0; i < json_array_size(list); i++)
			look_at(&c, json_array_get(list, i));
		e = choose(&c, wanted[role], chosen, &count);
	}
	if (!e) {
		*ret_nodes = json_array();
		for (size_t i = 0; i < count; i++)
			put(*ret_nodes, chosen[i]);
	}
	mem_free(scope);
	return e;
}

/* --- one place of a job --- */

static bool is_among(const char *id, const char *const *list, size_t count)
{
	size_t at = 0;

	while (at < count && strcasecmp(list[at], id) != 0)
		at++;
	return at < count;
}

static const json_t *known_node(const json_t *list, const char *id)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (strcasecmp(text_of(json_array_get(list, i), "node_id"), id) == 0)
			return json_array_get(list, i);
	}
	return NULL;
}

struct error *choose_replacement(const json_t *known, const json_t *document, const char *lost,
				 const char *const *excluded, size_t excluded_count, json_t **ret_node)
{
	const json_t *list = json_object_get(known, "nodes"),
		     *nodes = json_object_get(json_object_get(document, "pipeline"), "nodes");
	void *scope = mem_strdup(NULL, "");
	size_t node_count = json_array_size(nodes), count = 0, staying;
	const json_t **chosen = mem_array(scope, const json_t *, node_count + 2);
	const char **own = mem_array(scope, const char *, node_count + 1);
	struct choice c = {.fit = mem_array(scope, const json_t *, json_array_size(list) + 1)};
	struct error *e = NULL;

	for (size_t i = 0; i < node_count; i++) {
		const json_t *node = json_array_get(nodes, i), *there;

		own[i] = text_of(node, "node_id");
		there = known_node(list, own[i]);
		if (strcasecmp(own[i], lost) == 0)
			e = api_role_parse(text_of(node, "type"), &(struct json_place){NULL, "type", 0}, &c.role);
		else if (there)
			chosen[count++] = there;
	}
	staying = count;
	for (size_t i = 0; !e && i < json_array_size(list); i++) {
		const json_t *node = json_array_get(list, i);

		if (!is_among(text_of(node, "node_id"), own, node_count) &&
		    !is_among(text_of(node, "node_id"), excluded, excluded_count))
			look_at(&c, node);
	}
	if (!e)
		e = choose(&c, 1, chosen, &count);
	if (!e) {
		json_t *made = json_array();

		put(made, chosen[staying]);
		*ret_node = json_incref(json_array_get(made, 0));
		json_decref(made);
	}
	mem_free(scope);
	return e;
}
