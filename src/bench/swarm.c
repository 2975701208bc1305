#include "bench/swarm.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LOOK_MS 500 /* a program whose target is gone ends within that time */

/* --- their streams --- */

/* The job at the node of that address; NULL: nobody takes it there. */
static struct swarm_job *receiver(const struct swarm *s, const struct api_target *t, const char *job)
{
	size_t number = 0, node = 0;

	if (!swarm_agent_find(t->ip, t->port, &number, &node) || number < s->killed || number >= s->agent_count ||
	    node >= s->agents[number]->node_count)
		return NULL;
	return swarm_node_job(s->agents[number]->nodes[node], job);
}

static void look_at_job(const struct swarm *s, struct swarm_node *n, struct swarm_job *j)
{
	for (size_t i = 0; i < j->output_count; i++) {
		const struct api_target *t = swarm_node_target(j, i);
		struct swarm_job *to = receiver(s, t, j->name);

		if (to)
			swarm_node_arrived(to, t->stream);
		swarm_node_reached(n, j, i, to != NULL);
	}
}

typedef void node_fn(const struct swarm *s, struct swarm_node *n);

static void each_alive(const struct swarm *s, node_fn *fn)
{
	for (size_t i = s->killed; i < s->agent_count; i++) {
		for (size_t k = 0; k < s->agents[i]->node_count; k++)
			fn(s, s->agents[i]->nodes[k]);
	}
}

static void begin_look(const struct swarm *s, struct swarm_node *n)
{
	(void)s;
	swarm_node_begin_look(n);
}

static void look_at(const struct swarm *s, struct swarm_node *n)
{
	for (size_t i = 0; i < n->job_count; i++)
		look_at_job(s, n, n->jobs[i]);
}

static void end_look(const struct swarm *s, struct swarm_node *n)
{
	(void)s;
	swarm_node_end_look(n);
}

static void look(void *arg)
{
	struct swarm *s = arg;

	each_alive(s, begin_look);
	each_alive(s, look_at);
	each_alive(s, end_look);
	for (size_t i = s->killed; i < s->agent_count; i++)
		swarm_agent_tell_changes(s->agents[i]);
}

/* --- their lives --- */

struct swarm *swarm_new(const void *ctx, const struct swarm_agent_options *agent, size_t nodes)
{
	struct swarm *s = mem_new(ctx, struct swarm);
	struct swarm_agent_options options = *agent;

	s->node_count = nodes;
	s->agent_count = (nodes + agent->nodes - 1) / agent->nodes;
	s->agents = mem_array(s, struct swarm_agent *, s->agent_count);
	for (size_t i = 0; i < s->agent_count; i++) {
		options.number = i;
		options.nodes = nodes < agent->nodes ? nodes : agent->nodes;
		nodes -= options.nodes;
		s->agents[i] = swarm_agent_new(s, &options);
	}
	return s;
}

struct error *swarm_connect(struct swarm *s)
{
	for (size_t i = 0; i < s->agent_count; i++)
		TRY(swarm_agent_connect(s->agents[i]));
	s->look = timer_start(s, s->agents[0]->options.loop, LOOK_MS, LOOK_MS, look, s);
	return NULL;
}

static void remove_mailboxes(const struct swarm_agent *a)
{
	for (size_t i = 0; a->bus && i < a->node_count; i++)
		bus_unserve(a->bus, a->nodes[i]->id, true);
	if (a->bus)
		bus_unserve(a->bus, a->id, true);
}

void swarm_end(struct swarm *s, bool remove)
{
	if (!s)
		return;
	for (size_t i = 0; remove && i < s->agent_count; i++)
		remove_mailboxes(s->agents[i]);
	swarm_kill(s, s->agent_count);
	mem_free(s);
}

void swarm_kill(struct swarm *s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		swarm_agent_kill(s->agents[i]);
	s->killed = count > s->killed ? count : s->killed;
}

/* --- what they come to --- */

size_t swarm_mailboxes(const struct swarm *s)
{
	return s->node_count + s->agent_count;
}

size_t swarm_served(const struct swarm *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->agent_count; i++)
		count += s->agents[i]->served_count;
	return count;
}

size_t swarm_alive_nodes(const struct swarm *s)
{
	size_t count = 0;

	for (size_t i = s->killed; i < s->agent_count; i++)
		count += s->agents[i]->node_count;
	return count;
}

bool swarm_all_served(const struct swarm *s)
{
	for (size_t i = s->killed; i < s->agent_count; i++) {
		if (!swarm_agent_served(s->agents[i]))
			return false;
	}
	return true;
}

struct swarm_agent_counts swarm_counts(const struct swarm *s)
{
	struct swarm_agent_counts all = {0};

	for (size_t i = 0; i < s->agent_count; i++) {
		const struct swarm_agent_counts *c = &s->agents[i]->counts;

		all.beats += c->beats;
		all.statuses += c->statuses;
		all.results += c->results;
		all.bytes += c->bytes;
	}
	return all;
}

/* --- their jobs --- */

static int by_job(const void *a, const void *b)
{
	return strcmp(((const struct swarm_part *)a)->job, ((const struct swarm_part *)b)->job);
}

static size_t collect(const struct swarm *s, struct swarm_part *list)
{
	size_t count = 0;

	for (size_t i = 0; i < s->agent_count; i++) {
		const struct swarm_agent *a = s->agents[i];

		for (size_t k = 0; k < a->node_count; k++) {
			for (size_t j = 0; j < a->nodes[k]->job_count; j++, count++) {
				if (list)
					list[count] = (struct swarm_part){a->nodes[k]->jobs[j]->name, i >= s->killed,
									  i < s->killed};
			}
		}
	}
	return count;
}

struct swarm_part *swarm_jobs(const void *ctx, const struct swarm *s, size_t *ret_count)
{
	const size_t parts = collect(s, NULL);
	struct swarm_part *list = mem_array(ctx, struct swarm_part, parts + 1);
	size_t count = 0;

	(void)collect(s, list);
	qsort(list, parts, sizeof(*list), by_job);
	for (size_t i = 0; i < parts; i++) {
		if (count && strcmp(list[count - 1].job, list[i].job) == 0) {
			list[count - 1].nodes += list[i].nodes;
			list[count - 1].dead = list[count - 1].dead || list[i].dead;
		} else {
			list[count++] = list[i];
		}
	}
	*ret_count = count;
	return list;
}
