#include "manager/jobs/evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"

#define WHY_BYTES 160

/* --- whom each sends to --- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* The node at an address, which no two of a job share. */
static const struct api_pipeline_node *node_at(const struct api_pipeline *p, const struct api_target *t)
{
	for (size_t i = 0; i < p->node_count; i++) {
		if (p->nodes[i].port == t->port && strcasecmp(p->nodes[i].ip, t->ip) == 0)
			return &p->nodes[i];
	}
	return NULL;
}

static void add_output(struct evidence_node *all, const void *ctx, size_t i, const struct api_pipeline *p,
		       const struct api_target *t)
{
	const struct api_pipeline_node *to = node_at(p, t);
	struct evidence_node *n = &all[i], *receiver = to ? &all[to - p->nodes] : NULL;

	n->outputs = mem_resize(ctx, n->outputs, struct evidence_output, n->output_count + 1);
	n->outputs[n->output_count++] = (struct evidence_output){to ? mem_strdup(ctx, to->node_id) : NULL, -1};
	if (!receiver)
		return;
	receiver->inputs = mem_resize(ctx, receiver->inputs, struct evidence_input, receiver->input_count + 1);
	receiver->inputs[receiver->input_count++] =
		(struct evidence_input){mem_strdup(ctx, t->stream), mem_strdup(ctx, n->node_id), false};
}

static void add_task(struct evidence_node *all, const void *ctx, size_t i, const struct api_pipeline *p,
		     const struct api_task *t)
{
	for (size_t k = 0; k < t->output_count; k++)
		add_output(all, ctx, i, p, &t->outputs[k]);
	for (size_t k = 0; k < t->rendition_count; k++) {
		add_output(all, ctx, i, p, &t->renditions[k].target);
		all[i].sends_on = all[i].sends_on || t->renditions[k].target.always;
	}
}

struct error *evidence_nodes(const void *ctx, const struct order_row *row, struct evidence_node **ret_nodes,
			     size_t *ret_count)
{
	void *scope = mem_strdup(NULL, "");
	struct api_pipeline *p = NULL;
	struct api_node_task *tasks = NULL;
	size_t count = 0;
	struct error *e = api_pipeline_read(scope, row->document, &p);

	if (!e)
		e = api_private_tasks(scope, row->tasks, ".", &tasks, &count);
	if (!e) {
		struct evidence_node *all = mem_array(ctx, struct evidence_node, p->node_count);

		for (size_t i = 0; i < p->node_count; i++) {
			all[i] = (struct evidence_node){
				.node_id = mem_strdup(ctx, p->nodes[i].node_id), .role = p->nodes[i].role, .place = i};
		}
		/* Tasks of failover nodes come behind those of the nodes, which are in the document's order. */
		for (size_t i = 0; i < p->node_count && i < count; i++)
			add_task(all, ctx, i, p, tasks[i].task);
		*ret_nodes = all;
		*ret_count = p->node_count;
	}
	mem_free(scope);
	return e;
}

void evidence_keep(struct evidence_node *n, const struct evidence_node *before)
{
	for (size_t i = 0; i < n->output_count && i < before->output_count; i++) {
		const struct evidence_output *was = &before->outputs[i];

		if (n->outputs[i].node_id && was->node_id && strcmp(n->outputs[i].node_id, was->node_id) == 0)
			n->outputs[i].restarts = was->restarts;
	}
	for (size_t i = 0; i < n->input_count; i++) {
		for (size_t k = 0; k < before->input_count; k++) {
			const struct evidence_input *was = &before->inputs[k];

			if (strcmp(n->inputs[i].stream, was->stream) == 0 &&
			    strcmp(n->inputs[i].node_id, was->node_id) == 0)
				n->inputs[i].arrives = was->arrives;
		}
	}
}

/* --- what one says --- */

/* Which output a unit serves: "JOB-to-2" of a distributor is its second, "JOB-send-2" that of a transcoder which has
 * such; another's one program serves all. */
static bool serves(const struct evidence_node *n, const char *job, const char *unit, size_t output)
{
	char name[32];
	size_t length = strlen(job);

	if (strncmp(unit, job, length) != 0)
		return false;
	if (n->role == API_TRANSCODER && !n->sends_on)
		return strcmp(unit + length, "-encode") == 0;
	snprintf(name, sizeof(name), n->role == API_TRANSCODER ? "-send-%zu" : "-to-%zu", output + 1);
	return strcmp(unit + length, name) == 0;
}

static void look_at_output(struct evidence_output *o, const json_t *unit, evidence_fn *fn, void *arg)
{
	char why[WHY_BYTES];
	int64_t restarts = strtoll(text_of(unit, "restarts"), NULL, 10), before = o->restarts;
	bool failing = strcmp(text_of(unit, "state"), "failing") == 0;

	o->restarts = restarts;
	if (!o->node_id || (!failing && (before < 0 || restarts <= before)))
		return;
	snprintf(why, sizeof(why), "%s %s", text_of(unit, "name"), text_of(unit, "last_exit"));
	fn(o->node_id, why, arg);
}

static void look_at_units(struct evidence_node *n, const json_t *status, evidence_fn *fn, void *arg)
{
	const char *job = text_of(status, "job_id");
	const json_t *units = json_object_get(status, "units");

	for (size_t i = 0; i < json_array_size(units); i++) {
		const json_t *unit = json_array_get(units, i);

		for (size_t k = 0; k < n->output_count; k++) {
			if (serves(n, job, text_of(unit, "name"), k))
				look_at_output(&n->outputs[k], unit, fn, arg);
		}
	}
}

static bool arrives(const json_t *published, const char *stream)
{
	for (size_t i = 0; i < json_array_size(published); i++) {
		const char *text = json_string_value(json_array_get(published, i)),
			   *name = text ? strchr(text, '/') : NULL;

		if (name && strcmp(name + 1, stream) == 0)
			return true;
	}
	return false;
}

static void look_at_inputs(struct evidence_node *n, const json_t *status, evidence_fn *fn, void *arg)
{
	const json_t *published = json_object_get(status, "published");

	for (size_t i = 0; i < n->input_count; i++) {
		struct evidence_input *in = &n->inputs[i];
		bool before = in->arrives;
		char why[WHY_BYTES];

		in->arrives = arrives(published, in->stream);
		if (!before || in->arrives)
			continue;
		snprintf(why, sizeof(why), "stream %s does not arrive any more", in->stream);
		fn(in->node_id, why, arg);
	}
}

void evidence_hear(struct evidence_node *n, const json_t *status, evidence_fn *fn, void *arg)
{
	look_at_units(n, status, fn, arg);
	look_at_inputs(n, status, fn, arg);
}
