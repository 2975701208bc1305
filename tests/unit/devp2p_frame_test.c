/* Frames: the published golden ones, both directions in all sizes and pieces, MACs, limits, compression, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "crypto/aes.h"
#include "crypto/secret.h"
#include "devp2p/frame.h"
#include "devp2p_vectors.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct pair {
	struct frames *a, *b;
	struct buf *wire; /* from a to b */
};

static struct pair pair_new(size_t limit)
{
	struct handshake_secrets s = {0}, t;
	struct pair p;

	crypto_random_bytes(s.aes, sizeof(s.aes));
	crypto_random_bytes(s.mac, sizeof(s.mac));
	keccak_init(&s.egress);
	keccak_update(&s.egress, "there", 5);
	keccak_init(&s.ingress);
	keccak_update(&s.ingress, "back", 4);
	t = s;
	t.egress = s.ingress;
	t.ingress = s.egress;
	p.a = frames_new(NULL, &s, limit);
	p.b = frames_new(NULL, &t, limit);
	p.wire = buf_new(NULL, 64 << 20);
	return p;
}

static void pair_free(struct pair *p)
{
	mem_free(p->a);
	mem_free(p->b);
	mem_free(p->wire);
}

static void pair_compress(struct pair *p)
{
	frames_compress(p->a);
	frames_compress(p->b);
}

static void pair_plain(struct pair *p)
{
	frames_plain(p->a);
	frames_plain(p->b);
}

/* Reads one message, in pieces of `step` bytes. */
static struct error *take(struct frames *f, struct buf *wire, size_t step, struct frame *ret_frame)
{
	size_t at = 0, used = 0;
	struct frame frame = {0};

	while (!frame.complete && at < wire->len) {
		size_t part = wire->len - at < step ? wire->len - at : step;

		TRY(frames_read(f, (uint8_t *)wire->data + at, part, &used, &frame));
		at += used;
		if (!frame.complete)
			assert_int_equal(used, part);
	}
	buf_consume(wire, at);
	*ret_frame = frame;
	return NULL;
}

static void refused(struct frames *f, struct buf *wire, size_t step, enum error_code code, const char *message)
{
	struct frame frame;
	struct error *e = take(f, wire, step, &frame);

	if (!e)
		fail_msg("taken: %s", message);
	if (e->code != code || !strstr(e->message, message))
		fail_msg("%s: %s", error_code_name(e->code), e->message);
	error_free(e);
	buf_clear(wire);
}

/* go-ethereum v1.9.20 p2p/rlpx_test.go: message 8, [1, 2, 3, 4], both keys Keccak-256 of nothing. Its MAC is a
 * constant, so what can be compared is the cipher text; MACs are in the next test. */
static void golden_cipher_text(void **state)
{
	struct handshake_secrets s = {0};
	struct frames *f;
	struct buf *out = buf_new(NULL, 1000);

	(void)state;
	keccak256("", 0, s.aes);
	keccak256("", 0, s.mac);
	keccak_init(&s.egress);
	keccak_init(&s.ingress);
	f = frames_new(NULL, &s, FRAME_LIMIT);
	assert_null(frames_write(f, 8, "\xc4\x01\x02\x03\x04", 5, out));
	assert_int_equal(out->len, 64);
	assert_memory_equal(out->data, "\x00\x82\x8d\xda\xe4\x71\x81\x8b\xb0\xbf\xa6\xb5\x51\xd1\xcb\x42", 16);
	assert_memory_equal(out->data + 32, "\xba\x62\x8a\x4b\xa5\x90\xcb\x43\xf7\x84\x8f\x41\xc4\x38\x28\x85", 16);
	mem_free(f);
	mem_free(out);
}

static struct frames *published(bool initiator)
{
	struct handshake_secrets s = {0};
	struct vector auth = vector_of("rlpx_frames", "auth_ciphertext"),
		      ack = vector_of("rlpx_frames", "authresp_ciphertext"),
		      nonce = vector_of("rlpx_frames", initiator ? "receiver_nonce" : "initiator_nonce"),
		      own = vector_of("rlpx_frames", initiator ? "initiator_nonce" : "receiver_nonce");
	struct vector mac = vector_of("rlpx_frames", "mac_secret");
	uint8_t mixed[32];

