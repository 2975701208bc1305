/* The RLPx encryption handshake, both sides, without any input or output of its own.
 *
 * Dialing always sends the EIP-8 form; the listening side takes EIP-8 and the legacy form and answers in kind.
 * Sources: devp2p rlpx.md, EIP-8; go-ethereum v1.9.20 p2p/rlpx.go for what is tolerated. Threads: any.
 */
#ifndef DSN_DEVP2P_HANDSHAKE_H
#define DSN_DEVP2P_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"

#define HANDSHAKE_LIMIT 2048 /* bytes of one auth or ack packet that we take */

/* What a finished handshake leaves for the frames. */
struct handshake_secrets {
	uint8_t aes[32], mac[32];
	struct keccak egress, ingress;
	uint8_t remote_public[SECP_PUBLIC_BYTES];
};

struct handshake;

/* `remote_public` NULL: we were dialed. `self` must outlive it. */
struct handshake *handshake_new(const void *ctx, const struct secp_key *self, const uint8_t *remote_public);
/* For test vectors: our ephemeral key and nonce instead of random ones. Before anything else. */
void handshake_fix(struct handshake *h, const struct secp_key *ephemeral, const uint8_t nonce[32]);
/* Who dials begins with this. ERROR_INVALID when the remote key is none. */
struct error *handshake_begin(struct handshake *h, struct buf *out) MUST_CHECK;
/* Bytes from the peer; what must be sent is appended to `out`. *ret_used says how many belong to the handshake (the
 * rest are frames). *ret_done with the secrets, once. Errors: the peer is to be dropped. */
struct error *handshake_receive(struct handshake *h, const uint8_t *bytes, size_t n, struct buf *out, size_t *ret_used,
				bool *ret_done, struct handshake_secrets *ret_secrets) MUST_CHECK;

#endif
