/* Master playlists: RFC 8216 4.3.4. */
#include <inttypes.h>

#include "base/mem.h"
#include "media/hls.h"

#define FROM_SEGMENTS "BANDWIDTH=%" PRId64 ",AVERAGE-BANDWIDTH=%" PRId64 ",CODECS=\"%s\",RESOLUTION=%dx%d"

static char *attributes(const void *ctx, const struct hls_measured *m)
{
	char *text =
		mem_printf(ctx, FROM_SEGMENTS, m->peak_bps, m->average_bps, m->codecs, m->size.width, m->size.height);

	if (m->rate_mhz)
		text = mem_printf(ctx, "%s,FRAME-RATE=%" PRId64 ".%03d", text, m->rate_mhz / 1000,
				  (int)(m->rate_mhz % 1000));
	return text;
}

char *hls_master_text(const void *ctx, const char *job, const struct api_hls *hls,
		      const struct hls_measured *const *measured)
{
	void *scope = mem_new(NULL, char);
	char *text = mem_strdup(scope, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n");

	for (size_t i = 0; i < hls->variant_count; i++) {
		if (measured[i])
			text = mem_printf(scope, "%s#EXT-X-STREAM-INF:%s\n%s%s/" HLS_PLAYLIST_NAME "\n", text,
					  attributes(scope, measured[i]), job, hls->variants[i].variant);
	}
	text = mem_strdup(ctx, text);
	mem_free(scope);
	return text;
}
