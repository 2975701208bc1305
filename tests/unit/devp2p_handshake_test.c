/* EIP-8's handshake vectors in all forms, the derived secrets, and our two sides against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "crypto/ecies.h"
#include "devp2p/handshake.h"
#include "devp2p_vectors.h"
#include "rlp/rlp.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct side {
	struct secp_key key, ephemeral;
	struct vector nonce;
	struct handshake *h;
	struct buf *out;
	struct handshake_secrets secrets;
	bool done;
};

static struct side side_new(const char *name)
{
	struct side s = {0};
	char *text = mem_printf(NULL, "static_key_%s", name);

	s.key = key_of("eip8", text);
	mem_free(text);
	text = mem_printf(NULL, "ephemeral_key_%s", name);
	s.ephemeral = key_of("eip8", text);
	mem_free(text);
	text = mem_printf(NULL, "nonce_%s", name);
	s.nonce = vector_of("eip8", text);
	mem_free(text);
	s.out = buf_new(NULL, 4096);
	return s;
}

/* The key must stay where it is, so this is a step of its own. */
static void side_begin(struct side *s, const struct side *dialed)
{
	s->h = handshake_new(NULL, &s->key, dialed ? dialed->key.public : NULL);
	handshake_fix(s->h, &s->ephemeral, s->nonce.bytes);
	if (dialed)
		assert_null(handshake_begin(s->h, s->out));
}

static void side_free(struct side *s)
{
	mem_free(s->h);
	mem_free(s->out);
}

/* Feeds `step` bytes at a time; what follows the packet must stay. */
static struct error *feed(struct side *s, const uint8_t *bytes, size_t n, size_t step)
{
	size_t at = 0;

	while (at < n && !s->done) {
		size_t part = n - at < step ? n - at : step, used = 99999;
		struct error *e = handshake_receive(s->h, bytes + at, part, s->out, &used, &s->done, &s->secrets);

		if (e)
			return e;
		assert_true(used <= part);
		at += used;
		if (!s->done)
			assert_int_equal(used, part);
	}
	assert_int_equal(at, n);
	return NULL;
}

static void secrets_fit(const struct side *s)
{
	assert_true(s->done);
	assert_memory_equal(s->secrets.aes, vector_of("eip8", "aes_secret").bytes, 32);
	assert_memory_equal(s->secrets.mac, vector_of("eip8", "mac_secret").bytes, 32);
}

static void auths(void **state)
{
	static const char *const names[] = {"auth1", "auth2", "auth3"};
	static const size_t steps[] = {1, 2, 7, 10000};

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++) {
		struct vector auth = vector_of("eip8", names[i]);

		for (size_t j = 0; j < LENGTH(steps); j++) {
			struct side a = side_new("a"), b = side_new("b");

			side_begin(&b, NULL);
			assert_null(feed(&b, auth.bytes, auth.n, steps[j]));
			secrets_fit(&b);
			assert_memory_equal(b.secrets.remote_public, a.key.public, SECP_PUBLIC_BYTES);
			if (i == 0)
				assert_int_equal(b.out->len, 210);
			else
				assert_in_range(b.out->len, 210 + 2, 700);
			side_free(&a);
			side_free(&b);
		}
	}
}

static void ingress_mac(void **state)
{
	struct vector auth = vector_of("eip8", "auth2");
	struct side b = side_new("b");
	uint8_t digest[32];

	(void)state;
	side_begin(&b, NULL);
	assert_null(feed(&b, auth.bytes, auth.n, auth.n));
	keccak_update(&b.secrets.ingress, "foo", 3);
	keccak_digest(&b.secrets.ingress, digest);
	assert_memory_equal(digest, vector_of("eip8", "ingress_mac_foo").bytes, 32);
	side_free(&b);
}

static void acks(void **state)
{
	static const char *const names[] = {"ack1", "ack2", "ack3"};
	static const size_t steps[] = {1, 3, 10000};

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++) {
		struct vector ack = vector_of("eip8", names[i]);

		for (size_t j = 0; j < LENGTH(steps); j++) {
			struct side b = side_new("b"), a = side_new("a");
			struct keccak expected;
			uint8_t mixed[32], ours[32], theirs[32];
			size_t sent;

			side_begin(&a, &b);
			sent = a.out->len;
			assert_in_range(sent, 307, 800);
			assert_null(feed(&a, ack.bytes, ack.n, steps[j]));
			secrets_fit(&a);
			assert_int_equal(a.out->len, sent);
			for (size_t k = 0; k < 32; k++)
				mixed[k] = a.secrets.mac[k] ^ a.nonce.bytes[k];
			keccak_init(&expected);
			keccak_update(&expected, mixed, 32);
			keccak_update(&expected, ack.bytes, ack.n);
			keccak_digest(&expected, ours);
			keccak_digest(&a.secrets.ingress, theirs);
			assert_memory_equal(ours, theirs, 32);
			side_free(&a);
			side_free(&b);
		}
	}
}

