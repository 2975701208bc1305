#include "manager/jobs/placements.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define RECORD_BYTES (1 << 20)

const char *const placements_tables[] = {
	"create table jobs_placement(job text not null, turn bigint not null, at_ms bigint not null, "
	"kind text not null, record text not null, primary key(job, turn))",
	NULL,
};

struct addition {
	const char *job, *kind, *record;
};

static struct error *on_turn(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

static struct error *add(struct db *db, const void *arg)
{
	const struct addition *a = arg;
	int64_t turn = 0;

	TRY(db_query(db, on_turn, &turn, "select coalesce(max(turn),0)+1 from jobs_placement where job=?", "s",
		     a->job));
	TRY(db_exec(db, "insert into jobs_placement(job,turn,at_ms,kind,record) values(?,?,?,?,?)", "siiss", a->job,
		    turn, clock_wall_ms(), a->kind, a->record));
	return db_exec(db, "delete from jobs_placement where job=? and turn<=?", "si", a->job, turn - PLACEMENTS_MOST);
}

struct error *placements_add(struct db *db, const char *job, const char *kind, const json_t *record)
{
	char *text = json_text(NULL, record);
	const struct addition a = {job, kind, text};
	struct error *e = db_together(db, add, &a);

	mem_free(text);
	return e;
}

static struct error *on_row(const struct db_row *row, void *arg)
{
	const char *text = db_text(row, 2);
	json_t *record = NULL, *o;
	char *at = clock_format(NULL, db_int(row, 0));

	o = json_object();
	json_put(o, "at", at);
	json_put(o, "kind", db_text(row, 1));
	json_array_append_new(arg, o);
	mem_free(at);
	TRY(json_parse(text, strlen(text), RECORD_BYTES, &record));
	json_object_set_new(o, "record", record);
	return NULL;
}

struct error *placements_list(struct db *db, const char *job, json_t **ret_list)
{
	json_t *list = json_array();
	struct error *e = db_query(db, on_row, list,
				   "select at_ms,kind,record from jobs_placement where job=? order by turn limit ?",
				   "si", job, (int64_t)PLACEMENTS_MOST);

	if (e)
		json_decref(list);
	else
		*ret_list = list;
	return e;
}
