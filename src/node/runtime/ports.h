/* Host ports for nodes: picked once from a range, remembered by the caller, the same ever after.
 *
 * A port is free when nobody on this machine listens on it, on any IPv4 or IPv6 address; that is tried by binding it
 * for a moment. Somebody else may still take it before its node listens, so a node whose program cannot listen may be
 * given another one. Threads: any; does not block.
 */
#ifndef DSN_NODE_RUNTIME_PORTS_H
#define DSN_NODE_RUNTIME_PORTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The range of ports an agent gives to its nodes, both ends included. */
struct ports_range {
	int first, last;
};
/* "20000-20999" */
struct error *ports_parse_range(const char *text, struct ports_range *ret_range) MUST_CHECK;

/* May be listened on right now. */
bool ports_free(int port);

/* The lowest free port of first..last that is not in `taken` (ports promised to other nodes, which may not run now).
 * ERROR_LIMIT when there is none: widen the range. */
struct error *ports_pick(int first, int last, const int *taken, size_t taken_count, int *ret_port) MUST_CHECK;

#endif
