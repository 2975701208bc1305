#include "bus/message.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"

#define ID_BYTES (MESSAGE_ID_DIGITS / 2)
/* A result may wait for a client that reconnects, but no longer than a day. */
#define RESULT_TTL_MS (INT64_C(24) * 3600 * 1000)

static const char *const kind_names[] = {
	[MESSAGE_COMMAND] = "command", [MESSAGE_RESULT] = "result", [MESSAGE_STATUS] = "status",
	[MESSAGE_HELLO] = "hello",     [MESSAGE_ACK] = "ack",       [MESSAGE_CLAIM] = "claim",
};
#define KIND_COUNT (sizeof(kind_names) / sizeof(kind_names[0]))

static int message_destroy(struct message *m)
{
	json_decref(m->body);
	return 0;
}

static struct message *message_alloc(const void *ctx)
{
	struct message *m = mem_new(ctx, struct message);

	talloc_set_destructor(m, message_destroy);
	return m;
}

struct message *message_new(const void *ctx, enum message_kind kind, const char *from, const char *to, int64_t ttl_ms,
			    json_t *body)
{
	struct message *m = message_alloc(ctx);

	m->id = hex_random(m, ID_BYTES);
	m->kind = kind;
	m->from = mem_strdup(m, from);
	m->to = mem_strdup(m, to);
	m->time_ms = clock_wall_ms();
	m->ttl_ms = ttl_ms;
	m->body = json_incref(body);
	return m;
}

struct message *message_copy(const void *ctx, const struct message *m)
{
	struct message *copy = message_alloc(ctx);

	*copy = *m;
	copy->id = mem_strdup(copy, m->id);
	copy->from = mem_strdup(copy, m->from);
	copy->to = mem_strdup(copy, m->to);
	copy->re = m->re ? mem_strdup(copy, m->re) : NULL;
	copy->key = m->key ? mem_strdup(copy, m->key) : NULL;
	copy->signer = m->signer ? mem_strdup(copy, m->signer) : NULL;
	copy->body = json_incref(m->body);
	return copy;
}

struct message *message_result(const void *ctx, const struct message *command, const char *from, const struct error *e,
			       json_t *data)
{
	json_t *body = json_object();
	struct message *m;

	json_put(body, "state", e ? "failed" : "applied");
	if (e) {
		json_t *error = json_object();

		json_put(error, "code", error_code_name(e->code));
		json_put(error, "message", e->message);
		json_object_set_new(body, "error", error);
	}
	if (data)
		json_object_set(body, "data", data);
	m = message_new(ctx, MESSAGE_RESULT, from, command->from, RESULT_TTL_MS, body);
	m->re = mem_strdup(m, command->id);
	json_decref(body);
	return m;
}

/* All but the body: ids and the key at their lengths, two numbers, names and punctuation. */
#define ENVELOPE_BYTES (2 * MESSAGE_ID_DIGITS + 2 * ID_DIGITS + MESSAGE_KEY_DIGITS + 3 * DECIMAL_BYTES + 170)
#define DECIMAL_BYTES 21 /* of the least int64_t, with its end */

static char *put(char *at, const char *text)
{
	return stpcpy(at, text);
}

static char *put_member(char *at, const char *name, const char *value)
{
	at = put(put(at, ",\""), name);
	return put(put(put(at, "\":\""), value), "\"");
}

static const char *decimal(int64_t n, char digits[DECIMAL_BYTES])
{
	snprintf(digits, DECIMAL_BYTES, "%" PRId64, n);
	return digits;
}

/* Ids are hexadecimal, so only the body needs a JSON writer: this is on the path of every message. */
char *message_encode(const void *ctx, const struct message *m)
{
	char *body = json_text(NULL, m->body), *text, *at, digits[DECIMAL_BYTES];

	assert(hex_is(m->id, MESSAGE_ID_DIGITS) && (!m->re || hex_is(m->re, MESSAGE_ID_DIGITS)));
	assert(!m->key || hex_is(m->key, MESSAGE_KEY_DIGITS));
	assert((!*m->from || hex_is(m->from, ID_DIGITS)) && (!*m->to || hex_is(m->to, ID_DIGITS)));
	if (m->plain)
		return talloc_steal(ctx, body);
	text = mem_array(ctx, char, ENVELOPE_BYTES + strlen(body));
	at = put(text, "{\"dsn\":\"1\"");
	at = put_member(at, "id", m->id);
	at = put_member(at, "kind", kind_names[m->kind]);
	at = put_member(at, "from", m->from);
	at = put_member(at, "to", m->to);
	at = put_member(at, "time", decimal(m->time_ms, digits));
	at = put_member(at, "ttl", decimal(m->ttl_ms, digits));
	if (m->re)
		at = put_member(at, "re", m->re);
	if (m->key)
		at = put_member(at, "key", m->key);
	if (m->term)
		at = put_member(at, "term", decimal(m->term, digits));
	put(put(put(at, ",\"body\":"), body), "}");
	mem_free(body);
	return text;
}

