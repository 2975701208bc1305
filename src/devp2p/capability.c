#include <string.h>

#include "devp2p/base_message.h"

uint64_t p2p_capability_offset(const struct p2p_hello *remote, const char *name, unsigned version)
{
	/* We share one capability at most, and what is not shared takes no message ids. */
	for (size_t i = 0; i < remote->cap_count; i++) {
		if (!strcmp(remote->caps[i].name, name) && remote->caps[i].version == version)
			return BASE_LENGTH;
	}
	return 0;
}
