/* What ffprobe and ffmpeg say of a hostile source: JSON, and behind a NUL a list of IDR pictures of its first stream.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "media/source.h"
#include "media/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct media_verdict *v)
{
	if (v->fits == (v->reason != NULL) || (v->fits && v->refused) || v->video_index >= MEDIA_MAX_STREAMS)
		abort();
	if (media_verdict_missing_ms(v) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = size ? memchr(data, '\0', size) : NULL;
	size_t len = end ? (size_t)(end - text) : size;
	void *scope = mem_new(NULL, char);
	struct media_source *s = mem_new(scope, struct media_source);
	struct error *e = media_source_read(s, text, len);

	if (!e && end)
		e = media_source_read_nal(s, 0, end + 1, size - len - 1);
	if (!e) {
		check(media_verdict_of(scope, s, 5, true));
		check(media_verdict_of(scope, s, 5, false));
	}
	error_free(e);
	mem_free(scope);
	return 0;
}
