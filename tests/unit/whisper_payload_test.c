#include "whisper/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/aes.h"
#include "crypto/ecies.h"
#include "crypto/secret.h"
#include "whisper/payload_plain.h"
#include "whisper_vectors.h"

struct fixture {
	void *ctx;
	json_t *all;
	struct secp_key from, to;
	uint8_t *sym_key, *payload, *padding, *plain;
	size_t payload_bytes, padding_bytes, plain_bytes;
};

static int setup(void **state)
{
	struct fixture *f = mem_new(NULL, struct fixture);
	size_t n;

	f->ctx = f;
	f->all = vectors_load();
	f->from = vector_key(f->all, "src_priv");
	f->to = vector_key(f->all, "dst_priv");
	f->sym_key = vector_bytes(f, f->all, "sym.key", &n);
	f->payload = vector_bytes(f, f->all, "payload", &f->payload_bytes);
	f->padding = vector_bytes(f, f->all, "padding", &f->padding_bytes);
	f->plain = vector_bytes(f, f->all, "plaintext", &f->plain_bytes);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	json_decref(f->all);
	mem_free(f);
	return 0;
}

static void check_vector_payload(const struct fixture *f, const struct payload *p)
{
	assert_int_equal(p->payload_bytes, f->payload_bytes);
	assert_memory_equal(p->payload, f->payload, f->payload_bytes);
	assert_int_equal(p->padding_bytes, f->padding_bytes);
	assert_memory_equal(p->padding, f->padding, f->padding_bytes);
	assert_true(p->is_signed);
	assert_memory_equal(p->signer, f->from.public, SECP_PUBLIC_BYTES);
}

static void test_vectors(void **state)
{
	struct fixture *f = *state;
	size_t sym_bytes, asym_bytes;
	uint8_t *sym = vector_bytes(f, f->all, "sym.data", &sym_bytes),
		*asym = vector_bytes(f, f->all, "asym.data", &asym_bytes);
	struct payload p;

	assert_null(payload_open_sym(f->ctx, f->sym_key, sym, sym_bytes, &p));
	check_vector_payload(f, &p);
	assert_ptr_equal(talloc_parent(p.bytes), f->ctx);
	assert_null(payload_open_asym(f->ctx, &f->to, asym, asym_bytes, &p));
	check_vector_payload(f, &p);
	assert_ptr_equal(talloc_parent(p.bytes), f->ctx);
}

/* With the vectors' salt, ephemeral key and iv our plain text becomes their data, byte for byte. */
static void test_vectors_sealed(void **state)
{
	struct fixture *f = *state;
	struct payload_to to = {.sign = &f->from, .padding = f->padding, .padding_bytes = f->padding_bytes};
	size_t n, sym_bytes, asym_bytes;
	uint8_t *plain, *salt = vector_bytes(f, f->all, "sym.salt", &n), *iv = vector_bytes(f, f->all, "asym.iv", &n),
			*sym = vector_bytes(f, f->all, "sym.data", &sym_bytes),
			*asym = vector_bytes(f, f->all, "asym.data", &asym_bytes), *sealed;
	struct secp_key ephemeral = vector_key(f->all, "asym.ephemeral_priv");

	assert_null(payload_plain_write(f, &to, f->payload, f->payload_bytes, &plain, &n));
	assert_int_equal(n, f->plain_bytes);
	assert_memory_equal(plain, f->plain, n);
	sealed = mem_array(f, uint8_t, n + ECIES_OVERHEAD);
	aes_gcm_seal(f->sym_key, salt, plain, n, sealed);
	assert_int_equal(sym_bytes, n + AES_GCM_TAG_BYTES + AES_GCM_NONCE_BYTES);
	assert_memory_equal(sealed, sym, n + AES_GCM_TAG_BYTES);
	assert_memory_equal(sym + n + AES_GCM_TAG_BYTES, salt, AES_GCM_NONCE_BYTES);
	assert_null(ecies_seal_with(&ephemeral, iv, f->to.public, plain, n, NULL, 0, sealed));
	assert_int_equal(asym_bytes, n + ECIES_OVERHEAD);
	assert_memory_equal(sealed, asym, asym_bytes);
}

static void test_keys_of_passwords(void **state)
{
	struct fixture *f = *state;
	const char *password;
	json_t *hex;

	json_object_foreach (vector_at(f->all, "pbkdf2"), password, hex) {
		uint8_t key[SYM_KEY_BYTES], expected[SYM_KEY_BYTES];

		assert_null(hex_decode(json_string_value(hex), expected, sizeof expected));
		payload_key_from_password(password, key);
		assert_memory_equal(key, expected, sizeof key);
	}
}

