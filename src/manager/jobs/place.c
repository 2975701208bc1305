#include "manager/jobs/place.h"

#include <string.h>

#include "base/mem.h"
#include "manager/jobs/place_impl.h"

/* A plan in the making. */
struct making {
	struct place_fleet *fleet;
	struct place_look look;
	struct place_plan *plan;
};

static struct error *check_amount(const char *what, size_t want, const struct place_amount *a)
{
	if (a->blocks_per_s < 0 || a->blocks_per_s > PLACE_MAX_AMOUNT || a->bps < 0 || a->bps > PLACE_MAX_AMOUNT)
		return error_new(ERROR_INVALID, "wants[%zu]: its %s is not between 0 and %lld", want, what,
				 (long long)PLACE_MAX_AMOUNT);
	return NULL;
}

static struct error *check_want(const struct place_want *w, size_t at)
{
	if ((unsigned)w->role >= API_ROLE_COUNT)
		return error_new(ERROR_INVALID, "wants[%zu]: there is no such role", at);
	if (w->rendition_count > PLACE_MAX_RENDITIONS)
		return error_new(ERROR_INVALID, "wants[%zu]: has %zu renditions; at most %d", at, w->rendition_count,
				 PLACE_MAX_RENDITIONS);
	if (w->most_nodes < 1)
		return error_new(ERROR_INVALID, "wants[%zu]: most_nodes is 0; at least 1", at);
	TRY(check_amount("base", at, &w->base));
	for (size_t i = 0; i < w->rendition_count; i++)
		TRY(check_amount("rendition", at, &w->renditions[i].amount));
	return NULL;
}

static struct error *check_count(const char *what, size_t count, size_t low, size_t high)
{
	if (count >= low && count <= high)
		return NULL;
	return error_new(ERROR_INVALID, "the request has %zu %s; %zu to %zu", count, what, low, high);
}

/* *ret_parts: the most that a plan of it has. */
static struct error *check_request(const struct place_request *r, size_t *ret_parts)
{
	size_t parts = 0;

	TRY(check_count("wants", r->want_count, 1, PLACE_MAX_WANTS));
	TRY(check_count("regions", r->region_count, 0, PLACE_MAX_REGIONS));
	TRY(check_count("labels", r->label_count, 0, PLACE_MAX_LABELS));
	TRY(check_count("excluded nodes", r->excluded_count, 0, PLACE_MAX_EXCLUDED));
	if (r->candidates != PLACE_EVERY)
		TRY(check_count("candidates", r->candidates, 0, PLACE_RECORDED));
	if (r->price_limit < PLACE_NO_PRICE)
		return error_new(ERROR_INVALID, "the request has a price limit below 0");
	if (r->least_version && place_version(r->least_version) == 0)
		return error_new(ERROR_INVALID, "the request's least version \"%.64s\" is none; it looks like 1.2.3",
				 r->least_version);
	for (size_t i = 0; i < r->want_count; i++) {
		const struct place_want *w = &r->wants[i];
		size_t nodes;

		TRY(check_want(w, i));
		nodes = w->most_nodes < w->rendition_count ? w->most_nodes : w->rendition_count;
		parts += (nodes ? nodes : 1) * (w->standby ? 2 : 1);
	}
	TRY(check_count("parts", parts + r->beside_count, 1, PLACE_MAX_PARTS));
	*ret_parts = parts;
	return NULL;
}

/* The node with this plan's marks. */
static struct place_node *mark(struct place_fleet *fleet, uint32_t node)
{
	struct place_node *n = &fleet->nodes[node];

	if (n->planned != fleet->plan)
		n->excluded = n->used = false;
	n->planned = fleet->plan;
	return n;
}

/* And its machine with what this plan takes of it. */
static void take(struct place_fleet *fleet, uint32_t node, const struct place_amount *amount)
{
	struct place_agent *a = &fleet->agents[fleet->nodes[node].agent];

	mark(fleet, node)->used = true;
	if (a->planned != fleet->plan)
		a->taken = (struct place_amount){0, 0};
	a->planned = fleet->plan;
	a->taken.blocks_per_s += amount->blocks_per_s;
	a->taken.bps += amount->bps;
}

/* What the order has: no part for them, and nothing more of their machines, which is promised already. */
static void set_beside(struct place_look *look, struct place_fleet *fleet, const struct place_request *r)
{
	for (size_t i = 0; i < r->beside_count; i++) {
		const uint32_t node = place_node_find(fleet, r->beside[i].node);

		if (node == PLACE_NONE)
			continue;
		mark(fleet, node)->used = true;
		look->chosen[look->chosen_count++] = (struct place_chosen){
			.node = node,
			.standby = r->beside[i].standby,
			.role = (enum api_role)fleet->nodes[node].role,
			.amount = r->beside[i].amount,
		};
	}
	look->beside_count = look->chosen_count;
}

