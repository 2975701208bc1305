#include "manager/registry/marks.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/events.h"

const char *const marks_tables[] = {
	"create table registry_mark(node text primary key, state text not null, why text not null, said_by text not null, "
	"at_ms bigint not null)",
	NULL,
};

struct marks {
	struct marks_mark **list; /* in no order: an operator makes few */
	size_t count;
};

struct marks *marks_new(const void *ctx)
{
	struct marks *all = mem_new(ctx, struct marks);

	all->list = mem_array(all, struct marks_mark *, 0);
	return all;
}

static size_t place_of(const struct marks *all, const char *id)
{
	size_t at = 0;

	while (at < all->count && strcmp(all->list[at]->id, id) != 0)
		at++;
	return at;
}

const struct marks_mark *marks_find(const struct marks *all, const char *id)
{
	size_t at = place_of(all, id);

	return at < all->count ? all->list[at] : NULL;
}

static void drop(struct marks *all, const char *id)
{
	size_t at = place_of(all, id);

	if (at == all->count)
		return;
	mem_free(all->list[at]);
	all->list[at] = all->list[--all->count];
}

static void keep(struct marks *all, const char *id, enum nodes_state state, const char *why)
{
	struct marks_mark *m = mem_new(all, struct marks_mark);

	drop(all, id);
	snprintf(m->id, sizeof(m->id), "%s", id);
	m->state = state;
	m->why = mem_strdup(m, why);
	all->list = mem_resize(all, all->list, struct marks_mark *, all->count + 1);
	all->list[all->count++] = m;
}

static struct error *on_row(const struct db_row *row, void *arg)
{
	struct marks *all = arg;
	bool barred = strcmp(db_text(row, 1), nodes_state_name(NODES_BARRED)) == 0;

	keep(all, db_text(row, 0), barred ? NODES_BARRED : NODES_SET_ASIDE, db_text(row, 2));
	return NULL;
}

struct error *marks_load(struct marks *all, struct db *db)
{
	struct marks *fresh = marks_new(all);
	struct error *e = db_query(db, on_row, fresh, "select node,state,why from registry_mark", "");

	if (e) {
		mem_free(fresh);
		return e;
	}
	for (size_t i = 0; i < all->count; i++)
		mem_free(all->list[i]);
	mem_free(all->list);
	all->list = talloc_steal(all, fresh->list);
	all->count = fresh->count;
	for (size_t i = 0; i < all->count; i++)
		talloc_steal(all, all->list[i]);
	mem_free(fresh);
	return NULL;
}

static struct error *write_event(struct db *db, const struct marks_change *c)
{
	const char *what = c->state == NODES_ONLINE ? "admitted" : nodes_state_name(c->state);
	char *type = mem_printf(NULL, "node.%s", what);
	json_t *body = json_pack("{s:s,s:s}", "why", c->why, "by", c->by);
	int64_t id = 0;
	struct error *e;

	if (*c->owner)
		json_put(body, "owner", c->owner);
	e = events_append(db, type, c->id, body, 0, &id);

	json_decref(body);
	mem_free(type);
	return e;
}

static struct error *write(struct db *db, const void *arg)
{
	const struct marks_change *c = arg;

	if (c->state == NODES_ONLINE)
		TRY(db_exec(db, "delete from registry_mark where node=?", "s", c->id));
	else
		TRY(db_exec(
			db,
			"insert into registry_mark(node,state,why,said_by,at_ms) values(?,?,?,?,?) on conflict(node) do "
			"update set state=excluded.state, why=excluded.why, said_by=excluded.said_by, "
			"at_ms=excluded.at_ms",
			"ssssi", c->id, nodes_state_name(c->state), c->why, c->by, clock_wall_ms()));
	return write_event(db, c);
}

struct error *marks_set(struct marks *all, struct db *db, const struct marks_change *c)
{
	if (c->state == NODES_ONLINE && !marks_find(all, c->id))
		return error_new(ERROR_NOT_FOUND, "params.node_id: node %s is neither set aside nor barred", c->id);
	TRY(db_together(db, write, c));
	if (c->state == NODES_ONLINE)
		drop(all, c->id);
	else
		keep(all, c->id, c->state, c->why);
	return NULL;
}
