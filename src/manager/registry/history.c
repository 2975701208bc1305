#include "manager/registry/history.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/events.h"

#define PREFIX "node."

const char *const history_tables[] = {
	"create index registry_event_subject on event(subject, id)",
	NULL,
};

static struct error *on_row(const struct db_row *row, void *arg)
{
	char *at = clock_format(NULL, db_int(row, 0));
	const char *body = db_text(row, 2);
	json_t *said = NULL, *o = json_object();
	struct error *e = json_parse(body, strlen(body), EVENTS_BODY_MAX, &said);

	json_put(o, "at", at);
	json_put(o, "state", db_text(row, 1) + strlen(PREFIX));
	if (!e)
		json_object_update_missing(o, said);
	json_array_append_new(arg, o);
	json_decref(said);
	mem_free(at);
	return e;
}

struct error *history_read(struct db *db, const char *id, int64_t most, json_t **ret_list)
{
	json_t *list = json_array();
	struct error *e =
		db_query(db, on_row, list,
			 "select at_ms,type,body from event where subject=? and type like 'node.%' order by id "
			 "desc limit ?",
			 "si", id, most);

	if (e) {
		json_decref(list);
		return e;
	}
	*ret_list = list;
	return NULL;
}
