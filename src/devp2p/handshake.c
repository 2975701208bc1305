#include "devp2p/handshake.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/ecies.h"
#include "crypto/secret.h"
#include "rlp/rlp.h"

#define NONCE_BYTES 32
#define SIZE_BYTES 2 /* before an EIP-8 packet: its length, big-endian */
#define VERSION 4
#define PAD_LEAST 100 /* EIP-8: so that the packet is longer than a legacy one */
#define PAD_SPAN 200

/* Legacy plain texts: signature, hash, public key, nonce, a zero; ephemeral key, nonce, a zero. */
#define LEGACY_AUTH_PLAIN (SECP_SIGNATURE_BYTES + KECCAK_BYTES + SECP_PUBLIC_BYTES + NONCE_BYTES + 1)
#define LEGACY_ACK_PLAIN (SECP_PUBLIC_BYTES + NONCE_BYTES + 1)
#define LEGACY_AUTH (LEGACY_AUTH_PLAIN + ECIES_OVERHEAD)
#define LEGACY_ACK (LEGACY_ACK_PLAIN + ECIES_OVERHEAD)
#define LEGACY_FIRST_BYTE 0x04 /* of an uncompressed public key */

struct handshake {
	const struct secp_key *self;
	bool dialing, begun, done;
	bool not_legacy; /* begins like a legacy packet but is none */
	uint8_t remote_public[SECP_PUBLIC_BYTES], remote_ephemeral[SECP_PUBLIC_BYTES];
	struct secp_key ephemeral;
	uint8_t nonce[NONCE_BYTES], remote_nonce[NONCE_BYTES];
	uint8_t *sent; /* our packet */
	size_t sent_bytes;
	uint8_t *received; /* the peer's, as far as it came */
	size_t have;
};

static int handshake_destroy(struct handshake *h)
{
	secret_wipe(&h->ephemeral, sizeof(h->ephemeral));
	secret_wipe(h->nonce, sizeof(h->nonce));
	return 0;
}

struct handshake *handshake_new(const void *ctx, const struct secp_key *self, const uint8_t *remote_public)
{
	struct handshake *h = mem_new(ctx, struct handshake);

	h->self = self;
	h->dialing = remote_public;
	if (remote_public)
		memcpy(h->remote_public, remote_public, SECP_PUBLIC_BYTES);
	talloc_set_destructor(h, handshake_destroy);
	return h;
}

static void begin(struct handshake *h)
{
	if (h->begun)
		return;
	h->begun = true;
	secp_key_new(&h->ephemeral);
	crypto_random_bytes(h->nonce, sizeof(h->nonce));
}

void handshake_fix(struct handshake *h, const struct secp_key *ephemeral, const uint8_t nonce[NONCE_BYTES])
{
	assert(!h->begun);
	h->begun = true;
	h->ephemeral = *ephemeral;
	memcpy(h->nonce, nonce, NONCE_BYTES);
}

/* What the signature in auth covers: the static keys' shared secret, XOR the initiator's nonce. */
static struct error *signed_digest(const struct handshake *h, const uint8_t nonce[NONCE_BYTES], uint8_t ret_digest[32])
{
	uint8_t digest[SECP_SHARED_BYTES] = {0};

	TRY(secp_ecdh(h->self->secret, h->remote_public, digest));
	for (size_t i = 0; i < NONCE_BYTES; i++)
		digest[i] ^= nonce[i];
	memcpy(ret_digest, digest, sizeof(digest));
	secret_wipe(digest, sizeof(digest));
	return NULL;
}

/* Seals `plain` for the peer, with the size before it in the EIP-8 form, and appends it to `out`. */
static struct error *send_packet(struct handshake *h, const uint8_t *plain, size_t n, bool legacy, struct buf *out)
{
	size_t head = legacy ? 0 : SIZE_BYTES, sealed_bytes = n + ECIES_OVERHEAD;

	h->sent_bytes = head + sealed_bytes;
	h->sent = mem_array(h, uint8_t, h->sent_bytes);
	if (!legacy) {
		h->sent[0] = (uint8_t)(sealed_bytes >> 8);
		h->sent[1] = (uint8_t)sealed_bytes;
	}
	TRY(ecies_seal(h->remote_public, plain, n, legacy ? NULL : h->sent, head, h->sent + head));
	return buf_append(out, h->sent, h->sent_bytes);
}

/* Zero bytes after the list, of a random number: packets of many sizes, none of them a legacy one's. */
static struct error *send_padded(struct handshake *h, struct rlp_writer *w, struct buf *out)
{
	static const uint8_t zeros[PAD_LEAST + PAD_SPAN] = {0};
	uint16_t chance;

	crypto_random_bytes(&chance, sizeof(chance));
	rlp_write_raw(w, zeros, PAD_LEAST + chance % PAD_SPAN);
	return send_packet(h, w->data, w->len, false, out);
}