/* --- decoding --- */

static struct error *read_hex(const json_t *o, const struct json_place *at, const char *key, size_t digits,
			      const char **ret)
{
	const struct json_place here = {at, key, 0};
	const char *text;

	TRY(json_read_string(o, at, key, &text));
	if (!hex_is(text, digits))
		return json_place_error(&here, "wants %zu hexadecimal digits", digits);
	*ret = text;
	return NULL;
}

static struct error *read_kind(const json_t *o, const struct json_place *at, enum message_kind *ret_kind)
{
	const struct json_place here = {at, "kind", 0};
	const char *word;

	TRY(json_read_string(o, at, "kind", &word));
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (!strcmp(word, kind_names[i])) {
			*ret_kind = (enum message_kind)i;
			return NULL;
		}
	}
	return json_place_error(&here, "is none of command, result, status, hello, ack, claim");
}

/* A status has no recipient, everything else has exactly one. */
static struct error *read_to(const json_t *o, const struct json_place *at, enum message_kind kind, const char **ret_to)
{
	const struct json_place here = {at, "to", 0};
	const char *to;

	if (kind != MESSAGE_STATUS)
		return read_hex(o, at, "to", ID_DIGITS, ret_to);
	TRY(json_read_string(o, at, "to", &to));
	if (*to)
		return json_place_error(&here, "must be empty in a status");
	*ret_to = to;
	return NULL;
}

static struct error *read_re(const json_t *o, const struct json_place *at, enum message_kind kind, const char **ret_re)
{
	const struct json_place here = {at, "re", 0};

	if (kind == MESSAGE_RESULT || kind == MESSAGE_ACK)
		return read_hex(o, at, "re", MESSAGE_ID_DIGITS, ret_re);
	if (json_object_get(o, "re"))
		return json_place_error(&here, "belongs to a result only");
	*ret_re = NULL;
	return NULL;
}

static struct error *read_key(const json_t *o, const struct json_place *at, const char **ret_key)
{
	if (json_object_get(o, "key"))
		return read_hex(o, at, "key", MESSAGE_KEY_DIGITS, ret_key);
	*ret_key = NULL;
	return NULL;
}

static struct error *read_term(const json_t *o, const struct json_place *at, enum message_kind kind, int64_t *ret_term)
{
	const struct json_place here = {at, "term", 0};

	if (kind == MESSAGE_COMMAND)
		return json_read_decimal_opt(o, at, "term", 1, INT64_MAX, ret_term);
	return json_object_get(o, "term") ? json_place_error(&here, "belongs to a command only") : NULL;
}

static struct error *check_failure(const json_t *body, const struct json_place *at, const char **ret_code,
				   const char **ret_message)
{
	static const char *const known[] = {"code", "message", NULL};
	const struct json_place here = {at, "error", 0};
	json_t *failure;

	TRY(json_read_object(body, at, "error", &failure));
	TRY(json_refuse_unknown(failure, &here, known));
	TRY(json_read_string(failure, &here, "code", ret_code));
	TRY(json_read_string(failure, &here, "message", ret_message));
	return NULL;
}

/* The body of a result; code and message are untouched when it says applied. */
static struct error *check_result(const json_t *body, const struct json_place *at, const char **ret_code,
				  const char **ret_message, json_t **ret_data)
{
	static const char *const known[] = {"state", "error", "data", NULL};
	const struct json_place state_at = {at, "state", 0}, error_at = {at, "error", 0};
	json_t *data = NULL;
	const char *state;

	TRY(json_refuse_unknown(body, at, known));
	TRY(json_read_string(body, at, "state", &state));
	TRY(json_read_object_opt(body, at, "data", &data));
	if (!strcmp(state, "failed"))
		TRY(check_failure(body, at, ret_code, ret_message));
	else if (strcmp(state, "applied"))
		return json_place_error(&state_at, "is neither applied nor failed");
	else if (json_object_get(body, "error"))
		return json_place_error(&error_at, "belongs to a failed result only");
	*ret_data = data;
	return NULL;
}

static struct error *decode_plain(const void *ctx, const char *text, size_t len, const char *salt, json_t *body,
				  struct message **ret_message)
{
	struct message *m = message_alloc(ctx);
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	char *hex;

