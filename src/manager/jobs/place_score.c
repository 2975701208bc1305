#include "manager/jobs/place_score.h"

#include <stdlib.h>

#include "manager/jobs/place_impl.h"

#define MOST_REALTIME_PM 800.0

/* All weights there are; a score is the sum of weight * term over the sum of the weights. Their order of size is what
 * they say: what fails a stream weighs more than what it costs. */
const struct place_weight place_weights[PLACE_TERMS] = {
	[PLACE_TERM_PRICE] = {"price", 20, "of nodes that do the same, the cheaper one is what the customer wants"},
	[PLACE_TERM_LOAD] = {"load", 25, "room that is left absorbs a scene that is hard to encode, or a failover"},
	[PLACE_TERM_REALTIME] = {"realtime", 20, "far from the limit today is far from missing it tomorrow"},
	[PLACE_TERM_REPUTATION] = {"reputation", 30, "who has failed lately fails soon again; nothing costs more"},
	[PLACE_TERM_LOCALITY] = {"locality", 25, "a hop within a region has more bandwidth and fewer losses"},
	[PLACE_TERM_OWNERS] = {"owners", 10, "one owner's mistake is not to take a whole order down"},
	[PLACE_TERM_NETS] = {"nets", 10, "neighbours of a /24 or /48 share a line, a fault, and often a person"},
};

/* Beside the cheapest candidate; where one asks for nothing, the others are worth nothing. */
static double term_price(const struct place_node *n, int64_t cheapest)
{
	return n->price <= 0 ? 1 : (double)cheapest / (double)n->price;
}

/* What is left of the ceiling once the part runs too. Where the capacity is not known, as if the first job took half of
 * it, and each further one as much less. */
static double left_of(int64_t left, int64_t capacity, int64_t amount, int jobs)
{
	double part;

	if (left == INT64_MAX || capacity <= 0)
		return 1.0 / (2 + jobs);
	part = (double)(left - amount) / (double)capacity;
	return part < 0 ? 0 : part > 1 ? 1 : part;
}

static double term_load(const struct place_look *look, const struct place_node *n)
{
	const struct place_agent *agent = &look->fleet->agents[n->agent];
	const struct place_amount *all = &agent->beat.capacity;
	const struct place_amount left = place_node_free(look->fleet, n);
	const int jobs = agent->jobs > agent->says_jobs ? agent->jobs : agent->says_jobs;
	const double link = left_of(left.bps, all->bps, look->amount.bps, jobs);
	double work;

	/* Work stands or falls with the processor, the rest with the link. */
	if (look->amount.blocks_per_s == 0)
		return link;
	work = left_of(left.blocks_per_s, all->blocks_per_s, look->amount.blocks_per_s, jobs);
	return work < link ? work : link;
}

static double term_realtime(const struct place_look *look, const struct place_node *n)
{
	const struct place_beat *beat = &look->fleet->agents[n->agent].beat;
	int slowest = PLACE_UNKNOWN;

	for (int i = 0; i < PLACE_RUNGS; i++) {
		if (look->rungs & 1u << i && beat->realtime_pm[i] > slowest)
			slowest = beat->realtime_pm[i];
	}
	return slowest == PLACE_UNKNOWN ? 0.5 : 1 - (double)slowest / MOST_REALTIME_PM;
}

/* Is it of the role that comes before this part in the stream? */
static bool is_neighbour(const struct place_look *look, size_t i, enum api_role before)
{
	return !look->chosen[i].standby && look->chosen[i].role == before;
}

/* The role before this one. False: the stream begins here. */
static bool role_before(const struct place_look *look, enum api_role *ret_role)
{
	for (size_t i = look->chosen_count; i-- > 0;) {
		if (look->chosen[i].role != look->role) {
			*ret_role = look->chosen[i].role;
			return true;
		}
	}
	return false;
}

