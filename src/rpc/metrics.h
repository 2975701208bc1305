/* /metrics: what a daemon has done, as Prometheus reads it (text format 0.0.4). Parts of the program are asked one
 * after the other when somebody reads; what is not read costs nothing.
 *
 * Names are told with the program's name and _ before them, in Prometheus's way (prometheus.io/docs/practices/naming):
 * lower case, base units, counters end in _total. A name belongs to one source. Threads: loop thread.
 */
#ifndef DSN_RPC_METRICS_H
#define DSN_RPC_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct metrics;
struct metrics_text; /* being written */

enum metrics_type {
	METRICS_COUNTER, /* only rises */
	METRICS_GAUGE,
	METRICS_HISTOGRAM,
};

/* `program` ("shhd") outlives it. Version and resident memory are there from the start. */
struct metrics *metrics_new(const void *ctx, const char *program);
/* `fn` writes with the functions below; `arg` outlives what is read of the metrics. */
typedef void metrics_fn(struct metrics_text *t, void *arg);
void metrics_add(struct metrics *m, metrics_fn *fn, void *arg);
struct buf *metrics_write(const void *ctx, const struct metrics *m);

/* In sources: one value of a name, */
void metrics_counter(struct metrics_text *t, const char *name, const char *help, uint64_t value);
void metrics_gauge(struct metrics_text *t, const char *name, const char *help, double value);
/* or a head and lines, each with a label (or NULL) and its value, which needs no escape. A histogram's lines are
 * NAME_bucket with "le", NAME_sum, NAME_count. */
void metrics_head(struct metrics_text *t, enum metrics_type type, const char *name, const char *help);
void metrics_line(struct metrics_text *t, const char *name, const char *label, const char *value, double number);

/* What metrics_head() asserts. */
bool metrics_name_valid(enum metrics_type type, const char *name);

#endif
