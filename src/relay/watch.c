#include "relay/watch.h"

#define SECONDS "6 s"

_Static_assert(WATCH_PATIENCE_MS == 6000, "the refusals name it");

bool watch_usable(const struct watch *w, const struct tag_look *look)
{
	return look->key && look->frame && (look->codec != TAG_CODEC_H264 || w->settings);
}

static const char *verdict(const struct watch *w)
{
	if (!w->video)
		return w->sound ? "sound only: no video within " SECONDS : "neither video nor sound within " SECONDS;
	if (!w->settings)
		return "H.264 without its settings (no readable sequence header within " SECONDS ")";
	return "no key frame within " SECONDS;
}

const char *watch_tag(struct watch *w, const struct tag_look *look, int64_t now_ms)
{
	if (w->done)
		return NULL;
	if (!w->begun) {
		w->begun = true;
		w->begun_ms = now_ms;
	}
	if (look->foreign)
		return look->foreign;
	if (look->type == TAG_VIDEO && (look->header || look->frame)) {
		w->video = true;
		w->settings = w->settings || look->header || look->codec != TAG_CODEC_H264;
		w->done = watch_usable(w, look);
	} else if (look->type == TAG_AUDIO && (look->header || look->frame)) {
		w->sound = true;
	}
	return !w->done && now_ms - w->begun_ms >= WATCH_PATIENCE_MS ? verdict(w) : NULL;
}
