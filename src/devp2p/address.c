#include "devp2p/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void discv4_endpoint_of(const struct sockaddr *address, struct discv4_endpoint *ret_endpoint)
{
	struct discv4_endpoint e = {0};

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

		memcpy(e.ip, &v4->sin_addr, 4);
		e.ip_bytes = 4;
		e.udp = ntohs(v4->sin_port);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
		const uint8_t *ip = v6->sin6_addr.s6_addr;
		bool mapped = !memcmp(ip, mapped_prefix, sizeof(mapped_prefix));

		e.ip_bytes = mapped ? 4 : 16;
		memcpy(e.ip, mapped ? ip + sizeof(mapped_prefix) : ip, e.ip_bytes);
		e.udp = ntohs(v6->sin6_port);
	}
	*ret_endpoint = e;
}

/* The four bytes of an IPv4 address, mapped or not; NULL when it is none. */
static const uint8_t *ipv4_of(const struct discv4_endpoint *e)
{
	if (e->ip_bytes == 4)
		return e->ip;
	return e->ip_bytes == 16 && !memcmp(e->ip, mapped_prefix, sizeof(mapped_prefix)) ? e->ip + sizeof(mapped_prefix)
											 : NULL;
}

bool discv4_endpoint_address(const struct discv4_endpoint *e, int family, uint16_t port,
			     struct sockaddr_storage *ret_address)
{
	const uint8_t *v4 = ipv4_of(e);
	struct sockaddr_storage a;
	struct sockaddr_in *in = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a;

	memset(&a, 0, sizeof(a));
	if (v4 && family != AF_INET6) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, v4, 4);
	} else if (e->ip_bytes && family != AF_INET) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		if (v4) {
			memcpy(in6->sin6_addr.s6_addr, mapped_prefix, sizeof(mapped_prefix));
			memcpy(in6->sin6_addr.s6_addr + sizeof(mapped_prefix), v4, 4);
		} else {
			memcpy(in6->sin6_addr.s6_addr, e->ip, 16);
		}
	} else {
		return false;
	}
	*ret_address = a;
	return true;
}

bool discv4_endpoint_same_ip(const struct discv4_endpoint *a, const struct discv4_endpoint *b)
{
	const uint8_t *a4 = ipv4_of(a), *b4 = ipv4_of(b);

	if (a4 || b4)
		return a4 && b4 && !memcmp(a4, b4, 4);
	return a->ip_bytes == b->ip_bytes && !memcmp(a->ip, b->ip, a->ip_bytes);
}

bool discv4_endpoint_same_subnet(const struct discv4_endpoint *a, const struct discv4_endpoint *b)
{
	const uint8_t *a4 = ipv4_of(a), *b4 = ipv4_of(b);

	if (a4 || b4)
		return a4 && b4 && !memcmp(a4, b4, 3);
	return a->ip_bytes == b->ip_bytes && a->ip_bytes && !memcmp(a->ip, b->ip, 3);
}

static enum address_network network_of_ipv4(const uint8_t *ip)
{
	if (ip[0] == 127)
		return NETWORK_LOOPBACK;
	/* 0/8: this network; 224/4: multicast; 240/4: reserved, with the broadcast address. */
	if (ip[0] == 0 || ip[0] >= 224)
		return NETWORK_NONE;
	if (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
	    (ip[0] == 169 && ip[1] == 254))
		return NETWORK_PRIVATE;
	return NETWORK_PUBLIC;
}

enum address_network discv4_endpoint_network(const struct discv4_endpoint *e)
{
	static const uint8_t loopback[16] = {[15] = 1}, unspecified[16];
	const uint8_t *v4 = ipv4_of(e);

	if (v4)
		return network_of_ipv4(v4);
	if (e->ip_bytes != 16 || !memcmp(e->ip, unspecified, 16) || e->ip[0] == 0xff)
		return NETWORK_NONE;
	if (!memcmp(e->ip, loopback, 16))
		return NETWORK_LOOPBACK;
	if ((e->ip[0] & 0xfe) == 0xfc || (e->ip[0] == 0xfe && (e->ip[1] & 0xc0) == 0x80))
		return NETWORK_PRIVATE;
	return NETWORK_PUBLIC;
}

bool discv4_endpoint_relayable(const struct discv4_endpoint *teller, const struct discv4_endpoint *subject)
{
	enum address_network from = discv4_endpoint_network(teller);

	switch (discv4_endpoint_network(subject)) {
	case NETWORK_NONE:
		return false;
	case NETWORK_LOOPBACK:
		return from == NETWORK_LOOPBACK;
	case NETWORK_PRIVATE:
		return from == NETWORK_LOOPBACK || from == NETWORK_PRIVATE;
	case NETWORK_PUBLIC:
		break;
	}
	return true;
}

void discv4_endpoint_enode(const struct discv4_endpoint *e, const uint8_t public[SECP_PUBLIC_BYTES],
			   struct enode *ret_enode)
{
	struct sockaddr_storage address;
	struct enode n = {0};

	if (discv4_endpoint_address(e, AF_UNSPEC, e->tcp, &address))
		enode_set_address(&n, (struct sockaddr *)&address);
	memcpy(n.public, public, SECP_PUBLIC_BYTES);
	n.tcp = e->tcp;
	n.udp = e->udp;
	*ret_enode = n;
}

struct error *address_parse(const char *host, uint16_t port, struct sockaddr_storage *ret_address)
{
	struct discv4_endpoint e = {0};

	if (inet_pton(AF_INET, host, e.ip) == 1)
		e.ip_bytes = 4;
	else if (inet_pton(AF_INET6, host, e.ip) == 1)
		e.ip_bytes = 16;
	if (!discv4_endpoint_address(&e, AF_UNSPEC, port, ret_address))
		return error_new(ERROR_INVALID, "%s: is no IP address", host);
	return NULL;
}

uint16_t address_port(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
					      : ((const struct sockaddr_in *)a)->sin_port);
}

void address_format(const struct sockaddr_storage *a, char ret_text[ADDRESS_TEXT_BYTES])
{
	struct discv4_endpoint e;
	char ip[INET6_ADDRSTRLEN] = "?";

	discv4_endpoint_of((const struct sockaddr *)a, &e);
	if (e.ip_bytes)
		inet_ntop(e.ip_bytes == 4 ? AF_INET : AF_INET6, e.ip, ip, sizeof(ip));
	snprintf(ret_text, ADDRESS_TEXT_BYTES, e.ip_bytes == 16 ? "[%s]:%u" : "%s:%u", ip, address_port(a));
}
