/* The addresses of a host: an IP address as it is, a name through the system's resolver on a worker thread.
 * Freeing it (or its owner) gives up. Threads: loop thread. */
#ifndef DSN_DEVP2P_RESOLVE_H
#define DSN_DEVP2P_RESOLVE_H

#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/error.h"

#define RESOLVE_ADDRESSES 8 /* at most */

struct resolve;

/* Called once, never from within resolve_start(). The error, when there is one, belongs to the callee. The callback
 * may free the resolve. */
typedef void resolved_fn(struct error *e, const struct sockaddr_storage *addresses, size_t n, void *arg);
struct resolve *resolve_start(const void *ctx, uv_loop_t *loop, const char *host, uint16_t port, resolved_fn *fn,
			      void *arg);

#endif
