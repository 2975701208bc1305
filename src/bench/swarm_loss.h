/* A loss: agents die at once, and how long it takes until each job that had nodes there has all of its nodes again.
 *
 * When dsnd has declared a node lost is read from its log (jobs.part ... state=lost). Threads: loop thread.
 */
#ifndef DSN_BENCH_SWARM_LOSS_H
#define DSN_BENCH_SWARM_LOSS_H

#include "bench/swarm_run.h"

struct swarm_loss;
/* Notes who does what now. */
struct swarm_loss *swarm_loss_new(const void *ctx, struct swarm *s);
/* The first `agents` die; freed with `s` alive. */
void swarm_loss_begin(struct swarm_loss *l, size_t agents);
/* To be called again and again: notes which jobs are whole by now. Have all of them been? */
bool swarm_loss_over(struct swarm_loss *l);
/* What came of it. */
struct error *swarm_loss_end(struct swarm_loss *l, const char *dsnd_log, struct swarm_run_result *to) MUST_CHECK;

/* Wall clock of a log line ("2026-11-30T22:10:00.123Z ..."); -1: it has none. */
int64_t swarm_loss_line_ms(const char *line);

#endif
