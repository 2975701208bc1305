/* Inside dsn-bench shh: its settings, and the measurement of growth. */
#ifndef DSN_BENCH_BENCH_SHH_H
#define DSN_BENCH_BENCH_SHH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bench/shh_net.h"

struct bench_shh_settings {
	char *geth, *kind;
	char **parts;
	int64_t pings, senders, seconds, ttl, nodes;
	bool json;
};

/* Networks of our nodes, s->nodes of them in the end: how delivery, latency, bytes and memory grow. Prints. */
struct error *bench_shh_curve(struct shh_net *n, const struct bench_shh_settings *s) MUST_CHECK;

#endif
