/* An origin of the web (RFC 6454): "https://host[:port]", with nothing behind but a "/". Threads: any. */
#ifndef DSN_HTTP_ORIGIN_H
#define DSN_HTTP_ORIGIN_H

#include <stdbool.h>

#include "base/error.h"

#define HTTP_HOST_BYTES 256
#define HTTP_ORIGIN_BYTES (HTTP_HOST_BYTES + 16)

struct http_origin {
	bool tls;
	bool loopback;              /* the host is this machine: localhost, 127.0.0.0/8, ::1 */
	char host[HTTP_HOST_BYTES]; /* lower-case, without brackets */
	int port;
	/* As browsers write them in Origin and Host: lower-case, a scheme's own port left out. */
	char text[HTTP_ORIGIN_BYTES];
};

/* `port`: where the URL names none; 0: the scheme's own. ERROR_INVALID says how it should be. */
struct error *http_origin_read(const char *url, int port, struct http_origin *ret) MUST_CHECK;
/* "host[:port]", in o. */
const char *http_origin_authority(const struct http_origin *o);
/* Is `uri` of this origin: the origin itself, or a path, query or fragment behind it? */
bool http_origin_has(const struct http_origin *o, const char *uri);

#endif