struct error *handshake_begin(struct handshake *h, struct buf *out)
{
	uint8_t digest[32] = {0}, signature[SECP_SIGNATURE_BYTES];
	struct rlp_writer w;
	struct error *e = NULL;

	assert(h->dialing && !h->sent);
	if (!secp_public_valid(h->remote_public))
		return error_new(ERROR_INVALID, "the key of the node to dial is no point of the curve");
	begin(h);
	TRY(signed_digest(h, h->nonce, digest));
	secp_sign(&h->ephemeral, digest, signature);
	rlp_writer_init(&w, h);
	rlp_list_begin(&w);
	rlp_write_bytes(&w, signature, sizeof(signature));
	rlp_write_bytes(&w, h->self->public, SECP_PUBLIC_BYTES);
	rlp_write_bytes(&w, h->nonce, NONCE_BYTES);
	rlp_write_u64(&w, VERSION);
	rlp_list_end(&w);
	e = send_padded(h, &w, out);
	mem_free(w.data);
	return e;
}

static struct error *send_ack(struct handshake *h, bool legacy, struct buf *out)
{
	uint8_t plain[LEGACY_ACK_PLAIN] = {0};
	struct rlp_writer w;
	struct error *e = NULL;

	if (legacy) {
		memcpy(plain, h->ephemeral.public, SECP_PUBLIC_BYTES);
		memcpy(plain + SECP_PUBLIC_BYTES, h->nonce, NONCE_BYTES);
		return send_packet(h, plain, sizeof(plain), true, out);
	}
	rlp_writer_init(&w, h);
	rlp_list_begin(&w);
	rlp_write_bytes(&w, h->ephemeral.public, SECP_PUBLIC_BYTES);
	rlp_write_bytes(&w, h->nonce, NONCE_BYTES);
	rlp_write_u64(&w, VERSION);
	rlp_list_end(&w);
	e = send_padded(h, &w, out);
	mem_free(w.data);
	return e;
}

/* The initiator's signature tells its ephemeral key. */
static struct error *take_signature(struct handshake *h, const uint8_t signature[SECP_SIGNATURE_BYTES])
{
	uint8_t digest[32] = {0};

	TRY(signed_digest(h, h->remote_nonce, digest));
	return secp_recover(digest, signature, h->remote_ephemeral);
}

/* Further elements and what follows the list are for later versions (EIP-8); so is another version. */
static struct error *read_auth(struct handshake *h, const uint8_t *plain, size_t n)
{
	struct rlp packet = rlp_of(plain, n), items = {0};
	uint8_t signature[SECP_SIGNATURE_BYTES] = {0};

	TRY(rlp_read_list(&packet, &items));
	TRY(rlp_read_fixed(&items, signature, sizeof(signature)));
	TRY(rlp_read_fixed(&items, h->remote_public, SECP_PUBLIC_BYTES));
	TRY(rlp_read_fixed(&items, h->remote_nonce, NONCE_BYTES));
	TRY(rlp_skip(&items));
	return take_signature(h, signature);
}

static struct error *read_ack(struct handshake *h, const uint8_t *plain, size_t n)
{
	struct rlp packet = rlp_of(plain, n), items = {0};

	TRY(rlp_read_list(&packet, &items));
	TRY(rlp_read_fixed(&items, h->remote_ephemeral, SECP_PUBLIC_BYTES));
	TRY(rlp_read_fixed(&items, h->remote_nonce, NONCE_BYTES));
	return rlp_skip(&items);
}

/* The hash of the ephemeral key in a legacy auth says nothing that the signature does not: it is not looked at. */
static struct error *read_legacy(struct handshake *h, const uint8_t *plain)
{
	const uint8_t *public = plain + SECP_SIGNATURE_BYTES + KECCAK_BYTES;

	if (h->dialing) {
		memcpy(h->remote_ephemeral, plain, SECP_PUBLIC_BYTES);
		memcpy(h->remote_nonce, plain + SECP_PUBLIC_BYTES, NONCE_BYTES);
		return NULL;
	}
	memcpy(h->remote_public, public, SECP_PUBLIC_BYTES);
	memcpy(h->remote_nonce, public + SECP_PUBLIC_BYTES, NONCE_BYTES);
	return take_signature(h, plain);
}

static void start_mac(struct keccak *state, const uint8_t mac[32], const uint8_t nonce[NONCE_BYTES],
		      const uint8_t *packet, size_t n)
{
	uint8_t mixed[32];

	for (size_t i = 0; i < sizeof(mixed); i++)
		mixed[i] = mac[i] ^ nonce[i];
	keccak_init(state);
	keccak_update(state, mixed, sizeof(mixed));
	keccak_update(state, packet, n);
	secret_wipe(mixed, sizeof(mixed));
}

static void keccak_pair(const uint8_t a[32], const uint8_t b[32], uint8_t ret_digest[32])
{
	uint8_t both[64];

	memcpy(both, a, 32);
	memcpy(both + 32, b, 32);
	keccak256(both, sizeof(both), ret_digest);
	secret_wipe(both, sizeof(both));
}

