/* Which addresses may be connected to on a stranger's word: a peer that names a host must not reach what only this
 * machine or its network can (server-side request forgery; OWASP, "Server Side Request Forgery Prevention").
 *
 * What is looked at is the address that a connection is about to be made to, not the name that led to it. Public
 * addresses may always be reached, private ones and those of this machine where `local` says so, link-local ones
 * (metadata services of clouds among them) only in a network that is listed; groups, broadcast and "any address" never.
 * Addresses of IPv6 that carry one of IPv4 (mapped, NAT64, 6to4) are judged by that one. Sources: IANA's
 * special-purpose address registries (RFC 6890), RFC 4291, RFC 6052, RFC 3056.
 *
 * Threads: any; a reach is not changed while it is in use.
 */
#ifndef DSN_HTTP_REACH_H
#define DSN_HTTP_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

#define HTTP_REACH_BYTES 16

struct http_reach_network {
	uint8_t bytes[HTTP_REACH_BYTES]; /* of IPv4: as ::ffff:a.b.c.d */
	unsigned bits;                   /* 0 to 128, of such bytes */
};

struct http_reach {
	bool local;
	struct http_reach_network *networks;
	size_t count;
};

/* "192.168.0.0/16", "fd00::/8", or an address alone. ERROR_INVALID says how it should be. */
struct error *http_reach_read(const char *text, struct http_reach_network *ret) MUST_CHECK;
/* ERROR_REFUSED names the address and its kind. */
struct error *http_reach_check(const struct http_reach *r, const struct sockaddr *address) MUST_CHECK;

#endif
