#include "devp2p/frame.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/aes.h"
#include "crypto/secret.h"
#include "devp2p/base_message.h"
#include "devp2p/snappy.h"
#include "rlp/rlp.h"

#define BLOCK 16             /* bytes: of AES, of a MAC on the wire, of the header */
#define HEADER_BYTES 32      /* the header and its MAC */
#define HELLO_LIMIT 2048     /* bytes of a payload before both Hellos are through */
#define CODE_MAX_BYTES 9     /* of a message id */
#define KEPT_BYTES 4096      /* a buffer above this is given back after its message */
#define FIRST_BODY_BYTES 512 /* the body's buffer grows from here as bytes arrive, not as the header says */

/* One direction's MAC: a sponge that is never reset, and what its digest begins with as it stands. */
struct running_mac {
	struct keccak state;
	uint8_t mac[BLOCK];
};

struct frames {
	struct aes_ctr *encrypt, *decrypt;
	struct aes_block *mac;
	struct running_mac egress, ingress;
	size_t payload_limit;
	bool hello_done, compress;

	/* The frame that is coming in. */
	uint8_t header[HEADER_BYTES];
	size_t header_have;
	size_t body_bytes;  /* as the header says: without padding; 0 while the header is not complete */
	size_t body_padded; /* with padding, without the MAC */
	uint8_t *body;      /* plain, as far as it came */
	size_t body_have, body_capacity;
	uint8_t body_mac[BLOCK];
	size_t body_mac_have;
	uint8_t *payload; /* decompressed */
	size_t payload_capacity;
};

static int frames_destroy(struct frames *f)
{
	secret_wipe(&f->egress, sizeof(f->egress));
	secret_wipe(&f->ingress, sizeof(f->ingress));
	return 0;
}

static void refresh_mac(struct running_mac *m)
{
	uint8_t digest[KECCAK_BYTES];

	keccak_digest(&m->state, digest);
	memcpy(m->mac, digest, BLOCK);
}

static void start_mac(struct running_mac *m, const struct keccak *state)
{
	m->state = *state;
	refresh_mac(m);
}

struct frames *frames_new(const void *ctx, const struct handshake_secrets *secrets, size_t payload_limit)
{
	static const uint8_t iv[BLOCK] = {0};
	struct frames *f = mem_new(ctx, struct frames);

	assert(payload_limit <= FRAME_LIMIT);
	f->encrypt = aes_ctr_new(f, secrets->aes, sizeof(secrets->aes), iv);
	f->decrypt = aes_ctr_new(f, secrets->aes, sizeof(secrets->aes), iv);
	f->mac = aes_block_new(f, secrets->mac, sizeof(secrets->mac));
	start_mac(&f->egress, &secrets->egress);
	start_mac(&f->ingress, &secrets->ingress);
	f->payload_limit = payload_limit;
	talloc_set_destructor(f, frames_destroy);
	return f;
}

void frames_compress(struct frames *f)
{
	f->hello_done = true;
	f->compress = true;
}

void frames_plain(struct frames *f)
{
	f->hello_done = true;
}

static size_t padded(size_t n)
{
	return (n + BLOCK - 1) / BLOCK * BLOCK;
}

/* Stirs the sponge with a seed: what it then stands at is the MAC on the wire. */
static void stir(struct frames *f, struct running_mac *m, const uint8_t seed[BLOCK])
{
	uint8_t stirred[BLOCK];

	aes_block_encrypt(f->mac, m->mac, stirred);
	for (size_t i = 0; i < BLOCK; i++)
		stirred[i] ^= seed[i];
	keccak_update(&m->state, stirred, BLOCK);
	refresh_mac(m);
}

/* After a body that the sponge has taken in already. */
static void stir_body(struct frames *f, struct running_mac *m)
{
	uint8_t seed[BLOCK];

	refresh_mac(m);
	memcpy(seed, m->mac, BLOCK);
	stir(f, m, seed);
}

static size_t write_code(uint64_t code, uint8_t ret_bytes[CODE_MAX_BYTES])
{
	size_t n = 0;

	if (code < 0x80) {
		ret_bytes[0] = code == 0 ? 0x80 : (uint8_t)code;
		return 1;
	}
	for (int shift = 56; shift >= 0; shift -= 8) {
		if (n > 0 || code >> shift)
			ret_bytes[1 + n++] = (uint8_t)(code >> shift);
	}
	ret_bytes[0] = (uint8_t)(0x80 + n);
	return 1 + n;
}