static void same_state(const struct keccak *a, const struct keccak *b)
{
	uint8_t one[32], two[32];

	keccak_digest(a, one);
	keccak_digest(b, two);
	assert_memory_equal(one, two, 32);
}

/* Random keys; what follows a packet in the same read is left. */
static void both_sides(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct secp_key keys[2];
		struct handshake *dials, *listens;
		struct buf *there = buf_new(NULL, 4096), *back = buf_new(NULL, 4096);
		struct handshake_secrets s[2];
		size_t used = 0, length;
		bool done = false;

		secp_key_new(&keys[0]);
		secp_key_new(&keys[1]);
		dials = handshake_new(NULL, &keys[0], keys[1].public);
		listens = handshake_new(NULL, &keys[1], NULL);
		assert_null(handshake_begin(dials, there));
		length = there->len;
		assert_int_equal((uint8_t)there->data[0] << 8 | (uint8_t)there->data[1], length - 2);
		assert_in_range(length, 2 + 169 + 100 + 113, 2 + 169 + 4 + 299 + 113);
		assert_null(buf_append(there, "frames", 6));
		assert_null(handshake_receive(listens, (uint8_t *)there->data, there->len, back, &used, &done, &s[1]));
		assert_true(done);
		assert_int_equal(used, length);
		assert_null(handshake_receive(dials, (uint8_t *)back->data, back->len, there, &used, &done, &s[0]));
		assert_true(done);
		assert_int_equal(used, back->len);
		assert_memory_equal(s[0].aes, s[1].aes, 32);
		assert_memory_equal(s[0].mac, s[1].mac, 32);
		same_state(&s[0].egress, &s[1].ingress);
		same_state(&s[1].egress, &s[0].ingress);
		assert_memory_equal(s[0].remote_public, keys[1].public, SECP_PUBLIC_BYTES);
		assert_memory_equal(s[1].remote_public, keys[0].public, SECP_PUBLIC_BYTES);
		mem_free(dials);
		mem_free(listens);
		mem_free(there);
		mem_free(back);
	}
}

/* A list in an EIP-8 packet to B, with so many zeros after it. */
static size_t packet_to_b(const struct side *b, const struct rlp_writer *w, size_t pad, uint8_t *ret_packet)
{
	uint8_t plain[1900] = {0};
	size_t n = w->len + pad;

	memcpy(plain, w->data, w->len);
	ret_packet[0] = (uint8_t)((n + ECIES_OVERHEAD) >> 8);
	ret_packet[1] = (uint8_t)(n + ECIES_OVERHEAD);
	assert_null(ecies_seal(b->key.public, plain, n, ret_packet, 2, ret_packet + 2));
	return n + ECIES_OVERHEAD + 2;
}

static void auth_list(struct rlp_writer *w, const struct side *a, const struct side *b, unsigned items)
{
	uint8_t digest[32], signature[SECP_SIGNATURE_BYTES];

	assert_null(secp_ecdh(a->key.secret, b->key.public, digest));
	for (size_t i = 0; i < 32; i++)
		digest[i] ^= a->nonce.bytes[i];
	secp_sign(&a->ephemeral, digest, signature);
	rlp_writer_init(w, NULL);
	rlp_list_begin(w);
	if (items > 0)
		rlp_write_bytes(w, signature, sizeof(signature));
	if (items > 1)
		rlp_write_bytes(w, a->key.public, SECP_PUBLIC_BYTES);
	if (items > 2)
		rlp_write_bytes(w, a->nonce.bytes, 32);
	if (items > 3)
		rlp_write_u64(w, 4);
	for (unsigned i = 4; i < items; i++)
		rlp_write_raw(w, "\xc2\x01\x02", 3);
	rlp_list_end(w);
}

