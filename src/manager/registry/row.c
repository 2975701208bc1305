#include "manager/registry/row.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

static json_t *texts(char **list, size_t count)
{
	json_t *a = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(a, json_string(list[i]));
	return a;
}

static json_t *ratios(const int *pm)
{
	json_t *a = json_array();

	for (size_t i = 0; i < API_BEAT_RUNGS; i++)
		json_array_append_new(a, json_integer(pm[i]));
	return a;
}

static json_t *policy_json(const struct api_beat_policy *p)
{
	return json_pack("{s:o,s:i,s:i,s:I}", "customers", texts(p->customers, p->customer_count), "ceiling_pm",
			 p->ceiling_pm, "most_jobs", p->most_jobs, "price", (json_int_t)p->price);
}

static void put_beat(json_t *o, const struct api_beat *b)
{
	json_put(o, "owner", b->owner);
	json_put(o, "version", b->version);
	json_put(o, "region", b->region);
	json_object_set_new(o, "labels", texts(b->labels, b->label_count));
	json_object_set_new(o, "gpu", json_boolean(b->gpu));
	json_object_set_new(
		o, "capacity",
		json_pack("{s:I,s:I}", "blocks_per_s", (json_int_t)b->blocks_per_s, "bps", (json_int_t)b->bps));
	json_object_set_new(o, "load_pm", json_integer(b->load_pm));
	json_object_set_new(o, "jobs_load_pm", json_integer(b->jobs_load_pm));
	json_object_set_new(o, "realtime_pm", ratios(b->realtime_pm));
	json_object_set_new(o, "policy", policy_json(&b->policy));
}

json_t *row_json(const struct nodes_node *n)
{
	const struct nodes_said *s = &n->said;
	char *seen = clock_format(NULL, n->seen_wall_ms);
	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:s,s:b,s:b,s:b,s:s}", "node_id", n->id, "name",
			      s->name, "role", api_role_name(s->role), "state", nodes_state_name(n->state), "ip", s->ip,
			      "rtmp_port", s->rtmp_port, "http_port", s->http_port, "jobs", s->job_count, "mode",
			      s->classic ? "classic" : "managed", "maintenance", s->maintenance, "serves", s->serves,
			      "obeys", n->obeys, "agent_id", nodes_agent_of(n));

	json_put(o, "seen", seen);
	mem_free(seen);
	put_beat(o, nodes_beat_of(n));
	return o;
}
