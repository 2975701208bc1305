/* nginx's /stat, as anybody who sits on its socket could write it. */
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "media/stat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scope = mem_new(NULL, char);
	struct media_stream *streams;
	size_t count;

	error_free(media_stat_parse(scope, (const char *)data, size, &streams, &count));
	mem_free(scope);
	return 0;
}
