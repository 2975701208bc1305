#include "node/runtime/runtime.h"

#include <string.h>

static const struct runtime_ops *const runtimes[] = {&runtime_process, &runtime_docker, NULL};

const struct runtime_ops *runtime_find(const char *name)
{
	for (size_t i = 0; runtimes[i]; i++)
		if (strcmp(runtimes[i]->name, name) == 0)
			return runtimes[i];
	return NULL;
}