	if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL) || !EVP_DigestUpdate(md, text, len) ||
	    !EVP_DigestUpdate(md, salt ? salt : "", salt ? strlen(salt) : 0) || !EVP_DigestFinal_ex(md, digest, NULL)) {
		EVP_MD_CTX_free(md);
		mem_free(m);
		return error_new(ERROR_FAILED, "SHA-256 is not available");
	}
	EVP_MD_CTX_free(md);
	hex = hex_encode(m, digest, ID_BYTES);
	m->id = hex;
	m->kind = MESSAGE_COMMAND;
	m->from = mem_strdup(m, "");
	m->to = mem_strdup(m, "");
	m->time_ms = clock_wall_ms();
	m->body = json_incref(body);
	m->plain = true;
	*ret_message = m;
	return NULL;
}

static struct error *decode_envelope(const void *ctx, const json_t *o, const struct json_place *at,
				     struct message **ret_message)
{
	static const char *const known[] = {"dsn", "id", "kind", "from", "to",   "time",
					    "ttl", "re", "key",  "term", "body", NULL};
	const struct json_place dsn_at = {at, "dsn", 0}, body_at = {at, "body", 0};
	const char *version = "", *id = "", *from = "", *to = "", *re = NULL, *key = NULL, *code, *text;
	enum message_kind kind = MESSAGE_COMMAND;
	int64_t time_ms = 0, ttl_ms = 0, term = 0;
	json_t *body, *data;

	TRY(json_read_string(o, at, "dsn", &version));
	if (strcmp(version, "1"))
		return json_place_error(&dsn_at, "is a version this program does not know; it knows 1");
	TRY(json_refuse_unknown(o, at, known));
	TRY(read_hex(o, at, "id", MESSAGE_ID_DIGITS, &id));
	TRY(read_kind(o, at, &kind));
	TRY(read_hex(o, at, "from", ID_DIGITS, &from));
	TRY(read_to(o, at, kind, &to));
	TRY(json_read_decimal(o, at, "time", 0, MESSAGE_TIME_MAX_MS, &time_ms));
	TRY(json_read_decimal(o, at, "ttl", MESSAGE_TTL_MIN_MS, MESSAGE_TTL_MAX_MS, &ttl_ms));
	TRY(read_re(o, at, kind, &re));
	TRY(read_key(o, at, &key));
	TRY(read_term(o, at, kind, &term));
	TRY(json_read_object(o, at, "body", &body));
	if (kind == MESSAGE_RESULT)
		TRY(check_result(body, &body_at, &code, &text, &data));

	*ret_message = message_copy(ctx, &(struct message){.id = (char *)id,
							   .kind = kind,
							   .from = (char *)from,
							   .to = (char *)to,
							   .time_ms = time_ms,
							   .ttl_ms = ttl_ms,
							   .re = (char *)re,
							   .key = (char *)key,
							   .term = term,
							   .body = body});
	return NULL;
}

struct error *message_decode(const void *ctx, const char *text, size_t len, bool allow_plain, const char *salt,
			     struct message **ret_message)
{
	const struct json_place root = {NULL, "message", 0};
	struct error *e;
	json_t *o;

	e = json_parse(text, len, MESSAGE_LIMIT, &o);
	if (e)
		return error_wrap(e, "message");
	if (!json_is_object(o))
		e = json_place_error(&root, "wants an object");
	else if (allow_plain && !json_object_get(o, "dsn"))
		e = decode_plain(ctx, text, len, salt, o, ret_message);
	else
		e = decode_envelope(ctx, o, &root, ret_message);
	json_decref(o);
	return e;
}

bool message_expired(const struct message *m, int64_t now_ms)
{
	return m->ttl_ms > 0 && now_ms > m->time_ms + m->ttl_ms;
}

bool message_is_void(const struct message *m, int64_t now_ms)
{
	return message_expired(m, now_ms - MESSAGE_CLOCKS_MS);
}

struct error *message_read_result(const struct message *m, struct error **ret_failure, json_t **ret_data)
{
	const struct json_place root = {NULL, "message", 0}, body_at = {&root, "body", 0}, kind_at = {&root, "kind", 0};
	const char *code = NULL, *text = NULL;
	json_t *data = NULL;

	if (m->kind != MESSAGE_RESULT)
		return json_place_error(&kind_at, "is not result");
	TRY(check_result(m->body, &body_at, &code, &text, &data));
	*ret_failure = code ? error_new(error_code_from_name(code), "%s", text) : NULL;
	*ret_data = data;
	return NULL;
}
