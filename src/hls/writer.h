/* MPEG-TS segments, one file after the other, with continuous packet counters while the codecs stay the same.
 * A segment is written under a name that begins with a point and renamed when it is whole and on disk. */
#ifndef DSN_HLS_WRITER_H
#define DSN_HLS_WRITER_H

#include "hls/source.h"

struct writer;

/* For the source's streams as they are now. `resumed`: other segments stand before its first, whose packet counters it
 * does not go on from; its first packets say so. */
struct error *writer_new(const void *ctx, const struct source *source, const char *folder, bool resumed,
			 struct writer **ret_writer) MUST_CHECK;
/* Are the codec settings still those it was made for? New sound can wait for the next segment, new video cannot. */
bool writer_video_fits(const struct writer *w, const struct source *source);
bool writer_fits(const struct writer *w, const struct source *source);
struct error *writer_begin(struct writer *w, int64_t number) MUST_CHECK;
/* Time stamps stay what they are; only those that would not rise are moved by 1/90 ms. Every IDR picture is written
 * with its parameter sets. What is wrong with the frame itself leaves it out (*ret_kept is false) and is no error: only
 * a file that cannot be written is. */
struct error *writer_write(struct writer *w, const struct source *source, const struct hls_frame *f,
			   bool *ret_kept) MUST_CHECK;
/* Flush, sync, rename to its name, sync that. */
struct error *writer_end(struct writer *w, int64_t *ret_bytes) MUST_CHECK;
/* Remove the unfinished file; freeing the writer does that too. */
void writer_abandon(struct writer *w);
/* Remove unfinished files of an earlier run. */
void writer_clean(const char *folder);

#endif
