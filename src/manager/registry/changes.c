#include "manager/registry/changes.h"

#include <stdio.h>

#include "base/mem.h"

#define EPOCH_BYTES 12

struct changes {
	char *epoch;
	int64_t version;
	struct changes_link *newest;
	struct changes_lost *gone; /* the oldest first */
	size_t gone_count, gone_room;
};

struct changes *changes_new(const void *ctx)
{
	struct changes *all = mem_new(ctx, struct changes);

	all->epoch = hex_random(all, EPOCH_BYTES);
	all->gone = mem_array(all, struct changes_lost, 0);
	return all;
}

const char *changes_epoch(const struct changes *all)
{
	return all->epoch;
}

int64_t changes_version(const struct changes *all)
{
	return all->version;
}

static void take_out(struct changes *all, struct changes_link *c)
{
	if (c->older)
		c->older->newer = c->newer;
	if (c->newer)
		c->newer->older = c->older;
	if (all->newest == c)
		all->newest = c->older;
	c->older = c->newer = NULL;
}

void changes_touch(struct changes *all, struct changes_link *c)
{
	take_out(all, c);
	c->version = ++all->version;
	if (!c->born)
		c->born = c->version;
	c->older = all->newest;
	if (all->newest)
		all->newest->newer = c;
	all->newest = c;
}

/* Versions go on: who asks in the old epoch is not mistaken for one of the new. */
static void begin_epoch(struct changes *all)
{
	mem_free(all->epoch);
	all->epoch = hex_random(all, EPOCH_BYTES);
	all->gone_count = 0;
}

void changes_forget(struct changes *all, struct changes_link *c, const char *id)
{
	struct changes_lost *g;

	if (!c->born)
		return;
	take_out(all, c);
	all->version++;
	if (all->gone_count == CHANGES_GONE_MOST) {
		begin_epoch(all);
		return;
	}
	if (all->gone_count == all->gone_room) {
		all->gone_room = all->gone_room ? 2 * all->gone_room : 64;
		all->gone = mem_resize(all, all->gone, struct changes_lost, all->gone_room);
	}
	g = &all->gone[all->gone_count++];
	*g = (struct changes_lost){.born = c->born, .version = all->version};
	snprintf(g->id, sizeof(g->id), "%s", id);
}

const struct changes_link *changes_newest(const struct changes *all)
{
	return all->newest;
}

const struct changes_lost *changes_gone(const struct changes *all, size_t n)
{
	return n < all->gone_count ? &all->gone[all->gone_count - 1 - n] : NULL;
}