	memcpy(s.aes, vector_of("rlpx_frames", "aes_secret").bytes, 32);
	memcpy(s.mac, mac.bytes, 32);
	for (size_t i = 0; i < 32; i++)
		mixed[i] = mac.bytes[i] ^ nonce.bytes[i];
	keccak_init(&s.egress);
	keccak_update(&s.egress, mixed, 32);
	keccak_update(&s.egress, initiator ? auth.bytes : ack.bytes, initiator ? auth.n : ack.n);
	for (size_t i = 0; i < 32; i++)
		mixed[i] = mac.bytes[i] ^ own.bytes[i];
	keccak_init(&s.ingress);
	keccak_update(&s.ingress, mixed, 32);
	keccak_update(&s.ingress, initiator ? ack.bytes : auth.bytes, initiator ? ack.n : auth.n);
	return frames_new(NULL, &s, FRAME_LIMIT);
}

/* Whole frames of other clients, MACs too. Their header data is another ([0] as one byte), which we ignore. */
static void published_frames(void **state)
{
	(void)state;
	for (int initiator = 0; initiator < 2; initiator++) {
		struct frames *f = published(initiator);
		struct vector hello =
			vector_of("rlpx_frames", initiator ? "receiver_hello_packet" : "initiator_hello_packet");
		struct buf *wire = buf_new(NULL, 1000);
		struct frame frame;

		assert_null(buf_append(wire, hello.bytes, hello.n));
		assert_null(take(f, wire, 5, &frame));
		assert_true(frame.complete);
		assert_int_equal(frame.code, 0);
		assert_int_equal(frame.n, 78);
		assert_int_equal(frame.payload[0], 0xf8);
		assert_int_equal(wire->len, 0);
		mem_free(f);
		mem_free(wire);
	}
}

static void sizes_and_steps(void **state)
{
	static const size_t sizes[] = {0, 1, 14, 15, 16, 17, 31, 32, 100, 2000, 4096, 5000, 70000};
	static const size_t steps[] = {1, 15, 16, 17, 33, 100, 1000000};
	static const uint64_t codes[] = {0, 1, 16, 127, 128, 142, 255, 256, 65536, UINT64_MAX};
	static uint8_t payload[70000];

	(void)state;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7 ^ i >> 5);
	for (int compressed = 0; compressed < 2; compressed++) {
		struct pair p = pair_new(FRAME_LIMIT);

		if (compressed)
			pair_compress(&p);
		else
			pair_plain(&p);
		for (size_t i = 0; i < LENGTH(sizes) * LENGTH(steps); i++) {
			size_t n = sizes[i % LENGTH(sizes)], step = steps[i / LENGTH(sizes)];
			uint64_t code = codes[i % LENGTH(codes)];
			struct frame frame;

			assert_null(frames_write(p.a, code, payload, n, p.wire));
			assert_int_equal(p.wire->len % 16, 0);
			assert_null(take(p.b, p.wire, step, &frame));
			assert_true(frame.complete);
			assert_int_equal(frame.code, code);
			assert_int_equal(frame.n, n);
			if (n)
				assert_memory_equal(frame.payload, payload, n);
		}
		pair_free(&p);
	}
}

/* Several in one read, both ways at once, and a rest that is no frame yet. */
static void many_at_once(void **state)
{
	struct pair p = pair_new(1000);
	struct frame frame;
	size_t used = 0, at = 0;

	(void)state;
	for (uint64_t i = 0; i < 50; i++)
		assert_null(frames_write(p.a, i, "\xc0", 1, p.wire));
	for (uint64_t i = 0; i < 50; i++) {
		assert_null(frames_read(p.b, (uint8_t *)p.wire->data + at, p.wire->len - 1 - at, &used, &frame));
		at += used;
		if (i == 49)
			break;
		assert_true(frame.complete);
		assert_int_equal(frame.code, i);
		assert_int_equal(used, 64);
	}
	assert_false(frame.complete);
	assert_int_equal(at, p.wire->len - 1);
	assert_null(frames_read(p.b, NULL, 0, &used, &frame));
	assert_false(frame.complete);
	assert_null(frames_read(p.b, (uint8_t *)p.wire->data + at, 1, &used, &frame));
	assert_true(frame.complete);
	buf_clear(p.wire);
	assert_null(frames_write(p.b, 3, "\xc0", 1, p.wire));
	assert_null(take(p.a, p.wire, 100, &frame));
	assert_int_equal(frame.code, 3);
	pair_free(&p);
}

