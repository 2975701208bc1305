/* A stranger's tag: two bytes of type and length of NAL lengths, then its body. */
#include "relay/tag.h"

#include <stdlib.h>
#include <string.h>

#include "relay/carried.h"
#include "relay/settings.h"
#include "relay/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum tag_type types[] = {TAG_AUDIO, TAG_VIDEO, TAG_VIDEO, TAG_SCRIPT};
	struct watch w = {0};
	struct tag_look l;
	struct tag t;

	if (size < 2)
		return 0;
	t = (struct tag){.type = types[data[0] % 4], .len = size - 2};
	t.data = malloc(t.len ? t.len : 1);
	memcpy(t.data, data + 2, t.len);
	l = tag_look(&t);
	if ((l.header && l.frame) || (l.key && l.type != TAG_VIDEO) || tag_nal_bytes(&t) > 4)
		abort();
	tag_is_idr(&t, data[1] % 5);
	if (l.frame && l.type == TAG_VIDEO && l.codec == 7) {
		tag_set_lead(&t, -123);
		if (tag_look(&t).lead_ms != -123)
			abort();
	}
	if (!carried_mark(&t, &l))
		abort();
	if (l.header)
		error_free(settings_check(&t));
	watch_tag(&w, &l, 0);
	watch_tag(&w, &l, WATCH_PATIENCE_MS);
	free(t.data);
	return 0;
}
