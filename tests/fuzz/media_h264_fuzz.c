/* H.264 of RTMP: a configuration record and a picture, cut at the first byte's number. A whole picture's annex B form
 * keeps within its room. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "media/h264.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scope = mem_new(NULL, char);
	size_t cut = size ? data[0] : 0;
	struct h264_config *c = NULL;
	struct error *e;

	if (size == 0 || cut > size - 1)
		goto out;
	e = h264_config_read(scope, data + 1, cut, &c);
	if (!e) {
		const uint8_t *unit = data + 1 + cut;
		size_t len = size - 1 - cut, room = h264_annexb_room(c, len);
		struct h264_picture p = h264_picture_look(c, unit, len);
		uint8_t *to = mem_array(scope, uint8_t, room + 1);

		if (p.whole && h264_annexb(c, unit, len, !p.has_sets, to) > room)
			abort();
	}
	error_free(e);
out:
	mem_free(scope);
	return 0;
}
