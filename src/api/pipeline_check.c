#include "api/pipeline_check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/role.h"
#include "base/mem.h"

void api_note(struct api_notes *notes, const char *fmt, ...)
{
	va_list ap;

	notes->texts = mem_resize(notes, notes->texts, char *, notes->count + 1);
	va_start(ap, fmt);
	notes->texts[notes->count++] = mem_vprintf(notes, fmt, ap);
	va_end(ap);
}

static void check_roles(const struct api_pipeline *p, struct api_notes *notes)
{
	size_t first[API_ROLE_COUNT] = {0}, count[API_ROLE_COUNT] = {0};

	for (size_t i = 0; i < p->node_count; i++) {
		enum api_role role = p->nodes[i].role;

		if (count[role]++ == 0)
			first[role] = i;
		else if (count[role] > api_role_ops(role)->most)
			api_note(notes,
				 "pipeline.nodes[%zu].type: a second %s (the first is nodes[%zu]); a pipeline has one",
				 i, api_role_name(role), first[role]);
	}
	for (int role = 0; role < API_ROLE_COUNT; role++) {
		if (count[role] < api_role_ops((enum api_role)role)->least)
			api_note(notes, "pipeline.nodes: no %s among them", api_role_name((enum api_role)role));
	}
}

static void check_ids(const struct api_pipeline *p, struct api_notes *notes)
{
	for (size_t i = 0; i < p->node_count; i++) {
		const struct api_pipeline_node *n = &p->nodes[i];

		for (size_t j = 0; j < p->node_count; j++) {
			if (j < i && strcmp(n->node_id, p->nodes[j].node_id) == 0)
				api_note(notes, "pipeline.nodes[%zu].node_id: %s is nodes[%zu] already", i, n->node_id,
					 j);
			if (n->failover_node_id && strcmp(n->failover_node_id, p->nodes[j].node_id) == 0)
				api_note(notes,
					 "pipeline.nodes[%zu].failover_node_id: %s is nodes[%zu] and has its own part",
					 i, n->failover_node_id, j);
			if (j < i && n->failover_node_id && p->nodes[j].failover_node_id &&
			    strcmp(n->failover_node_id, p->nodes[j].failover_node_id) == 0)
				api_note(notes,
					 "pipeline.nodes[%zu].failover_node_id: %s stands in for nodes[%zu] already", i,
					 n->failover_node_id, j);
		}
	}
}

static bool same_host(const char *a, const char *b)
{
	return a && b && strcasecmp(a, b) == 0;
}

/* Where neither names a port, each has the node's own. */
static bool same_address(const struct api_pipeline_node *a, const struct api_pipeline_node *b)
{
	return same_host(a->ip, b->ip) && a->port == b->port && (a->has_port || b->has_port);
}

