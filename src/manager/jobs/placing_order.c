/* A whole order: from what it asks for to the nodes of its document. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "manager/jobs/place_order.h"
#include "manager/jobs/placing_impl.h"

#define TRIES 3
#define HOLD_MS 60000 /* until the order is written down, which is at once */

struct place_request placing_request(const char *customer, const struct api_wishes *wishes)
{
	struct place_request r = {
		.customer = customer,
		.regions = (const char *const *)wishes->regions,
		.region_count = wishes->region_count,
		.labels = (const char *const *)wishes->labels,
		.label_count = wishes->label_count,
		.gpu = wishes->gpu,
		.price_limit = wishes->price_limit,
		.apart = (wishes->apart_owner ? PLACE_APART_OWNER : 0) | (wishes->apart_net ? PLACE_APART_NET : 0),
		.now_ms = clock_mono_ms(),
	};

	crypto_random_bytes(&r.seed, sizeof(r.seed));
	return r;
}

/* --- the ladder's parts --- */

static size_t heaviest(const struct place_want *ladder, uint64_t left)
{
	size_t best = (size_t)__builtin_ctzll(left);

	for (; left; left &= left - 1) {
		const size_t i = (size_t)__builtin_ctzll(left);

		if (ladder->renditions[i].amount.blocks_per_s > ladder->renditions[best].amount.blocks_per_s)
			best = i;
	}
	return best;
}

/* Of about the same work each: the heaviest rendition goes first, always to the part that has least. */
static uint64_t *divide(const void *ctx, const struct place_want *ladder, size_t count)
{
	uint64_t *groups = mem_array(ctx, uint64_t, count);
	int64_t *work = mem_array(groups, int64_t, count);
	uint64_t left = 0;

	for (size_t i = 0; i < ladder->rendition_count; i++)
		left |= UINT64_C(1) << i;
	/* As many parts as renditions: each its own, in order, as API 1.00 has it. */
	for (size_t i = 0; count == ladder->rendition_count && i < count; i++)
		groups[i] = UINT64_C(1) << i;
	while (count < ladder->rendition_count && left) {
		const size_t r = heaviest(ladder, left);
		size_t least = 0;

		for (size_t i = 1; i < count; i++) {
			if (work[i] < work[least] || (work[i] == work[least] && groups[least] && !groups[i]))
				least = i;
		}
		groups[least] |= UINT64_C(1) << r;
		work[least] += ladder->renditions[r].amount.blocks_per_s;
		left &= ~(UINT64_C(1) << r);
	}
	return groups;
}

static struct place_want part_of(const void *ctx, const struct place_want *ladder, uint64_t group)
{
	struct place_want w = *ladder;
	struct place_rendition *renditions = mem_array(ctx, struct place_rendition, ladder->rendition_count);

	w.renditions = renditions;
	w.rendition_count = 0;
	w.most_nodes = 1;
	for (; group; group &= group - 1)
		renditions[w.rendition_count++] = ladder->renditions[__builtin_ctzll(group)];
	return w;
}

struct error *placing_wants(const void *ctx, const struct api_pipeline *p, size_t transcoders,
			    struct place_want **ret_wants, size_t *ret_count, uint64_t **ret_groups)
{
	struct place_order_options options = {.transcoders = transcoders};
	struct place_want *roles = NULL, *wants;

	memcpy(options.standby, p->wishes.standby, sizeof(options.standby));
	TRY(place_order_wants(ctx, p, &options, &roles));
	wants = mem_array(ctx, struct place_want, transcoders + 2);
	*ret_groups = divide(ctx, &roles[API_TRANSCODER], transcoders);
	wants[0] = roles[API_DISTRIBUTOR];
	for (size_t i = 0; i < transcoders; i++)
		wants[1 + i] = part_of(ctx, &roles[API_TRANSCODER], (*ret_groups)[i]);
	wants[1 + transcoders] = roles[API_STORAGE];
	*ret_wants = wants;
	*ret_count = transcoders + 2;
	return NULL;
}

/* --- the document's nodes --- */

void placing_put_node(const struct placing *p, json_t *entry, const char *id)
{
	struct place_contact at = {0};

	place_node_contact(p->fleet, id, &at);
	json_put(entry, "type", api_role_name(at.role));
	json_put(entry, "node_id", id);
	json_put(entry, "ip", at.address);
	json_put_decimal(entry, "port", at.rtmp_port);
	if (at.role == API_STORAGE)
		json_put_decimal(entry, "http_port", at.http_port);
	json_object_del(entry, "mode");
	if (at.classic)
		json_put(entry, "mode", "classic");
}

void placing_put_standby(const struct placing *p, json_t *entry, const char *id)
{
	struct place_contact at = {0};

	place_node_contact(p->fleet, id, &at);
	json_put(entry, "failover_node_id", id);
	json_put(entry, "failover_ip", at.address);
	json_put_decimal(entry, "failover_port", at.rtmp_port);
}

static void put_renditions(json_t *entry, const struct api_pipeline *order, uint64_t group)
{
	json_t *names = json_array();

	for (; group; group &= group - 1)
		json_array_append_new(names, json_string(order->renditions[__builtin_ctzll(group)].name));
	json_object_set_new(entry, "renditions", names);
}

