/* The one encode that makes of any source what HLS can carry: H.264 of profile High, 8 bit 4:2:0, closed GOP with key
 * frames twice a fragment, progressive, turned, of even size, every frame under 1 MiB, and AAC without holes. */
#ifndef DSN_MEDIA_NORMALISE_H
#define DSN_MEDIA_NORMALISE_H

#include <stdbool.h>
#include <stdint.h>

#include "media/args.h"

/* All zero is a good choice for a source that nobody has judged. */
struct media_normalise {
	bool copy_video;     /* the picture fits, only the sound is encoded */
	int64_t bitrate_bps; /* 0: 4 Mb/s */
	int fragment_s;
	int width, height; /* of every picture, whatever the source turns to on the way; 0: as the source's */
	int fps;           /* constant: pictures are left out, or repeated; 0: as they come */
	int64_t jump_ms;   /* the source's clock jumps by so much at least, which is taken out; 0: it does not */
	bool live; /* stamps are those of a job's time line: key frames by its fragments, no sound before the first */
	int64_t turn_ms; /* length of a turn of a looped film: each begins with a key frame; 0: no loop */
};

/* "-map" for streams of input 0 by index. Both -1: the first picture, the first sound if there is any; the sound alone
 * -1: none. */
void media_map_args(struct args *a, int video_index, int audio_index);
/* The same and the encode of both. */
void media_normalise_args(struct args *a, const struct media_normalise *how, int video_index, int audio_index);

#endif
