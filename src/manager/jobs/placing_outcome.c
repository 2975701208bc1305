#include "manager/jobs/placing_outcome.h"

#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "base/mem.h"

struct outcome {
	char customer[ID_DIGITS + 1], node[ID_DIGITS + 1];
	bool good;
	int64_t at_ms;
};

struct placing_outcomes {
	struct outcome list[PLACING_OUTCOMES];
	size_t count, next; /* the oldest one, when all are taken */
};

struct placing_outcomes *placing_outcomes_new(const void *ctx)
{
	return mem_new(ctx, struct placing_outcomes);
}

static struct outcome *find(struct placing_outcomes *all, const char *customer, const char *node)
{
	for (size_t i = 0; i < all->count; i++) {
		struct outcome *o = &all->list[i];

		if (strcasecmp(o->node, node) == 0 && strcasecmp(o->customer, customer) == 0)
			return o;
	}
	return NULL;
}

static struct outcome *add(struct placing_outcomes *all, const char *customer, const char *node)
{
	struct outcome *o = &all->list[all->next];

	all->next = (all->next + 1) % PLACING_OUTCOMES;
	all->count += all->count < PLACING_OUTCOMES;
	*o = (struct outcome){.at_ms = INT64_MIN};
	memcpy(o->customer, customer, ID_DIGITS);
	memcpy(o->node, node, ID_DIGITS);
	return o;
}

static bool is_old(const struct outcome *o, int64_t now_ms)
{
	return o->at_ms == INT64_MIN || now_ms - o->at_ms >= PLACING_OUTCOME_MS;
}

bool placing_outcomes_add(struct placing_outcomes *all, const char *customer, const char *node, bool good,
			  int64_t now_ms)
{
	struct outcome *o;
	bool counts;

	if (strlen(customer) != ID_DIGITS || strlen(node) != ID_DIGITS)
		return false;
	o = find(all, customer, node);
	if (!o)
		o = add(all, customer, node);
	counts = is_old(o, now_ms) || o->good != good;
	o->good = good;
	if (counts)
		o->at_ms = now_ms;
	return counts;
}

struct place_excluded *placing_outcomes_bad(const void *ctx, const struct placing_outcomes *all, const char *customer,
					    int64_t now_ms, size_t *ret_count)
{
	struct place_excluded *list = mem_array(ctx, struct place_excluded, PLACE_MAX_EXCLUDED);
	size_t count = 0;

	for (size_t i = 0; customer && i < all->count && count < PLACE_MAX_EXCLUDED; i++) {
		const struct outcome *o = &all->list[i];

		if (!o->good && !is_old(o, now_ms) && strcasecmp(o->customer, customer) == 0)
			list[count++] = (struct place_excluded){o->node, "it has failed this customer within the hour"};
	}
	*ret_count = count;
	return list;
}
