#include "manager/events.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define BODY_BYTES (1 << 20)

const char events_schema[] =
	"create table event(id integer primary key autoincrement, time_ms integer not null, type text not null, "
	"subject text not null, body text not null, cause integer not null)";

static struct error *on_id(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

struct error *events_append(struct db *db, const char *type, const char *subject, const json_t *body, int64_t cause,
			    int64_t *ret_id)
{
	char *text = body ? json_text(NULL, body) : mem_strdup(NULL, "{}");
	struct error *e = db_exec(db, "insert into event(time_ms,type,subject,body,cause) values(?,?,?,?,?)", "isssi",
				  clock_wall_ms(), type, subject, text, cause);

	mem_free(text);
	if (e || !ret_id)
		return e;
	return db_query(db, on_id, ret_id, "select max(id) from event", "");
}

struct reading {
	events_fn *fn;
	void *arg;
};

static struct error *on_event(const struct db_row *row, void *arg)
{
	const struct reading *r = arg;
	const char *text = db_text(row, 4);
	struct events_row event = {.id = db_int(row, 0),
				   .time_ms = db_int(row, 1),
				   .type = db_text(row, 2),
				   .subject = db_text(row, 3),
				   .cause = db_int(row, 5)};
	struct error *e = json_parse(text, strlen(text), BODY_BYTES, &event.body);

	if (!e)
		e = r->fn(&event, r->arg);
	json_decref(event.body);
	return e;
}

struct error *events_read(struct db *db, int64_t after, int64_t most, events_fn *fn, void *arg)
{
	struct reading r = {fn, arg};

	return db_query(db, on_event, &r,
			"select id,time_ms,type,subject,body,cause from event where id>? order by id limit ?", "ii",
			after, most);
}
