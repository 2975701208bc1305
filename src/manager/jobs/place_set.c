#include "base/mem.h"
#include "manager/jobs/place_impl.h"

#define FIRST 8

static void push(const void *ctx, struct place_set *set, uint32_t node)
{
	if (set->count == set->capacity) {
		set->capacity = set->capacity ? 2 * set->capacity : FIRST;
		set->rows = mem_resize(ctx, set->rows, uint32_t, set->capacity);
	}
	set->rows[set->count++] = node;
}

void place_set_add(struct place_fleet *fleet, struct place_set *set, uint32_t node, enum place_at at)
{
	fleet->nodes[node].at[at] = set->count;
	push(fleet, set, node);
}

/* The last one takes its place. */
void place_set_remove(struct place_fleet *fleet, struct place_set *set, uint32_t node, enum place_at at)
{
	uint32_t hole = fleet->nodes[node].at[at], last = set->rows[--set->count];

	set->rows[hole] = last;
	fleet->nodes[last].at[at] = hole;
}

void place_label_add(struct place_fleet *fleet, uint32_t node, struct place_label *label)
{
	struct place_set *set = &fleet->with_label[label->word];

	label->at = set->count;
	push(fleet, set, node);
}

void place_label_remove(struct place_fleet *fleet, const struct place_label *label)
{
	struct place_set *set = &fleet->with_label[label->word];
	const uint32_t hole = label->at, last = set->rows[--set->count];
	const struct place_node *moved = &fleet->nodes[last];

	set->rows[hole] = last;
	for (size_t i = 0; i < moved->label_count; i++) {
		if (moved->labels[i].word == label->word)
			moved->labels[i].at = hole;
	}
}
