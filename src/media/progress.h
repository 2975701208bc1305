/* Reading ffmpeg's -progress blocks (and the segmenter's, same form) from the end of a file that grows. */
#ifndef DSN_MEDIA_PROGRESS_H
#define DSN_MEDIA_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Room for what a relay reports as carried, whoever keeps it. */
#define MEDIA_CARRIED_BYTES 32

struct media_progress {
	int64_t frames;
	double fps;
	double speed;        /* 1.0: real time; 0: unknown */
	int64_t bitrate_bps; /* 0: unknown */
	int64_t out_time_ms;
	int64_t dropped_frames;
	int64_t total_bytes;
	bool ended; /* progress=end */
	/* Of dsn-relay alone: */
	int64_t jumps;                     /* discontinuities of the publisher's clock */
	int64_t changes;                   /* discontinuities because of other codecs or settings */
	char carried[MEDIA_CARRIED_BYTES]; /* what is published, for the next relay's --carried; "": nothing, or nothing
					      that is one */
	int64_t jump_ms;                   /* how far it went at the last one; negative: back */
	int64_t bridged;                   /* frames that were stamped in place of their own stamp */
	int64_t open_keys;                 /* key frames that are no IDR pictures: nobody can join there */
	char refused[80];                  /* why the source cannot be taken; "": it can */
};

/* The last complete block in `text`; ERROR_NOT_FOUND when there is none. Unknown keys are passed over. */
struct error *media_progress_parse(const char *text, size_t len, struct media_progress *ret_progress) MUST_CHECK;
/* Read the file's tail and cut the file to nothing once it is over `limit` bytes (writers append). Its folder is one
 * that only we may write; what is in the file is not believed, and what is no regular file refused. */
struct error *media_progress_read(const char *path, size_t limit, struct media_progress *ret_progress) MUST_CHECK;

/* Forget what was reported; a missing file is success. */
struct error *media_progress_empty(const char *path) MUST_CHECK;

#endif
