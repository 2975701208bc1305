/* What a picture and the sound's settings say of themselves. */
#ifndef DSN_HLS_DESCRIBE_H
#define DSN_HLS_DESCRIBE_H

#include "api/task.h"
#include "hls/source.h"

/* Size after cropping, of a key frame. Untouched when the picture cannot be parsed. */
void describe_picture(const struct source *source, const struct hls_frame *f, struct api_size *ret_size);
/* RFC 6381: "avc1.4d401f", "mp4a.40.2". */
char *describe_video_codec(const void *ctx, const struct hls_frame *f);
char *describe_audio_codec(const void *ctx, const AVCodecParameters *audio);
/* The frame rate that an average over some seconds of whole milliseconds stands for: n or n * 1000/1001 where that is
 * near. */
int64_t describe_rate_mhz(int64_t measured_mhz);

#endif