/* Seals n bytes in all four ways; what is opened is what was sealed, padded to a multiple of 256. */
static void check_size(struct fixture *f, size_t n)
{
	uint8_t *bytes = mem_array(f, uint8_t, n + 1);
	size_t field = n < 256 ? 1 : n < 65536 ? 2 : 3;

	crypto_random_bytes(bytes, n);
	for (unsigned way = 0; way < 4; way++) {
		struct payload_to to = {.sym_key = way & 1 ? f->sym_key : NULL,
					.public = way & 1 ? NULL : f->to.public,
					.sign = way & 2 ? &f->from : NULL};
		size_t data_bytes, plain = 1 + field + n + (way & 2 ? 65 : 0);
		struct payload p;
		uint8_t *data;

		assert_null(payload_seal(f, &to, bytes, n, &data, &data_bytes));
		plain += 256 - plain % 256;
		assert_int_equal(data_bytes, plain + (way & 1 ? 28 : 113));
		if (way & 1)
			assert_null(payload_open_sym(f, f->sym_key, data, data_bytes, &p));
		else
			assert_null(payload_open_asym(f, &f->to, data, data_bytes, &p));
		assert_int_equal(p.bytes[0], field | (way & 2 ? 4 : 0));
		assert_int_equal(p.payload_bytes, n);
		assert_memory_equal(p.payload, bytes, n);
		assert_in_range(p.padding_bytes, 1, 256);
		assert_int_equal(p.is_signed, (way & 2) != 0);
		if (p.is_signed)
			assert_memory_equal(p.signer, f->from.public, SECP_PUBLIC_BYTES);
		mem_free(data);
		mem_free(p.bytes);
	}
	mem_free(bytes);
}

static void test_sizes(void **state)
{
	/* 254 and 189 (signed) fill 256 bytes exactly, and get 256 more */
	static const size_t sizes[] = {0, 1, 188, 189, 190, 253, 254, 255, 256, 257, 65535, 65536, 100000};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		check_size(*state, sizes[i]);
}

static void test_size_limits(void **state)
{
	struct fixture *f = *state;
	struct payload_to to = {.sym_key = f->sym_key};
	uint8_t *bytes = mem_array(f, uint8_t, PAYLOAD_LIMIT + 1), *data;
	struct payload p;
	size_t n;

	assert_error(payload_seal(f, &to, bytes, PAYLOAD_LIMIT + 1, &data, &n), ERROR_LIMIT, "payload of 16777216");
	assert_null(payload_seal(f, &to, bytes, PAYLOAD_LIMIT, &data, &n));
	assert_null(payload_open_sym(f, f->sym_key, data, n, &p));
	assert_int_equal(p.payload_bytes, PAYLOAD_LIMIT);
	to.padding = bytes;
	to.padding_bytes = PAYLOAD_LIMIT + 1;
	assert_error(payload_seal(f, &to, bytes, 1, &data, &n), ERROR_LIMIT, "padding of 16777216");
}

static void test_padding(void **state)
{
	struct fixture *f = *state;
	const uint8_t zeros[8] = {0};
	struct payload_to to = {.sym_key = f->sym_key, .padding = zeros, .padding_bytes = sizeof zeros};
	struct payload p;
	uint8_t *data;
	size_t n;

	/* the caller's, as it is */
	assert_null(payload_seal(f, &to, f->payload, f->payload_bytes, &data, &n));
	assert_int_equal(n, 1 + 1 + f->payload_bytes + sizeof zeros + 28);
	assert_null(payload_open_sym(f, f->sym_key, data, n, &p));
	assert_int_equal(p.padding_bytes, sizeof zeros);
	assert_memory_equal(p.padding, zeros, sizeof zeros);
	/* none of the caller's: random, not zeros */
	to.padding_bytes = 0;
	assert_null(payload_seal(f, &to, f->payload, f->payload_bytes, &data, &n));
	assert_int_equal(n, 256 + 28);
	assert_null(payload_open_sym(f, f->sym_key, data, n, &p));
	assert_memory_not_equal(p.padding, zeros, sizeof zeros);
}

static void test_public_key_that_is_none(void **state)
{
	struct fixture *f = *state;
	const uint8_t none[SECP_PUBLIC_BYTES] = {1, 2, 3};
	struct payload_to to = {.public = none};
	uint8_t *data = NULL;
	size_t n;

	assert_error(payload_seal(f, &to, f->payload, f->payload_bytes, &data, &n), ERROR_INVALID, "");
	assert_null(data);
}

static void test_not_for_this_key(void **state)
{
	struct fixture *f = *state;
	size_t sym_bytes, asym_bytes;
	uint8_t *sym = vector_bytes(f, f->all, "sym.data", &sym_bytes),
		*asym = vector_bytes(f, f->all, "asym.data", &asym_bytes);
	struct payload p = {.bytes = NULL};

	f->sym_key[31] ^= 1;
	assert_error(payload_open_sym(f, f->sym_key, sym, sym_bytes, &p), ERROR_REFUSED, "");
	f->sym_key[31] ^= 1;
	assert_error(payload_open_asym(f, &f->from, asym, asym_bytes, &p), ERROR_REFUSED, "");
	/* each byte counts */
	for (size_t i = 0; i < sym_bytes; i++) {
		sym[i] ^= 0x40;
		assert_error(payload_open_sym(f, f->sym_key, sym, sym_bytes, &p), ERROR_REFUSED, "");
		sym[i] ^= 0x40;
	}
	for (size_t i = 0; i < asym_bytes; i++) {
		asym[i] ^= 0x40;
		assert_error(payload_open_asym(f, &f->to, asym, asym_bytes, &p), ERROR_REFUSED, "");
		asym[i] ^= 0x40;
	}
	for (size_t n = 0; n < sym_bytes; n++)
		assert_error(payload_open_sym(f, f->sym_key, sym, n, &p), ERROR_REFUSED, "");
	for (size_t n = 0; n < asym_bytes; n++)
		assert_error(payload_open_asym(f, &f->to, asym, n, &p), ERROR_REFUSED, "");
	assert_null(p.bytes);
}

