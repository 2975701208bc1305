#include "manager/jobs/place_order.h"

#include "base/mem.h"

static int64_t blocks_per_s(struct api_size size, int fps)
{
	return (int64_t)((size.width + 15) / 16) * ((size.height + 15) / 16) * fps;
}

static struct place_rendition *ladder_of(const void *ctx, const struct api_pipeline *p)
{
	struct place_rendition *ladder = mem_array(ctx, struct place_rendition, p->rendition_count);

	for (size_t i = 0; i < p->rendition_count; i++) {
		const struct api_pipeline_rendition *r = &p->renditions[i];

		ladder[i] = (struct place_rendition){
			.height = r->size.height,
			.amount = {blocks_per_s(r->size, p->source_fps), r->bitrate_bps + p->audio_bps},
		};
	}
	return ladder;
}

struct error *place_order_wants(const void *ctx, const struct api_pipeline *p,
				const struct place_order_options *options, struct place_want **ret_wants)
{
	const int64_t source = p->source.bitrate_bps;
	const size_t parts = options->transcoders < p->rendition_count ? options->transcoders : p->rendition_count;
	const int64_t transcoders = (int64_t)parts * (options->standby[API_TRANSCODER] ? 2 : 1);
	const int64_t storages = options->standby[API_STORAGE] ? 2 : 1;
	struct place_want *wants;
	int64_t renditions_bps = 0;

	if (p->rendition_count > PLACE_MAX_RENDITIONS)
		return error_new(ERROR_LIMIT, "the order has %zu renditions; at most %d can be placed",
				 p->rendition_count, PLACE_MAX_RENDITIONS);
	wants = mem_array(ctx, struct place_want, API_ROLE_COUNT);
	for (size_t i = 0; i < p->rendition_count; i++)
		renditions_bps += p->renditions[i].bitrate_bps + p->audio_bps;
	wants[API_DISTRIBUTOR] = (struct place_want){
		.role = API_DISTRIBUTOR,
		.base = {0, source * (1 + storages + transcoders)},
		.most_nodes = 1,
	};
	wants[API_TRANSCODER] = (struct place_want){
		.role = API_TRANSCODER,
		.base = {blocks_per_s(p->source.size, p->source_fps), source},
		.renditions = ladder_of(wants, p),
		.rendition_count = p->rendition_count,
		.most_nodes = options->transcoders,
	};
	wants[API_STORAGE] = (struct place_want){
		.role = API_STORAGE,
		.base = {0, source + renditions_bps},
		.most_nodes = 1,
	};
	for (size_t i = 0; i < API_ROLE_COUNT; i++)
		wants[i].standby = options->standby[i];
	*ret_wants = wants;
	return NULL;
}
