/* The relay's progress: blocks in the form of ffmpeg's -progress with a few lines of its own (media/progress.h). */
#ifndef DSN_RELAY_REPORT_H
#define DSN_RELAY_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "relay/carried.h"

struct relay_report {
	int fd; /* -1: none */
	bool any;
	int64_t started_us, written_us; /* monotonic; of the first frame, of the last block */
	int64_t frames, bytes;
	int64_t out_ms;                           /* how far the time line has come from where it began */
	int64_t jumps, jump_ms, bridged, changes; /* as in relay/timeline.h */
	char carried[MEDIA_CARRIED_BYTES];        /* what is published; "": nothing was yet */
	int64_t open_keys;                        /* key frames that are no IDR pictures */
	const char *refused;                      /* why the source cannot be taken; NULL: it can */
};

struct error *relay_report_open(struct relay_report *r, const char *url) MUST_CHECK;
/* Something was passed on: a block is written every half second. */
void relay_report_tick(struct relay_report *r);
/* A block at once: progress=continue, or =end. */
void relay_report_now(struct relay_report *r, bool end);

#endif
