/* Playlists: what is accepted must be written again as it was, and must take another segment. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "media/hls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scope = mem_new(NULL, char);
	struct hls_playlist *p = NULL, *again = NULL;
	struct error *e = hls_playlist_parse(scope, (const char *)data, size, &p);

	if (!e) {
		char *text = hls_playlist_text(scope, p);
		struct hls_segment s = {.number = 1, .start_ms = 7000, .duration_ms = 5000};

		e = hls_playlist_parse(scope, text, strlen(text), &again);
		if (e || strcmp(hls_playlist_text(scope, again), text) != 0)
			abort();
		if (again->count) {
			const struct hls_segment *last = &again->segments[again->count - 1];

			s.number = last->number + 4;
			s.start_ms = last->start_ms + last->duration_ms + 20000;
		}
		hls_playlist_add(again, &s);
		hls_playlist_text(scope, again);
	}
	error_free(e);
	mem_free(scope);
	return 0;
}
