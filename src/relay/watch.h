/* Is there anything in the source that can be stored at all? A source that never gives a usable key frame is refused by
 * name within seconds, instead of being "connected" in silence. Whether what does come fits HLS is media/probe.h's.
 * Pure. */
#ifndef DSN_RELAY_WATCH_H
#define DSN_RELAY_WATCH_H

#include "relay/tag.h"

/* How long a source may go without a key frame. */
#define WATCH_PATIENCE_MS 6000

struct watch {
	bool begun, done;
	int64_t begun_ms; /* monotonic: the first tag */
	bool video, sound, settings;
};

/* Look at a tag that arrived at now_ms (monotonic). Returns why the source is refused, of static life, or NULL. Once a
 * usable key frame has come, always NULL. */
const char *watch_tag(struct watch *w, const struct tag_look *look, int64_t now_ms);
/* May decoding begin with this key frame? H.264 needs its settings first. */
bool watch_usable(const struct watch *w, const struct tag_look *look);

#endif
