#include "node/runtime/ports.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* With SO_REUSEADDR, as nginx does it: connections in TIME_WAIT, left by a node that was here before, do not count, but
 * whoever listens does. */
static bool can_bind(int family, const struct sockaddr *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno == EAFNOSUPPORT; /* a machine without IPv6 */
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	bool free = bind(fd, address, len) == 0 || errno == EADDRNOTAVAIL;
	close(fd);
	return free;
}

bool ports_free(int port)
{
	assert(port > 0 && port < 65536);
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	return can_bind(AF_INET, (struct sockaddr *)&v4, sizeof v4) &&
	       can_bind(AF_INET6, (struct sockaddr *)&v6, sizeof v6);
}

struct error *ports_pick(int first, int last, const int *taken, size_t taken_count, int *ret_port)
{
	for (int port = first; port <= last; port++) {
		bool promised = false;
		for (size_t i = 0; i < taken_count && !promised; i++)
			promised = taken[i] == port;
		if (!promised && ports_free(port)) {
			*ret_port = port;
			return NULL;
		}
	}
	return error_new(ERROR_LIMIT, "no free port in %d-%d: widen the range of ports for nodes", first, last);
}

/* One to five digits; moves *at behind them. */
static bool read_port(const char **at, int *ret_port)
{
	size_t digits = strspn(*at, "0123456789");
	if (digits < 1 || digits > 5)
		return false;
	*ret_port = (int)strtol(*at, NULL, 10);
	*at += digits;
	return true;
}

struct error *ports_parse_range(const char *text, struct ports_range *ret_range)
{
	struct ports_range range = {0};
	const char *at = text;
	if (!read_port(&at, &range.first) || *at++ != '-' || !read_port(&at, &range.last) || *at)
		return error_new(ERROR_INVALID, "\"%.80s\" is not a range of ports such as 20000-20999", text);
	if (range.first < 1 || range.last > 65535 || range.first > range.last)
		return error_new(ERROR_INVALID, "\"%s\": ports are within 1..65535, the first not above the last",
				 text);
	*ret_range = range;
	return NULL;
}
