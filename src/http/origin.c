#include "http/origin.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT 80
#define PORT_TLS 443

static const char scheme[] = "http://", scheme_tls[] = "https://";

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcmp(host, "localhost") == 0;
}

static bool is_host(const char *host, bool bracketed)
{
	struct in6_addr v6;

	if (bracketed)
		return inet_pton(AF_INET6, host, &v6) == 1;
	for (const char *p = host; *p; p++) {
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '.')
			return false;
	}
	return *host != '\0';
}

/* Digits behind the colon, up to the end or a slash. */
static bool read_port(const char **at, int *ret_port)
{
	char *end = NULL;
	long port = isdigit((unsigned char)**at) ? strtol(*at, &end, 10) : 0;

	if (port < 1 || port > 65535 || end - *at > 5)
		return false;
	*at = end;
	*ret_port = (int)port;
	return true;
}

struct error *http_origin_read(const char *url, int port, struct http_origin *ret)
{
	struct http_origin o = {.tls = strncmp(url, scheme_tls, strlen(scheme_tls)) == 0};
	const char *p = url + strlen(o.tls ? scheme_tls : scheme);
	bool bracketed, own_port;
	size_t n;

	if (!o.tls && strncmp(url, scheme, strlen(scheme)) != 0)
		return error_new(ERROR_INVALID, "is not http://HOST[:PORT] or https://HOST[:PORT]");
	bracketed = *p == '[';
	p += bracketed;
	n = strcspn(p, bracketed ? "]" : ":/?#");
	if (n >= sizeof(o.host) || (bracketed && p[n] != ']'))
		return error_new(ERROR_INVALID, "has no host after the scheme");
	for (size_t i = 0; i < n; i++)
		o.host[i] = (char)tolower((unsigned char)p[i]);
	if (!is_host(o.host, bracketed))
		return error_new(ERROR_INVALID, "has no host after the scheme");
	p += n + bracketed;
	o.port = port ? port : o.tls ? PORT_TLS : PORT;
	if (*p == ':') {
		p++;
		if (!read_port(&p, &o.port))
			return error_new(ERROR_INVALID, "has no port from 1 to 65535 after the host");
	}
	if (*p && strcmp(p, "/") != 0)
		return error_new(ERROR_INVALID, "has something after HOST[:PORT]");
	o.loopback = is_loopback(o.host);
	own_port = o.port == (o.tls ? PORT_TLS : PORT);
	snprintf(o.text, sizeof(o.text), own_port ? "%s%s%s%s" : "%s%s%s%s:%d", o.tls ? scheme_tls : scheme,
		 bracketed ? "[" : "", o.host, bracketed ? "]" : "", o.port);
	*ret = o;
	return NULL;
}

const char *http_origin_authority(const struct http_origin *o)
{
	return o->text + strlen(o->tls ? scheme_tls : scheme);
}

bool http_origin_has(const struct http_origin *o, const char *uri)
{
	size_t n = strlen(o->text);

	return strncmp(uri, o->text, n) == 0 && (!uri[n] || strchr("/?#", uri[n]));
}
