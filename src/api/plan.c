#include "api/plan.h"

#include <stdio.h>
#include <string.h>

#include "api/pipeline_check.h"
#include "api/role.h"
#include "base/mem.h"

#define DEFAULT_PRESET "veryfast" /* the agent's, when nothing is ordered */
#define COPY_CORES_PER_GBPS 0.5   /* ffmpeg -c copy and nginx relaying, both ways */
#define KEY_FRAME_OF_MEAN 6       /* a key frame is about so many times the mean frame */
#define FRAME_LIMIT 1048576       /* bytes; nginx-rtmp's HLS drops larger ones */

static const char *stream_url(const void *ctx, const struct api_pipeline_node *to, const char *job, const char *variant,
			      const char *application)
{
	bool v6 = strchr(to->ip, ':') != NULL;

	return mem_printf(ctx, "rtmp://%s%s%s:%d/%s/%s%s", v6 ? "[" : "", to->ip, v6 ? "]" : "", to->port,
			  to->classic ? job : application, job, variant);
}

void api_plan_hop(struct api_plan *plan, const struct api_pipeline *p, const struct api_pipeline_node *from,
		  const struct api_pipeline_node *to, const char *variant, int64_t bps)
{
	const char *url = stream_url(plan, to, p->job, variant, from ? API_LIVE : API_INGEST);

	for (size_t i = 0; i < plan->node_count; i++) {
		struct api_plan_node *n = &plan->nodes[i];

		if (n->node == to) {
			n->streams_in = mem_resize(plan, n->streams_in, const char *, n->in_count + 1);
			n->streams_in[n->in_count++] = url;
			n->in_bps += bps;
		} else if (n->node == from) {
			n->streams_out = mem_resize(plan, n->streams_out, const char *, n->out_count + 1);
			n->streams_out[n->out_count++] = url;
			n->out_bps +=
				api_pipeline_sends_always(p, to) && !api_pipeline_sends_always(p, from) ? 2 * bps : bps;
		}
	}
}

/* Role by role, so that what comes to a node stands in that order. */
static void add_hops(struct api_plan *plan, const struct api_pipeline *p)
{
	for (int role = 0; role < API_ROLE_COUNT; role++) {
		const struct api_role_ops *ops = api_role_ops((enum api_role)role);

		for (size_t i = 0; ops->hops && i < p->node_count; i++) {
			if ((int)p->nodes[i].role == role)
				ops->hops(plan, p, &p->nodes[i]);
		}
	}
}

static void add_load(const struct api_pipeline *p, struct api_plan_node *n)
{
	const struct api_role_ops *role = api_role_ops(n->node->role);

	n->cpu_cores = (double)(n->in_bps + n->out_bps) / 1e9 * COPY_CORES_PER_GBPS;
	if (role->load)
		role->load(p, n);
}

const char *api_plan_preset(const struct api_pipeline *p)
{
	return p->preset ? p->preset : DEFAULT_PRESET;
}

static void find_problems(const struct api_plan *plan, const struct api_pipeline *p, struct api_notes *problems)
{
	for (size_t i = 0; i < plan->node_count; i++) {
		const struct api_plan_node *n = &plan->nodes[i];

		if (n->node->bandwidth_bps && n->in_bps > n->node->bandwidth_bps)
			api_note(problems, "pipeline.nodes[%zu].bandwidth: %.1f Mb/s come in, the link has %.1f", i,
				 (double)n->in_bps / 1e6, (double)n->node->bandwidth_bps / 1e6);
		if (n->node->bandwidth_bps && n->out_bps > n->node->bandwidth_bps)
			api_note(problems, "pipeline.nodes[%zu].bandwidth: %.1f Mb/s go out, the link has %.1f", i,
				 (double)n->out_bps / 1e6, (double)n->node->bandwidth_bps / 1e6);
		if (n->node->cores > 0 && n->cpu_cores > n->node->cores)
			api_note(problems,
				 "pipeline.nodes[%zu].cores: about %.1f are needed with preset %s, the machine has %g",
				 i, n->cpu_cores, api_plan_preset(p), n->node->cores);
	}
}

