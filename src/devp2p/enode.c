#include "devp2p/enode.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/keccak.h"

#define SCHEME "enode://"
#define KEY_DIGITS ((size_t)SECP_PUBLIC_BYTES * 2)
#define NAME_MAX_BYTES 253 /* of a DNS name (RFC 1035) */
#define DISCPORT "discport="

/* A part of the text, not terminated. */
struct span {
	const char *begin;
	size_t n;
};

static struct error *invalid(const char *what, struct span at)
{
	int shown = at.n < 80 ? (int)at.n : 80;

	return error_new(ERROR_INVALID, "invalid enode: %s \"%.*s\"", what, shown, at.begin);
}

/* What stands before the first `stop`, or all; takes both away. *ret_found: it was there. */
static struct span cut(struct span *rest, char stop, bool *ret_found)
{
	const char *at = rest->n ? memchr(rest->begin, stop, rest->n) : NULL;
	struct span part = *rest;

	*ret_found = at;
	if (!at) {
		*rest = (struct span){rest->begin + rest->n, 0};
		return part;
	}
	part.n = (size_t)(at - rest->begin);
	*rest = (struct span){at + 1, rest->n - part.n - 1};
	return part;
}

static struct error *parse_key(struct span text, uint8_t ret_public[SECP_PUBLIC_BYTES])
{
	uint8_t public[SECP_PUBLIC_BYTES];
	char digits[KEY_DIGITS + 1];
	struct error *e = NULL;

	if (text.n != KEY_DIGITS)
		return error_new(ERROR_INVALID, "invalid enode: the public key has %zu characters, not %zu", text.n,
				 KEY_DIGITS);
	memcpy(digits, text.begin, KEY_DIGITS);
	digits[KEY_DIGITS] = '\0';
	e = hex_decode(digits, public, sizeof(public));
	if (e) {
		error_free(e);
		return invalid("the public key is not hexadecimal", text);
	}
	if (!secp_public_valid(public))
		return invalid("the public key is no point of the curve", text);
	memcpy(ret_public, public, sizeof(public));
	return NULL;
}

static struct error *parse_port(struct span text, const char *what, uint16_t *ret_port)
{
	unsigned port = 0;

	if (text.n == 0 || text.n > 5)
		return invalid(what, text);
	for (size_t i = 0; i < text.n; i++) {
		if (text.begin[i] < '0' || text.begin[i] > '9')
			return invalid(what, text);
		port = port * 10 + (unsigned)(text.begin[i] - '0');
	}
	if (port > UINT16_MAX)
		return invalid(what, text);
	*ret_port = (uint16_t)port;
	return NULL;
}

static bool name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_';
}

static struct error *parse_name(struct span text, struct enode *e)
{
	if (text.n == 0 || text.n > NAME_MAX_BYTES)
		return invalid("bad host", text);
	for (size_t i = 0; i < text.n; i++) {
		if (!name_character(text.begin[i]))
			return invalid("bad host", text);
	}
	memcpy(e->host, text.begin, text.n);
	e->host[text.n] = '\0';
	return NULL;
}

static struct error *parse_ip6(struct span text, struct enode *e)
{
	char host[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (text.n >= sizeof(host))
		return invalid("bad host", text);
	memcpy(host, text.begin, text.n);
	host[text.n] = '\0';
	if (strlen(host) != text.n || inet_pton(AF_INET6, host, &address) != 1)
		return invalid("bad host", text);
	memcpy(e->host, host, text.n + 1);
	return NULL;
}

/* host:port, [host]:port */
static struct error *parse_address(struct span text, struct enode *e)
{
	struct span host, rest = text;
	bool bracket = text.n > 0 && text.begin[0] == '[', found = false;

	if (bracket) {
		rest.begin++;
		rest.n--;
		host = cut(&rest, ']', &found);
		if (!found || rest.n == 0 || rest.begin[0] != ':')
			return invalid("bad address", text);
		rest.begin++;
		rest.n--;
		TRY(parse_ip6(host, e));
	} else {
		host = cut(&rest, ':', &found);
		if (!found)
			return invalid("no port in", text);
		TRY(parse_name(host, e));
	}
	return parse_port(rest, "bad port", &e->tcp);
}

/* name=value&...; names that are not known are for others */
static struct error *parse_query(struct span text, struct enode *e)
{
	bool found = true;

	while (found) {
		struct span part = cut(&text, '&', &found);

		if (part.n < strlen(DISCPORT) || memcmp(part.begin, DISCPORT, strlen(DISCPORT)) != 0)
			continue;
		part.begin += strlen(DISCPORT);
		part.n -= strlen(DISCPORT);
		TRY(parse_port(part, "bad discport", &e->udp));
	}
	return NULL;
}

struct error *enode_parse(const char *text, struct enode *ret_enode)
{
	struct span rest = {text, strlen(text)}, key, address;
	struct enode e = {0};
	bool found = false, query = false;

	if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
		return invalid("no \"" SCHEME "\" before", rest);
	rest.begin += strlen(SCHEME);
	rest.n -= strlen(SCHEME);
	key = cut(&rest, '@', &found);
	TRY(parse_key(key, e.public));
	if (found) {
		address = cut(&rest, '?', &query);
		TRY(parse_address(address, &e));
		e.udp = e.tcp;
		if (query)
			TRY(parse_query(rest, &e));
	}
	*ret_enode = e;
	return NULL;
}

char *enode_format(const void *ctx, const struct enode *e)
{
	char *key = hex_encode(NULL, e->public, SECP_PUBLIC_BYTES), *text = NULL;
	bool bracket = strchr(e->host, ':');

	if (!*e->host)
		text = mem_printf(ctx, SCHEME "%s", key);
	else if (e->udp == e->tcp)
		text = mem_printf(ctx, SCHEME "%s@%s%s%s:%u", key, bracket ? "[" : "", e->host, bracket ? "]" : "",
				  e->tcp);
	else
		text = mem_printf(ctx, SCHEME "%s@%s%s%s:%u?" DISCPORT "%u", key, bracket ? "[" : "", e->host,
				  bracket ? "]" : "", e->tcp, e->udp);
	mem_free(key);
	return text;
}

void enode_id(const uint8_t public[SECP_PUBLIC_BYTES], uint8_t ret_id[32])
{
	keccak256(public, SECP_PUBLIC_BYTES, ret_id);
}

void enode_set_address(struct enode *e, const struct sockaddr *address)
{
	const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;

	assert(address->sa_family == AF_INET || address->sa_family == AF_INET6);
	if (address->sa_family == AF_INET)
		inet_ntop(AF_INET, &ip4->sin_addr, e->host, sizeof(e->host));
	else if (IN6_IS_ADDR_V4MAPPED(&ip6->sin6_addr))
		inet_ntop(AF_INET, ip6->sin6_addr.s6_addr + 12, e->host, sizeof(e->host));
	else
		inet_ntop(AF_INET6, &ip6->sin6_addr, e->host, sizeof(e->host));
}

struct error *enode_address(const struct enode *e, uint16_t port, struct sockaddr_storage *ret_address)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *ip4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&address;

	if (inet_pton(AF_INET, e->host, &ip4->sin_addr) == 1) {
		ip4->sin_family = AF_INET;
		ip4->sin_port = htons(port);
	} else if (inet_pton(AF_INET6, e->host, &ip6->sin6_addr) == 1) {
		ip6->sin6_family = AF_INET6;
		ip6->sin6_port = htons(port);
	} else {
		return error_new(ERROR_INVALID, "\"%s\" is no IP address", e->host);
	}
	*ret_address = address;
	return NULL;
}
