/* What a rendition's segments turned out to be: written beside its playlist by the segmenter with each segment, read by
 * the storage's agent for the master playlist. A text of one JSON object, all values strings as in the documents. */
#ifndef DSN_MEDIA_HLS_MEASURED_H
#define DSN_MEDIA_HLS_MEASURED_H

#include <stdint.h>

#include "api/task.h"

/* File name in a rendition's folder; no web server of ours serves it. */
#define HLS_MEASURED_NAME "measured.json"
#define HLS_MEASURED_MAX_BYTES 4096u

struct hls_measured {
	int64_t peak_bps;    /* RFC 8216 4.3.4.2: of contiguous segments of half to one and a half target durations */
	int64_t average_bps; /* of everything in the segments */
	char codecs[128];    /* RFC 6381, each that was in a segment: "avc1.4d401f,mp4a.40.2" */
	struct api_size size;
	int64_t rate_mhz;  /* frames per 1000 s, highest; 0: unknown */
	char settings[32]; /* names what decoders are set up for in the last segment; equal when that is */
};

/* Refuses what hls_measured_text() would not write: the folder is not the agent's. */
struct error *hls_measured_parse(const char *text, size_t len, struct hls_measured *ret_measured) MUST_CHECK;
char *hls_measured_text(const void *ctx, const struct hls_measured *m);

#endif
