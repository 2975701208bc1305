/* What the table of methods says of itself: to programs as an OpenRPC document (https://spec.open-rpc.org, 1.3.2), to
 * people as docs/rpc.md, which unit.dsnd_reference_test holds against it. */
#ifndef DSN_MANAGER_DESCRIBE_H
#define DSN_MANAGER_DESCRIBE_H

#include "manager/method.h"
#include "manager/service.h"

/* Adds the method rpc.discover. */
void describe_add(struct methods *all);
/* New reference. */
json_t *describe_openrpc(const struct methods *all);
/* Markdown of all methods of all services (ends with NULL). Belongs to ctx. */
char *describe_reference(const void *ctx, const struct service_ops *const *services);

#endif