/* A packet of 1024 bytes and more begins like a legacy one, with 0x04. */
static void large_packets(void **state)
{
	(void)state;
	for (size_t pad = 700; pad < 1200; pad += 100) {
		struct side a = side_new("a"), b = side_new("b");
		struct rlp_writer w;
		uint8_t packet[2048];
		size_t n;

		side_begin(&b, NULL);
		auth_list(&w, &a, &b, 9);
		n = packet_to_b(&b, &w, pad, packet);
		assert_null(feed(&b, packet, n, 100));
		secrets_fit(&b);
		mem_free(w.data);
		side_free(&a);
		side_free(&b);
	}
}

static void refused(struct side *s, const uint8_t *bytes, size_t n, enum error_code code, const char *message)
{
	struct error *e = feed(s, bytes, n, n);

	if (!e)
		fail_msg("taken: %s", message);
	if (e->code != code || !strstr(e->message, message))
		fail_msg("%s: %s", error_code_name(e->code), e->message);
	assert_false(s->done);
	error_free(e);
	side_free(s);
}

static void short_lists(void **state)
{
	(void)state;
	for (unsigned items = 0; items < 4; items++) {
		struct side a = side_new("a"), b = side_new("b");
		struct rlp_writer w;
		uint8_t packet[2048];
		size_t n;

		side_begin(&b, NULL);
		auth_list(&w, &a, &b, items);
		n = packet_to_b(&b, &w, 300, packet);
		mem_free(w.data);
		refused(&b, packet, n, ERROR_INVALID, "RLPx auth: invalid RLP: an item is missing");
		side_free(&a);
	}
}

static void refusals(void **state)
{
	struct vector auth1 = vector_of("eip8", "auth1"), auth2 = vector_of("eip8", "auth2"),
		      ack2 = vector_of("eip8", "ack2");
	struct side b;

	(void)state;
	/* Sizes that are none */
	b = side_new("b");
	side_begin(&b, NULL);
	refused(&b, (const uint8_t *)"\x01\x32", 2, ERROR_INVALID, "a packet of 306 bytes");
	b = side_new("b");
	side_begin(&b, NULL);
	refused(&b, (const uint8_t *)"\x07\xff", 2, ERROR_LIMIT, "2049 bytes, 2048 are allowed");
	/* Altered, cut into another size, for somebody else */
	auth2.bytes[200] ^= 1;
	b = side_new("b");
	side_begin(&b, NULL);
	refused(&b, auth2.bytes, auth2.n, ERROR_REFUSED, "RLPx auth");
	auth2.bytes[200] ^= 1;
	auth2.bytes[1]--;
	b = side_new("b");
	side_begin(&b, NULL);
	refused(&b, auth2.bytes, auth2.n - 1, ERROR_REFUSED, "RLPx auth");
	auth2.bytes[1]++;
	b = side_new("a");
	side_begin(&b, NULL);
	refused(&b, auth2.bytes, auth2.n, ERROR_REFUSED, "RLPx auth");
	b = side_new("b");
	side_begin(&b, NULL);
	refused(&b, ack2.bytes, ack2.n, ERROR_REFUSED, "RLPx auth");
	/* An altered legacy packet might be a large one of EIP-8: more is waited for, then it is refused. */
	auth1.bytes[300] ^= 1;
	b = side_new("b");
	side_begin(&b, NULL);
	assert_null(feed(&b, auth1.bytes, auth1.n, auth1.n));
	assert_false(b.done);
	refused(&b, (const uint8_t[1000]){0}, 0x048c + 2 - 307, ERROR_INVALID, "RLPx auth");
}

static void no_key_to_dial(void **state)
{
	struct secp_key key;
	uint8_t none[SECP_PUBLIC_BYTES] = {1};
	struct handshake *h;
	struct buf *out = buf_new(NULL, 4096);
	struct error *e = NULL;

	(void)state;
	secp_key_new(&key);
	h = handshake_new(NULL, &key, none);
	e = handshake_begin(h, out);
	assert_int_equal(e->code, ERROR_INVALID);
	assert_int_equal(out->len, 0);
	error_free(e);
	mem_free(h);
	mem_free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auths),      cmocka_unit_test(ingress_mac),    cmocka_unit_test(acks),
		cmocka_unit_test(both_sides), cmocka_unit_test(large_packets),  cmocka_unit_test(short_lists),
		cmocka_unit_test(refusals),   cmocka_unit_test(no_key_to_dial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