static void test_plain_texts(void **state)
{
	static const struct {
		const char *hex;
		int payload, padding; /* bytes */
		const char *words;    /* refused */
	} rows[] = {
		{"00", 0, 0, NULL}, /* no size field: all is padding */
		{"00aabbcc", 0, 3, NULL},
		{"0100", 0, 0, NULL},
		{"0100aa", 0, 1, NULL},
		{"0102aabb", 2, 0, NULL},
		{"0102aabbcc", 2, 1, NULL},
		{"020200aabbcc", 2, 1, NULL},
		{"03020000aabbcc", 2, 1, NULL},
		{"f902aabbcc", 2, 1, NULL}, /* other bits are ignored */
		{"", 0, 0, "empty"},
		{"01", 0, 0, "payload's size"},
		{"0201", 0, 0, "payload's size"},
		{"030100", 0, 0, "payload's size"},
		{"0101", 0, 0, "longer than"},
		{"0103aabb", 0, 0, "longer than"},
		{"020300aabb", 0, 0, "longer than"}, /* go-ethereum lets these pass, */
		{"020400aabb", 0, 0, "longer than"}, /* and ends with a panic */
		{"03ffffffaabb", 0, 0, "longer than"},
		{"04", 0, 0, "signature"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n;
		uint8_t *plain = bytes_of_hex(f, rows[i].hex, &n);
		struct payload p = {.bytes = NULL};
		struct error *e = payload_plain_read(plain, n, &p);

		if (rows[i].words) {
			assert_error(e, ERROR_INVALID, rows[i].words);
			assert_null(p.bytes);
			continue;
		}
		assert_null(e);
		assert_ptr_equal(p.bytes, plain);
		assert_int_equal(p.payload_bytes, rows[i].payload);
		assert_int_equal(p.padding_bytes, rows[i].padding);
		assert_ptr_equal(p.payload + p.payload_bytes, p.padding);
		assert_ptr_equal(p.padding + p.padding_bytes, plain + n);
		assert_false(p.is_signed);
	}
}

static void test_signatures(void **state)
{
	struct fixture *f = *state;
	struct payload p = {.bytes = NULL};
	uint8_t *v = f->plain + f->plain_bytes - 1, good = *v;

	/* V of 27 and 28, as EIP-627 has it and go-ethereum refuses it */
	*v = 27;
	assert_error(payload_plain_read(f->plain, f->plain_bytes, &p), ERROR_INVALID, "signature");
	*v = 4;
	assert_error(payload_plain_read(f->plain, f->plain_bytes, &p), ERROR_INVALID, "signature");
	*v = good;
	memset(f->plain + f->plain_bytes - 65, 0, 32); /* R */
	assert_error(payload_plain_read(f->plain, f->plain_bytes, &p), ERROR_INVALID, "signature");
	/* too short for a signature and a byte before it, though the flags say there is one */
	memset(f->plain, 0, f->plain_bytes);
	f->plain[0] = 0x04;
	for (size_t n = 1; n <= 66; n++)
		assert_error(payload_plain_read(f->plain, n, &p), ERROR_INVALID, "too short for its signature");
	/* the size field would lie in the signature */
	f->plain[0] = 0x07;
	assert_error(payload_plain_read(f->plain, 67, &p), ERROR_INVALID, "payload's size");
	/* and the payload */
	f->plain[0] = 0x05;
	f->plain[1] = 1;
	assert_error(payload_plain_read(f->plain, 67, &p), ERROR_INVALID, "longer than");
	assert_null(p.bytes);
}

/* A sender can sign what is altered afterwards, or seal what is malformed: opened, but invalid. */
static void test_opened_but_invalid(void **state)
{
	struct fixture *f = *state;
	uint8_t plain[] = {0x01, 0x09, 'a'}, nonce[AES_GCM_NONCE_BYTES] = {7}, data[sizeof plain + ECIES_OVERHEAD];
	struct payload p = {.bytes = NULL};

	aes_gcm_seal(f->sym_key, nonce, plain, sizeof plain, data);
	memcpy(data + sizeof plain + AES_GCM_TAG_BYTES, nonce, sizeof nonce);
	assert_error(payload_open_sym(f, f->sym_key, data, sizeof plain + 28, &p), ERROR_INVALID, "longer than");
	assert_null(ecies_seal(f->to.public, plain, sizeof plain, NULL, 0, data));
	assert_error(payload_open_asym(f, &f->to, data, sizeof data, &p), ERROR_INVALID, "longer than");
	assert_null(p.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_vectors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vectors_sealed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_of_passwords, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_size_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_padding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_public_key_that_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_for_this_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plain_texts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_opened_but_invalid, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
