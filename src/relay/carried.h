/* What a publication carries: picture and sound with their codec settings, and how the stream is mended behind the
 * relay. Segments of two that differ must have a discontinuity between them, in all renditions at the same place, so
 * the relay compares, also with what was carried before it started. Pure functions. */
#ifndef DSN_RELAY_CARRIED_H
#define DSN_RELAY_CARRIED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "media/progress.h"
#include "relay/tag.h"

enum { CARRIED_VIDEO, CARRIED_AUDIO, CARRIED_TRACKS };

struct carried {
	uint32_t marks[CARRIED_TRACKS]; /* checksum of the settings; 0: no such track */
	uint32_t mended;                /* how; the agent's number, 0: not */
};

/* Of settings (a tag that is a header), or of a frame whose codec has none. Never 0. */
uint32_t carried_mark(const struct tag *t, const struct tag_look *look);
/* Do the codec's frames need settings that come before them? */
bool carried_has_settings(const struct tag_look *look);
bool carried_equal(const struct carried *a, const struct carried *b);
/* "0123abcd-89abcdef-0", for --carried and the relay's report; room for MEDIA_CARRIED_BYTES. */
void carried_text(const struct carried *c, char *ret_text);
struct error *carried_parse(const char *text, struct carried *ret) MUST_CHECK;

#endif
