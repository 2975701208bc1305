/* How a network grows as SVG, over the number of its nodes: times, orders a second, memory. */
#ifndef DSN_BENCH_SWARM_PLOT_H
#define DSN_BENCH_SWARM_PLOT_H

#include "bench/swarm_run.h"

/* The SVG document, ctx's; results in the order of their sizes. */
char *swarm_plot(const void *ctx, const struct swarm_run_result *results, size_t count);

#endif
