#include "node/mode/modes.h"

#include <string.h>

#include "node/mode/classic.h"
#include "node/mode/managed.h"

static const struct mode_ops *const modes[] = {&mode_managed, &mode_classic};

const struct mode_ops *mode_find(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(modes[i]->name, name))
			return modes[i];
	}
	return NULL;
}