/* Any byte altered is found: in the header or its MAC as "bad header MAC", later as "bad frame MAC". */
static void altered(void **state)
{
	(void)state;
	for (size_t at = 0; at < 80; at++) {
		struct pair p = pair_new(1000);

		assert_null(frames_write(p.a, 2, "some bytes, a whole block of 31.", 31, p.wire));
		assert_int_equal(p.wire->len, 80);
		p.wire->data[at] ^= 0x20;
		refused(p.b, p.wire, 10, ERROR_REFUSED, at < 32 ? "bad header MAC" : "bad frame MAC");
		pair_free(&p);
	}
}

/* A frame played again does not pass. */
static void replayed(void **state)
{
	struct pair p = pair_new(1000);
	struct frame frame;
	char copy[64];

	(void)state;
	assert_null(frames_write(p.a, 2, "\xc0", 1, p.wire));
	memcpy(copy, p.wire->data, 64);
	assert_null(take(p.b, p.wire, 64, &frame));
	assert_null(buf_append(p.wire, copy, 64));
	refused(p.b, p.wire, 64, ERROR_REFUSED, "bad header MAC");
	pair_free(&p);
}

static void hello_limit(void **state)
{
	static uint8_t payload[3000];
	struct frame frame;
	struct pair p = pair_new(100000);

	(void)state;
	assert_null(frames_write(p.a, 0, payload, 2048, p.wire));
	assert_null(take(p.b, p.wire, 100, &frame));
	assert_int_equal(frame.n, 2048);
	assert_null(frames_write(p.a, 0, payload, 2049, p.wire));
	refused(p.b, p.wire, 100, ERROR_LIMIT, "a message of 2049 bytes, 2048 are allowed");
	pair_free(&p);
	p = pair_new(100000);
	assert_null(frames_write(p.a, 0, payload, 2100, p.wire));
	refused(p.b, p.wire, 100, ERROR_LIMIT, "a frame of 2101 bytes");
	pair_free(&p);
}

static void payload_limit(void **state)
{
	static uint8_t payload[FRAME_LIMIT + 1];
	struct frame frame;

	(void)state;
	for (int compressed = 0; compressed < 2; compressed++) {
		struct pair p = pair_new(50000);

		if (compressed)
			pair_compress(&p);
		else
			pair_plain(&p);
		assert_null(frames_write(p.a, 17, payload, 50000, p.wire));
		assert_null(take(p.b, p.wire, 4096, &frame));
		assert_int_equal(frame.n, 50000);
		assert_null(frames_write(p.a, 17, payload, 50001, p.wire));
		refused(p.b, p.wire, 4096, ERROR_LIMIT,
			compressed ? "a snappy block of 50001 bytes, 50000 are allowed" : "50001 bytes, 50000");
		pair_free(&p);
	}
	/* What a frame cannot hold is not sent, and nothing is left of the attempt: the next one passes. */
	for (int compressed = 0; compressed < 2; compressed++) {
		struct pair p = pair_new(50000);
		struct buf *small = buf_new(NULL, 1000);
		struct error *e = NULL;

		if (compressed)
			pair_compress(&p);
		e = frames_write(p.a, 17, payload, sizeof(payload), p.wire);
		assert_int_equal(e->code, ERROR_LIMIT);
		error_free(e);
		if (!compressed) {
			e = frames_write(p.a, 17, payload, FRAME_LIMIT, p.wire);
			assert_int_equal(e->code, ERROR_LIMIT);
			error_free(e);
			e = frames_write(p.a, 17, payload, 950, small);
			assert_int_equal(e->code, ERROR_LIMIT);
			error_free(e);
			assert_int_equal(small->len, 0);
		}
		assert_int_equal(p.wire->len, 0);
		assert_null(frames_write(p.a, 17, "\xc0", 1, p.wire));
		assert_null(take(p.b, p.wire, 4096, &frame));
		assert_int_equal(frame.code, 17);
		mem_free(small);
		pair_free(&p);
	}
}

