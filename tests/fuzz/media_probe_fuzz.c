/* ffprobe's packet list of a hostile source. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "media/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scope = mem_new(NULL, char);
	struct media_verdict *v = NULL;
	struct error *e = media_probe_judge(scope, (const char *)data, size, 5, &v);

	if (!e && v->fits == (v->reason != NULL))
		abort();
	error_free(e);
	mem_free(scope);
	return 0;
}
