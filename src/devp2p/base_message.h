/* Messages of the devp2p base protocol, version 5: Hello, Disconnect, Ping, Pong (devp2p rlpx.md). Threads: any. */
#ifndef DSN_DEVP2P_BASE_MESSAGE_H
#define DSN_DEVP2P_BASE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"
#include "rlp/rlp.h"

enum p2p_base_code { BASE_HELLO = 0, BASE_DISCONNECT = 1, BASE_PING = 2, BASE_PONG = 3, BASE_LENGTH = 16 };

enum p2p_disconnect_reason {
	DISCONNECT_REQUESTED = 0,
	DISCONNECT_NETWORK = 1,
	DISCONNECT_PROTOCOL = 2,
	DISCONNECT_USELESS = 3,
	DISCONNECT_TOO_MANY = 4,
	DISCONNECT_ALREADY = 5,
	DISCONNECT_VERSION = 6,
	DISCONNECT_INVALID_IDENTITY = 7,
	DISCONNECT_QUITTING = 8,
	DISCONNECT_UNEXPECTED_IDENTITY = 9,
	DISCONNECT_SELF = 10,
	DISCONNECT_READ_TIMEOUT = 11,
	DISCONNECT_SUBPROTOCOL = 16,
};
const char *p2p_disconnect_name(uint64_t reason);

#define HELLO_CAPS_MAX 64

struct p2p_capability {
	char name[9]; /* at most 8 bytes, as the devp2p documents say */
	unsigned version;
};

struct p2p_hello {
	uint64_t version; /* of the base protocol: 5 has snappy */
	char *client;     /* printable ASCII; other bytes of the peer's are replaced; talloc child of the ctx given */
	struct p2p_capability caps[HELLO_CAPS_MAX];
	size_t cap_count; /* further ones are ignored */
	uint64_t listen_port;
	uint8_t public[SECP_PUBLIC_BYTES];
};

void p2p_hello_write(struct rlp_writer *w, const struct p2p_hello *h);
/* Further elements are ignored, capabilities with a name that is too long or not printable are passed over.
 * ERROR_REFUSED: the public key is none (reason 7); ERROR_INVALID: else. Whether it is the one of the handshake is for
 * the caller. */
struct error *p2p_hello_read(const void *ctx, const uint8_t *payload, size_t n, struct p2p_hello *ret_hello) MUST_CHECK;
/* Reason of a Disconnect: [reason], a bare integer, or nothing (taken as 0). */
uint64_t p2p_disconnect_read(const uint8_t *payload, size_t n);
void p2p_disconnect_write(struct rlp_writer *w, enum p2p_disconnect_reason reason);

/* First message id of our one capability among the shared ones, or 0 when it is not shared: the remote's capabilities
 * sorted by name and version, ours alone shared. */
uint64_t p2p_capability_offset(const struct p2p_hello *remote, const char *name, unsigned version);

#endif
