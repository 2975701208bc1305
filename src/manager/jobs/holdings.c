#include "manager/jobs/holdings.h"

#include <string.h>

#include "base/mem.h"
#include "manager/jobs/place_words.h"

/* A line whose node is not known, or does not say yet on which machine it is. */
struct awaited {
	char *node;
	struct place_amount amount;
};

struct holding {
	bool used;
	uint64_t id; /* of the reservation; 0: none yet */
	struct awaited *waiting;
	size_t waiting_count;
};

struct holdings {
	const struct place_fleet *fleet;
	struct reserve_book *book;
	struct place_words jobs; /* their numbers are those of `list` */
	struct holding *list;
	uint32_t room;
	size_t count, waiting;
};

struct holdings *holdings_new(const void *ctx, struct place_fleet *fleet)
{
	struct holdings *h = mem_new(ctx, struct holdings);

	h->fleet = fleet;
	h->book = reserve_book_new(h, fleet);
	place_words_init(&h->jobs, h, 0);
	return h;
}

static struct holding *find(const struct holdings *h, const char *job)
{
	const uint32_t at = place_words_find(&h->jobs, job);

	return at == PLACE_NONE ? NULL : &h->list[at];
}

bool holdings_has(const struct holdings *h, const char *job)
{
	return find(h, job) != NULL;
}

static struct holding *begin(struct holdings *h, const char *job)
{
	const uint32_t at = place_words_take(&h->jobs, job);

	if (h->room < h->jobs.capacity) {
		h->list = mem_resize(h, h->list, struct holding, h->jobs.capacity);
		memset(&h->list[h->room], 0, (h->jobs.capacity - h->room) * sizeof(struct holding));
		h->room = h->jobs.capacity;
	}
	h->list[at] = (struct holding){.used = true};
	h->count++;
	return &h->list[at];
}

void holdings_release(struct holdings *h, const char *job)
{
	const uint32_t at = place_words_find(&h->jobs, job);
	struct holding *one;

	if (at == PLACE_NONE)
		return;
	one = &h->list[at];
	reserve_release(h->book, one->id);
	for (size_t i = 0; i < one->waiting_count; i++)
		mem_free(one->waiting[i].node);
	mem_free(one->waiting);
	h->waiting -= one->waiting_count;
	*one = (struct holding){0};
	h->count--;
	place_words_drop(&h->jobs, at);
}

struct error *holdings_plan(struct holdings *h, const char *job, const struct place_plan *plan, int64_t expires_ms)
{
	uint64_t id = 0;

	holdings_release(h, job);
	TRY(reserve_hold_plan(h->book, job, plan, expires_ms, &id));
	begin(h, job)->id = id;
	return NULL;
}

void holdings_keep(struct holdings *h, const char *job)
{
	const struct holding *one = find(h, job);

	if (one && one->id)
		error_free(reserve_commit(h->book, one->id));
}

/* To the lines that are reserved; false: its node is not known, or is a stranger (whose agent is not known until it
 * obeys, and could not change once it has jobs). */
static bool take(struct holdings *h, struct holding *one, const char *job, const struct reserve_line *line)
{
	struct error *e;

	if (place_node_is(h->fleet, line->node, PLACE_STRANGE))
		return false;
	e = one->id && reserve_job(h->book, one->id) ? reserve_add(h->book, one->id, line)
						     : reserve_adopt(h->book, job, line, 1, &one->id);
	if (!e)
		return true;
	error_free(e);
	return false;
}

static void take_or_wait(struct holdings *h, struct holding *one, const char *job, const struct reserve_line *line)
{
	if (take(h, one, job, line))
		return;
	one->waiting = mem_resize(h, one->waiting, struct awaited, one->waiting_count + 1);
	one->waiting[one->waiting_count++] = (struct awaited){mem_strdup(h, line->node), line->amount};
	h->waiting++;
}

void holdings_adopt(struct holdings *h, const char *job, const struct reserve_line *lines, size_t count)
{
	struct holding *one;

	if (holdings_has(h, job))
		return;
	one = begin(h, job);
	for (size_t i = 0; i < count; i++)
		take_or_wait(h, one, job, &lines[i]);
}

/* Nobody can say what room there is on a node that is not known, or whose machine is not. */
static struct error *take_again(struct holdings *h, struct holding *one, const char *job,
				const struct reserve_line *line)
{
	struct error *e = NULL;

	if (!place_node_is(h->fleet, line->node, PLACE_STRANGE))
		e = reserve_add_again(h->book, job, line, &one->id);
	else
		e = error_new(ERROR_NOT_FOUND, "it obeys nobody here");
	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	return error_new(ERROR_UNAVAILABLE,
			 "node %s has not been heard of since this dsnd leads: what room it has is not known yet",
			 line->node);
}

struct error *holdings_again(struct holdings *h, const char *job, const struct reserve_line *lines, size_t count)
{
	struct holding *one;

	if (holdings_has(h, job))
		return NULL;
	one = begin(h, job);
	for (size_t i = 0; i < count; i++) {
		struct error *e = take_again(h, one, job, &lines[i]);

		if (!e)
			continue;
		holdings_release(h, job);
		return e;
	}
	return NULL;
}

static void stop_waiting(struct holdings *h, struct holding *one, size_t at)
{
	mem_free(one->waiting[at].node);
	one->waiting[at] = one->waiting[--one->waiting_count];
	h->waiting--;
}

void holdings_move(struct holdings *h, const char *job, const char *lost, const struct reserve_line *line)
{
	struct holding *one = find(h, job);

	if (!one)
		one = begin(h, job);
	for (size_t i = one->waiting_count; i > 0; i--) {
		if (strcmp(one->waiting[i - 1].node, lost) == 0)
			stop_waiting(h, one, i - 1);
	}
	reserve_release_node(h->book, one->id, lost);
	take_or_wait(h, one, job, line);
}

void holdings_heard(struct holdings *h)
{
	for (uint32_t at = 0; h->waiting && at < h->jobs.count; at++) {
		struct holding *one = &h->list[at];

		for (size_t i = one->used ? one->waiting_count : 0; i > 0; i--) {
			const struct reserve_line line = {one->waiting[i - 1].node, one->waiting[i - 1].amount};

			if (take(h, one, h->jobs.rows[at].text, &line))
				stop_waiting(h, one, i - 1);
		}
	}
}

void holdings_expire(struct holdings *h, int64_t now_ms)
{
	if (reserve_next_expiry(h->book) > now_ms)
		return;
	reserve_expire(h->book, now_ms);
	for (uint32_t at = 0; at < h->jobs.count; at++) {
		const struct holding *one = &h->list[at];

		if (one->used && one->id && !one->waiting_count && !reserve_job(h->book, one->id))
			holdings_release(h, h->jobs.rows[at].text);
	}
}

size_t holdings_count(const struct holdings *h)
{
	return h->count;
}