/* Names that no node has are PLACE_NONE, which no node's is. */
static void resolve(struct place_look *look, struct place_fleet *fleet, const struct place_request *r)
{
	look->fleet = fleet;
	look->request = r;
	look->random = r->seed;
	look->customer = place_words_find(&fleet->customers, r->customer);
	look->near = place_words_find(&fleet->regions, r->near);
	look->least_version = place_version(r->least_version);
	look->chosen_count = 0;
	for (size_t i = 0; i < r->region_count; i++)
		look->regions[i] = place_words_find(&fleet->regions, r->regions[i]);
	for (size_t i = 0; i < r->label_count; i++)
		look->labels[i] = place_words_find(&fleet->labels, r->labels[i]);
	fleet->plan++;
	for (size_t i = 0; i < r->excluded_count; i++) {
		const uint32_t node = place_node_find(fleet, r->excluded[i].node);

		if (node != PLACE_NONE)
			mark(fleet, node)->excluded = true;
	}
	set_beside(look, fleet, r);
}

static void aim(struct making *m, size_t want, uint64_t renditions, size_t standby_of)
{
	const struct place_want *w = &m->look.request->wants[want];
	struct place_look *look = &m->look;

	look->role = w->role;
	look->amount = w->base;
	look->rungs = 0;
	for (size_t i = 0; i < w->rendition_count; i++) {
		if (!(renditions & UINT64_C(1) << i))
			continue;
		look->amount.blocks_per_s += w->renditions[i].amount.blocks_per_s;
		look->amount.bps += w->renditions[i].amount.bps;
		if (w->role == API_TRANSCODER)
			look->rungs |= 1u << place_rung(w->renditions[i].height);
	}
	look->stands_in_for = standby_of == SIZE_MAX ? place_node_find(look->fleet, look->request->stands_in_for)
						     : look->chosen[look->beside_count + standby_of].node;
}

static void record_candidates(struct making *m, struct place_part *part, const struct place_found *found, size_t count)
{
	part->candidate_count = count < PLACE_RECORDED ? count : PLACE_RECORDED;
	part->candidates = mem_array(m->plan, struct place_candidate, part->candidate_count);
	for (size_t i = 0; i < part->candidate_count; i++) {
		struct place_candidate *c = &part->candidates[i];

		c->node = mem_strdup(m->plan, m->fleet->ids.rows[found[i].node].text);
		c->new_node = m->fleet->nodes[found[i].node].is_new;
		c->score = found[i].score;
		memcpy(c->terms, found[i].terms, sizeof(c->terms));
	}
}

/* The best candidate gets the part. */
static void choose(struct making *m, struct place_part *part, uint32_t node)
{
	struct place_fleet *fleet = m->fleet;
	const struct place_node *n = &fleet->nodes[node];

	take(fleet, node, &part->amount);
	part->node = mem_strdup(m->plan, fleet->ids.rows[node].text);
	part->agent = mem_strdup(m->plan, fleet->agent_ids.rows[n->agent].text);
	part->owner = mem_strdup(m->plan, fleet->owners.rows[n->owner].text);
	part->price = n->price;
	m->look.chosen[m->look.chosen_count++] = (struct place_chosen){
		.node = node,
		.standby = part->standby_of != SIZE_MAX,
		.role = part->role,
		.amount = part->amount,
	};
}

/* A node for that part; false: there is none, and the plan's lack says why. */
static bool find(struct making *m, size_t want, uint64_t renditions, size_t standby_of)
{
	struct place_plan *plan = m->plan;
	struct place_part *part = &plan->parts[plan->part_count];
	struct place_found *found = NULL;
	size_t count;

	aim(m, want, renditions, standby_of);
	*part = (struct place_part){
		.want = want,
		.role = m->look.role,
		.standby_of = standby_of,
		.renditions = renditions,
		.amount = m->look.amount,
	};
	count = place_draw(plan, m->fleet, &m->look, &found, &part->counts, &part->for_new);
	if (count > 0) {
		place_score(&m->look, found, count);
		record_candidates(m, part, found, count);
		choose(m, part, found[0].node);
		plan->part_count++;
	}
	mem_free(found);
	return count > 0;
}

static void tell_lack(struct making *m, size_t want, uint64_t renditions, size_t standby_of)
{
	aim(m, want, renditions, standby_of);
	m->plan->lack = (struct place_lack){
		.want = want,
		.role = m->look.role,
		.standby_of = standby_of,
		.renditions = renditions,
		.amount = m->look.amount,
	};
	place_count_lack(&m->look, &m->plan->lack);
}

