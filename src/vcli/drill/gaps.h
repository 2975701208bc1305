/* What a viewer misses: the segments of each rendition that appear in its media playlists after an instant, and how
 * long none did. A segment's number is the same in all renditions for the same time (media/hls.h).
 *
 * Bounds: GAPS_RENDITIONS, GAPS_SPAN numbers after the instant. Instants and durations in milliseconds. Threads: any.
 */
#ifndef DSN_VCLI_DRILL_GAPS_H
#define DSN_VCLI_DRILL_GAPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAPS_RENDITIONS 64
#define GAPS_SPAN 4096
#define GAPS_BEHIND 4 /* it is over when each rendition has a segment of so many fragments behind the instant */

struct gaps;
struct gaps *gaps_new(const void *ctx);
/* A media playlist of a rendition as it is now; of a rendition that several storages keep, one after the other. What is
 * no playlist says nothing. */
void gaps_see(struct gaps *g, const char *rendition, const char *playlist, size_t len, int64_t now_ms);
/* From now on it counts. */
void gaps_begin(struct gaps *g, int64_t now_ms);
/* Is there a rendition, and has each of them a segment? */
bool gaps_ready(const struct gaps *g);
bool gaps_over(const struct gaps *g);
/* Of each rendition: "rendition", "missing" (fragments before its last one; of one that is not back, before anybody's),
 * "wait_ms" (the longest time without a new one), "back": has it come so far that it is over. New reference. */
json_t *gaps_json(const struct gaps *g, int64_t now_ms);

#endif
