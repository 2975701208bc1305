/* What this network is, told to everybody: where it is found, whom agents obey, how money moves. */
#ifndef DSN_MANAGER_NETWORK_H
#define DSN_MANAGER_NETWORK_H

#include "manager/service.h"

/* Adds the method network.describe; `network` outlives the methods, and may be NULL where none is called. */
void network_add(struct methods *all, const struct service_network *network);
/* The bus's URL without user and password: everybody has his own. Belongs to ctx. */
char *network_bus(const void *ctx, const char *url);

#endif
