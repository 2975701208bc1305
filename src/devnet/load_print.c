/* A load's result for a person. */
#include <inttypes.h>

#include "devnet/load.h"

static void print_rate(FILE *out, const struct load_result *r)
{
	fprintf(out, "%-44s %10.1f\n", "calls a second, over the time measured", r->rate);
	fprintf(out, "%-44s %10.1f   %" PRIu64 " gas a block / %" PRIu64 " gas a call / %.2f s a block\n",
		"the chain's limit", r->limit, r->gas_limit, r->gas_per_call, r->block_s);
	fprintf(out, "%-44s %9.1f%%\n", "of the limit", r->limit > 0 ? 100 * r->rate / r->limit : 0);
}

void load_print(FILE *out, const struct load_result *r)
{
	if (r->window_s > 0)
		print_rate(out, r);
	fprintf(out, "%-44s %10" PRId64 "\n", "seconds measured", r->window_s);
	fprintf(out, "%-44s %10zu\n", "calls sent", r->sent);
	fprintf(out, "%-44s %10zu\n", "  in the chain's blocks", r->confirmed);
	fprintf(out, "%-44s %10" PRId64 "\n", "  the counter's value", r->counter);
	fprintf(out, "%-44s %10zu\n", "  in no block at the end", r->unsettled);
	fprintf(out, "%-44s %10zu\n", "  refused or reverted", r->refused + r->reverted);
	fprintf(out, "%-44s %10zu\n", "  nonces twice or left out", r->twice + r->gaps);
	fprintf(out, "%-44s %10zu\n", "  accounts whose count the chain has otherwise", r->accounts_wrong);
}

void load_print_blocks(FILE *out, const struct load_result *r)
{
	fprintf(out, "%8s %10s %10s\n", "second", "mined", "pool");
	for (size_t i = 0, k = 0; i < r->block_count; i++) {
		const struct load_block *b = &r->blocks[i];

		while (k + 1 < r->sample_count && r->samples[k].at_ms < b->time_ms)
			k++;
		fprintf(out, "%8" PRId64 " %10zu %10" PRId64 "\n", (b->time_ms - r->blocks[0].time_ms) / 1000, b->calls,
			r->sample_count ? r->samples[k].pool : -1);
	}
}
