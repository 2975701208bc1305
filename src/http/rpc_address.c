#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/rpc_client.h"

#define SCHEME "ws://"
#define PORT 8545
#define URL_LIMIT 2048

static struct error *check_text(const char *url)
{
	size_t n = strlen(url), authority;

	if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
		return error_new(ERROR_INVALID, "an RPC URL wants " SCHEME "host[:port][/path]");
	if (n > URL_LIMIT)
		return error_new(ERROR_LIMIT, "an RPC URL has at most %d characters", URL_LIMIT);
	for (const char *p = url; *p; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return error_new(ERROR_INVALID, "an RPC URL has no blanks and no control characters");
	}
	url += strlen(SCHEME);
	authority = strcspn(url, "/?#");
	if (memchr(url, '@', authority))
		return error_new(ERROR_INVALID,
				 "an RPC URL has no user and no password: a token goes into a file of mode 0600");
	if (strchr(url, '#'))
		return error_new(ERROR_INVALID, "an RPC URL has no \"#\"");
	return NULL;
}

static struct error *read_port(const char *text, size_t n, int *ret_port)
{
	long port = 0;

	for (size_t i = 0; i < n && port <= 65535; i++)
		port = isdigit((unsigned char)text[i]) ? port * 10 + (text[i] - '0') : 65536;
	if (port < 1 || port > 65535)
		return error_new(ERROR_INVALID, "the port of an RPC URL is a number from 1 to 65535");
	*ret_port = (int)port;
	return NULL;
}

/* `host` is a name or address without brackets. */
static struct error *check_host(const char *host, bool bracketed)
{
	struct in6_addr v6;

	if (bracketed && inet_pton(AF_INET6, host, &v6) != 1)
		return error_new(ERROR_INVALID, "the brackets in an RPC URL hold no IPv6 address");
	for (const char *p = host; !bracketed && *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
			return error_new(ERROR_INVALID, "the host of an RPC URL has a character that no name has");
	}
	return *host ? NULL : error_new(ERROR_INVALID, "an RPC URL without a host");
}

struct error *rpc_client_address_read(const void *ctx, const char *url, struct rpc_client_address *ret_address)
{
	struct rpc_client_address a = {.port = PORT};
	const char *host, *after;
	size_t authority, n;
	bool bracketed;
	struct error *e;

	TRY(check_text(url));
	host = url + strlen(SCHEME);
	authority = strcspn(host, "/?");
	bracketed = *host == '[';
	n = bracketed ? strcspn(host, "]") + 1 : strcspn(host, ":/?");
	if (n > authority)
		return error_new(ERROR_INVALID, "an RPC URL with \"[\" and no \"]\"");
	after = host + n;
	if (n < authority && *after != ':')
		return error_new(ERROR_INVALID, "after the host of an RPC URL comes \":\" and its port");
	if (n < authority)
		TRY(read_port(after + 1, authority - n - 1, &a.port));
	a.host = mem_strndup(ctx, host + bracketed, n - 2 * (size_t)bracketed);
	e = check_host(a.host, bracketed);
	if (e) {
		mem_free(a.host);
		return e;
	}
	host += authority;
	a.path = mem_printf(ctx, "%s%s", *host == '/' ? "" : "/", host);
	*ret_address = a;
	return NULL;
}

struct error *rpc_client_address_check(const char *url)
{
	void *scope = mem_new(NULL, char);
	struct rpc_client_address a;
	struct error *e = rpc_client_address_read(scope, url, &a);

	mem_free(scope);
	return e;
}

bool rpc_client_address_is_loopback(const struct rpc_client_address *a)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, a->host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, a->host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcmp(a->host, "localhost") == 0;
}
