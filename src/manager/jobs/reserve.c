#include "manager/jobs/reserve.h"

#include "base/mem.h"
#include "manager/jobs/place_impl.h"
#include "manager/jobs/reserve_heap.h"

/* One node's part of a reservation. */
struct line {
	uint32_t node;
	struct place_amount amount;
};

struct reservation {
	char *job; /* NULL: the slot is free */
	struct line *lines;
	size_t count;
	uint32_t turn; /* how often the slot was taken: the upper half of the id */
	uint32_t next; /* among the free ones */
};

struct reserve_book {
	struct place_fleet *fleet;
	struct reservation *slots;
	uint32_t slot_count, slot_room, free;
	size_t count;
	struct reserve_heap expiries;
};

struct reserve_book *reserve_book_new(const void *ctx, struct place_fleet *fleet)
{
	struct reserve_book *book = mem_new(ctx, struct reserve_book);

	book->fleet = fleet;
	book->free = PLACE_NONE;
	reserve_heap_init(&book->expiries, book);
	return book;
}

static uint64_t id_of(const struct reserve_book *book, uint32_t slot)
{
	return (uint64_t)book->slots[slot].turn << 32 | slot;
}

/* The slot of an id; PLACE_NONE: it has ended. */
static uint32_t slot_of(const struct reserve_book *book, uint64_t id)
{
	const uint32_t slot = (uint32_t)id;

	if (slot >= book->slot_count || !book->slots[slot].job || book->slots[slot].turn != id >> 32)
		return PLACE_NONE;
	return slot;
}

static uint32_t take_slot(struct reserve_book *book)
{
	uint32_t slot = book->free;

	if (slot != PLACE_NONE) {
		book->free = book->slots[slot].next;
		return slot;
	}
	if (book->slot_count == book->slot_room) {
		book->slot_room = book->slot_room ? 2 * book->slot_room : 64;
		book->slots = mem_resize(book, book->slots, struct reservation, book->slot_room);
	}
	slot = book->slot_count++;
	book->slots[slot] = (struct reservation){0};
	return slot;
}

static void drop_slot(struct reserve_book *book, uint32_t slot)
{
	struct reservation *r = &book->slots[slot];

	reserve_heap_remove(&book->expiries, slot);
	mem_free(r->job);
	mem_free(r->lines);
	/* A slot whose turns are used up is not taken again, so that no id comes twice. */
	if (r->turn < UINT32_MAX) {
		*r = (struct reservation){.turn = r->turn, .next = book->free};
		book->free = slot;
	} else {
		*r = (struct reservation){.turn = r->turn};
	}
	book->count--;
}

static void give_back(struct reserve_book *book, const struct line *l)
{
	place_node_promise(book->fleet, l->node, &l->amount, -1);
}

static bool is_amount(const struct place_amount *a)
{
	return a->blocks_per_s >= 0 && a->blocks_per_s <= PLACE_MAX_AMOUNT && a->bps >= 0 && a->bps <= PLACE_MAX_AMOUNT;
}

/* What a node is to have before it is promised. */
enum need { NEED_NOTHING, NEED_ROOM, NEED_ROOM_ONLINE };

static struct error *check(const struct place_fleet *fleet, const struct line *l, const char *id, enum need need)
{
	const struct place_node *n = &fleet->nodes[l->node];
	const struct place_amount left = place_node_free(fleet, n);

	if (need == NEED_ROOM_ONLINE && n->state != PLACE_ONLINE)
		return error_new(ERROR_UNAVAILABLE, "node \"%s\" is %s; plan again", id,
				 place_state_name((enum place_state)n->state));
	if (need != NEED_NOTHING && !place_node_fits(n, &left, &l->amount))
		return error_new(ERROR_LIMIT, "node \"%s\" has no room any more; plan again", id);
	return NULL;
}

static struct error *promise(struct reserve_book *book, const struct reserve_line *wanted, enum need need,
			     struct line *l)
{
	*l = (struct line){place_node_find(book->fleet, wanted->node), wanted->amount};
	if (l->node == PLACE_NONE)
		return error_new(ERROR_NOT_FOUND, "node \"%s\" is not known", wanted->node);
	if (!is_amount(&l->amount))
		return error_new(ERROR_INVALID, "node \"%s\": the amount is out of range", wanted->node);
	TRY(check(book->fleet, l, wanted->node, need));
	place_node_promise(book->fleet, l->node, &l->amount, 1);
	return NULL;
}

static struct error *reserve(struct reserve_book *book, const char *job, const struct reserve_line *lines, size_t count,
			     enum need need, int64_t expires_ms, uint64_t *ret_id)
{
	struct line *taken;
	struct error *e = NULL;
	uint32_t slot;
	size_t done = 0;

