/* Whisper messages as a node's RPC has them: what goes into shh_post, and what comes from a subscription. Of what comes
 * nothing is trusted. Threads: any. */
#ifndef DSN_VCLI_WHISPER_WHISPER_MESSAGE_H
#define DSN_VCLI_WHISPER_WHISPER_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vcli/vcli.h"

#define WHISPER_TEXT_LIMIT (64 << 10) /* bytes of a payload that are looked at */
#define WHISPER_ID_DIGITS 32          /* of a ping */
#define WHISPER_TTL_MAX_MS (INT64_C(86400) * 1000)

/* For config_row.check: "0x" and eight hexadecimal digits, not all zero; a number from 0 to 1e9. */
struct error *whisper_check_topic(const char *text) MUST_CHECK;
struct error *whisper_check_pow(const char *text) MUST_CHECK;
/* --message-ttl and --pow-time in range? */
struct error *whisper_check_options(const struct vcli_whisper_options *o) MUST_CHECK;

/* The object for shh_post: payload and the settings' topic, lifetime and proof of work. `key` is "symKeyID" or
 * "pubKey"; `sign` is the id of a key pair, or NULL. */
json_t *whisper_post(const struct vcli_whisper_options *o, const char *key, const char *key_value, const char *sign,
		     const char *payload, size_t len);

/* The payload's bytes, NUL-terminated, ctx's. ERROR_INVALID: there is none in hexadecimal; ERROR_LIMIT: it is longer
 * than WHISPER_TEXT_LIMIT. */
struct error *whisper_payload(const void *ctx, const json_t *message, char **ret_bytes, size_t *ret_len) MUST_CHECK;

enum whisper_note_kind { WHISPER_PING, WHISPER_PONG };
/* What a ping and its answer carry: {"type":"ping","id":"32 hexadecimal digits"}. Who sent it is the message's
 * signature: the answer goes to that key, signed by the one that was pinged. */
struct whisper_note {
	enum whisper_note_kind kind;
	char id[WHISPER_ID_DIGITS + 1];
	char signer[2 + 130 + 1]; /* "0x04...", in lower case */
};
char *whisper_note_text(const void *ctx, enum whisper_note_kind kind, const char *id);
/* ERROR_INVALID: it is no ping and no pong, or unsigned. */
struct error *whisper_note_read(const json_t *message, struct whisper_note *ret_note) MUST_CHECK;

#endif
