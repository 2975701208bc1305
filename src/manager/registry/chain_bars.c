#include "manager/registry/chain_bars.h"

#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "manager/registry/marks.h"

struct chain_bars {
	json_t *list; /* subject -> its entry */
	int64_t asked_s;
};

static int destroy(struct chain_bars *all)
{
	json_decref(all->list);
	return 0;
}

struct chain_bars *chain_bars_new(const void *ctx)
{
	struct chain_bars *all = mem_new(ctx, struct chain_bars);

	all->list = json_object();
	talloc_set_destructor(all, destroy);
	return all;
}

static struct error *check(const json_t *entry, const struct json_place *at)
{
	const char *subject = json_string_value(json_object_get(entry, "subject")),
		   *why = json_string_value(json_object_get(entry, "why"));

	if (!subject || !hex_id_valid(subject) || strspn(subject, "0123456789abcdef") != ID_DIGITS)
		return json_place_error(at, "has no subject of 40 lower-case digits");
	if (!why || strlen(why) > MARKS_WHY_BYTES)
		return json_place_error(at, "has no why of at most %d bytes", MARKS_WHY_BYTES);
	if (!json_is_integer(json_object_get(entry, "until_s")))
		return json_place_error(at, "has no until_s");
	return NULL;
}

struct error *chain_bars_set(struct chain_bars *all, const json_t *bars, bool *ret_changed)
{
	const struct json_place root = {NULL, "params.bars", 0}, list_at = {&root, "list", 0};
	json_t *fresh = json_object(), *list = json_object_get(bars, "list"), *entry;
	struct error *e = json_is_array(list) && json_array_size(list) <= CHAIN_BARS_MOST
				  ? NULL
				  : json_place_error(&list_at, "is no list of at most %d", CHAIN_BARS_MOST);
	size_t i;

	json_array_foreach (list, i, entry) {
		const struct json_place here = {&list_at, NULL, i};

		if (!e)
			e = check(entry, &here);
		if (!e)
			json_object_set(fresh, json_string_value(json_object_get(entry, "subject")), entry);
	}
	if (e) {
		json_decref(fresh);
		return e;
	}
	*ret_changed = !json_equal(fresh, all->list);
	json_decref(all->list);
	all->list = fresh;
	return NULL;
}

const char *chain_bars_find(const struct chain_bars *all, const char *id, int64_t now_s)
{
	const json_t *entry = *id ? json_object_get(all->list, id) : NULL;

	return entry && json_integer_value(json_object_get(entry, "until_s")) > now_s
		       ? json_string_value(json_object_get(entry, "why"))
		       : NULL;
}

bool chain_bars_ended(struct chain_bars *all, int64_t now_s)
{
	const char *subject;
	json_t *entry;
	bool ended = false;

	json_object_foreach (all->list, subject, entry) {
		int64_t until_s = json_integer_value(json_object_get(entry, "until_s"));

		ended = ended || (until_s > all->asked_s && until_s <= now_s);
	}
	all->asked_s = now_s;
	return ended;
}