	if (count == 0)
		return error_new(ERROR_INVALID, "job \"%s\": a reservation of nothing", job);
	taken = mem_array(book, struct line, count);
	while (!e && done < count) {
		e = promise(book, &lines[done], need, &taken[done]);
		done += !e;
	}
	if (e) {
		while (done > 0)
			give_back(book, &taken[--done]);
		mem_free(taken);
		return e;
	}
	slot = take_slot(book);
	book->slots[slot] = (struct reservation){
		.job = mem_strdup(book, job),
		.lines = taken,
		.count = count,
		.turn = book->slots[slot].turn + 1,
	};
	book->count++;
	if (expires_ms != RESERVE_NEVER)
		reserve_heap_add(&book->expiries, slot, expires_ms);
	*ret_id = id_of(book, slot);
	return NULL;
}

struct error *reserve_hold(struct reserve_book *book, const char *job, const struct reserve_line *lines, size_t count,
			   int64_t expires_ms, uint64_t *ret_id)
{
	return reserve(book, job, lines, count, NEED_ROOM_ONLINE, expires_ms, ret_id);
}

struct error *reserve_hold_plan(struct reserve_book *book, const char *job, const struct place_plan *plan,
				int64_t expires_ms, uint64_t *ret_id)
{
	struct reserve_line *lines;
	struct error *e;

	if (!plan->placed)
		return error_new(ERROR_INVALID, "job \"%s\": its plan has found no node for a part", job);
	lines = mem_array(book, struct reserve_line, plan->part_count);
	for (size_t i = 0; i < plan->part_count; i++)
		lines[i] = (struct reserve_line){plan->parts[i].node, plan->parts[i].amount};
	e = reserve(book, job, lines, plan->part_count, NEED_ROOM_ONLINE, expires_ms, ret_id);
	mem_free(lines);
	return e;
}

struct error *reserve_adopt(struct reserve_book *book, const char *job, const struct reserve_line *lines, size_t count,
			    uint64_t *ret_id)
{
	return reserve(book, job, lines, count, NEED_NOTHING, RESERVE_NEVER, ret_id);
}

static struct error *add(struct reserve_book *book, uint64_t id, const struct reserve_line *line, enum need need)
{
	const uint32_t slot = slot_of(book, id);
	struct reservation *r;
	struct line l;

	if (slot == PLACE_NONE)
		return error_new(ERROR_NOT_FOUND, "the reservation has expired or was released; plan again");
	TRY(promise(book, line, need, &l));
	r = &book->slots[slot];
	r->lines = mem_resize(book, r->lines, struct line, r->count + 1);
	r->lines[r->count++] = l;
	return NULL;
}

struct error *reserve_add(struct reserve_book *book, uint64_t id, const struct reserve_line *line)
{
	return add(book, id, line, NEED_NOTHING);
}

struct error *reserve_add_again(struct reserve_book *book, const char *job, const struct reserve_line *line,
				uint64_t *id)
{
	return *id ? add(book, *id, line, NEED_ROOM) : reserve(book, job, line, 1, NEED_ROOM, RESERVE_NEVER, id);
}

struct error *reserve_commit(struct reserve_book *book, uint64_t id)
{
	const uint32_t slot = slot_of(book, id);

	if (slot == PLACE_NONE)
		return error_new(ERROR_NOT_FOUND, "the reservation has expired or was released; plan again");
	reserve_heap_remove(&book->expiries, slot);
	return NULL;
}

bool reserve_release(struct reserve_book *book, uint64_t id)
{
	const uint32_t slot = slot_of(book, id);

	if (slot == PLACE_NONE)
		return false;
	for (size_t i = 0; i < book->slots[slot].count; i++)
		give_back(book, &book->slots[slot].lines[i]);
	drop_slot(book, slot);
	return true;
}

bool reserve_release_node(struct reserve_book *book, uint64_t id, const char *node)
{
	const uint32_t slot = slot_of(book, id), at = place_node_find(book->fleet, node);
	struct reservation *r;
	size_t i = 0;

	if (slot == PLACE_NONE || at == PLACE_NONE)
		return false;
	r = &book->slots[slot];
	while (i < r->count && r->lines[i].node != at)
		i++;
	if (i == r->count)
		return false;
	give_back(book, &r->lines[i]);
	r->lines[i] = r->lines[--r->count];
	if (r->count == 0)
		drop_slot(book, slot);
	return true;
}

size_t reserve_expire(struct reserve_book *book, int64_t now_ms)
{
	size_t expired = 0;
	uint32_t slot = PLACE_NONE;

	while (reserve_heap_first(&book->expiries, &slot) <= now_ms && slot != PLACE_NONE) {
		(void)reserve_release(book, id_of(book, slot));
		slot = PLACE_NONE;
		expired++;
	}
	return expired;
}

int64_t reserve_next_expiry(const struct reserve_book *book)
{
	uint32_t slot;

	return reserve_heap_first(&book->expiries, &slot);
}

size_t reserve_count(const struct reserve_book *book)
{
	return book->count;
}

const char *reserve_job(const struct reserve_book *book, uint64_t id)
{
	const uint32_t slot = slot_of(book, id);

	return slot == PLACE_NONE ? NULL : book->slots[slot].job;
}
