/* Progress files: written by programs that may be cut off anywhere. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "media/progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct media_progress p = {0};

	error_free(media_progress_parse((const char *)data, size, &p));
	if (p.frames < 0 || p.out_time_ms < 0 || p.bitrate_bps < 0 || p.dropped_frames < 0 || p.total_bytes < 0 ||
	    !(p.fps >= 0) || !(p.speed >= 0))
		abort();
	return 0;
}
