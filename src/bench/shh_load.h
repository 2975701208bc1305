/* Loads on Whisper nodes, the same for every kind: ping and pong between key pairs, and a flood over one hop. */
#ifndef DSN_BENCH_SHH_LOAD_H
#define DSN_BENCH_SHH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bench/shh_net.h"

#define SHH_PAYLOAD 200 /* bytes */

struct shh_load {
	double pow_target;
	int64_t ttl_s;
	int64_t poll_ms; /* 0: shh_subscribe */
};

/* Milliseconds. */
struct shh_load_times {
	double min, median, p95, p99, max;
};

struct shh_load_pings {
	size_t sent, answered;
	struct shh_load_times round_trip, post;
};
/* `count` asymmetric pings from the first `senders` nodes to the others, in turn, each answered to the key of who sent
 * it. The senders send at the same time, each one message after the other as a script does. They go by rounds of
 * `round` pings; one ends when all were answered, or after `round_ms`. */
struct error *shh_load_ping(struct shh_net *n, const struct shh_load *load, size_t senders, size_t count, size_t round,
			    int64_t round_ms, struct shh_load_pings *ret_pings) MUST_CHECK;

struct shh_load_flood {
	size_t posted, received; /* distinct */
	double per_second;
	struct shh_load_times delivery; /* from the call to the receiver's notification */
};
/* Symmetric posts at node 0, `at_once` under way at a time, for `ms`; node 1 counts. */
struct error *shh_load_flood(struct shh_net *n, const struct shh_load *load, size_t at_once, int64_t ms,
			     struct shh_load_flood *ret_flood) MUST_CHECK;

struct shh_load_spread {
	size_t wanted, received; /* messages times nodes that shall have them */
	struct shh_load_times delivery;
};
/* Symmetric messages, one after the other, from node 0 to all the others. */
struct error *shh_load_spread(struct shh_net *n, const struct shh_load *load, size_t count, int64_t each_ms,
			      struct shh_load_spread *ret_spread) MUST_CHECK;

#endif
