#include "shhd/ids.h"

#include <string.h>

#include "base/hex.h"
#include "base/mem.h"

struct row {
	char id[ID_TEXT + 1];
	void *thing;
};

struct ids {
	const char *what;
	struct row **rows; /* sorted by id, and not in one piece: a full table moves half of what it has for one more */
	size_t count, room, limit;
};

struct ids *ids_new(const void *ctx, const char *what, size_t limit)
{
	struct ids *t = mem_new(ctx, struct ids);

	t->what = what;
	t->limit = limit;
	return t;
}

/* Index of the id, or where it would stand. */
static size_t place(const struct ids *t, const char *id)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(t->rows[middle]->id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct error *ids_add(struct ids *t, void *thing, char ret_id[ID_TEXT + 1])
{
	struct row *row;
	char *id;
	size_t at;

	if (t->count == t->limit)
		return error_new(ERROR_LIMIT, "there are %zu %s already, no more are kept", t->count, t->what);
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 8;
		t->rows = mem_resize(t, t->rows, struct row *, t->room);
	}
	id = hex_random(NULL, ID_BYTES);
	at = place(t, id);
	memmove(t->rows + at + 1, t->rows + at, (t->count - at) * sizeof(*t->rows));
	row = t->rows[at] = mem_new(t, struct row);
	memcpy(row->id, id, ID_TEXT + 1);
	memcpy(ret_id, id, ID_TEXT + 1);
	row->thing = talloc_steal(row, thing);
	t->count++;
	mem_free(id);
	return NULL;
}

void *ids_find(const struct ids *t, const char *id)
{
	size_t at = place(t, id);

	return at < t->count && !strcmp(t->rows[at]->id, id) ? t->rows[at]->thing : NULL;
}

int ids_remove(struct ids *t, const char *id)
{
	size_t at = place(t, id);
	struct row *row;

	if (!ids_find(t, id))
		return 0;
	row = t->rows[at];
	t->count--;
	memmove(t->rows + at, t->rows + at + 1, (t->count - at) * sizeof(*t->rows));
	mem_free(row);
	return 1;
}

size_t ids_count(const struct ids *t)
{
	return t->count;
}
