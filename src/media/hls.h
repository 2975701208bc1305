/* HLS playlists (RFC 8216): media playlists written by the segmenter, master playlists by the storage's agent.
 *
 * A segment's number is the same in all renditions for the same time, and the playlist lists every number: what was
 * lost is an EXT-X-GAP entry, so that media sequence numbers agree too. */
#ifndef DSN_MEDIA_HLS_H
#define DSN_MEDIA_HLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/task.h"
#include "base/beneath.h"

struct hls_segment {
	int64_t number;   /* floor(first video pts / fragment): the same in all renditions for the same time */
	int64_t start_ms; /* pts of its first video frame on the job's time line */
	int64_t duration_ms;
	bool gap;           /* nothing was stored (EXT-X-GAP) */
	bool discontinuity; /* the time line or the codec changed before it */
};

struct hls_playlist {
	int fragment_s;
	int window_s; /* 0: list everything (EVENT) */
	bool ended;   /* EXT-X-ENDLIST */
	struct hls_segment *segments;
	size_t count, capacity;
	int64_t target_s;               /* EXT-X-TARGETDURATION: never shrinks */
	int64_t sequence;               /* media sequence number of the first entry */
	int64_t discontinuity_sequence; /* discontinuities that left the window */
};

/* Longest playlist read or written; older entries leave it like those before a window. */
#define HLS_MAX_SEGMENTS 500000
#define HLS_MAX_TEXT_BYTES (48u << 20)
/* A loss of more fragments than this is a discontinuity instead of gap entries. */
#define HLS_MAX_GAPS 120

struct hls_playlist *hls_playlist_new(const void *ctx, int fragment_s, int window_s);
/* Append; numbers must rise. Numbers left out because nothing arrived (start_ms is half a fragment or more after the
 * end of the last entry) become gap entries; entries that left the window are dropped from the front. */
void hls_playlist_add(struct hls_playlist *p, const struct hls_segment *s);
/* File name of a segment: "<number>.ts", ten digits. */
char *hls_segment_name(const void *ctx, int64_t number);
/* The number in such a name; false for any other name. */
bool hls_segment_number(const char *name, int64_t *ret_number);
char *hls_playlist_text(const void *ctx, const struct hls_playlist *p);
/* Read back what hls_playlist_text() wrote; bounded, refuses anything else with its line. */
struct error *hls_playlist_parse(const void *ctx, const char *text, size_t len,
				 struct hls_playlist **ret_playlist) MUST_CHECK;
/* File name of the media playlist in a rendition's folder. */
#define HLS_PLAYLIST_NAME "index.m3u8"
/* Put EXT-X-ENDLIST to the media playlist (index.m3u8) in `folder`, a path beneath `top` (base/beneath.h) that the
 * segmenter's user may write; it is `owner`'s afterwards. Harmless when it is there already or no playlist is.
 * Blocking; only while no segmenter writes there. */
struct error *hls_finish(const char *top, const char *folder, struct beneath_owner owner) MUST_CHECK;
/* Master playlist of a job: one line pair per variant, uri "<job><variant>/index.m3u8". */
char *hls_master_text(const void *ctx, const char *job, const struct api_hls *hls);

#endif
