/* Where a chain of one's own answers: the same ports each time, since others have written its address down. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "vcli/chain_net.h"

#define PORT_MAX 65535

/* `port` of 127.0.0.1, 0: any; whether it could be taken, errno otherwise. */
static int bind_port(unsigned port, unsigned *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), failed, err;

	/* As the programs do: connections that have ended do not count. */
	failed = fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
		 bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		 getsockname(fd, (struct sockaddr *)&address, &n) != 0;
	err = errno;
	if (fd >= 0)
		close(fd);
	*ret_port = ntohs(address.sin_port);
	return failed ? err : 0;
}

struct error *chain_net_free_port(unsigned *ret_port)
{
	unsigned port = 0;
	int err = bind_port(0, &port);

	if (err)
		return error_sys(err, "a free port of 127.0.0.1");
	*ret_port = port;
	return NULL;
}

struct error *chain_net_keep_ports(struct chain_net *n, const struct chain_net *earlier)
{
	int64_t port = n->v->set.port;
	json_t *ports = earlier && !port ? json_object_get(earlier->document, "ports") : NULL;

	if (port && port + (int64_t)n->sealers - 1 > PORT_MAX)
		return error_new(ERROR_INVALID, "--port: %zu sealers want ports up to %" PRId64 ", the last is %d",
				 n->sealers, port + (int64_t)n->sealers - 1, PORT_MAX);
	json_object_set_new(n->document, "ports", json_is_array(ports) ? json_deep_copy(ports) : json_array());
	return NULL;
}

struct error *chain_net_rpc_port(struct chain_net *n, size_t i, unsigned *ret_port)
{
	json_t *ports = json_object_get(n->document, "ports");
	const char *text = json_string_value(json_array_get(ports, i));
	long kept = text ? strtol(text, NULL, 10) : 0;
	unsigned port = kept > 0 && kept <= PORT_MAX ? (unsigned)kept : 0;
	int err;

	if (n->v->set.port)
		port = (unsigned)(n->v->set.port + (int64_t)i);
	err = bind_port(port, &port);
	if (err == EADDRINUSE)
		return error_new(ERROR_EXISTS, "port %u of 127.0.0.1 is in use: choose another one with --port", port);
	if (err)
		return error_sys(err, "port %u of 127.0.0.1", port);
	if (i < json_array_size(ports))
		json_array_set_new(ports, i, json_sprintf("%u", port));
	else
		json_array_append_new(ports, json_sprintf("%u", port));
	*ret_port = port;
	return NULL;
}