/* Bytes that are sent as they are, to be taken for compressed ones. */
static void bad_blocks(void **state)
{
	static const struct {
		const char *block;
		size_t n;
		enum error_code code;
		const char *message;
	} blocks[] = {
		{"", 0, ERROR_INVALID, "message 17: invalid snappy block"},
		{"\xc0", 1, ERROR_INVALID, "invalid snappy block"},
		{"\x05\x00\xc0", 3, ERROR_INVALID, "do not make the"},
		{"\xff\xff\xff\x07\x00\xc0\xfe\x01\x00", 9, ERROR_LIMIT, "16777215 bytes, 100000 are allowed"},
		{"\xa0\x8d\x06\x00\xc0\xfe\x01\x00", 8, ERROR_INVALID, "cannot hold the 100000 bytes"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(blocks); i++) {
		struct pair p = pair_new(100000);
		size_t before;

		frames_plain(p.a);
		frames_compress(p.b);
		before = talloc_total_size(p.b);
		assert_null(frames_write(p.a, 17, blocks[i].block, blocks[i].n, p.wire));
		refused(p.b, p.wire, 7, blocks[i].code, blocks[i].message);
		assert_true(talloc_total_size(p.b) < before + 2000);
		pair_free(&p);
	}
}

static void plain_disconnect(void **state)
{
	static const struct {
		const char *payload;
		size_t n;
	} plain[] = {{"\xc1\x03", 2}, {"\x03", 1}, {"", 0}, {"\xc1\x80", 2}, {"\xc0", 1}};

	(void)state;
	for (size_t i = 0; i < LENGTH(plain); i++) {
		struct pair p = pair_new(1000);
		struct frame frame;

		frames_plain(p.a);
		frames_compress(p.b);
		assert_null(frames_write(p.a, 1, plain[i].payload, plain[i].n, p.wire));
		assert_null(take(p.b, p.wire, 100, &frame));
		assert_int_equal(frame.code, 1);
		assert_int_equal(frame.n, plain[i].n);
		assert_memory_equal(frame.payload, plain[i].payload, plain[i].n);
		pair_free(&p);
	}
}

/* The wire form of any 16 bytes of header and one block of body, made from the primitives. */
static void forge(const struct handshake_secrets *s, const uint8_t header[16], const uint8_t body[16],
		  uint8_t ret_wire[64])
{
	static const uint8_t iv[16] = {0};
	struct aes_ctr *ctr = aes_ctr_new(NULL, s->aes, 32, iv);
	struct aes_block *block = aes_block_new(NULL, s->mac, 32);
	struct keccak mac = s->ingress;

	aes_ctr_apply(ctr, header, 16, ret_wire);
	aes_ctr_apply(ctr, body, 16, ret_wire + 32);
	for (int part = 0; part < 2; part++) {
		uint8_t digest[32], stirred[16], seed[16];

		memcpy(seed, ret_wire, 16);
		if (part) {
			keccak_update(&mac, ret_wire + 32, 16);
			keccak_digest(&mac, digest);
			memcpy(seed, digest, 16);
		}
		keccak_digest(&mac, digest);
		aes_block_encrypt(block, digest, stirred);
		for (size_t i = 0; i < 16; i++)
			stirred[i] ^= seed[i];
		keccak_update(&mac, stirred, 16);
		keccak_digest(&mac, digest);
		memcpy(ret_wire + 16 + 32 * part, digest, 16);
	}
	mem_free(ctr);
	mem_free(block);
}

/* Header data is not looked at; an empty frame, a size above the limit, a message id that is none are refused. */
static void headers(void **state)
{
	static const struct {
		const char *header;
		char body[4];
		enum error_code code; /* 0: taken */
		const char *message;
	} forged[] = {
		{"\0\0\3\xc2\x80\x80\0\0\0\0\0\0\0\0\0\0", "\2\xc1\5", 0, NULL},
		{"\0\0\3\xc1\x80\0\0\0\0\0\0\0\0\0\0\0", "\2\xc1\5", 0, NULL},
		{"\0\0\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\2\xc1\5", 0, NULL},
		{"\0\0\0\xc2\x80\x80\0\0\0\0\0\0\0\0\0\0", "", ERROR_INVALID, "an empty frame"},
		{"\xff\xff\xff\xc2\x80\x80\0\0\0\0\0\0\0\0\0\0", "", ERROR_LIMIT, "16777215 bytes, 109 are allowed"},
		{"\0\0\3\xc2\x80\x80\0\0\0\0\0\0\0\0\0\0", "\xc0\0\0", ERROR_INVALID,
		 "message id: invalid RLP: a list"},
		{"\0\0\3\xc2\x80\x80\0\0\0\0\0\0\0\0\0\0", "\x83\1\1", ERROR_INVALID, "message id: invalid RLP"},
		{"\0\0\3\xc2\x80\x80\0\0\0\0\0\0\0\0\0\0", "\x81\5\1", ERROR_INVALID, "message id: invalid RLP"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(forged); i++) {
		struct handshake_secrets s = {.aes = {1, 2, 3}, .mac = {4, 5, 6}};
		struct buf *wire = buf_new(NULL, 64);
		uint8_t body[16] = {0}, bytes[64];
		struct frames *f;
		struct frame frame;

		keccak_init(&s.egress);
		keccak_init(&s.ingress);
		f = frames_new(NULL, &s, 100);
		memcpy(body, forged[i].body, 3);
		forge(&s, (const uint8_t *)forged[i].header, body, bytes);
		assert_null(buf_append(wire, bytes, sizeof(bytes)));
		if (forged[i].code) {
			refused(f, wire, 64, forged[i].code, forged[i].message);
		} else {
			assert_null(take(f, wire, 64, &frame));
			assert_int_equal(frame.code, 2);
			assert_int_equal(frame.n, 2);
			assert_memory_equal(frame.payload, "\xc1\5", 2);
		}
		mem_free(f);
		mem_free(wire);
	}
}

static void memory(void **state)
{
	static uint8_t payload[300000];
	struct pair p = pair_new(FRAME_LIMIT);
	struct frame frame;
	size_t idle, used = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * i >> 9 ^ i);
	pair_compress(&p);
	assert_null(frames_write(p.a, 17, payload, 100, p.wire));
	assert_null(take(p.b, p.wire, 1000, &frame));
	idle = talloc_total_size(p.b);
	/* What a header claims takes nothing: a buffer grows as bytes come. */
	assert_null(frames_write(p.a, 17, payload, sizeof(payload), p.wire));
	assert_null(frames_read(p.b, (uint8_t *)p.wire->data, 632, &used, &frame));
	assert_int_equal(used, 632);
	assert_true(talloc_total_size(p.b) < idle + 2000);
	buf_consume(p.wire, 632);
	assert_null(take(p.b, p.wire, 10000, &frame));
	assert_int_equal(frame.n, sizeof(payload));
	assert_true(talloc_total_size(p.b) > sizeof(payload));
	assert_null(frames_read(p.b, NULL, 0, &used, &frame));
	assert_true(talloc_total_size(p.b) < idle + 2 * 4096);
	assert_true(talloc_total_size(p.b) < 10000);
	assert_true(talloc_total_size(p.a) < 10000);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_cipher_text),
		cmocka_unit_test(published_frames),
		cmocka_unit_test(sizes_and_steps),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(altered),
		cmocka_unit_test(replayed),
		cmocka_unit_test(hello_limit),
		cmocka_unit_test(payload_limit),
		cmocka_unit_test(bad_blocks),
		cmocka_unit_test(plain_disconnect),
		cmocka_unit_test(headers),
		cmocka_unit_test(memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