struct attempt {
	struct place_request request;
	const struct place_excluded *excluded; /* who has failed this customer */
	size_t excluded_count;
	struct place_want *wants;
	size_t transcoders;
	uint64_t *groups;
	struct place_plan *plan;
};

static json_t *nodes_json(const struct placing *p, const struct attempt *a, const struct api_pipeline *order)
{
	const size_t count = a->plan->part_count;
	json_t **entries = mem_array(a->plan, json_t *, count), *nodes = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct place_part *part = &a->plan->parts[i];

		if (part->standby_of != SIZE_MAX) {
			placing_put_standby(p, entries[part->standby_of], part->node);
			continue;
		}
		entries[i] = json_object();
		placing_put_node(p, entries[i], part->node);
		if (part->role == API_TRANSCODER && a->transcoders < order->rendition_count)
			put_renditions(entries[i], order, a->groups[part->want - 1]);
		json_array_append_new(nodes, entries[i]);
	}
	return nodes;
}

/* --- the choice --- */

static size_t transcoders_of(const struct api_pipeline *order)
{
	const size_t wished = order->wishes.transcoders, most = order->rendition_count;

	return wished && wished < most ? wished : most;
}

/* By as many transcoders as that, or by fewer where there are no more. The plan is ctx's. */
static struct error *attempt(const void *ctx, struct placing *p, const struct placing_wish *wish, struct attempt *a)
{
	a->transcoders = transcoders_of(wish->order);
	for (;;) {
		const struct place_plan *plan;

		a->request = placing_request(wish->customer, &wish->order->wishes);
		a->request.excluded = a->excluded;
		a->request.excluded_count = a->excluded_count;
		TRY(placing_wants(ctx, wish->order, a->transcoders, &a->wants, &a->request.want_count, &a->groups));
		a->request.wants = a->wants;
		TRY(place_plan_make(ctx, p->fleet, &a->request, &a->plan));
		plan = a->plan;
		/* wants[1 + n] is the transcoder that was not found: there are n. */
		if (plan->placed || plan->lack.role != API_TRANSCODER || plan->lack.want < 2)
			return NULL;
		a->transcoders = plan->lack.want - 1;
	}
}

static struct error *lack(const void *ctx, const struct attempt *a)
{
	return error_new(ERROR_UNAVAILABLE, "it cannot be placed: %s",
			 place_lack_text(ctx, &a->request, &a->plan->lack));
}

static struct error *try_once(const void *ctx, struct placing *p, const struct placing_wish *wish, struct attempt *a)
{
	TRY(attempt(ctx, p, wish, a));
	if (!a->plan->placed)
		return lack(ctx, a);
	return wish->job ? holdings_plan(p->holdings, wish->job, a->plan, clock_mono_ms() + HOLD_MS) : NULL;
}

struct error *placing_order(struct placing *p, const struct placing_wish *wish, json_t **ret_nodes, json_t **ret_record)
{
	void *scope = mem_strdup(NULL, "");
	struct attempt a = {0};
	struct error *e;

	a.excluded = placing_outcomes_bad(scope, p->outcomes, wish->customer, clock_mono_ms(), &a.excluded_count);
	e = try_once(scope, p, wish, &a);
	/* Rather one that has failed before than none. */
	if (e && a.excluded_count && a.plan && !a.plan->placed) {
		error_free(e);
		a.excluded_count = 0;
		e = try_once(scope, p, wish, &a);
	}
	/* Another plan was faster. */
	for (int i = 1; i < TRIES && e && a.plan && a.plan->placed; i++) {
		error_free(e);
		e = try_once(scope, p, wish, &a);
	}
	if (ret_record)
		*ret_record = a.plan ? place_plan_json(a.plan) : NULL;
	if (!e)
		*ret_nodes = nodes_json(p, &a, wish->order);
	mem_free(scope);
	return e;
}

struct error *placing_explain(struct placing *p, const struct placing_wish *wish, const char *node,
			      struct placing_reasons *ret)
{
	void *scope = mem_strdup(NULL, "");
	struct place_request request = placing_request(wish->customer, &wish->order->wishes);
	struct place_contact at;
	struct place_want *wants = NULL;
	uint64_t *groups = NULL;
	struct error *e = NULL;
	bool any = false;

	if (!place_node_contact(p->fleet, node, &at))
		e = error_new(ERROR_NOT_FOUND, "params.node_id: node %s was not heard of", node);
	if (!e)
		e = placing_wants(scope, wish->order, transcoders_of(wish->order), &wants, &request.want_count,
				  &groups);
	request.wants = wants;
	for (size_t i = 0; !e && i < request.want_count; i++) {
		unsigned refusals = 0;

		if (wants[i].role != at.role)
			continue;
		e = place_node_explain(p->fleet, &request, i, node, &refusals);
		if (!any || __builtin_popcount(refusals) < __builtin_popcount(ret->refusals))
			ret->refusals = refusals;
		any = true;
	}
	if (!e) {
		ret->role = at.role;
		place_node_promised(p->fleet, node, &ret->promised, &ret->jobs);
	}
	mem_free(scope);
	return e;
}
