#include "look.h"

#include <string.h>

#include "base/mem.h"
#include "node/job/job.h"
#include "node/store.h"
#include "world.h"

/* Those of what is wanted first, and of these nodes and jobs first. */
static const struct {
	const char *sql;
	int columns;
} tables[] = {
	{"select * from node order by id", 14},       {"select * from node_name order by node", 2},
	{"select * from job order by node, job", 7},  {"select * from job_mending order by node, job", 4},
	{"select * from node_user order by node", 2}, {"select * from failover order by node, unit", 2},
	{"select * from command order by id", 3},     {"select * from seen order by id", 3},
	{"select * from outbox order by seq", 3},     {"select * from decision order by number", 5},
	{"select * from known_key order by id", 2},
};
#define ALL (sizeof(tables) / sizeof(tables[0]))
#define WANTED 7
#define NODES 5

struct digest {
	uint64_t sum;
	int columns;
};

/* FNV-1a, with the end of each text. */
static void add(uint64_t *sum, const char *text)
{
	for (const char *at = text ? text : "\1"; *at; at++)
		*sum = (*sum ^ (uint8_t)*at) * UINT64_C(1099511628211);
	*sum = (*sum ^ 0xff) * UINT64_C(1099511628211);
}

static void add_number(uint64_t *sum, int64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	add(sum, text);
}

static struct error *on_row(const struct db_row *row, void *arg)
{
	struct digest *d = arg;

	for (int i = 0; i < d->columns; i++)
		add(&d->sum, db_text(row, i));
	return NULL;
}

static uint64_t look(struct agent *a, size_t count)
{
	struct digest d = {.sum = UINT64_C(14695981039346656037)};

	for (size_t i = 0; i < count; i++) {
		d.columns = tables[i].columns;
		must(!db_query(a->host.db, on_row, &d, tables[i].sql, ""));
	}
	return d.sum;
}

uint64_t look_all(struct agent *a)
{
	return look(a, ALL);
}

uint64_t look_wanted(struct agent *a)
{
	return look(a, WANTED);
}

uint64_t look_nodes(struct agent *a)
{
	return look(a, NODES);
}

uint64_t look_memory(const struct agent *a)
{
	uint64_t sum = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < a->node_count; i++) {
		const struct node *n = a->nodes[i];

		add(&sum, n->row.id);
		add(&sum, n->row.name);
		add_number(&sum, n->row.maintenance);
		add_number(&sum, n->state);
		add_number(&sum, n->purge);
		for (size_t k = 0; k < n->job_count; k++) {
			const struct job *j = n->jobs[k];

			add(&sum, j->name);
			add(&sum, j->hash);
			add_number(&sum, j->state);
			add_number(&sum, j->wanted);
			add_number(&sum, j->close);
		}
	}
	return sum;
}

static struct error *on_count(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

int64_t look_count(struct agent *a, const char *sql, const char *id)
{
	int64_t count = 0;

	must(!db_query(a->host.db, on_count, &count, sql, id ? "s" : "", id));
	return count;
}

/* --- memory and store --- */

static void job_agrees(const struct node *n, const struct job_row *row)
{
	const struct job *j = node_job((struct node *)n, row->job);

	must(j);
	must(n->state == NODE_LEAVING || j->wanted == row->running);
	must(j->epoch_ms == row->epoch_ms);
	/* Where it begins needs no note: it is the same each time. */
	must(j->offset_ms == row->offset_ms || !row->offset_ms);
	must(j->mending.bps == row->mending.bps && j->mending.fps == row->mending.fps);
	must(j->mending.copy_video == row->mending.copy_video);
}

static void node_agrees(struct agent *a, const struct node_row *row)
{
	const struct node *n = agent_node(a, row->id);
	struct job_row **rows;
	size_t count = 0;

	if (!n) {
		must(agent_lost(a, row->id));
		return;
	}
	must(n->row.role == row->role && n->row.maintenance == row->maintenance);
	must(n->row.rtmp.host_port == row->rtmp.host_port && n->row.control_port == row->control_port);
	must(!strcmp(n->row.name ? n->row.name : "", row->name ? row->name : ""));
	must(!store_jobs(row, a->host.db, row->id, &rows));
	for (; rows[count]; count++)
		job_agrees(n, rows[count]);
	must(count == n->job_count);
}

void look_agrees(struct agent *a)
{
	void *tmp = mem_strdup(NULL, "");
	struct node_row **rows;
	size_t count = 0;

	must(!store_nodes(tmp, a->host.db, &rows));
	for (; rows[count]; count++)
		node_agrees(a, rows[count]);
	must(count == a->node_count + a->lost_count);
	for (size_t i = 0; i < a->node_count; i++)
		must(look_count(a, "select count(*) from decision where node=?", a->nodes[i]->row.id) <=
		     atoi(DECISIONS_KEPT));
	mem_free(tmp);
}
