/* A load over time as SVG: calls mined in each second beside the chain's limit, and transactions in the node's pool. No
 * outside resources, colours that work on white. */
#ifndef DSN_BENCH_TPS_PLOT_H
#define DSN_BENCH_TPS_PLOT_H

#include "devnet/load.h"

/* A moment to be marked, wall clock; `word` is plain text. */
struct tps_plot_mark {
	int64_t at_ms;
	const char *word;
};

/* The SVG document, ctx's. */
char *tps_plot(const void *ctx, const struct load_result *r, const char *title, const struct tps_plot_mark *marks,
	       size_t mark_count);

#endif
