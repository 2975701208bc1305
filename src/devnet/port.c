#include "devnet/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRIES 100 /* a port that TCP has given may be in use by UDP */

/* `port`, 0: any; which it was. 0, or errno. */
static int bind_port(int type, unsigned port, unsigned *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), failed, err;

	failed = fd < 0 ||
		 (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0) ||
		 bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		 getsockname(fd, (struct sockaddr *)&address, &n) != 0;
	err = errno;
	if (fd >= 0)
		close(fd);
	*ret_port = ntohs(address.sin_port);
	return failed ? err : 0;
}

struct error *devnet_free_port(unsigned *ret_port)
{
	int err = 0;

	for (int i = 0; i < TRIES; i++) {
		unsigned port = 0;

		err = bind_port(SOCK_STREAM, 0, &port);
		if (!err)
			err = bind_port(SOCK_DGRAM, port, ret_port);
		if (!err)
			return NULL;
	}
	return error_sys(err, "a free port of 127.0.0.1");
}

struct error *devnet_check_port(unsigned port)
{
	unsigned same = 0;
	int err = bind_port(SOCK_STREAM, port, &same);

	if (err == EADDRINUSE)
		return error_new(ERROR_EXISTS, "port %u of 127.0.0.1 is in use", port);
	return err ? error_sys(err, "port %u of 127.0.0.1", port) : NULL;
}
