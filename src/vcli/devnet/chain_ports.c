/* Where a chain of one's own answers: the same ports each time, since others have written its address down. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"
#include "devnet/port.h"
#include "vcli/devnet/chain_net.h"

#define PORT_MAX 65535

struct error *chain_net_keep_ports(struct chain_net *n, const struct chain_net *earlier)
{
	int64_t port = n->v->set.devnet.port;
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
	struct error *e;

	if (n->v->set.devnet.port)
		port = (unsigned)(n->v->set.devnet.port + (int64_t)i);
	if (!port)
		TRY(devnet_free_port(&port));
	e = devnet_check_port(port);
	if (e && e->code == ERROR_EXISTS) {
		error_free(e);
		return error_new(ERROR_EXISTS, "port %u of 127.0.0.1 is in use: choose another one with --port", port);
	}
	if (e)
		return e;
	if (i < json_array_size(ports))
		json_array_set_new(ports, i, json_sprintf("%u", port));
	else
		json_array_append_new(ports, json_sprintf("%u", port));
	*ret_port = port;
	return NULL;
}
