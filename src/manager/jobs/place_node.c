/* What one node is worth: its room, its reputation, its neighbours. */
#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#include "manager/jobs/place_impl.h"

/* As if so many outcomes had been seen before: a new node is neither good nor bad. */
#define PRIOR_GOOD 8.0
#define PRIOR_BAD 2.0
/* Six failures and nothing good come below; after a week it is tried again. */
#define LEAST_REPUTATION 0.5
/* Of outcomes, those that somebody could judge. */
#define LEAST_JUDGED 0.6

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Thousandths of an amount, without overflow. */
static int64_t part(int64_t amount, int pm)
{
	return amount / 1000 * pm + amount % 1000 * pm / 1000;
}

/* What the network's jobs use is what was promised to them, or what they really use where that is more; the rest of the
 * load is not ours and stays. */
static int64_t free_blocks(const struct place_agent *a, int ceiling_pm)
{
	const struct place_beat *b = &a->beat;
	const int64_t all = b->capacity.blocks_per_s;
	int64_t foreign, jobs;

	if (all == PLACE_UNKNOWN)
		return INT64_MAX;
	foreign = part(all, (int)most(b->load_pm - b->jobs_load_pm, 0));
	jobs = most(a->promised.blocks_per_s, part(all, b->jobs_load_pm));
	return part(all, ceiling_pm) - foreign - jobs;
}

struct place_amount place_node_free(const struct place_fleet *fleet, const struct place_node *n)
{
	const struct place_agent *a = &fleet->agents[n->agent];
	const int64_t link = a->beat.capacity.bps;

	return (struct place_amount){
		.blocks_per_s = free_blocks(a, n->ceiling_pm),
		.bps = link == PLACE_UNKNOWN ? INT64_MAX : link - a->promised.bps,
	};
}

bool place_node_fits(const struct place_node *n, const struct place_amount *left, const struct place_amount *amount)
{
	if (n->most_jobs != PLACE_UNKNOWN && n->jobs >= n->most_jobs)
		return false;
	if (left->bps < most(amount->bps, 1))
		return false;
	/* Nodes that do not encode work while others keep the processor busy. */
	return n->role == API_TRANSCODER ? left->blocks_per_s >= most(amount->blocks_per_s, 1)
					 : amount->blocks_per_s == 0 || left->blocks_per_s >= amount->blocks_per_s;
}

bool place_node_full(const struct place_fleet *fleet, const struct place_node *n)
{
	static const struct place_amount nothing;
	const struct place_amount left = place_node_free(fleet, n);

	return !place_node_fits(n, &left, &nothing);
}

/* What weighed 1 at outcome_ms weighs now. */
static double weight_now(const struct place_node *n, int64_t now_ms)
{
	const int64_t age_ms = most(now_ms - n->outcome_ms, 0);

	return exp2(-(double)age_ms / (double)PLACE_HALF_LIFE_MS);
}

double place_reputation(const struct place_node *n, int64_t now_ms)
{
	const double w = n->good + n->bad > 0 ? weight_now(n, now_ms) : 0;

	return (PRIOR_GOOD + w * n->good) / (PRIOR_GOOD + PRIOR_BAD + w * (n->good + n->bad));
}

bool place_disreputed(const struct place_node *n, int64_t now_ms)
{
	double w, known;

	if (n->bad + n->unclear <= 0)
		return false;
	w = weight_now(n, now_ms);
	known = PRIOR_GOOD + PRIOR_BAD + w * (n->good + n->bad);
	return place_reputation(n, now_ms) < LEAST_REPUTATION || known / (known + w * n->unclear) < LEAST_JUDGED;
}

bool place_node_outcome(struct place_fleet *fleet, const char *id, enum place_outcome outcome, int64_t now_ms)
{
	const uint32_t node = place_node_find(fleet, id);
	struct place_node *n;
	float w;

	if (node == PLACE_NONE)
		return false;
	n = &fleet->nodes[node];
	w = (float)weight_now(n, now_ms);
	n->good = n->good * w + (outcome == PLACE_GOOD);
	n->bad = n->bad * w + (outcome == PLACE_BAD);
	n->unclear = n->unclear * w + (outcome == PLACE_UNCLEAR);
	n->outcome_ms = most(now_ms, n->outcome_ms);
	if (outcome != PLACE_UNCLEAR && n->outcomes < PLACE_NEW_OUTCOMES)
		n->outcomes++;
	place_node_sort(fleet, node);
	return true;
}

double place_node_reputation(const struct place_fleet *fleet, const char *id, int64_t now_ms)
{
	const uint32_t node = place_node_find(fleet, id);

	return node == PLACE_NONE ? 0 : place_reputation(&fleet->nodes[node], now_ms);
}

uint64_t place_version(const char *text)
{
	uint64_t value = 0;
	int numbers = 0;

	for (const char *p = text; p && *p; p++) {
		unsigned number = 0;

		if (*p < '0' || *p > '9')
			return 0;
		for (; *p >= '0' && *p <= '9'; p++) {
			number = number * 10 + (unsigned)(*p - '0');
			if (number > 0xffff)
				return 0;
		}
		value = value << 16 | number;
		if (++numbers == 3 && *p == 0)
			return value + 1; /* 0.0.0 is a version too */
		if (*p != '.')
			return 0;
	}
	return 0;
}

uint64_t place_net(const char *address)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	uint8_t bytes[16];
	uint64_t net = 0;
	size_t from = 0, n = 6;

	if (!address)
		return 0;
	if (inet_pton(AF_INET, address, bytes) == 1)
		n = 3;
	else if (inet_pton(AF_INET6, address, bytes) != 1)
		return 0;
	else if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		from = sizeof(mapped);
		n = 3;
	}
	for (size_t i = 0; i < n; i++)
		net = net << 8 | bytes[from + i];
	return net | (uint64_t)n << 56;
}
