/* Progress blocks in the form of ffmpeg's -progress, so that one reader (media/progress.h) serves both. */
#ifndef DSN_HLS_REPORT_H
#define DSN_HLS_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct hls_report {
	int fd;                         /* -1: none */
	int64_t started_us, written_us; /* monotonic; of the first frame, of the last block */
	bool any;
	int64_t last_pts_ms, out_ms; /* largest of the present time line; sum of what was stored */
	int64_t frames, dropped, bytes;
	int64_t segment; /* number of the last finished one */
};

/* "pipe:<descriptor>" or "file:<path>" (appended); NULL: none. */
struct error *hls_report_open(struct hls_report *r, const char *url) MUST_CHECK;
/* Count a video frame; a block is written every half second. */
void hls_report_frame(struct hls_report *r, int64_t pts_ms);
void hls_report_end(struct hls_report *r);

#endif
