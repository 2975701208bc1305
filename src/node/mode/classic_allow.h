/* Who may publish at classic nodes (agent_settings.classic_allow): IPv4 addresses, networks such as 192.0.2.0/24, or
 * all. A NULL list is this machine alone. Threads: safe. */
#ifndef DSN_NODE_MODE_CLASSIC_ALLOW_H
#define DSN_NODE_MODE_CLASSIC_ALLOW_H

#include <stdbool.h>

#include "base/error.h"

/* ERROR_INVALID for a list that nginx would not take. */
struct error *classic_allow_check(char *const *list) MUST_CHECK;
/* ERROR_INVALID for a list that names others than this machine, but not all: Docker cannot keep the rest out. */
struct error *classic_allow_check_container(char *const *list) MUST_CHECK;
bool classic_allow_all(char *const *list);

#endif