/* A neighbour's share: its bit rate, and of one that says none at least a little. */
static double traffic(const struct place_chosen *c)
{
	return c->amount.bps > 0 ? (double)c->amount.bps : 1;
}

static double term_locality(const struct place_look *look, const struct place_node *n)
{
	enum api_role before;
	double here = 0, all = 0;

	if (!role_before(look, &before))
		return look->near != PLACE_NONE && look->near == n->region ? 1 : 0;
	for (size_t i = 0; i < look->chosen_count; i++) {
		if (!is_neighbour(look, i, before))
			continue;
		all += traffic(&look->chosen[i]);
		if (look->fleet->nodes[look->chosen[i].node].region == n->region)
			here += traffic(&look->chosen[i]);
	}
	return all > 0 ? here / all : 0;
}

uint32_t place_home(const struct place_look *look)
{
	uint32_t home = look->near;
	enum api_role before;
	double most = 0;

	if (!role_before(look, &before))
		return home;
	home = PLACE_NONE;
	for (size_t i = 0; i < look->chosen_count; i++) {
		if (is_neighbour(look, i, before) && traffic(&look->chosen[i]) > most) {
			most = traffic(&look->chosen[i]);
			home = look->fleet->nodes[look->chosen[i].node].region;
		}
	}
	return home;
}

static double term_owners(const struct place_look *look, const struct place_node *n)
{
	size_t same = 0;

	for (size_t i = 0; i < look->chosen_count; i++)
		same += look->fleet->nodes[look->chosen[i].node].owner == n->owner;
	return look->chosen_count ? 1 - (double)same / (double)look->chosen_count : 1;
}

static double term_nets(const struct place_look *look, const struct place_node *n)
{
	size_t same = 0;

	for (size_t i = 0; n->net && i < look->chosen_count; i++)
		same += look->fleet->nodes[look->chosen[i].node].net == n->net;
	return look->chosen_count ? 1 - (double)same / (double)look->chosen_count : 1;
}

static void put_terms(const struct place_look *look, int64_t cheapest, struct place_found *f)
{
	const struct place_node *n = &look->fleet->nodes[f->node];
	double sum = 0, weights = 0;

	f->terms[PLACE_TERM_PRICE] = term_price(n, cheapest);
	f->terms[PLACE_TERM_LOAD] = term_load(look, n);
	f->terms[PLACE_TERM_REALTIME] = term_realtime(look, n);
	f->terms[PLACE_TERM_REPUTATION] = place_reputation(n, look->request->now_ms);
	f->terms[PLACE_TERM_LOCALITY] = term_locality(look, n);
	f->terms[PLACE_TERM_OWNERS] = term_owners(look, n);
	f->terms[PLACE_TERM_NETS] = term_nets(look, n);
	for (size_t i = 0; i < PLACE_TERMS; i++) {
		sum += place_weights[i].weight * f->terms[i];
		weights += place_weights[i].weight;
	}
	f->score = sum / weights;
}

static void insert_best_first(struct place_found *found, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const struct place_found f = found[i];
		size_t at = i;

		for (; at > 0 && found[at - 1].score < f.score; at--)
			found[at] = found[at - 1];
		found[at] = f;
	}
}

void place_score(const struct place_look *look, struct place_found *found, size_t count)
{
	int64_t cheapest = INT64_MAX;
	size_t best = 0;

	for (size_t i = 0; i < count; i++) {
		const int64_t price = look->fleet->nodes[found[i].node].price;

		if (price < cheapest)
			cheapest = price > 0 ? price : 0;
	}
	for (size_t i = 0; i < count; i++) {
		put_terms(look, cheapest, &found[i]);
		if (found[i].score > found[best].score)
			best = i;
	}
	/* Of few all are put in order for the record, of a whole fleet the best alone goes to the front. */
	if (count <= PLACE_RECORDED) {
		insert_best_first(found, count);
	} else {
		const struct place_found f = found[best];

		found[best] = found[0];
		found[0] = f;
	}
}
