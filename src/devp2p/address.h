/* Addresses of other nodes: their forms, and the kind of network they belong to. IPv4 addresses that are mapped into
 * IPv6 (RFC 4291, 2.5.5.2) are taken as the IPv4 addresses they are. Threads: any. */
#ifndef DSN_DEVP2P_ADDRESS_H
#define DSN_DEVP2P_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "devp2p/discv4_packet.h"
#include "devp2p/enode.h"

enum address_network {
	NETWORK_NONE, /* unspecified, multicast, broadcast, reserved: no node lives there */
	NETWORK_LOOPBACK,
	NETWORK_PRIVATE, /* RFC 1918, RFC 4193, link-local */
	NETWORK_PUBLIC,
};

/* IP and UDP port of a socket's address; the TCP port is 0. */
void discv4_endpoint_of(const struct sockaddr *address, struct discv4_endpoint *ret_endpoint);
/* The socket address of the endpoint's IP with this port for a socket of this family (AF_UNSPEC: the endpoint's own);
 * false when there is none. */
bool discv4_endpoint_address(const struct discv4_endpoint *e, int family, uint16_t port,
			     struct sockaddr_storage *ret_address);
bool discv4_endpoint_same_ip(const struct discv4_endpoint *a, const struct discv4_endpoint *b);
/* Of the same /24? */
bool discv4_endpoint_same_subnet(const struct discv4_endpoint *a, const struct discv4_endpoint *b);
enum address_network discv4_endpoint_network(const struct discv4_endpoint *e);
/* May a node at `teller` tell of, or be told of, a node at `subject`? Loopback only by and to loopback, private
 * networks only by and to loopback and private networks. */
bool discv4_endpoint_relayable(const struct discv4_endpoint *teller, const struct discv4_endpoint *subject);
/* An enode with this key and endpoint. */
void discv4_endpoint_enode(const struct discv4_endpoint *e, const uint8_t public[SECP_PUBLIC_BYTES],
			   struct enode *ret_enode);
/* An IP address (not a name) and port as a socket's address. */
struct error *address_parse(const char *host, uint16_t port, struct sockaddr_storage *ret_address) MUST_CHECK;
uint16_t address_port(const struct sockaddr_storage *a);

#define ADDRESS_TEXT_BYTES 64
/* "127.0.0.1:30303", "[::1]:30303" */
void address_format(const struct sockaddr_storage *a, char ret_text[ADDRESS_TEXT_BYTES]);

#endif
