#include "vcli/whisper/whisper_message.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"

#define TOPIC_DIGITS 8
#define POW_MAX 1e9
#define NOTE_LIMIT 256
#define PUBLIC_DIGITS 130

static const char *const note_kinds[] = {[WHISPER_PING] = "ping", [WHISPER_PONG] = "pong"};

/* --- settings --- */

struct error *whisper_check_topic(const char *text)
{
	if (strncmp(text, "0x", 2) != 0 || !hex_is(text + 2, TOPIC_DIGITS))
		return error_new(ERROR_INVALID, "\"%.40s\": a topic is 0x and eight hexadecimal digits", text);
	if (strspn(text + 2, "0") == TOPIC_DIGITS)
		return error_new(ERROR_INVALID, "a topic of zeros is none");
	return NULL;
}

struct error *whisper_check_pow(const char *text)
{
	char *end = NULL;
	double n = isdigit((unsigned char)*text) ? strtod(text, &end) : -1;

	if (!end || *end || !isfinite(n) || n < 0 || n > POW_MAX || strpbrk(text, "xXpP"))
		return error_new(ERROR_INVALID, "\"%.40s\": a proof of work is a number such as 0.2 or 2", text);
	return NULL;
}

static struct error *check_range(const char *flag, int64_t ms, int64_t max_ms)
{
	if (ms >= 1000 && ms <= max_ms)
		return NULL;
	return error_new(ERROR_INVALID, "--%s: wants 1s to %llds", flag, (long long)(max_ms / 1000));
}

struct error *whisper_check_options(const struct vcli_whisper_options *o)
{
	TRY(check_range("message-ttl", o->message_ttl_ms, WHISPER_TTL_MAX_MS));
	return check_range("pow-time", o->pow_time_ms, 100 * INT64_C(1000));
}

/* --- what goes out --- */

json_t *whisper_post(const struct vcli_whisper_options *o, const char *key, const char *key_value, const char *sign,
		     const char *payload, size_t len)
{
	json_t *post = json_object();
	char *digits = hex_encode(NULL, (const uint8_t *)payload, len), *hex = mem_printf(digits, "0x%s", digits);

	json_put(post, key, key_value);
	if (sign)
		json_put(post, "sig", sign);
	json_put(post, "topic", o->topic);
	json_put(post, "payload", hex);
	json_object_set_new(post, "ttl", json_integer(o->message_ttl_ms / 1000));
	json_object_set_new(post, "powTime", json_integer(o->pow_time_ms / 1000));
	json_object_set_new(post, "powTarget", json_real(strtod(o->pow_target, NULL)));
	mem_free(digits);
	return post;
}

/* --- what comes --- */

struct error *whisper_payload(const void *ctx, const json_t *message, char **ret_bytes, size_t *ret_len)
{
	const char *text = json_string_value(json_object_get(message, "payload"));
	size_t n = text ? strlen(text) : 0;
	char *bytes;
	struct error *e;

	if (n < 2 || n % 2 || strncmp(text, "0x", 2) != 0)
		return error_new(ERROR_INVALID, "a message without a payload in hexadecimal");
	n = n / 2 - 1;
	if (n > WHISPER_TEXT_LIMIT)
		return error_new(ERROR_LIMIT, "a message of %zu bytes, at most %d are read", n, WHISPER_TEXT_LIMIT);
	bytes = mem_array(ctx, char, n + 1);
	e = hex_decode(text + 2, (uint8_t *)bytes, n);
	if (e) {
		mem_free(bytes);
		return e;
	}
	*ret_bytes = bytes;
	*ret_len = n;
	return NULL;
}

char *whisper_note_text(const void *ctx, enum whisper_note_kind kind, const char *id)
{
	return mem_printf(ctx, "{\"type\":\"%s\",\"id\":\"%s\"}", note_kinds[kind], id);
}

static struct error *read_note(const json_t *document, const json_t *message, struct whisper_note *note)
{
	static const char *const known[] = {"type", "id", NULL};
	const struct json_place root = {.key = "note"};
	const char *type = NULL, *id = NULL, *signer = json_string_value(json_object_get(message, "sig"));
	size_t kind = 0;

	if (!json_is_object(document))
		return error_new(ERROR_INVALID, "note: no object");
	TRY(json_refuse_unknown(document, &root, known));
	TRY(json_read_string(document, &root, "type", &type));
	TRY(json_read_string(document, &root, "id", &id));
	while (kind < 2 && strcmp(type, note_kinds[kind]) != 0)
		kind++;
	if (kind == 2)
		return error_new(ERROR_INVALID, "note: neither ping nor pong");
	if (!hex_is(id, WHISPER_ID_DIGITS))
		return error_new(ERROR_INVALID, "note.id: wants %d hexadecimal digits", WHISPER_ID_DIGITS);
	if (!signer || strncmp(signer, "0x04", 4) != 0 || !hex_is(signer + 2, PUBLIC_DIGITS))
		return error_new(ERROR_INVALID, "a ping or pong that nobody has signed");
	note->kind = (enum whisper_note_kind)kind;
	memcpy(note->id, id, WHISPER_ID_DIGITS + 1);
	for (size_t i = 0; i <= PUBLIC_DIGITS + 2; i++)
		note->signer[i] = (char)tolower((unsigned char)signer[i]);
	return NULL;
}

struct error *whisper_note_read(const json_t *message, struct whisper_note *ret_note)
{
	char *bytes = NULL;
	size_t len = 0;
	json_t *document = NULL;
	struct whisper_note note = {0};
	struct error *e = whisper_payload(NULL, message, &bytes, &len);

	if (!e)
		e = json_parse(bytes, len, NOTE_LIMIT, &document);
	if (!e)
		e = read_note(document, message, &note);
	if (!e)
		*ret_note = note;
	json_decref(document);
	mem_free(bytes);
	return e;
}
