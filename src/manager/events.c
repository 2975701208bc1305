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

struct events_reading {
	events_fn *fn;
	void *arg;
	struct events_row event;
};

static struct error *on_event(const struct db_row *row, void *arg)
{
	struct events_reading *r = arg;
	const char *text = db_text(row, 4);
	struct error *e;

	r->event = (struct events_row){.id = db_int(row, 0),
				       .time_ms = db_int(row, 1),
				       .type = db_text(row, 2),
				       .subject = db_text(row, 3),
				       .cause = db_int(row, 5)};
	TRY(json_parse(text, strlen(text), BODY_BYTES, &r->event.body));
	e = r->fn(&r->event, r->arg);
	json_decref(r->event.body);
	return e;
}

struct error *events_read(struct db *db, int64_t after, int64_t most, events_fn *fn, void *arg)
{
	struct events_reading r = {.fn = fn, .arg = arg};

	return db_query(db, on_event, &r,
			"select id,time_ms,type,subject,body,cause from event where id>? order by id limit ?", "ii",
			after, most);
}
