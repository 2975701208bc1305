/* What an order's document asks of nodes: the figures of api/plan.h, whichever way the ladder is divided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/plan.h"
#include "base/json.h"
#include "manager/jobs/place_order.h"
#include "manager_fleet.h"

#define ORDER "public/pipeline.json"

static struct api_pipeline *pipeline_of(void *ctx, const char *name)
{
	char *path = mem_printf(ctx, TEST_SOURCE_DIR "/tests/data/%s", name);
	struct api_pipeline *p = NULL;
	json_t *document = NULL;

	assert_null(json_parse_file(path, 1 << 20, &document));
	assert_null(api_pipeline_read(ctx, document, &p));
	json_decref(document);
	return p;
}

/* With a transcoder for each rendition they are what the dry run says of such nodes. */
static void as_the_dry_run(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct api_pipeline *p = pipeline_of(ctx, ORDER);
	const struct place_order_options options = {.transcoders = p->rendition_count};
	struct place_want *wants = NULL;
	struct api_plan *plan = NULL;
	size_t rendition = 0;

	(void)state;
	assert_true(p->rendition_count >= 2);
	assert_null(place_order_wants(ctx, p, &options, &wants));
	api_plan_make(ctx, p, &plan);
	for (size_t i = 0; i < plan->node_count; i++) {
		const struct api_plan_node *n = &plan->nodes[i];
		const struct place_want *w = &wants[n->node->role];
		struct place_amount amount = w->base;

		assert_int_equal(w->role, n->node->role);
		if (w->role == API_TRANSCODER) {
			assert_int_equal(w->renditions[rendition].height, p->renditions[rendition].size.height);
			amount.blocks_per_s += w->renditions[rendition].amount.blocks_per_s;
			amount.bps += w->renditions[rendition].amount.bps;
			rendition++;
			assert_int_equal(amount.blocks_per_s, n->macroblocks_per_s);
		}
		assert_int_equal(amount.bps, n->in_bps + n->out_bps);
	}
	assert_int_equal(rendition, p->rendition_count);
	mem_free(ctx);
}

/* The distributor sends the source once for each node that takes it, standbys too, but never more than there can be. */
static void what_the_distributor_sends(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct api_pipeline *p = pipeline_of(ctx, ORDER);
	struct place_order_options options = {.transcoders = 1};
	const int64_t source = p->source.bitrate_bps;
	struct place_want *wants = NULL;

	(void)state;
	assert_null(place_order_wants(ctx, p, &options, &wants));
	assert_int_equal(wants[API_DISTRIBUTOR].base.bps, 3 * source);
	options.transcoders = 1000;
	assert_null(place_order_wants(ctx, p, &options, &wants));
	assert_int_equal(wants[API_DISTRIBUTOR].base.bps, (int64_t)(2 + p->rendition_count) * source);
	options.transcoders = 1;
	options.standby[API_TRANSCODER] = options.standby[API_STORAGE] = true;
	assert_null(place_order_wants(ctx, p, &options, &wants));
	assert_int_equal(wants[API_DISTRIBUTOR].base.bps, 5 * source);
	assert_true(wants[API_TRANSCODER].standby && wants[API_STORAGE].standby && !wants[API_DISTRIBUTOR].standby);
	p->rendition_count = PLACE_MAX_RENDITIONS + 1;
	assert_refused(place_order_wants(ctx, p, &options, &wants), ERROR_LIMIT, "65 renditions; at most 64");
	mem_free(ctx);
}

/* From the document to the nodes. */
static void placed(void **state)
{
	void *ctx = mem_new(NULL, char);
	struct api_pipeline *p = pipeline_of(ctx, ORDER);
	const struct place_order_options options = {.transcoders = 1};
	struct place_fleet *fleet = place_fleet_new(ctx, 1);
	struct place_request request = {.want_count = API_ROLE_COUNT, .price_limit = PLACE_NO_PRICE};
	struct place_want *wants = NULL;
	struct place_plan *plan = NULL;

	(void)state;
	for (unsigned i = 0; i < API_ROLE_COUNT; i++) {
		const struct place_beat unlimited = place_beat_unknown;

		join_many(fleet, (enum api_role)i, i, 1);
		assert_null(place_agent_beat(fleet, mem_printf(ctx, "agent%04u", i), &unlimited));
	}
	assert_null(place_order_wants(ctx, p, &options, &wants));
	request.wants = wants;
	assert_null(place_plan_make(ctx, fleet, &request, &plan));
	assert_true(plan->placed);
	assert_int_equal(plan->part_count, 3);
	assert_int_equal(plan->parts[1].renditions, (UINT64_C(1) << p->rendition_count) - 1);
	mem_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_dry_run),
		cmocka_unit_test(what_the_distributor_sends),
		cmocka_unit_test(placed),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
