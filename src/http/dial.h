/* Connecting to a host: looks its addresses up and tries one after the other. Private to http/.
 * Threads: loop thread. */
#ifndef DSN_HTTP_DIAL_H
#define DSN_HTTP_DIAL_H

#include "base/error.h"
#include "base/wire.h"

struct http_dial;

/* `e` NULL: the wire is connected and belongs to the dial's ctx, with the callbacks that were given; it does not read
 * yet. Otherwise why not (the error is the callee's): ERROR_UNAVAILABLE when nobody listens there or the name has no
 * address. The dial is gone by then. */
typedef void http_dial_fn(struct error *e, struct wire *wire, void *arg);

/* `host`: an address or a name. `done` comes once, in a later turn of the loop; freeing the
 * dial or ctx earlier gives it up. `arg` is that of the wire's callbacks too. */
struct http_dial *http_dial_start(const void *ctx, uv_loop_t *loop, const char *host, int port,
				  const struct wire_events *events, http_dial_fn *done, void *arg);

#endif
