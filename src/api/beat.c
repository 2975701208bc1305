#include "api/beat.h"

#include <stdio.h>
#include <string.h>

#include "api/read.h"
#include "base/json.h"
#include "base/mem.h"

#define UNKNOWN API_BEAT_UNKNOWN

static const int rung_heights[API_BEAT_RUNGS] = {240, 360, 480, 540, 720, 1080, 1440, 2160};
static const char *const rung_names[API_BEAT_RUNGS] = {"240", "360", "480", "540", "720", "1080", "1440", "2160"};
static const char *const on_off[2] = {"on", "off"}, *const yes_no[2] = {"yes", "no"};

const struct api_beat api_beat_unknown = {
	.owner = (char[]){""},
	.version = (char[]){""},
	.region = (char[]){""},
	.blocks_per_s = UNKNOWN,
	.bps = UNKNOWN,
	.realtime_pm = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
	.policy = {.ceiling_pm = API_BEAT_CEILING_PM, .most_jobs = UNKNOWN, .price = UNKNOWN},
};

int api_beat_rung(int height)
{
	int rung = 0;

	while (rung < API_BEAT_RUNGS - 1 && height > rung_heights[rung])
		rung++;
	return rung;
}

bool api_beat_is(const json_t *body)
{
	return json_object_get(body, "beat") != NULL;
}

/* --- reading --- */

/* A list of texts of which each passes `check`; belongs to ctx. */
static struct error *read_texts(const void *ctx, const json_t *body, const struct json_place *at, const char *key,
				size_t most, api_check_fn *check, char ***ret, size_t *ret_count)
{
	const struct json_place list_at = {at, key, 0};
	json_t *list = NULL;
	size_t count;

	TRY(json_read_array_opt(body, at, key, 0, most, &list));
	count = json_array_size(list);
	*ret = count ? mem_array(ctx, char *, count) : NULL;
	*ret_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct json_place here = {&list_at, NULL, i};
		const char *text = json_string_value(json_array_get(list, i));

		if (!text)
			return json_place_error(&here, "must be a string");
		/* cppcheck-suppress returnDanglingLifetime ; an error holds no pointer to the place */
		TRY(check(text, &here));
		(*ret)[i] = mem_strdup(*ret, text);
	}
	return NULL;
}

static struct error *read_text(const void *ctx, const json_t *body, const struct json_place *at, const char *key,
			       api_check_fn *check, char **ret)
{
	*ret = NULL;
	TRY(api_read_text_opt(ctx, body, at, key, check, ret));
	if (!*ret)
		*ret = mem_strdup(ctx, "");
	return NULL;
}

static struct error *read_ratios(const json_t *body, const struct json_place *at, struct api_beat *b)
{
	const struct json_place here = {at, "realtime_pm", 0};
	json_t *ratios = NULL;

	TRY(json_read_object_opt(body, at, "realtime_pm", &ratios));
	for (size_t i = 0; ratios && i < API_BEAT_RUNGS; i++)
		TRY(api_read_int_opt(ratios, &here, rung_names[i], 0, API_BEAT_RATIO_MOST, &b->realtime_pm[i]));
	return NULL;
}

static struct error *read_policy(const void *ctx, const json_t *body, const struct json_place *at,
				 struct api_beat_policy *p)
{
	TRY(read_texts(ctx, body, at, "customers", API_BEAT_CUSTOMERS, api_check_node_id, &p->customers,
		       &p->customer_count));
	TRY(api_read_int_opt(body, at, "ceiling_pm", 1, 1000, &p->ceiling_pm));
	TRY(api_read_int_opt(body, at, "most_jobs", 0, API_BEAT_MOST_JOBS, &p->most_jobs));
	return json_read_decimal_opt(body, at, "price", 0, API_BEAT_MOST, &p->price);
}

static struct error *read_node(const json_t *row, const struct json_place *at, struct api_beat_node *n)
{
	const char *id = NULL, *state = NULL;

	if (!json_is_object(row))
		return json_place_error(at, "must be an object");
	TRY(json_read_string(row, at, "node_id", &id));
	TRY(api_check_node_id(id, &(struct json_place){at, "node_id", 0}));
	TRY(json_read_string(row, at, "state", &state));
	TRY(api_read_bool_opt(row, at, "maintenance", on_off, &n->maintenance));
	TRY(api_read_int_opt(row, at, "job_count", 0, API_BEAT_MOST_JOBS, &n->job_count));
	snprintf(n->id, sizeof(n->id), "%s", id);
	n->serves = strcmp(state, "running") == 0;
	return NULL;
}

static struct error *read_nodes(const void *ctx, const json_t *body, const struct json_place *at, struct api_beat *b)
{
	const struct json_place list_at = {at, "nodes", 0};
	json_t *list = NULL;

	TRY(json_read_array(body, at, "nodes", 0, API_BEAT_NODES, &list));
	b->node_count = json_array_size(list);
	b->nodes = mem_array(ctx, struct api_beat_node, b->node_count);
	for (size_t i = 0; i < b->node_count; i++)
		TRY(read_node(json_array_get(list, i), &(struct json_place){&list_at, NULL, i}, &b->nodes[i]));
	return NULL;
}

static struct error *read_members(const json_t *body, struct api_beat *b)
{
	const struct json_place at = {NULL, NULL, 0};
	const char *agent = NULL;

