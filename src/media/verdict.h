/* From facts to the verdict; of use inside the media room only. */
#ifndef DSN_MEDIA_VERDICT_H
#define DSN_MEDIA_VERDICT_H

#include "media/probe.h"
#include "media/source.h"

/* `film`: it was read to its end, and goes by `vcli pipeline push`, which can mend more than a relay. */
struct media_verdict *media_verdict_of(const void *ctx, const struct media_source *s, int fragment_s, bool film);

#endif