/* A frame that is still plain: room for the header, the message, padding, room for the MAC. */
static struct error *append_plain(uint64_t code, const uint8_t *payload, size_t n, struct buf *out)
{
	static const uint8_t zeros[HEADER_BYTES] = {0};
	/* The list [0, 0]: a capability id and a context id that nobody uses but some clients check. */
	static const uint8_t header_data[] = {0xc2, 0x80, 0x80};
	uint8_t head[CODE_MAX_BYTES];
	size_t body_bytes = write_code(code, head);
	uint8_t *header;
	size_t begin = out->len;

	if (n > FRAME_LIMIT - body_bytes)
		return error_new(ERROR_LIMIT, "a message of %zu bytes is too large for a frame", n);
	TRY(buf_append(out, zeros, HEADER_BYTES));
	TRY(buf_append(out, head, body_bytes));
	TRY(buf_append(out, payload, n));
	body_bytes += n;
	TRY(buf_append(out, zeros, padded(body_bytes) - body_bytes + BLOCK));
	header = (uint8_t *)out->data + begin;
	header[0] = (uint8_t)(body_bytes >> 16);
	header[1] = (uint8_t)(body_bytes >> 8);
	header[2] = (uint8_t)body_bytes;
	memcpy(header + 3, header_data, sizeof(header_data));
	return NULL;
}

static struct error *append_compressed(struct frames *f, uint64_t code, const uint8_t *payload, size_t n,
				       struct buf *out)
{
	uint8_t small[KEPT_BYTES];
	size_t bound = snappy_bound(n);
	uint8_t *block = bound <= sizeof(small) ? small : mem_resize(f, NULL, uint8_t, bound);
	struct error *e = append_plain(code, block, snappy_encode(payload, n, block), out);

	if (block != small)
		mem_free(block);
	return e;
}

struct error *frames_write(struct frames *f, uint64_t code, const void *payload, size_t n, struct buf *out)
{
	size_t begin = out->len, body_bytes;
	uint8_t *header, *body;
	struct error *e = NULL;

	if (n > FRAME_LIMIT)
		return error_new(ERROR_LIMIT, "a message of %zu bytes, %u are allowed", n, FRAME_LIMIT);
	e = f->compress ? append_compressed(f, code, payload, n, out) : append_plain(code, payload, n, out);
	if (e) {
		out->len = begin;
		out->data[begin] = '\0';
		return e;
	}
	header = (uint8_t *)out->data + begin;
	body = header + HEADER_BYTES;
	body_bytes = out->len - begin - HEADER_BYTES - BLOCK;
	aes_ctr_apply(f->encrypt, header, BLOCK, header);
	stir(f, &f->egress, header);
	memcpy(header + BLOCK, f->egress.mac, BLOCK);
	aes_ctr_apply(f->encrypt, body, body_bytes, body);
	keccak_update(&f->egress.state, body, body_bytes);
	stir_body(f, &f->egress);
	memcpy(body + body_bytes, f->egress.mac, BLOCK);
	return NULL;
}

/* Moves at most `want - *have` bytes. */
static void fill(uint8_t *to, size_t *have, size_t want, const uint8_t *bytes, size_t n, size_t *used)
{
	size_t part = want - *have < n - *used ? want - *have : n - *used;

	if (part > 0)
		memcpy(to + *have, bytes + *used, part);
	*have += part;
	*used += part;
}

/* Bytes of a payload before compression. */
static size_t plain_limit(const struct frames *f)
{
	return !f->hello_done && f->payload_limit > HELLO_LIMIT ? HELLO_LIMIT : f->payload_limit;
}

static size_t body_limit(const struct frames *f)
{
	size_t limit = plain_limit(f);

	if (f->compress)
		limit = snappy_bound(limit);
	limit += CODE_MAX_BYTES;
	return limit < FRAME_LIMIT ? limit : FRAME_LIMIT;
}

static struct error *open_header(struct frames *f)
{
	uint8_t plain[BLOCK];
	size_t n;

	stir(f, &f->ingress, f->header);
	if (!secret_equal(f->ingress.mac, f->header + BLOCK, BLOCK))
		return error_new(ERROR_REFUSED, "bad header MAC");
	aes_ctr_apply(f->decrypt, f->header, BLOCK, plain);
	n = (size_t)plain[0] << 16 | (size_t)plain[1] << 8 | plain[2];
	if (n == 0)
		return error_new(ERROR_INVALID, "an empty frame");
	if (n > body_limit(f))
		return error_new(ERROR_LIMIT, "a frame of %zu bytes, %zu are allowed", n, body_limit(f));
	f->body_bytes = n;
	f->body_padded = padded(n);
	f->body_have = 0;
	f->body_mac_have = 0;
	return NULL;
}

