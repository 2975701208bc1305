/* Decisions as text and as records. */
#include <inttypes.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/jobs/place.h"

static void put_number(json_t *object, const char *key, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.3f", value);
	json_put(object, key, text);
}

static json_t *amount_json(const struct place_amount *a)
{
	json_t *object = json_object();

	json_put_decimal(object, "blocks_per_s", a->blocks_per_s);
	json_put_decimal(object, "bps", a->bps);
	return object;
}

/* Those that are not 0, by the filters' names. */
static json_t *whys_json(const size_t counts[PLACE_WHYS])
{
	json_t *object = json_object();

	for (int i = 0; i < PLACE_WHYS; i++) {
		if (counts[i] > 0)
			json_put_decimal(object, place_why_name((enum place_why)i), (int64_t)counts[i]);
	}
	return object;
}

static json_t *counts_json(const struct place_counts *c)
{
	json_t *object = json_object();

	json_put_decimal(object, "of", (int64_t)c->of);
	json_put_decimal(object, "online", (int64_t)c->online);
	json_put_decimal(object, "looked", (int64_t)c->looked);
	json_object_set_new(object, "refused", whys_json(c->refused));
	return object;
}

static json_t *renditions_json(uint64_t renditions)
{
	json_t *list = json_array();

	for (; renditions; renditions &= renditions - 1) {
		char text[8];

		snprintf(text, sizeof(text), "%d", __builtin_ctzll(renditions));
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *candidate_json(const struct place_candidate *c)
{
	json_t *object = json_object(), *terms = json_object();

	json_put(object, "node", c->node);
	json_put(object, "new", c->new_node ? "yes" : "no");
	put_number(object, "score", c->score);
	for (size_t i = 0; i < PLACE_TERMS; i++)
		put_number(terms, place_weights[i].name, c->terms[i]);
	json_object_set_new(object, "terms", terms);
	return object;
}

/* What parts and lacks have in common. */
static json_t *aim_json(size_t want, enum api_role role, size_t standby_of, uint64_t renditions,
			const struct place_amount *amount)
{
	json_t *object = json_object();

	json_put_decimal(object, "want", (int64_t)want);
	json_put(object, "role", api_role_name(role));
	if (standby_of != SIZE_MAX)
		json_put_decimal(object, "standby_of", (int64_t)standby_of);
	json_object_set_new(object, "renditions", renditions_json(renditions));
	json_object_set_new(object, "amount", amount_json(amount));
	return object;
}

static json_t *part_json(const struct place_part *p)
{
	json_t *object = aim_json(p->want, p->role, p->standby_of, p->renditions, &p->amount);
	json_t *candidates = json_array();

	json_put(object, "node", p->node);
	json_put(object, "agent", p->agent);
	json_put(object, "owner", p->owner);
	if (p->price != PLACE_NO_PRICE)
		json_put_decimal(object, "price", p->price);
	json_put(object, "for_new", p->for_new ? "yes" : "no");
	json_object_set_new(object, "counts", counts_json(&p->counts));
	for (size_t i = 0; i < p->candidate_count; i++)
		json_array_append_new(candidates, candidate_json(&p->candidates[i]));
	json_object_set_new(object, "candidates", candidates);
	return object;
}

static json_t *lack_json(const struct place_lack *l)
{
	json_t *object = aim_json(l->want, l->role, l->standby_of, l->renditions, &l->amount);
	json_t *counts = counts_json(&l->counts), *give = json_array();

	json_object_set_new(counts, "alone", whys_json(l->counts.alone));
	json_object_set_new(object, "counts", counts);
	for (unsigned left = l->give; left; left &= left - 1)
		json_array_append_new(give, json_string(place_why_name((enum place_why)__builtin_ctz(left))));
	json_object_set_new(object, "give", give);
	json_put_decimal(object, "give_nodes", (int64_t)l->give_nodes);
	if (l->give_price != PLACE_NO_PRICE)
		json_put_decimal(object, "give_price", l->give_price);
	return object;
}

json_t *place_plan_json(const struct place_plan *plan)
{
	json_t *object = json_object(), *parts = json_array(), *remarks = json_array();
	char seed[24];

	json_put(object, "placed", plan->placed ? "yes" : "no");
	snprintf(seed, sizeof(seed), "%" PRIu64, plan->seed);
	json_put(object, "seed", seed);
	for (size_t i = 0; i < plan->part_count; i++)
		json_array_append_new(parts, part_json(&plan->parts[i]));
	json_object_set_new(object, "parts", parts);
	if (!plan->placed)
		json_object_set_new(object, "lack", lack_json(&plan->lack));
	for (size_t i = 0; i < plan->remark_count; i++)
		json_array_append_new(remarks, json_string(plan->remarks[i]));
	json_object_set_new(object, "remarks", remarks);
	return object;
}

static char *give_text(const void *ctx, const struct place_lack *l)
{
	char *text = mem_printf(ctx, "; %zu would do with ", l->give_nodes);
	const char *between = "";

	for (unsigned left = l->give; left; left &= left - 1) {
		const enum place_why why = (enum place_why)__builtin_ctz(left);

		text = talloc_asprintf_append_buffer(text, "%s%s", between, place_why_mend(why));
		if (why == PLACE_WHY_PRICE)
			text = talloc_asprintf_append_buffer(text, ", from %lld on", (long long)l->give_price);
		between = ", and ";
	}
	return text;
}

char *place_lack_text(const void *ctx, const struct place_request *request, const struct place_lack *l)
{
	const char *role = api_role_name(l->role);
	char *text = mem_printf(ctx, "%s%s: ", l->standby_of == SIZE_MAX ? "" : "standby of a ", role), *give;
	const char *between = "";

	if (l->counts.of == 0)
		return talloc_asprintf_append_buffer(text, "there is no node of this role; a supplier has to join one");
	text = talloc_asprintf_append_buffer(text, "of %zu, ", l->counts.of);
	for (int i = 0; i < PLACE_WHYS; i++) {
		if (l->counts.refused[i] == 0)
			continue;
		text = talloc_asprintf_append_buffer(text, "%s%zu %s", between, l->counts.refused[i],
						     place_why_text((enum place_why)i));
		if (i == PLACE_WHY_PRICE)
			text = talloc_asprintf_append_buffer(text, " of %lld", (long long)request->price_limit);
		between = ", ";
	}
	give = give_text(text, l);
	return talloc_asprintf_append_buffer(text, "%s", give);
}
