#include "manager/jobs/feed.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "manager/jobs/feed_row.h"

struct feed {
	struct place_fleet *fleet;
	char *epoch; /* NULL: nothing was heard yet */
	int64_t version;
	json_t *leaving; /* ids of those that are gone and have jobs */
};

static int feed_destroy(struct feed *f)
{
	json_decref(f->leaving);
	return 0;
}

struct feed *feed_new(const void *ctx, struct place_fleet *fleet)
{
	struct feed *f = mem_new(ctx, struct feed);

	f->fleet = fleet;
	f->leaving = json_object();
	talloc_set_destructor(f, feed_destroy);
	return f;
}

json_t *feed_question(const struct feed *f)
{
	json_t *params = json_object();

	if (f->epoch) {
		json_object_set_new(params, "epoch", json_string(f->epoch));
		json_object_set_new(params, "since", json_integer(f->version));
	}
	return params;
}

/* --- those that are gone --- */

static void leave(struct feed *f, const char *id)
{
	struct error *e = place_node_remove(f->fleet, id);

	if (e && e->code == ERROR_REFUSED) {
		place_node_state(f->fleet, id, PLACE_OFFLINE);
		json_object_set_new(f->leaving, id, json_true());
	}
	error_free(e);
}

/* Those whose jobs have ended meanwhile. */
static void leave_at_last(struct feed *f)
{
	const char *id = NULL;
	json_t *value = NULL, *before = f->leaving;

	f->leaving = json_object();
	json_object_foreach (before, id, value)
		leave(f, id);
	json_decref(before);
}

struct absent {
	const json_t *here;
	json_t *ids;
};

static void note_absent(const char *id, void *arg)
{
	struct absent *a = arg;

	if (!json_object_get(a->here, id))
		json_object_set_new(a->ids, id, json_true());
}

static void leave_absent(struct feed *f, const json_t *here)
{
	struct absent a = {here, json_object()};
	const char *id = NULL;
	json_t *value = NULL;

	place_fleet_each(f->fleet, note_absent, &a);
	json_object_foreach (a.ids, id, value)
		leave(f, id);
	json_decref(a.ids);
}

/* --- those that are there --- */

/* *here gets its id, when it is not NULL. */
static void take_row(struct feed *f, const json_t *row, json_t *here)
{
	const char *id = json_string_value(json_object_get(row, "node_id"));
	struct error *e = feed_row_apply(f->fleet, row);

	if (id)
		json_object_del(f->leaving, id);
	if (id && here)
		json_object_set_new(here, id, json_true());
	if (e && id)
		place_node_state(f->fleet, id, PLACE_OFFLINE);
	if (e)
		log_debug("jobs.feed", "why=%s", log_q(e->message));
	error_free(e);
}

void feed_answer(struct feed *f, const json_t *answer)
{
	const char *epoch = json_string_value(json_object_get(answer, "epoch"));
	const json_t *nodes = json_object_get(answer, "nodes"), *gone = json_object_get(answer, "gone");
	const bool anew = !f->epoch || !epoch || strcmp(f->epoch, epoch) != 0;
	json_t *here = anew ? json_object() : NULL;

	for (size_t i = 0; i < json_array_size(nodes); i++)
		take_row(f, json_array_get(nodes, i), here);
	for (size_t i = 0; i < json_array_size(gone); i++) {
		const char *id = json_string_value(json_array_get(gone, i));

		if (id)
			leave(f, id);
	}
	if (here)
		leave_absent(f, here);
	json_decref(here);
	if (json_object_size(f->leaving))
		leave_at_last(f);
	if (anew) {
		mem_free(f->epoch);
		f->epoch = epoch ? mem_strdup(f, epoch) : NULL;
	}
	f->version = json_integer_value(json_object_get(answer, "version"));
}
