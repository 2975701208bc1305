/* A node as the methods tell it. Threads: any. */
#ifndef DSN_MANAGER_REGISTRY_ROW_H
#define DSN_MANAGER_REGISTRY_ROW_H

#include "manager/registry/nodes.h"

/* New reference. */
json_t *row_json(const struct nodes_node *n);

#endif