static struct error *derive(struct handshake *h, struct handshake_secrets *ret_secrets)
{
	uint8_t ephemeral[SECP_SHARED_BYTES] = {0}, shared[32];
	const uint8_t *initiator = h->dialing ? h->nonce : h->remote_nonce;
	const uint8_t *recipient = h->dialing ? h->remote_nonce : h->nonce;
	struct handshake_secrets s = {0};

	TRY(secp_ecdh(h->ephemeral.secret, h->remote_ephemeral, ephemeral));
	keccak_pair(recipient, initiator, shared);
	keccak_pair(ephemeral, shared, shared);
	keccak_pair(ephemeral, shared, s.aes);
	keccak_pair(ephemeral, s.aes, s.mac);
	/* Each direction's MAC starts with the receiver's nonce and the packet that went this way. */
	start_mac(&s.egress, s.mac, h->remote_nonce, h->sent, h->sent_bytes);
	start_mac(&s.ingress, s.mac, h->nonce, h->received, h->have);
	memcpy(s.remote_public, h->remote_public, SECP_PUBLIC_BYTES);
	*ret_secrets = s;
	secret_wipe(&s, sizeof(s));
	secret_wipe(ephemeral, sizeof(ephemeral));
	secret_wipe(shared, sizeof(shared));
	return NULL;
}

static bool looks_legacy(const struct handshake *h)
{
	return h->have > 0 && h->received[0] == LEGACY_FIRST_BYTE && !h->not_legacy;
}

static size_t legacy_bytes(const struct handshake *h)
{
	return h->dialing ? LEGACY_ACK : LEGACY_AUTH;
}

/* Bytes of the packet, as far as one can tell yet. */
static struct error *packet_bytes(const struct handshake *h, size_t *ret_n)
{
	size_t n = SIZE_BYTES;

	if (looks_legacy(h)) {
		n = legacy_bytes(h);
	} else if (h->have >= SIZE_BYTES) {
		n = (size_t)h->received[0] << 8 | h->received[1];
		if (n < legacy_bytes(h))
			return error_new(ERROR_INVALID, "invalid RLPx handshake: a packet of %zu bytes", n);
		n += SIZE_BYTES;
		if (n > HANDSHAKE_LIMIT)
			return error_new(ERROR_LIMIT, "an RLPx handshake packet of %zu bytes, %u are allowed", n,
					 HANDSHAKE_LIMIT);
	}
	*ret_n = n;
	return NULL;
}

/* The packet is complete. *ret_more: it was no legacy one, so that more of it is to come. */
static struct error *open_packet(struct handshake *h, bool *ret_more)
{
	uint8_t plain[HANDSHAKE_LIMIT];
	bool legacy = looks_legacy(h);
	size_t head = legacy ? 0 : SIZE_BYTES, n = h->have - head - ECIES_OVERHEAD;
	struct error *e = ecies_open(h->self->secret, h->received + head, h->have - head, legacy ? NULL : h->received,
				     head, plain);

	if (e && legacy) {
		/* The size of an EIP-8 packet of 1024 bytes and more begins like a public key. */
		error_free(e);
		h->not_legacy = true;
		*ret_more = true;
		return NULL;
	}
	*ret_more = false;
	if (!e && legacy)
		e = read_legacy(h, plain);
	else if (!e)
		e = h->dialing ? read_ack(h, plain, n) : read_auth(h, plain, n);
	secret_wipe(plain, sizeof(plain));
	return e ? error_wrap(e, "RLPx %s", h->dialing ? "ack" : "auth") : NULL;
}

static struct error *finish(struct handshake *h, struct buf *out, struct handshake_secrets *ret_secrets)
{
	begin(h);
	if (!h->dialing)
		TRY(send_ack(h, looks_legacy(h), out));
	return derive(h, ret_secrets);
}

struct error *handshake_receive(struct handshake *h, const uint8_t *bytes, size_t n, struct buf *out, size_t *ret_used,
				bool *ret_done, struct handshake_secrets *ret_secrets)
{
	size_t used = 0, want = 0, part;
	bool more = true;

	assert(!h->done && (h->sent || !h->dialing));
	while (more) {
		TRY(packet_bytes(h, &want));
		part = want - h->have < n - used ? want - h->have : n - used;
		if (part > 0) {
			h->received = mem_resize(h, h->received, uint8_t, h->have + part);
			memcpy(h->received + h->have, bytes + used, part);
		}
		h->have += part;
		used += part;
		if (h->have < want) {
			*ret_used = used;
			*ret_done = false;
			return NULL;
		}
		/* Two bytes tell the form and, of EIP-8's, the size. */
		if (want > SIZE_BYTES)
			TRY(open_packet(h, &more));
	}
	TRY(finish(h, out, ret_secrets));
	h->done = true;
	*ret_used = used;
	*ret_done = true;
	return NULL;
}
