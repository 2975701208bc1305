/* The way into the Whisper network, one interface with two implementations: a node of our own in this process
 * (whisper_port_node.c), and a running shhd (whisper_port_shhd.c).
 *
 * It carries data that is sealed already and promises nothing; bus/whisper_impl.h has what makes a bus of it. Private
 * keys do not come here. Threads: loop thread.
 */
#ifndef DSN_BUS_WHISPER_PORT_H
#define DSN_BUS_WHISPER_PORT_H

#include "bus/bus.h"
#include "bus/whisper_address.h"

#define WHISPER_KEY_BYTES 16 /* of a hash, to tell things apart by */

struct whisper_port;
struct whisper_posting;

struct whisper_port_events {
	/* Up: others can be reached. When down, `why` (borrowed) tells what was tried. May come repeatedly with the
	 * same state. The port may be freed in it. */
	void (*state)(bool up, const struct error *why, void *arg);
	/* An envelope of a topic that is watched, maybe more than once; also what was posted here. All is borrowed.
	 * The port must not be freed in it. */
	void (*envelope)(const uint8_t topic[TOPIC_BYTES], const uint8_t hash[ENVELOPE_HASH_BYTES], const uint8_t *data,
			 size_t n, void *arg);
};

/* e (borrowed): ERROR_LIMIT: too large for ever; others may pass. The port, and the posting's owner, must not be freed
 * in it. */
typedef void whisper_posted_fn(const struct error *e, void *arg);

/* The head of an implementation. */
struct whisper_port {
	size_t limit; /* bytes of data that can be posted */
	/* From now on these topics and no others, and what lives of them already; copied. */
	void (*watch)(struct whisper_port *p, const uint8_t (*topics)[TOPIC_BYTES], size_t count);
	/* Mines and posts; the data is copied. The posting belongs to ctx; freeing it gives it up. `urgent`: if the
	 * port is freed before, it is still sent, as far as that is possible at once. `fn` comes once, never from
	 * within. */
	struct whisper_posting *(*post)(struct whisper_port *p, const void *ctx, const uint8_t topic[TOPIC_BYTES],
					uint32_t ttl_s, const uint8_t *data, size_t n, bool urgent,
					whisper_posted_fn *fn, void *arg);
};

/* Returns at once; `state` follows. The port belongs to ctx; the address is borrowed for its life. */
struct error *whisper_port_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options,
				const struct whisper_address *address, const struct whisper_port_events *events,
				void *arg, struct whisper_port **ret_port) MUST_CHECK;

/* The two. */
struct error *whisper_node_open(const void *ctx, uv_loop_t *loop, const struct whisper_address *address,
				const struct whisper_port_events *events, void *arg,
				struct whisper_port **ret_port) MUST_CHECK;
struct error *whisper_shhd_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options,
				const struct whisper_address *address, const struct whisper_port_events *events,
				void *arg, struct whisper_port **ret_port) MUST_CHECK;

#endif