	TRY(api_expect(body, &at, "beat", "1"));
	TRY(json_read_string(body, &at, "agent_id", &agent));
	TRY(api_check_node_id(agent, &(struct json_place){&at, "agent_id", 0}));
	snprintf(b->agent_id, sizeof(b->agent_id), "%s", agent);
	TRY(read_text(b, body, &at, "owner", api_check_node_id, &b->owner));
	TRY(read_text(b, body, &at, "version", api_check_version, &b->version));
	TRY(read_text(b, body, &at, "region", api_check_label, &b->region));
	TRY(read_texts(b, body, &at, "labels", API_BEAT_LABELS, api_check_label, &b->labels, &b->label_count));
	TRY(api_read_bool_opt(body, &at, "gpu", yes_no, &b->gpu));
	TRY(json_read_decimal_opt(body, &at, "blocks_per_s", 0, API_BEAT_MOST, &b->blocks_per_s));
	TRY(json_read_decimal_opt(body, &at, "bps", 0, API_BEAT_MOST, &b->bps));
	TRY(api_read_int_opt(body, &at, "load_pm", 0, 1000, &b->load_pm));
	TRY(api_read_int_opt(body, &at, "jobs_load_pm", 0, 1000, &b->jobs_load_pm));
	TRY(read_ratios(body, &at, b));
	TRY(read_policy(b, body, &at, &b->policy));
	return read_nodes(b, body, &at, b);
}

struct error *api_beat_read(const void *ctx, const json_t *body, struct api_beat **ret_beat)
{
	struct api_beat *b = mem_new(ctx, struct api_beat);
	struct error *e;

	*b = api_beat_unknown;
	e = read_members(body, b);
	if (e) {
		mem_free(b);
		return e;
	}
	*ret_beat = b;
	return NULL;
}

/* --- writing --- */

static void put_known(json_t *o, const char *key, int64_t value)
{
	if (value != UNKNOWN)
		json_put_decimal(o, key, value);
}

static void put_texts(json_t *o, const char *key, char **list, size_t count)
{
	json_t *a = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(a, json_string(list[i]));
	if (count)
		json_object_set(o, key, a);
	json_decref(a);
}

static void put_said(json_t *o, const char *key, const char *text)
{
	if (*text)
		json_put(o, key, text);
}

static json_t *ratios_json(const struct api_beat *b)
{
	json_t *o = json_object();

	for (size_t i = 0; i < API_BEAT_RUNGS; i++)
		put_known(o, rung_names[i], b->realtime_pm[i]);
	return o;
}

static json_t *nodes_json(const struct api_beat *b)
{
	json_t *list = json_array();

	for (size_t i = 0; i < b->node_count; i++) {
		const struct api_beat_node *n = &b->nodes[i];
		json_t *o = json_object();

		json_put(o, "node_id", n->id);
		json_put(o, "state", n->serves ? "running" : "starting");
		if (n->maintenance)
			json_put(o, "maintenance", "on");
		json_put_decimal(o, "job_count", n->job_count);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *api_beat_write(const struct api_beat *b)
{
	json_t *o = json_object();

	json_put(o, "beat", "1");
	json_put(o, "agent_id", b->agent_id);
	put_said(o, "owner", b->owner);
	put_said(o, "version", b->version);
	put_said(o, "region", b->region);
	put_texts(o, "labels", b->labels, b->label_count);
	json_put(o, "gpu", b->gpu ? "yes" : "no");
	put_known(o, "blocks_per_s", b->blocks_per_s);
	put_known(o, "bps", b->bps);
	json_put_decimal(o, "load_pm", b->load_pm);
	json_put_decimal(o, "jobs_load_pm", b->jobs_load_pm);
	json_object_set_new(o, "realtime_pm", ratios_json(b));
	put_texts(o, "customers", b->policy.customers, b->policy.customer_count);
	json_put_decimal(o, "ceiling_pm", b->policy.ceiling_pm);
	put_known(o, "most_jobs", b->policy.most_jobs);
	put_known(o, "price", b->policy.price);
	json_object_set_new(o, "nodes", nodes_json(b));
	return o;
}

/* --- comparing --- */

static bool same_texts(char **a, size_t a_count, char **b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		if (strcmp(a[i], b[i]) != 0)
			return false;
	}
	return true;
}

static bool same_policy(const struct api_beat_policy *a, const struct api_beat_policy *b)
{
	return a->ceiling_pm == b->ceiling_pm && a->most_jobs == b->most_jobs && a->price == b->price &&
	       same_texts(a->customers, a->customer_count, b->customers, b->customer_count);
}

bool api_beat_same(const struct api_beat *a, const struct api_beat *b)
{
	return strcmp(a->agent_id, b->agent_id) == 0 && strcmp(a->owner, b->owner) == 0 &&
	       strcmp(a->version, b->version) == 0 && strcmp(a->region, b->region) == 0 && a->gpu == b->gpu &&
	       a->blocks_per_s == b->blocks_per_s && a->bps == b->bps && a->load_pm == b->load_pm &&
	       a->jobs_load_pm == b->jobs_load_pm &&
	       memcmp(a->realtime_pm, b->realtime_pm, sizeof(a->realtime_pm)) == 0 &&
	       same_texts(a->labels, a->label_count, b->labels, b->label_count) && same_policy(&a->policy, &b->policy);
}
