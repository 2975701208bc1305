/* What a segmenter says of its rendition: what is accepted is written again as it was, and fits into a playlist. */
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
	struct hls_measured m = {0}, again = {0};
	struct error *e = hls_measured_parse((const char *)data, size, &m);

	if (!e) {
		struct api_hls_variant variant = {.variant = "_a"};
		struct api_hls hls = {.variants = &variant, .variant_count = 1};
		const struct hls_measured *found[] = {&m};
		char *text = hls_measured_text(scope, &m), *at = hls_master_text(scope, "job", &hls, found);
		int lines = 0;

		e = hls_measured_parse(text, strlen(text), &again);
		if (e || memcmp(&m, &again, sizeof(m)) != 0)
			abort();
		while ((at = strchr(at, '\n'))) {
			at++;
			lines++;
		}
		if (lines != 5)
			abort();
	}
	error_free(e);
	mem_free(scope);
	return 0;
}
