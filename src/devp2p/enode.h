/* Enode URLs: enode://<128 hex>@host:tcp[?discport=udp] (the devp2p documents). IPv6 hosts stand in brackets.
 * Threads: any. */
#ifndef DSN_DEVP2P_ENODE_H
#define DSN_DEVP2P_ENODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "crypto/secp.h"

struct enode {
	uint8_t public[SECP_PUBLIC_BYTES];
	char host[256]; /* IP address or DNS name, without brackets; "" when the URL has no address */
	uint16_t tcp, udp;
};

/* Without discport both ports are the same. The key must be a point of the curve. Errors begin with "invalid enode: "
 * and name the part. */
struct error *enode_parse(const char *text, struct enode *ret_enode) MUST_CHECK;
char *enode_format(const void *ctx, const struct enode *e);
/* Keccak-256 of the public key: the node's id in discovery and in admin_nodeInfo. */
void enode_id(const uint8_t public[SECP_PUBLIC_BYTES], uint8_t ret_id[32]);
/* Sets the host from a socket's address (IPv4 or IPv6; IPv4 inside IPv6 is unwrapped), not the ports. */
void enode_set_address(struct enode *e, const struct sockaddr *address);
/* Only for a host that is an IP address (no lookup): its socket address with the given port. */
struct error *enode_address(const struct enode *e, uint16_t port, struct sockaddr_storage *ret_address) MUST_CHECK;

#endif
