#include "manager/told.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define MOST 1000
#define LOOK_BACK 1000

json_t *told_json(const struct event *event, const struct caller *caller)
{
	json_t *body = NULL, *o;
	const char *owner;
	char *at;
	struct error *e = json_parse(event->body, strlen(event->body), EVENTS_BODY_MAX, &body);

	error_free(e); /* a body that is none has no owner */
	owner = json_string_value(json_object_get(body, "owner"));
	if (!(caller->roles & CALLER_OPERATOR) && (!owner || !*owner || strcmp(owner, caller->address) != 0)) {
		json_decref(body);
		return NULL;
	}
	at = clock_format(NULL, event->at_ms);
	o = json_pack("{s:I,s:s,s:s,s:s,s:o}", "id", (json_int_t)event->id, "at", at, "type", event->type, "subject",
		      event->subject, "body", body ? body : json_object());
	if (event->cause)
		json_object_set_new(o, "cause", json_integer(event->cause));
	mem_free(at);
	return o;
}

/* --- events.list --- */

struct told_list {
	const struct caller *caller;
	json_t *events;
	int64_t last; /* looked at, seen or not */
};

static struct error *on_event(struct db *db, const struct event *event, void *arg)
{
	struct told_list *l = arg;
	json_t *o = told_json(event, l->caller);

	(void)db;
	l->last = event->id;
	if (o)
		json_array_append_new(l->events, o);
	return NULL;
}

static struct error *read_behind(struct db *db, struct told_list *l, int64_t after, int64_t most)
{
	size_t count = 0;

	l->last = after;
	return events_read(db, after, (size_t)most, on_event, l, &count);
}

/* The newest: of those before, some may have been removed by age. */
static struct error *read_newest(struct db *db, struct told_list *l, int64_t most)
{
	struct error *e = NULL;
	int64_t last = 0;

	TRY(events_last(db, &last));
	for (int64_t back = LOOK_BACK; back > 0; back /= 10) {
		e = read_behind(db, l, last > back ? last - back : 0, most);
		if (!e || e->code != ERROR_NOT_FOUND)
			return e;
		error_free(e);
	}
	l->last = last;
	return NULL;
}

static void events_list(struct method_call *c, void *arg)
{
	struct told_list l = {.caller = method_caller(c), .events = json_array()};
	const int64_t most = method_has(c, "most") ? method_integer(c, "most") : MOST;
	struct db *db = *(struct db *const *)arg;
	struct error *e;

	if (!db)
		e = error_new(ERROR_UNAVAILABLE, "the database is not open");
	else if (method_has(c, "after"))
		e = read_behind(db, &l, method_integer(c, "after"), most);
	else
		e = read_newest(db, &l, most);
	if (e) {
		json_decref(l.events);
		method_fail(c, e);
		return;
	}
	method_answer(c, json_pack("{s:o,s:I}", "events", l.events, "after", (json_int_t)l.last));
}

static const struct method methods[] = {
	{"events.list",
	 events_list,
	 CALLER_CUSTOMER | CALLER_SUPPLIER | CALLER_OPERATOR,
	 "Tell what has happened to what is one's own, the oldest first; an operator's is all",
	 "`events`: of each `id`, `at`, `type`, `subject`, `body`, `cause`; and `after`, to ask for those that follow",
	 {{"after", METHOD_INTEGER, true, NULL, NULL, 0, INT64_MAX, "Those behind this id; otherwise the newest ones"},
	  {"most", METHOD_INTEGER, true, NULL, NULL, 1, MOST,
	   "How many are looked at, also of others; 1000 otherwise. With none of one's own among them, ask on"}},
	 {{ERROR_NOT_FOUND, "begin where the message says: those before are removed"}}},
};

void told_add(struct methods *all, struct db *const *db)
{
	methods_add(all, methods, sizeof(methods) / sizeof(methods[0]), (void *)db);
}
