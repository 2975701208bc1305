/* What it costs to seal a message and to open it, part by part: microseconds of processor time, medians.
 *
 * The parts are called as bus/seal.c calls them, through crypto/ and whisper/; "whole" is seal_write() and seal_read()
 * themselves, so that what no part tells shows as the difference. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bus/keyring.h"
#include "bus/seal.h"
#include "crypto/ecies.h"
#include "crypto/keccak.h"
#include "crypto/secret.h"

#define MAX_ROUNDS 99
#define CALLS 400
#define TTL_MS 600000

struct settings {
	int64_t rounds, size;
	bool json;
};

static const struct config_row rows[] = {
	{"rounds", CONFIG_INT, offsetof(struct settings, rounds), "5", NULL, 1, MAX_ROUNDS, "N",
	 "measurements of each part; the median counts", NULL},
	{"size", CONFIG_INT, offsetof(struct settings, size), "1024", NULL, 512, 65536, "BYTES",
	 "bytes of an encoded command", NULL},
	{"json", CONFIG_BOOL, offsetof(struct settings, json), NULL, NULL, 0, 0, NULL, "print one JSON object", NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench seal [options]",
	.about = "Microseconds of processor time that sealing and opening a message take, part by part.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

/* One message, sealed and opened over and over. */
struct subject {
	struct keyring *keyring, *keeping; /* have both keys, so they write and read; one keeps contexts */
	struct secp_key from, to;
	struct message *message;
	char *text;
	size_t text_bytes;
	uint8_t *sealed, *opened, *written;
	size_t written_bytes;
	uint8_t digest[KECCAK_BYTES], signature[SECP_SIGNATURE_BYTES], shared[SECP_SHARED_BYTES];
};

static void encode(struct subject *s)
{
	mem_free(message_encode(s, s->message));
}

static void digest(struct subject *s)
{
	keccak256((uint8_t *)s->text, s->text_bytes, s->digest);
}

static void sign(struct subject *s)
{
	secp_sign(&s->from, s->digest, s->signature);
}

static void ephemeral(struct subject *s)
{
	struct secp_key key;

	(void)s;
	secp_key_new(&key);
	secret_wipe(&key, sizeof(key));
}

static void agree(struct subject *s)
{
	error_free(secp_ecdh(s->from.secret, s->to.public, s->shared));
}

static void encrypt(struct subject *s)
{
	static const uint8_t iv[16] = {1};

	error_free(ecies_seal_with(&s->from, iv, s->to.public, (uint8_t *)s->text, s->text_bytes, NULL, 0, s->sealed));
}

static void decrypt(struct subject *s)
{
	error_free(ecies_open(s->to.secret, s->sealed, s->text_bytes + ECIES_OVERHEAD, NULL, 0, s->opened));
}

static void recover(struct subject *s)
{
	uint8_t public[SECP_PUBLIC_BYTES];

	error_free(secp_recover(s->digest, s->signature, public));
}

static void decode(struct subject *s)
{
	struct message *m = NULL;

	error_free(message_decode(s, s->text, s->text_bytes, false, NULL, &m));
	mem_free(m);
}

static void write_with(struct subject *s, struct keyring *k)
{
	mem_free(s->written);
	s->written = NULL;
	error_free(seal_write(s, k, s->message, SEAL_SEALED, &s->written, &s->written_bytes));
}

static void read_with(struct subject *s, struct keyring *k)
{
	struct message *m = NULL;

	error_free(seal_read(s, k, s->message->to, s->written, s->written_bytes, &m));
	mem_free(m);
}

static void write_whole(struct subject *s)
{
	write_with(s, s->keyring);
}

static void read_whole(struct subject *s)
{
	read_with(s, s->keyring);
}

static void write_agreed(struct subject *s)
{
	write_with(s, s->keeping);
}

static void read_agreed(struct subject *s)
{
	read_with(s, s->keeping);
}

