/* /metrics: what the node has done, as Prometheus reads it (text format 0.0.4). Threads: loop thread. */
#ifndef DSN_SHHD_METRICS_H
#define DSN_SHHD_METRICS_H

#include "base/buf.h"

struct shhd;

struct buf *metrics_text(const void *ctx, struct shhd *d);

#endif
