/* Any sequence of stamps, key frames and waits gives a line that rises, within its bounds. */
#include "relay/timeline.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t last[TIMELINE_TRACKS] = {0}, at_ms = 0, now_ms = 1;
	int64_t fragment_ms = size ? (data[0] % 60 + 1) * INT64_C(1000) : 1000;
	struct timeline t;

	timeline_init(&t, (10000 + fragment_ms - 1) / fragment_ms * fragment_ms, fragment_ms);
	/* Flags, wait, lead, stamp: eight bytes a frame. */
	for (size_t at = 1; at + 8 <= size; at += 8) {
		struct timeline_frame f = {.track = data[at] & 1 ? TIMELINE_AUDIO : TIMELINE_VIDEO,
					   .key = data[at] & 2,
					   .anew = data[at] & 8,
					   .now_ms = now_ms += data[at + 1] * (data[at] & 4 ? 100 : 1)};
		enum timeline_step step;

		if (f.track == TIMELINE_VIDEO)
			f.lead_ms = (int32_t)(data[at + 2] << 8 | data[at + 3]) % 7000 - 2000;
		memcpy(&f.raw_ms, data + at + 4, sizeof(f.raw_ms));
		step = timeline_put(&t, &f, &at_ms);
		if (step == TIMELINE_END)
			break;
		if (step == TIMELINE_DROP)
			continue;
		if (at_ms < last[f.track] || at_ms < 0 || at_ms >= TIMELINE_END_MS + 2000)
			abort();
		if (step == TIMELINE_JUMP &&
		    ((at_ms + f.lead_ms) % fragment_ms != 0 || f.track != TIMELINE_VIDEO || !f.key))
			abort();
		last[f.track] = max(last[f.track], at_ms);
	}
	return 0;
}
