#include "crypto_vectors.h"

#include "crypto/keccak.h"
#include "crypto/keccak_lanes.h"
#include "crypto/secret.h"

/* The letter a, n times; the lengths lie around the blocks of 136 bytes. */
static const struct {
	size_t n;
	const char *digest;
} repeated[] = {
	{0, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
	{135, "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446"},
	{136, "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e"},
	{137, "d869f639c7046b4929fc92a4d988a8b22c55fbadb802c0c66ebcd484f1915f39"},
	{271, "132f47effd6c8b1b299efa53fe68aece77ec8ae4eb2e294f668eec94f76001e1"},
	{272, "cf7fcd4f705ee749930d19ca84561a9bf62516bd90a471545fa2f49fdc7e63c8"},
	{273, "5a7b8187d2778e614097fac3097573de1fee4d972304d3360796a857029bb176"},
};

static void whole(void **state)
{
	uint8_t digest[KECCAK_BYTES], text[273];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++) {
		keccak256(text, repeated[i].n, digest);
		assert_hex(digest, sizeof(digest), repeated[i].digest);
	}
	keccak256("abc", 3, digest);
	assert_hex(digest, sizeof(digest), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

static void check_answer(const void *ctx, const json_t *row)
{
	uint8_t digest[KECCAK_BYTES];
	size_t n;
	uint8_t *message = row_bytes(ctx, row, "msg", &n);

	keccak256(message, n, digest);
	assert_hex(digest, sizeof(digest), row_text(row, "digest"));
}

static void known_answers(void **state)
{
	(void)state;
	each_row_of("keccak/keccak_256.json", 260, check_answer);
}

/* However it is cut, and with digests taken on the way. */
static void in_parts(void **state)
{
	uint8_t bytes[600], expected[KECCAK_BYTES], digest[KECCAK_BYTES];

	(void)state;
	crypto_random_bytes(bytes, sizeof(bytes));
	for (size_t part = 1; part <= sizeof(bytes); part++) {
		struct keccak k, copy;
		size_t at = 0;

		keccak_init(&k);
		for (; at + part <= sizeof(bytes); at += part) {
			keccak_update(&k, bytes + at, part);
			assert_true(k.used < KECCAK_RATE);
		}
		keccak_digest(&k, digest);
		keccak256(bytes, at, expected);
		assert_memory_equal(digest, expected, sizeof(expected));
		copy = k;
		keccak_update(&copy, bytes + at, sizeof(bytes) - at);
		keccak_digest(&copy, digest);
		keccak256(bytes, sizeof(bytes), expected);
		assert_memory_equal(digest, expected, sizeof(expected));
	}
}

/* Keccak-f[1600] of the state of zeros: XKCP, tests/TestVectors/KeccakF-1600-IntermediateValues.txt. */
static void permutation(void **state)
{
	uint64_t lanes[25] = {0};

	(void)state;
	keccak_permute(lanes);
	assert_true(lanes[0] == 0xf1258f7940e1dde7 && lanes[1] == 0x84d5ccf933c0478a);
	assert_true(lanes[2] == 0xd598261ea65aa9ee && lanes[3] == 0xbd1547306f80494d);
	assert_true(lanes[4] == 0x8b284e056253d057);
}

static void check_lanes(const struct keccak_lanes *kind)
{
	_Alignas(64) uint64_t states[25 * KECCAK_LANES_MAX];
	uint64_t one[KECCAK_LANES_MAX][25];

	assert_in_range(kind->width, 1, KECCAK_LANES_MAX);
	crypto_random_bytes(states, sizeof(states));
	for (size_t s = 0; s < kind->width; s++) {
		for (size_t i = 0; i < 25; i++)
			one[s][i] = states[i * kind->width + s];
		keccak_permute(one[s]);
	}
	kind->permute(states);
	for (size_t s = 0; s < kind->width; s++) {
		for (size_t i = 0; i < 25; i++)
			assert_true(states[i * kind->width + s] == one[s][i]);
	}
}

/* Every kind that this processor runs against the scalar one. */
static void lanes(void **state)
{
	const struct keccak_lanes *const *kinds = keccak_lanes_all();
	size_t count = 0;

	(void)state;
	assert_string_equal(kinds[0]->name, "scalar");
	for (; kinds[count]; count++) {
		print_message("keccak: %s\n", kinds[count]->name);
		for (int i = 0; i < 100; i++)
			check_lanes(kinds[count]);
	}
	assert_ptr_equal(keccak_lanes_best(), kinds[count - 1]);
#ifdef __x86_64__
	assert_int_equal(count, 1 + !!__builtin_cpu_supports("avx2") + !!__builtin_cpu_supports("avx512f"));
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),       cmocka_unit_test(known_answers), cmocka_unit_test(in_parts),
		cmocka_unit_test(permutation), cmocka_unit_test(lanes),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
