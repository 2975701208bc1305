/* HLS playlists (RFC 8216): media playlists written by the segmenter, master playlists by the storage's agent.
 *
 * A segment's number is the same in all renditions for the same time. What was lost stands in the playlist as EXT-X-GAP
 * entries that share its time by the fragments' bounds, so that playlist time is the job's time in all renditions. What
 * was listed once is never changed, only followed, and dropped from the front when it leaves the window (6.2.1). */
#ifndef DSN_MEDIA_HLS_H
#define DSN_MEDIA_HLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/task.h"
#include "base/beneath.h"
#include "media/hls_measured.h"

struct hls_segment {
	int64_t number;   /* floor(first video pts / fragment): the same in all renditions for the same time */
	int64_t start_ms; /* pts of its first video frame on the job's time line */
	int64_t duration_ms;
	bool gap;           /* nothing was stored (EXT-X-GAP) */
	bool rest;          /* of a gap: less than a fragment, beside a segment that has the number */
	bool discontinuity; /* the time line or the codec changed before it */
};

struct hls_playlist {
	int fragment_s;
	int window_s; /* at least so much is listed, and three target durations; 0: list everything (EVENT) */
	bool ended;   /* EXT-X-ENDLIST */
	struct hls_segment *segments;
	size_t count, capacity;
	int64_t target_s;               /* EXT-X-TARGETDURATION: hls_target_s(), constant */
	int64_t sequence;               /* media sequence number of the first entry */
	int64_t discontinuity_sequence; /* discontinuities that left the window */
};

/* Longest playlist read or written; older entries leave it like those before a window. */
#define HLS_MAX_SEGMENTS 500000
#define HLS_MAX_TEXT_BYTES (48u << 20)
/* A discontinuity of the time line moves it on by so many fragments more (relay/timeline.h): a difference between
 * neighbours' numbers holds as many discontinuities as it holds of these, and what is less is lost time. So a rendition
 * that was away counts those that it missed, as long as it missed less than this of time. With the longest fragment it
 * is 17 hours, below the 30 that ffmpeg takes for a broken clock. */
#define HLS_MARK_FRAGMENTS 1024
/* So many missed discontinuities are believed; more are nobody's, and one. */
#define HLS_MAX_MISSED 256
/* A hole shorter than this is a matter of time stamps, not a loss. */
#define HLS_HOLE_MS 500

/* The target duration of a fragment length: one and a half, in whole seconds. A segment begins at the first key frame
 * of a fragment, so it is as long as the key frames make it; with this a key frame every half fragment may be anywhere,
 * and a new version of the playlist comes between a half and one and a half target durations after the last (6.2.2). It
 * depends on nothing else, so that it is constant, and equal in all renditions (6.2.4). */
int hls_target_s(int fragment_s);
/* The longest segment of a target duration: EXTINF, rounded to whole seconds, must not be over it (4.3.3.1). */
int64_t hls_longest_ms(int64_t target_s);

struct hls_playlist *hls_playlist_new(const void *ctx, int fragment_s, int window_s);
/* Append; numbers must rise. When nothing was stored for HLS_HOLE_MS or more after the last entry, gap entries come
 * between. A difference of HLS_MARK_FRAGMENTS is a discontinuity; before one of several there is a gap entry with its
 * own for each of the others, so that they are counted as in a rendition that missed none. Entries that left the window
 * are dropped from the front. */
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
/* Master playlist of a job: one line pair per variant, uri "<job><variant>/index.m3u8". `measured[i]`: what variant i
 * turned out to be; NULL: it has no segment yet, and is left out: a player that chose it would find nothing. */
char *hls_master_text(const void *ctx, const char *job, const struct api_hls *hls,
		      const struct hls_measured *const *measured);

#endif
