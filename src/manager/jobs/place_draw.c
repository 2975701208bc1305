/* Drawing candidates: a walk in random order over the smallest set that holds all who can have the part, until there
 * are enough. */
#include "base/mem.h"
#include "manager/jobs/place_impl.h"

/* With one candidate in hand no more are looked at; where fits are so rare, the first is as good as the best. */
#define ENOUGH_LOOKED 512

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t place_random(uint64_t *state, uint64_t n)
{
	return (uint64_t)((unsigned __int128)next_random(state) * n >> 64);
}

struct draw {
	const void *ctx;
	struct place_fleet *fleet;
	struct place_look *look;
	struct place_counts *counts;
	struct place_found *found;
	size_t count, room, wanted;
};

static void look_at(struct draw *d, uint32_t node)
{
	struct place_node *n = &d->fleet->nodes[node];
	unsigned refusals;

	if (n->seen == d->fleet->draw || n->role != d->look->role)
		return;
	n->seen = d->fleet->draw;
	d->counts->looked++;
	refusals = place_refusals(d->look, node, false);
	if (refusals) {
		d->counts->refused[__builtin_ctz(refusals)]++;
		return;
	}
	if (d->count == d->room) {
		d->room = d->room ? 2 * d->room : PLACE_RECORDED;
		d->found = mem_resize(d->ctx, d->found, struct place_found, d->room);
	}
	d->found[d->count++] = (struct place_found){.node = node};
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		const uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Each node of the set once, in steps of a length that has no divisor in common with the set's, until there are
 * `until` candidates. */
static void walk(struct draw *d, const struct place_set *set, size_t until)
{
	const uint32_t n = set->count;
	uint32_t at, step = 1;

	if (n == 0)
		return;
	at = (uint32_t)place_random(&d->look->random, n);
	if (n > 2) {
		step = 1 + (uint32_t)place_random(&d->look->random, n - 1);
		while (common_divisor(n, step) != 1)
			step = step % (n - 1) + 1;
	}
	for (uint32_t i = 0; i < n && d->count < until; i++) {
		look_at(d, set->rows[at]);
		if (d->count > 0 && d->counts->looked >= ENOUGH_LOOKED && d->wanted != PLACE_EVERY)
			break;
		at = at < n - step ? at + step : at - (n - step);
	}
}

/* The open nodes that are new, or that are not: the neighbours' region first, for half of the candidates. */
static void walk_open(struct draw *d, bool of_new)
{
	const struct place_look *look = d->look;
	const size_t regions = look->request->region_count;
	const uint32_t home = place_home(look);
	const size_t first = regions ? (size_t)place_random(&d->look->random, regions) : 0;
	bool may_home = home != PLACE_NONE && regions == 0;

	for (size_t i = 0; i < regions; i++)
		may_home |= look->regions[i] == home && home != PLACE_NONE;
	if (may_home)
		walk(d, &d->fleet->in_region[home].open[look->role][of_new], (d->wanted + 1) / 2);
	if (regions == 0)
		walk(d, &d->fleet->open[look->role][of_new], d->wanted);
	/* Each region has its share of what is still wanted. */
	for (size_t i = 0; i < regions; i++) {
		const uint32_t region = look->regions[(first + i) % regions];
		const size_t share = (d->wanted - d->count + regions - i - 1) / (regions - i);

		if (region != PLACE_NONE)
			walk(d, &d->fleet->in_region[region].open[look->role][of_new], d->count + share);
	}
}

/* The smallest set of those with a label that is asked for, where that is smaller than the open ones; else NULL. */
static const struct place_set *rarest(const struct draw *d)
{
	static const struct place_set none;
	const struct place_fleet *fleet = d->fleet;
	const struct place_request *r = d->look->request;
	const struct place_set *best = NULL;
	uint32_t least = fleet->open[d->look->role][0].count + fleet->open[d->look->role][1].count;

	if (r->gpu && d->look->role == API_TRANSCODER && fleet->with_gpu.count < least) {
		best = &fleet->with_gpu;
		least = best->count;
	}
	for (size_t i = 0; i < r->label_count; i++) {
		const uint32_t word = d->look->labels[i];
		const struct place_set *set = word == PLACE_NONE ? &none : &fleet->with_label[word];

		if (set->count < least) {
			best = set;
			least = set->count;
		}
	}
	return best;
}

size_t place_draw(const void *ctx, struct place_fleet *fleet, struct place_look *look, struct place_found **ret_found,
		  struct place_counts *counts, bool *ret_for_new)
{
	const size_t asked = look->request->candidates;
	struct draw d = {
		.ctx = ctx,
		.fleet = fleet,
		.look = look,
		.counts = counts,
		.wanted = asked ? asked : PLACE_CANDIDATES,
	};
	const bool for_new = place_random(&look->random, 1000) < PLACE_NEW_SHARE_PM;
	const struct place_set *rare = rarest(&d);

	*counts = (struct place_counts){.of = fleet->of_role[look->role].count,
					.online = fleet->counts[look->role][PLACE_ONLINE]};
	fleet->draw++;
	if (d.wanted == PLACE_EVERY) {
		walk(&d, &fleet->of_role[look->role], PLACE_EVERY);
	} else if (rare) {
		walk(&d, rare, d.wanted);
	} else {
		walk_open(&d, for_new);
		if (d.count == 0)
			walk_open(&d, !for_new);
	}
	*ret_found = d.found;
	*ret_for_new = for_new;
	return d.count;
}

/* Nodes that the same filters refuse. */
struct kind {
	unsigned refusals;
	size_t nodes;
	int64_t cheapest;
};
#define MAX_KINDS 256

static void add_kind(struct kind *kinds, size_t *count, unsigned refusals, int64_t price)
{
	size_t i = 0;

	while (i < *count && kinds[i].refusals != refusals)
		i++;
	if (i == MAX_KINDS)
		return;
	if (i == *count)
		kinds[(*count)++] = (struct kind){refusals, 0, INT64_MAX};
	kinds[i].nodes++;
	if (price < kinds[i].cheapest)
		kinds[i].cheapest = price;
}

static bool all_wishes(unsigned refusals)
{
	for (; refusals; refusals &= refusals - 1) {
		if (!place_why_is_wish((enum place_why)__builtin_ctz(refusals)))
			return false;
	}
	return true;
}

/* Less has to give, or what the customer has in hand, or it helps more. */
static bool is_better(const struct kind *a, const struct kind *b)
{
	const int bits_a = __builtin_popcount(a->refusals), bits_b = __builtin_popcount(b->refusals);
	const bool wishes_a = all_wishes(a->refusals), wishes_b = all_wishes(b->refusals);

	if (bits_a != bits_b)
		return bits_a < bits_b;
	if (wishes_a != wishes_b)
		return wishes_a;
	return a->nodes > b->nodes;
}

void place_count_lack(const struct place_look *look, struct place_lack *lack)
{
	const struct place_fleet *fleet = look->fleet;
	const struct place_set *all = &fleet->of_role[look->role];
	struct kind kinds[MAX_KINDS];
	size_t count = 0, best = 0;

	lack->counts = (struct place_counts){
		.of = all->count, .looked = all->count, .online = fleet->counts[look->role][PLACE_ONLINE]};
	lack->give_price = PLACE_NO_PRICE;
	for (uint32_t i = 0; i < all->count; i++) {
		const unsigned refusals = place_refusals(look, all->rows[i], true);
		int first;

		if (!refusals)
			continue;
		first = __builtin_ctz(refusals);
		lack->counts.refused[first]++;
		if (!(refusals & (refusals - 1)))
			lack->counts.alone[first]++;
		add_kind(kinds, &count, refusals, fleet->nodes[all->rows[i]].price);
	}
	for (size_t i = 1; i < count; i++) {
		if (is_better(&kinds[i], &kinds[best]))
			best = i;
	}
	if (count == 0)
		return;
	lack->give = kinds[best].refusals;
	lack->give_nodes = kinds[best].nodes;
	if (lack->give & 1u << PLACE_WHY_PRICE)
		lack->give_price = kinds[best].cheapest;
}
