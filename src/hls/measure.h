/* What the segments turn out to be: bit rates, codecs, size and frame rate, for the master playlist. */
#ifndef DSN_HLS_MEASURE_H
#define DSN_HLS_MEASURE_H

#include "hls/segment.h"
#include "hls/source.h"
#include "media/hls.h"
#include "media/hls_measured.h"

struct measure;

/* Goes on from the segments listed and from what the folder's file says. */
struct measure *measure_new(const void *ctx, const char *folder, const struct hls_playlist *playlist);
/* A segment begins with this picture. Returns false when a player has to set up other decoders for it than for
 * the last segment. */
bool measure_begin(struct measure *m, const struct source *source, const struct hls_frame *first);
/* It has ended and is listed; `after_gap`: not right behind the one before. Writes the file; a failure is logged, since
 * the stream must be recorded. */
void measure_end(struct measure *m, const struct segment *g, bool after_gap, int64_t bytes, int64_t duration_ms);

#endif