static const struct part {
	const char *name, *key;
	void (*run)(struct subject *s);
} parts[] = {
	{"text of the message", "encode_us", encode},
	{"digest", "digest_us", digest},
	{"signature", "sign_us", sign},
	{"ephemeral key", "ephemeral_us", ephemeral},
	{"key agreement", "agree_us", agree},
	{"key agreement, encryption, MAC", "encrypt_us", encrypt},
	{"sealing, whole", "seal_us", write_whole},
	{"sealing, key agreed before", "seal_agreed_us", write_agreed},
	{"key agreement, MAC, decryption", "decrypt_us", decrypt},
	{"signer from the signature", "recover_us", recover},
	{"reading the text", "decode_us", decode},
	{"opening, whole", "open_us", read_whole},
	{"opening, key agreed before", "open_agreed_us", read_agreed},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static struct error *subject_new(const void *ctx, size_t size, struct subject **ret_subject)
{
	struct subject *s = mem_new(ctx, struct subject);
	json_t *body = json_object();
	const char *from, *to;
	char *filler;

	secp_key_new(&s->from);
	secp_key_new(&s->to);
	s->keyring = keyring_new(s, NULL);
	s->keeping = keyring_new(s, NULL);
	keyring_keep_contexts(s->keeping);
	(void)keyring_add(s->keeping, &s->from);
	(void)keyring_add(s->keeping, &s->to);
	from = keyring_add(s->keyring, &s->from);
	to = keyring_add(s->keyring, &s->to);
	json_put(body, "filler", "");
	s->message = message_new(s, MESSAGE_COMMAND, from, to, TTL_MS, body);
	s->text = message_encode(s, s->message);
	filler = mem_zalloc_(s, size + 1, "filler");
	memset(filler, 'x', size > strlen(s->text) ? size - strlen(s->text) : 0);
	json_put(body, "filler", filler);
	s->message = message_new(s, MESSAGE_COMMAND, from, to, TTL_MS, body);
	json_decref(body);
	s->text = message_encode(s, s->message);
	s->text_bytes = strlen(s->text);
	s->sealed = mem_array(s, uint8_t, s->text_bytes + ECIES_OVERHEAD);
	s->opened = mem_array(s, uint8_t, s->text_bytes);
	*ret_subject = s;
	return seal_write(s, s->keyring, s->message, SEAL_SEALED, &s->written, &s->written_bytes);
}

/* Processor time, so that what else the machine does is not counted. */
static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double measure(struct subject *s, const struct part *p, size_t rounds)
{
	double values[MAX_ROUNDS];

	p->run(s);
	for (size_t i = 0; i < rounds; i++) {
		double from = cpu_us();

		for (int k = 0; k < CALLS; k++)
			p->run(s);
		values[i] = (cpu_us() - from) / CALLS;
	}
	return bench_median(values, rounds);
}

struct error *bench_seal(int argc, char **argv)
{
	struct settings set = {0};
	struct subject *s = NULL;
	void *ctx = mem_new(NULL, char);
	json_t *result = json_pack("{s:s}", "bench", "seal");
	char **words;
	bool done = false;
	struct error *e = config_load(ctx, &program, argc, argv, &set, &words, &done);

	if (!e && !done && words[0])
		e = error_new(ERROR_INVALID, "\"%s\": takes options only; see --help", words[0]);
	if (!e && !done)
		e = subject_new(ctx, (size_t)set.size, &s);
	if (!e && !done && !set.json)
		puts("a message sealed and opened, part by part");
	for (size_t i = 0; !e && !done && i < PARTS; i++) {
		double us = measure(s, &parts[i], (size_t)set.rounds);

		bench_put(result, parts[i].key, us, 1);
		if (!set.json)
			printf("%-32s %6.1f us\n", parts[i].name, us);
	}
	if (!e && !done && set.json)
		bench_print_json(json_incref(result));
	json_decref(result);
	mem_free(ctx);
	return e;
}
