#include "whisper/pool.h"

#include <string.h>

#include "base/mem.h"
#include "whisper/hash_index.h"
#include "whisper/heap.h"

#define BYTES_DEFAULT (64 * 1024 * 1024)
#define COUNT_DEFAULT 65536
#define LINE_MIN 64   /* slots */
#define LEAVERS 65536 /* hashes of those that gave way, remembered in 8 bytes each; a power of two */

struct entry {
	struct envelope *envelope;
	uint64_t number;
	bool mature; /* here for a second: passed on to all that read */
	struct heap_item by_expiry, by_worth;
};

/* A place in the order of arrival; the entry is NULL when it has gone. */
struct place {
	uint64_t number;
	struct entry *entry;
};

struct pool {
	size_t byte_limit, count_limit, bytes, mature_bytes;
	uint64_t newest, evicted;
	struct hash_index *by_hash;
	struct heap by_expiry, young, mature; /* the latter two by worth */
	uint64_t ripe, ripe_next;             /* numbers up to which they are mature, now and at the next turn */
	uint64_t *leavers;                    /* each in the place that its own bits name; NULL: none yet */
	struct place *line;                   /* in order of arrival, so by number */
	size_t line_count, line_capacity, gone;
};

static int pool_destroy(struct pool *p)
{
	for (size_t i = 0; i < p->line_count; i++) {
		if (p->line[i].entry)
			envelope_unref(p->line[i].entry->envelope);
	}
	return 0;
}

struct pool *pool_new(const void *ctx, size_t byte_limit, size_t count_limit)
{
	struct pool *p = mem_new(ctx, struct pool);

	p->byte_limit = byte_limit ? byte_limit : BYTES_DEFAULT;
	p->count_limit = count_limit ? count_limit : COUNT_DEFAULT;
	p->by_hash = hash_index_new(p);
	heap_init(&p->by_expiry, p);
	heap_init(&p->young, p);
	heap_init(&p->mature, p);
	talloc_set_destructor(p, pool_destroy);
	return p;
}

/* --- the line, in order of arrival --- */

/* Index of the first place with a number above `number`. */
static size_t line_after(const struct pool *p, uint64_t number)
{
	size_t low = 0, high = p->line_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->line[middle].number > number)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void line_resize(struct pool *p, size_t capacity)
{
	p->line_capacity = capacity;
	p->line = mem_resize(p, p->line, struct place, capacity);
}

static void line_add(struct pool *p, struct entry *entry)
{
	if (p->line_count == p->line_capacity)
		line_resize(p, p->line_capacity ? 2 * p->line_capacity : LINE_MIN);
	p->line[p->line_count++] = (struct place){.number = entry->number, .entry = entry};
}

static void line_close_up(struct pool *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->line_count; i++) {
		if (p->line[i].entry)
			p->line[kept++] = p->line[i];
	}
	p->line_count = kept;
	p->gone = 0;
	if (p->line_capacity > LINE_MIN && kept * 4 < p->line_capacity)
		line_resize(p, p->line_capacity / 2);
}

static void line_remove(struct pool *p, const struct entry *entry)
{
	p->line[line_after(p, entry->number) - 1].entry = NULL;
	p->gone++;
	/* As many gone as there: closing up costs each removal a constant. */
	if (p->gone > LINE_MIN / 2 && p->gone * 2 > p->line_count)
		line_close_up(p);
}

/* --- entries --- */

static struct heap *worth_heap(struct pool *p, const struct entry *entry)
{
	return entry->mature ? &p->mature : &p->young;
}

static void drop(struct pool *p, struct entry *entry)
{
	hash_index_remove(p->by_hash, entry->envelope->hash);
	heap_remove(&p->by_expiry, &entry->by_expiry);
	heap_remove(worth_heap(p, entry), &entry->by_worth);
	line_remove(p, entry);
	p->bytes -= entry->envelope->raw_bytes;
	p->mature_bytes -= entry->mature ? entry->envelope->raw_bytes : 0;
	envelope_unref(entry->envelope);
	mem_free(entry);
}

static bool fits(const struct pool *p, size_t bytes, size_t count)
{
	return bytes <= p->byte_limit && count <= p->count_limit;
}

/* Other nodes may have kept it: taken again and passed on again, it could go in circles until it expires. */
static void remember_leaver(struct pool *p, const uint8_t hash[ENVELOPE_HASH_BYTES])
{
	uint64_t bits;

	if (!p->leavers)
		p->leavers = mem_array(p, uint64_t, LEAVERS);
	memcpy(&bits, hash, sizeof(bits));
	p->leavers[bits % LEAVERS] = bits;
}

static bool has_left(const struct pool *p, const uint8_t hash[ENVELOPE_HASH_BYTES])
{
	uint64_t bits;

	memcpy(&bits, hash, sizeof(bits));
	return p->leavers && p->leavers[bits % LEAVERS] == bits;
}