static void find_remarks(const struct api_pipeline *p, struct api_notes *remarks)
{
	size_t copies = 0;
	const int64_t key_frame = p->source.bitrate_bps / 8 / p->source_fps * KEY_FRAME_OF_MEAN;

	api_pipeline_remarks(p, remarks);
	if (key_frame > FRAME_LIMIT)
		api_note(
			remarks,
			"pipeline.source.bitrate: at %lld b/s key frames may pass 1 MiB (about %lld bytes), which nginx-rtmp's HLS (classic mode) drops",
			(long long)p->source.bitrate_bps, (long long)key_frame);
	for (size_t i = 0; i < p->node_count; i++)
		copies += p->nodes[i].role == API_TRANSCODER;
	if (copies > 1)
		api_note(
			remarks,
			"pipeline.nodes: the distributor sends %zu copies of the source, %.1f Mb/s; one transcoder that makes all renditions (\"renditions\") would leave %.1f Mb/s",
			copies + 1, (double)p->source.bitrate_bps * (double)(copies + 1) / 1e6,
			(double)p->source.bitrate_bps * 2 / 1e6);
}

static void find_trouble(struct api_plan *plan, const struct api_pipeline *p)
{
	struct api_notes *problems = mem_new(plan, struct api_notes), *remarks = mem_new(plan, struct api_notes);

	find_problems(plan, p, problems);
	find_remarks(p, remarks);
	plan->problems = problems->texts;
	plan->problem_count = problems->count;
	plan->remarks = remarks->texts;
	plan->remark_count = remarks->count;
}

void api_plan_make(const void *ctx, const struct api_pipeline *p, struct api_plan **ret_plan)
{
	struct api_plan *plan = mem_new(ctx, struct api_plan);

	plan->node_count = p->node_count;
	plan->nodes = mem_array(plan, struct api_plan_node, p->node_count);
	for (size_t i = 0; i < p->node_count; i++)
		plan->nodes[i].node = &p->nodes[i];
	add_hops(plan, p);
	for (size_t i = 0; i < plan->node_count; i++)
		add_load(p, &plan->nodes[i]);
	find_trouble(plan, p);
	*ret_plan = plan;
}

static json_t *texts_json(const char *const *texts, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(texts[i]));
	return list;
}

static json_t *node_json(const struct api_plan_node *n)
{
	json_t *o = json_object(), *ports = json_object();
	char cores[32];

	snprintf(cores, sizeof(cores), "%.2f", n->cpu_cores);
	json_put(o, "type", api_role_name(n->node->role));
	json_put(o, "node_id", n->node->node_id);
	json_put(o, "ip", n->node->ip);
	json_put_decimal(ports, "rtmp", n->node->port);
	if (n->node->role == API_STORAGE)
		json_put_decimal(ports, "http", n->node->http_port);
	json_object_set_new(o, "ports", ports);
	json_put_decimal(o, "in_bps", n->in_bps);
	json_put_decimal(o, "out_bps", n->out_bps);
	json_put_decimal(o, "macroblocks_per_s", n->macroblocks_per_s);
	json_put(o, "cpu_cores", cores);
	json_object_set_new(o, "streams_in", texts_json(n->streams_in, n->in_count));
	json_object_set_new(o, "streams_out", texts_json(n->streams_out, n->out_count));
	return o;
}

json_t *api_plan_json(const struct api_plan *plan)
{
	json_t *o = json_object(), *nodes = json_array();

	json_put(o, "feasible", plan->problem_count ? "no" : "yes");
	for (size_t i = 0; i < plan->node_count; i++)
		json_array_append_new(nodes, node_json(&plan->nodes[i]));
	json_object_set_new(o, "nodes", nodes);
	json_object_set_new(o, "problems", texts_json((const char *const *)plan->problems, plan->problem_count));
	json_object_set_new(o, "remarks", texts_json((const char *const *)plan->remarks, plan->remark_count));
	return o;
}

struct error *api_plan_error(const struct api_plan *plan)
{
	if (!plan->problem_count)
		return NULL;
	return error_new(ERROR_FAILED, "the pipeline cannot work: %s%s", plan->problems[0],
			 plan->problem_count > 1 ? " (and more)" : "");
}
