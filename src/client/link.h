/* A client's connection to the bus: our keys, and an address for answers. */
#ifndef DSN_CLIENT_LINK_H
#define DSN_CLIENT_LINK_H

#include "bus/bus.h"
#include "client/options.h"

struct client_link {
	struct bus *bus;
	char *self; /* an ephemeral address of this link, which the bus serves: answers come there */
};

/* Signs with our identity (client/identity.h) and seals, unless client->send_plain. All belongs to ctx. */
struct error *client_link_open(const void *ctx, uv_loop_t *loop, const struct client_options *client,
			       const struct bus_handlers *handlers, struct client_link *ret_link) MUST_CHECK;
/* As the options say, without keys. */
struct bus_options client_link_options(const struct client_options *client);
/* The error for a broker that was not reached within `within_ms`; `why` (may be NULL): what it said last. */
struct error *client_link_away(const struct client_options *client, int64_t within_ms,
			       const struct error *why) MUST_CHECK;

#endif