/* Two parts of about the same work: the heaviest first, each to the one that has less. */
static void halve(const struct place_want *w, uint64_t renditions, uint64_t ret_halves[2])
{
	int64_t work[2] = {0, 0};

	ret_halves[0] = ret_halves[1] = 0;
	while (renditions) {
		int heaviest = __builtin_ctzll(renditions), to;

		for (int i = heaviest + 1; i < PLACE_MAX_RENDITIONS; i++) {
			if (renditions & UINT64_C(1) << i &&
			    w->renditions[i].amount.blocks_per_s > w->renditions[heaviest].amount.blocks_per_s)
				heaviest = i;
		}
		to = ret_halves[0] && (work[1] < work[0] || !ret_halves[1]);
		ret_halves[to] |= UINT64_C(1) << heaviest;
		work[to] += w->renditions[heaviest].amount.blocks_per_s;
		renditions &= ~(UINT64_C(1) << heaviest);
	}
}

/* On one node, or divided on as many as are left of `nodes`. */
static bool find_divided(struct making *m, size_t want, uint64_t renditions, size_t nodes)
{
	const struct place_want *w = &m->look.request->wants[want];
	const size_t before = m->plan->part_count;
	uint64_t halves[2];
	size_t used;

	if (find(m, want, renditions, SIZE_MAX))
		return true;
	if (nodes < 2 || !(renditions & (renditions - 1))) {
		tell_lack(m, want, renditions, SIZE_MAX);
		return false;
	}
	halve(w, renditions, halves);
	if (!find_divided(m, want, halves[0], nodes - 1))
		return false;
	used = m->plan->part_count - before;
	return find_divided(m, want, halves[1], nodes - used);
}

static uint64_t all_renditions(const struct place_want *w)
{
	return w->rendition_count == PLACE_MAX_RENDITIONS ? UINT64_MAX : (UINT64_C(1) << w->rendition_count) - 1;
}

static bool find_want(struct making *m, size_t want)
{
	const struct place_want *w = &m->look.request->wants[want];
	const size_t first = m->plan->part_count;
	size_t end;

	if (!find_divided(m, want, all_renditions(w), w->most_nodes))
		return false;
	end = m->plan->part_count;
	for (size_t i = first; w->standby && i < end; i++) {
		if (find(m, want, m->plan->parts[i].renditions, i))
			continue;
		tell_lack(m, want, m->plan->parts[i].renditions, i);
		return false;
	}
	return true;
}

static void record_excluded(struct place_plan *plan, const struct place_request *r)
{
	plan->remarks = mem_array(plan, char *, r->excluded_count);
	for (size_t i = 0; i < r->excluded_count; i++) {
		const struct place_excluded *x = &r->excluded[i];

		plan->remarks[i] =
			mem_printf(plan, "%s is excluded: %s", x->node, x->why ? x->why : "the order says so");
	}
	plan->remark_count = r->excluded_count;
}

struct error *place_plan_make(const void *ctx, struct place_fleet *fleet, const struct place_request *request,
			      struct place_plan **ret_plan)
{
	struct place_plan *plan;
	struct making *m;
	size_t parts = 0;

	TRY(check_request(request, &parts));
	plan = mem_new(ctx, struct place_plan);
	plan->seed = request->seed;
	plan->parts = mem_array(plan, struct place_part, parts + 1); /* and one that is tried in vain */
	m = mem_new(plan, struct making);
	m->fleet = fleet;
	m->plan = plan;
	resolve(&m->look, fleet, request);
	record_excluded(plan, request);
	plan->placed = true;
	for (size_t i = 0; plan->placed && i < request->want_count; i++)
		plan->placed = find_want(m, i);
	mem_free(m);
	*ret_plan = plan;
	return NULL;
}

struct error *place_node_explain(struct place_fleet *fleet, const struct place_request *request, size_t want,
				 const char *node, unsigned *ret_refusals)
{
	const uint32_t at = place_node_find(fleet, node);
	struct making *m;
	size_t parts = 0;

	TRY(check_request(request, &parts));
	if (want >= request->want_count)
		return error_new(ERROR_INVALID, "the request has no wants[%zu]", want);
	if (at == PLACE_NONE)
		return error_new(ERROR_NOT_FOUND, "node \"%s\" is not known", node);
	if (fleet->nodes[at].role != request->wants[want].role)
		return error_new(ERROR_INVALID, "node \"%s\" is a %s; wants[%zu] asks for a %s", node,
				 api_role_name((enum api_role)fleet->nodes[at].role), want,
				 api_role_name(request->wants[want].role));
	m = mem_new(NULL, struct making);
	m->fleet = fleet;
	resolve(&m->look, fleet, request);
	aim(m, want, all_renditions(&request->wants[want]), SIZE_MAX);
	*ret_refusals = place_refusals(&m->look, at, true);
	mem_free(m);
	return NULL;
}