static void check_addresses(const struct api_pipeline *p, struct api_notes *notes)
{
	for (size_t i = 0; i < p->node_count; i++) {
		const struct api_pipeline_node *n = &p->nodes[i];

		for (size_t j = 0; j < i; j++) {
			if (same_address(n, &p->nodes[j]))
				api_note(
					notes,
					"pipeline.nodes[%zu].ip: %s port %d is nodes[%zu]'s address too; give one of them another \"port\"",
					i, n->ip, n->port, j);
		}
		for (size_t j = 0; n->role == API_STORAGE && j < p->node_count; j++) {
			if (same_host(n->ip, p->nodes[j].ip) && n->http_port == p->nodes[j].port)
				api_note(
					notes,
					"pipeline.nodes[%zu].http_port: %d is the RTMP port of nodes[%zu] on the same machine",
					i, n->http_port, j);
		}
		if (same_host(n->failover_ip, n->ip) && n->failover_port == n->port)
			api_note(notes, "pipeline.nodes[%zu].failover_ip: %s port %d is the node's own address", i,
				 n->ip, n->port);
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static void check_one_name(const char *where, const char *name, const char *other_where, const char *other,
			   struct api_notes *notes)
{
	if (strcmp(name, other) == 0)
		api_note(notes, "%s.resolution_name: \"%s\" is the name of %s too", where, name, other_where);
	else if (ends_with(name, other) || ends_with(other, name))
		api_note(
			notes,
			"%s.resolution_name: \"%s\" and \"%s\" (%s) end alike: a storage could not tell their streams apart",
			where, name, other, other_where);
}

static void check_names(const struct api_pipeline *p, struct api_notes *notes)
{
	for (size_t i = 0; i < p->rendition_count; i++) {
		char where[48], other[48];

		snprintf(where, sizeof(where), "pipeline.transcoding[%zu]", i);
		check_one_name(where, p->renditions[i].name, "source", p->source.name, notes);
		for (size_t j = 0; j < i; j++) {
			snprintf(other, sizeof(other), "transcoding[%zu]", j);
			check_one_name(where, p->renditions[i].name, other, p->renditions[j].name, notes);
		}
	}
}

/* Each rendition has one maker, each transcoder something to make. */
static void check_shares(const struct api_pipeline *p, struct api_notes *notes)
{
	size_t transcoders = 0;

	for (size_t i = 0; i < p->node_count; i++)
		transcoders += p->nodes[i].role == API_TRANSCODER;
	for (size_t r = 0; r < p->rendition_count; r++) {
		size_t makers = 0;

		for (size_t i = 0; i < p->node_count; i++) {
			for (size_t k = 0; k < p->nodes[i].rendition_count; k++) {
				if (p->nodes[i].renditions[k] == r && makers++)
					api_note(
						notes,
						"pipeline.nodes[%zu].renditions: \"%s\" is made by another node already",
						i, p->renditions[r].name);
			}
		}
		if (!makers && transcoders)
			api_note(
				notes,
				"pipeline.transcoding[%zu]: no transcoder is left for \"%s\" (%zu renditions, %zu transcoders); add a node, or let one make several by \"renditions\"",
				r, p->renditions[r].name, p->rendition_count, transcoders);
	}
	for (size_t i = 0; i < p->node_count; i++) {
		if (p->nodes[i].role == API_TRANSCODER && !p->nodes[i].rendition_count)
			api_note(notes, "pipeline.nodes[%zu]: no rendition is left for this transcoder", i);
	}
}

void api_pipeline_problems(const struct api_pipeline *p, struct api_notes *notes)
{
	check_roles(p, notes);
	check_ids(p, notes);
	check_addresses(p, notes);
	check_names(p, notes);
	check_shares(p, notes);
}

static void remark_renditions(const struct api_pipeline *p, struct api_notes *notes)
{
	for (size_t i = 0; i < p->rendition_count; i++) {
		const struct api_pipeline_rendition *r = &p->renditions[i];

		if (r->size.width > p->source.size.width || r->size.height > p->source.size.height)
			api_note(notes, "pipeline.transcoding[%zu].resolution: %dx%d is larger than the source's %dx%d",
				 i, r->size.width, r->size.height, p->source.size.width, p->source.size.height);
		if (r->bitrate_bps >= p->source.bitrate_bps)
			api_note(notes, "pipeline.transcoding[%zu].bitrate: %lld is not below the source's %lld", i,
				 (long long)r->bitrate_bps, (long long)p->source.bitrate_bps);
		for (size_t j = 0; j < i; j++) {
			const struct api_pipeline_rendition *o = &p->renditions[j];
			bool smaller = r->size.width * r->size.height < o->size.width * o->size.height;

			if (smaller && r->bitrate_bps > o->bitrate_bps)
				api_note(
					notes,
					"pipeline.transcoding[%zu].bitrate: %lld is more than that of the larger transcoding[%zu]",
					i, (long long)r->bitrate_bps, j);
		}
	}
}

static void remark_failover(const struct api_pipeline *p, struct api_notes *notes)
{
	for (size_t i = 0; i < p->node_count; i++) {
		const struct api_pipeline_node *n = &p->nodes[i];

		if (!n->failover_ip)
			continue;
		for (size_t j = 0; j < p->node_count; j++) {
			const struct api_pipeline_node *o = &p->nodes[j];

			if (j != i && same_host(n->failover_ip, o->ip) && n->failover_port == o->port)
				api_note(
					notes,
					"pipeline.nodes[%zu].failover_ip: %s port %d is nodes[%zu], which has work of its own",
					i, n->failover_ip, n->failover_port, j);
			if (j < i && same_host(n->failover_ip, o->failover_ip) && n->failover_port == o->failover_port)
				api_note(
					notes,
					"pipeline.nodes[%zu].failover_ip: %s port %d stands in for nodes[%zu] too; only one can fail",
					i, n->failover_ip, n->failover_port, j);
		}
	}
}

void api_pipeline_remarks(const struct api_pipeline *p, struct api_notes *notes)
{
	remark_renditions(p, notes);
	remark_failover(p, notes);
}
