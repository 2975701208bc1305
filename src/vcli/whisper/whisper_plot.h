/* A plot of round trips as SVG: for each node its range, median and p95, and below them how many pings came back within
 * which time. No outside resources, colours that work on white. */
#ifndef DSN_VCLI_WHISPER_WHISPER_PLOT_H
#define DSN_VCLI_WHISPER_WHISPER_PLOT_H

#include "vcli/whisper/whisper_ping.h"

/* The SVG document, ctx's; `title` is escaped. Sorts the times. */
char *whisper_plot(const void *ctx, struct whisper_ping *p, const char *title);

#endif