static void take_body(struct frames *f, const uint8_t *bytes, size_t n)
{
	if (f->body_have + n > f->body_capacity) {
		size_t capacity = f->body_capacity ? f->body_capacity : FIRST_BODY_BYTES;

		while (capacity < f->body_have + n)
			capacity *= 2;
		if (capacity > f->body_padded)
			capacity = f->body_padded;
		f->body = mem_resize(f, f->body, uint8_t, capacity);
		f->body_capacity = capacity;
	}
	/* Decrypted before the MAC is known, but used only after it. */
	keccak_update(&f->ingress.state, bytes, n);
	aes_ctr_apply(f->decrypt, bytes, n, f->body + f->body_have);
	f->body_have += n;
}

static void shrink_body(struct frames *f)
{
	if (f->body_capacity > KEPT_BYTES) {
		mem_free(f->body);
		f->body = NULL;
		f->body_capacity = 0;
	}
}

static struct error *decompress(struct frames *f, const uint8_t *block, size_t n, struct frame *frame)
{
	size_t length = 0;

	TRY(snappy_decoded_length(block, n, f->payload_limit, &length));
	if (length > f->payload_capacity || !f->payload) {
		mem_free(f->payload);
		f->payload_capacity = length > FIRST_BODY_BYTES ? length : FIRST_BODY_BYTES;
		f->payload = mem_resize(f, NULL, uint8_t, f->payload_capacity);
	}
	TRY(snappy_decode(block, n, f->payload, length));
	frame->payload = f->payload;
	frame->n = length;
	return NULL;
}

static struct error *open_body(struct frames *f, struct frame *ret_frame)
{
	struct rlp body = rlp_of(f->body, f->body_bytes);
	struct frame frame = {.complete = true};
	struct error *e = NULL;

	stir_body(f, &f->ingress);
	if (!secret_equal(f->ingress.mac, f->body_mac, BLOCK))
		return error_new(ERROR_REFUSED, "bad frame MAC");
	e = rlp_read_u64(&body, &frame.code);
	if (e)
		return error_wrap(e, "a frame's message id");
	frame.payload = body.next;
	frame.n = body.left;
	if (f->compress) {
		e = decompress(f, body.next, body.left, &frame);
		if (e && frame.code != BASE_DISCONNECT)
			return error_wrap(e, "message %llu", (unsigned long long)frame.code);
		if (!e)
			shrink_body(f); /* the message may be held for long */
		error_free(e);
	} else if (frame.n > plain_limit(f)) {
		return error_new(ERROR_LIMIT, "a message of %zu bytes, %zu are allowed", frame.n, plain_limit(f));
	}
	*ret_frame = frame;
	return NULL;
}

/* What the last message needed, unless it is little. */
static void shrink(struct frames *f)
{
	shrink_body(f);
	if (f->payload_capacity > KEPT_BYTES) {
		mem_free(f->payload);
		f->payload = NULL;
		f->payload_capacity = 0;
	}
}

size_t frames_held(const struct frames *f)
{
	return f->body_capacity + f->payload_capacity;
}

struct error *frames_read(struct frames *f, const uint8_t *bytes, size_t n, size_t *ret_used, struct frame *ret_frame)
{
	size_t used = 0, part;

	if (f->body_bytes == 0) {
		shrink(f);
		fill(f->header, &f->header_have, HEADER_BYTES, bytes, n, &used);
		if (f->header_have == HEADER_BYTES)
			TRY(open_header(f));
	}
	if (f->body_bytes > 0) {
		part = f->body_padded - f->body_have;
		part = part < n - used ? part : n - used;
		if (part > 0)
			take_body(f, bytes + used, part);
		used += part;
		fill(f->body_mac, &f->body_mac_have, BLOCK, bytes, n, &used);
		if (f->body_mac_have == BLOCK) {
			TRY(open_body(f, ret_frame));
			f->body_bytes = 0;
			f->header_have = 0;
			*ret_used = used;
			return NULL;
		}
	}
	*ret_frame = (struct frame){0};
	*ret_used = used;
	return NULL;
}
