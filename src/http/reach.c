#include "http/reach.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IPV4_AT 12   /* where an address of IPv4 begins in a mapped one */
#define IPV4_BITS 96 /* before it */
#define TEXT_BYTES 64

enum kind { PUBLIC, LOCAL, LINK, NEVER };

struct special {
	const char *text; /* what it is, for people */
	enum kind kind;
	struct http_reach_network at;
};

#define V4(a, b, c, d, length)                                        \
	{                                                             \
		{[10] = 0xff, 0xff, a, b, c, d}, IPV4_BITS + (length) \
	}

/* The first that has the address decides. */
static const struct special special[] = {
	{"the address of no host", NEVER, V4(0, 0, 0, 0, 8)},
	{"this machine", LOCAL, V4(127, 0, 0, 0, 8)},
	{"link-local", LINK, V4(169, 254, 0, 0, 16)},
	{"private", LOCAL, V4(10, 0, 0, 0, 8)},
	{"private", LOCAL, V4(172, 16, 0, 0, 12)},
	{"private", LOCAL, V4(192, 168, 0, 0, 16)},
	{"a provider's own", LOCAL, V4(100, 64, 0, 0, 10)},
	{"of a special purpose", LOCAL, V4(192, 0, 0, 0, 24)},
	{"of a special purpose", LOCAL, V4(198, 18, 0, 0, 15)},
	{"a group", NEVER, V4(224, 0, 0, 0, 4)},
	{"reserved", NEVER, V4(240, 0, 0, 0, 4)},
	{"public", PUBLIC, V4(0, 0, 0, 0, 0)},
	{"this machine", LOCAL, {{[15] = 1}, 128}},
	{"the address of no host", NEVER, {{0}, 96}},
	{"link-local", LINK, {{0xfe, 0x80}, 10}},
	{"site-local", LOCAL, {{0xfe, 0xc0}, 10}},
	{"private", LOCAL, {{0xfc}, 7}},
	{"a group", NEVER, {{0xff}, 8}},
	{"public", PUBLIC, {{0x20}, 3}},
	{"reserved", NEVER, {{0}, 0}},
};

/* Those that stand for an address of IPv4, and where they have it. */
static const struct {
	struct http_reach_network at;
	size_t from;
} carriers[] = {
	{{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},
	{{{0x20, 0x02}, 16}, 2},
};

static bool is_in(const uint8_t bytes[HTTP_REACH_BYTES], const struct http_reach_network *n)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (memcmp(bytes, n->bytes, whole) != 0)
		return false;
	return !rest || (bytes[whole] ^ n->bytes[whole]) >> (8 - rest) == 0;
}

static void put_ipv4(uint8_t bytes[HTTP_REACH_BYTES], const void *ipv4)
{
	uint8_t copy[4];

	memcpy(copy, ipv4, sizeof(copy)); /* it may be a part of `bytes` */
	memset(bytes, 0, IPV4_AT);
	bytes[10] = bytes[11] = 0xff;
	memcpy(bytes + IPV4_AT, copy, sizeof(copy));
}

static bool read_bytes(const struct sockaddr *address, uint8_t bytes[HTTP_REACH_BYTES])
{
	if (address->sa_family == AF_INET) {
		put_ipv4(bytes, &((const struct sockaddr_in *)address)->sin_addr);
		return true;
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, HTTP_REACH_BYTES);
	for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++) {
		if (is_in(bytes, &carriers[i].at)) {
			put_ipv4(bytes, bytes + carriers[i].from);
			break;
		}
	}
	return true;
}

static const struct special *find(const uint8_t bytes[HTTP_REACH_BYTES])
{
	const struct special *s = special;

	while (!is_in(bytes, &s->at)) /* the last row has all */
		s++;
	return s;
}

static bool is_listed(const struct http_reach *r, const uint8_t bytes[HTTP_REACH_BYTES])
{
	for (size_t i = 0; i < r->count; i++) {
		if (is_in(bytes, &r->networks[i]))
			return true;
	}
	return false;
}

static bool may(const struct http_reach *r, const struct special *s, const uint8_t bytes[HTTP_REACH_BYTES])
{
	if (s->kind == PUBLIC || (s->kind == LOCAL && r->local))
		return true;
	return s->kind != NEVER && is_listed(r, bytes);
}

struct error *http_reach_check(const struct http_reach *r, const struct sockaddr *address)
{
	uint8_t bytes[HTTP_REACH_BYTES];
	char text[INET6_ADDRSTRLEN] = "";
	const struct special *s;

	if (!read_bytes(address, bytes))
		return error_new(ERROR_REFUSED, "an address that is not one of IP is not connected to");
	s = find(bytes);
	if (may(r, s, bytes))
		return NULL;
	inet_ntop(AF_INET6, bytes, text, sizeof(text));
	return error_new(ERROR_REFUSED, "%s is %s, and is not connected to on a stranger's word",
			 strncmp(text, "::ffff:", 7) == 0 ? text + 7 : text, s->text);
}

/* --- networks --- */

static bool read_bits(const char *text, unsigned most, unsigned *ret_bits)
{
	if (strlen(text) > 3 || strspn(text, "0123456789") != strlen(text) || !*text)
		return false;
	*ret_bits = (unsigned)strtoul(text, NULL, 10);
	return *ret_bits <= most;
}

static bool has_host_bits(const struct http_reach_network *n)
{
	uint8_t bits = 0;

	for (unsigned i = n->bits; i < 8 * HTTP_REACH_BYTES; i++)
		bits |= (uint8_t)(n->bytes[i / 8] & (0x80 >> i % 8));
	return bits != 0;
}

struct error *http_reach_read(const char *text, struct http_reach_network *ret)
{
	struct http_reach_network n = {.bits = 0};
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	char host[TEXT_BYTES] = "";
	unsigned before = 0, bits = 0;
	struct in_addr v4;

	if (length < sizeof(host))
		snprintf(host, sizeof(host), "%.*s", (int)length, text);
	if (inet_pton(AF_INET, host, &v4) == 1) {
		put_ipv4(n.bytes, &v4);
		before = IPV4_BITS;
	} else if (inet_pton(AF_INET6, host, n.bytes) != 1) {
		return error_new(ERROR_INVALID, "\"%.80s\" is no network: 192.168.0.0/16 or fd00::/8, please", text);
	}
	bits = 8 * HTTP_REACH_BYTES - before;
	if (slash && !read_bits(slash + 1, bits, &bits))
		return error_new(ERROR_INVALID, "\"%.80s\": after the slash stands a number up to %u", text, bits);
	n.bits = before + bits;
	if (has_host_bits(&n))
		return error_new(ERROR_INVALID, "\"%.80s\" has bits of a host behind its network's", text);
	*ret = n;
	return NULL;
}
