/* Ports of 127.0.0.1 for programs that are started in a moment. Somebody else may still take one before. Threads: any.
 */
#ifndef DSN_DEVNET_PORT_H
#define DSN_DEVNET_PORT_H

#include "base/error.h"

/* One that nobody has, of TCP and of UDP. */
struct error *devnet_free_port(unsigned *ret_port) MUST_CHECK;
/* ERROR_EXISTS: somebody listens on this TCP port; connections that have ended do not count, as for the programs. */
struct error *devnet_check_port(unsigned port) MUST_CHECK;

#endif
