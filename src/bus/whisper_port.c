/* Alone in its file, so that a test can put a port of its own in its place. */
#include "bus/whisper_port.h"

struct error *whisper_port_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options,
				const struct whisper_address *address, const struct whisper_port_events *events,
				void *arg, struct whisper_port **ret_port)
{
	if (address->embedded)
		return whisper_node_open(ctx, loop, address, events, arg, ret_port);
	return whisper_shhd_open(ctx, loop, options, address, events, arg, ret_port);
}