/* Who gives way next to a new one of that worth, while the mature ones take that many bytes; NULL: nobody. */
static struct entry *weakest(const struct pool *p, double worth, size_t mature_bytes)
{
	struct entry *mature = heap_top(&p->mature), *young = heap_top(&p->young), *least;

	if (p->mature.count > p->count_limit / 2 || mature_bytes > p->byte_limit / 2)
		return mature;
	least = !young || (mature && mature->by_worth.key < young->by_worth.key) ? mature : young;
	return least && least->by_worth.key < worth ? least : NULL;
}

/* Those of least worth go, if enough of them give way to `e`; otherwise nobody does. */
static bool make_room(struct pool *p, const struct envelope *e)
{
	size_t bytes = p->bytes + e->raw_bytes, count = pool_count(p) + 1, mature_bytes = p->mature_bytes;
	struct entry *going = NULL, *entry;
	double worth = envelope_worth(e);
	bool enough;

	while (!fits(p, bytes, count)) {
		entry = weakest(p, worth, mature_bytes);
		if (!entry)
			break;
		heap_remove(worth_heap(p, entry), &entry->by_worth);
		bytes -= entry->envelope->raw_bytes;
		mature_bytes -= entry->mature ? entry->envelope->raw_bytes : 0;
		count--;
		entry->by_worth.value = going; /* a list while they are out of the heap */
		going = entry;
	}
	enough = fits(p, bytes, count);
	while ((entry = going)) {
		going = entry->by_worth.value;
		heap_add(worth_heap(p, entry), &entry->by_worth, entry->by_worth.key, entry);
		if (enough) {
			remember_leaver(p, entry->envelope->hash);
			drop(p, entry);
			p->evicted++;
		}
	}
	return enough;
}

bool pool_add(struct pool *p, struct envelope *e)
{
	struct entry *entry;

	if (hash_index_find(p->by_hash, e->hash) || e->raw_bytes > p->byte_limit || has_left(p, e->hash) ||
	    !make_room(p, e))
		return false;
	entry = mem_new(p, struct entry);
	entry->envelope = envelope_ref(e);
	entry->number = ++p->newest;
	hash_index_add(p->by_hash, e->hash, entry);
	heap_add(&p->by_expiry, &entry->by_expiry, e->expiry, entry);
	heap_add(&p->young, &entry->by_worth, envelope_worth(e), entry);
	line_add(p, entry);
	p->bytes += e->raw_bytes;
	return true;
}

static void ripen(struct pool *p)
{
	for (size_t i = line_after(p, p->ripe); i < p->line_count && p->line[i].number <= p->ripe_next; i++) {
		struct entry *entry = p->line[i].entry;

		if (!entry)
			continue;
		heap_remove(&p->young, &entry->by_worth);
		entry->mature = true;
		p->mature_bytes += entry->envelope->raw_bytes;
		heap_add(&p->mature, &entry->by_worth, entry->by_worth.key, entry);
	}
	p->ripe = p->ripe_next;
	p->ripe_next = p->newest;
}

size_t pool_drop_later(struct pool *p, uint32_t sent)
{
	size_t n = 0;

	for (size_t i = 0; i < p->line_count;) {
		struct entry *entry = p->line[i].entry;
		size_t count = p->line_count;

		if (entry && envelope_sent(entry->envelope) > sent) {
			drop(p, entry);
			n++;
		}
		i = p->line_count == count ? i + 1 : 0; /* the line may have closed up */
	}
	return n;
}

size_t pool_expire(struct pool *p, uint32_t now)
{
	struct entry *entry;
	size_t n = 0;

	while ((entry = heap_top(&p->by_expiry)) && entry->envelope->expiry < now) {
		drop(p, entry);
		n++;
	}
	ripen(p);
	return n;
}

struct envelope *pool_find(const struct pool *p, const uint8_t hash[ENVELOPE_HASH_BYTES])
{
	const struct entry *entry = hash_index_find(p->by_hash, hash);

	return entry ? entry->envelope : NULL;
}

uint64_t pool_number(const struct pool *p, const uint8_t hash[ENVELOPE_HASH_BYTES])
{
	const struct entry *entry = hash_index_find(p->by_hash, hash);

	return entry ? entry->number : 0;
}

size_t pool_count(const struct pool *p)
{
	return hash_index_count(p->by_hash);
}

size_t pool_bytes(const struct pool *p)
{
	return p->bytes;
}

uint64_t pool_evicted(const struct pool *p)
{
	return p->evicted;
}

uint64_t pool_newest(const struct pool *p)
{
	return p->newest;
}

struct envelope *pool_next(const struct pool *p, uint64_t *number)
{
	for (size_t i = line_after(p, *number); i < p->line_count; i++) {
		if (p->line[i].entry) {
			*number = p->line[i].number;
			return p->line[i].entry->envelope;
		}
	}
	return NULL;
}
