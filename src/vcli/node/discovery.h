/* Which nodes of the network are there (client/discovery.h), waited for. */
#ifndef DSN_VCLI_NODE_DISCOVERY_H
#define DSN_VCLI_NODE_DISCOVERY_H

#include "client/known_nodes.h"
#include "vcli/vcli.h"

/* With `listen_ms` it goes on that long for nodes that only report. Fails when the broker was not reached: known is
 * what it was. */
struct error *discovery_run(struct vcli *v, struct client_known *k, int64_t listen_ms) MUST_CHECK;

#endif
