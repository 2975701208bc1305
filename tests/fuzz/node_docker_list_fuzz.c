/* A Docker engine's list of a container's processes, as anybody who sits on its socket could write it. */
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/mem.h"
#include "node/runtime/runtime_docker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct runtime_child *list;
	json_t *top = NULL;
	size_t count;
	struct error *e = json_parse((const char *)data, size, 65536, &top);

	if (!e) {
		e = docker_children(NULL, top, 1234, &list, &count);
		if (!e)
			mem_free(list);
		json_decref(top);
	}
	error_free(e);
	return 0;
}
