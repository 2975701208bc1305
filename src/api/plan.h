/* Dry run of a pipeline: bandwidth, ports, estimated CPU per node, and what makes it infeasible. */
#ifndef DSN_API_PLAN_H
#define DSN_API_PLAN_H

#include "api/pipeline.h"

struct api_plan_node {
	const struct api_pipeline_node *node;
	int64_t in_bps, out_bps;
	int64_t macroblocks_per_s; /* decode + encode work, 16x16 blocks at 25 fps (or [ext] source.fps) */
	double cpu_cores; /* estimate by the table of presets in role_transcoder.c; `node hardware` measures a machine
			   */
	const char **streams_in, **streams_out; /* rtmp URLs as planned, no keys */
	size_t in_count, out_count;
};

struct api_plan {
	struct api_plan_node *nodes;
	size_t node_count;
	char **problems; /* each names its place; empty: feasible */
	size_t problem_count;
	char **remarks; /* worth knowing, not fatal */
	size_t remark_count;
};

/* `p` must outlive the plan. What contradicts itself api_pipeline_read() refused already; problems here are what the
 * nodes cannot carry ([ext] "cores", "bandwidth"). */
void api_plan_make(const void *ctx, const struct api_pipeline *p, struct api_plan **ret_plan);
/* NULL: feasible; else ERROR_FAILED with the first problem. */
struct error *api_plan_error(const struct api_plan *plan) MUST_CHECK;
/* JSON form for --json; all values strings, docs/api.md has the members. New reference. */
json_t *api_plan_json(const struct api_plan *plan);

#endif
