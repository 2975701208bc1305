#include "shhd/criteria.h"

#include <string.h>

#include "base/mem.h"

enum { CRITERIA_SYM_KEY, CRITERIA_PRIVATE_KEY, CRITERIA_SIG, CRITERIA_MIN_POW, CRITERIA_TOPICS, CRITERIA_ALLOW_P2P };

static const struct jsonrpc_field fields[] = {
	[CRITERIA_SYM_KEY] = {"symKeyID", JSONRPC_STRING},
	[CRITERIA_PRIVATE_KEY] = {"privateKeyID", JSONRPC_STRING},
	[CRITERIA_SIG] = {"sig", JSONRPC_HEX},
	[CRITERIA_MIN_POW] = {"minPow", JSONRPC_DOUBLE},
	[CRITERIA_TOPICS] = {"topics", JSONRPC_TOPICS},
	[CRITERIA_ALLOW_P2P] = {"allowP2P", JSONRPC_BOOL},
};
const struct jsonrpc_object criteria_object = {"whisperv6.Criteria", fields, sizeof(fields) / sizeof(fields[0])};

struct error *criteria_sym_key(const struct shhd *d, const char *id, const uint8_t **ret_key)
{
	static const uint8_t zero[SYM_KEY_BYTES];
	const uint8_t *key = keys_sym(d->keys, id);

	if (!key)
		return error_new(ERROR_INVALID, "non-existent key ID");
	if (!memcmp(key, zero, sizeof(zero)))
		return error_new(ERROR_INVALID, "invalid symmetric key");
	*ret_key = key;
	return NULL;
}

bool criteria_public_key(const struct jsonrpc_value *v, uint8_t ret_public[SECP_PUBLIC_BYTES])
{
	struct error *e;

	if (v->n != 1 + SECP_PUBLIC_BYTES)
		return false;
	e = secp_public_parse(v->bytes, v->n, ret_public);
	error_free(e);
	return !e;
}

struct error *criteria_read(struct shhd *d, const struct jsonrpc_value *m, bool subscribing,
			    uint8_t ret_from[SECP_PUBLIC_BYTES], struct filter_options *ret_options)
{
	struct filter_options o = {
		.topics = (const uint8_t(*)[TOPIC_BYTES])m[CRITERIA_TOPICS].bytes,
		.topic_count = m[CRITERIA_TOPICS].n,
		.min_pow = m[CRITERIA_MIN_POW].number,
		.allow_direct = m[CRITERIA_ALLOW_P2P].flag,
	};
	bool sym = m[CRITERIA_SYM_KEY].n, asym = m[CRITERIA_PRIVATE_KEY].n;

	if (sym == asym)
		return error_new(ERROR_INVALID, "specify either a symmetric or an asymmetric key");
	if (m[CRITERIA_SIG].n) {
		if (!criteria_public_key(&m[CRITERIA_SIG], ret_from))
			return error_new(ERROR_INVALID, "invalid signing public key");
		o.from = ret_from;
	}
	if (sym) {
		if (subscribing && !o.topic_count)
			return error_new(ERROR_INVALID, "missing topic(s)");
		TRY(criteria_sym_key(d, m[CRITERIA_SYM_KEY].text, &o.sym_key));
	}
	if (asym) {
		o.key = keys_pair(d->keys, m[CRITERIA_PRIVATE_KEY].text);
		if (!o.key)
			return error_new(ERROR_INVALID, "%s", subscribing ? "invalid public key" : "invalid id");
	}
	*ret_options = o;
	return NULL;
}

static void write_public(struct json_writer *w, const char *before, const uint8_t public[SECP_PUBLIC_BYTES])
{
	uint8_t bytes[1 + SECP_PUBLIC_BYTES] = {0x04};

	memcpy(bytes + 1, public, SECP_PUBLIC_BYTES);
	json_write_raw(w, before);
	json_write_hex(w, bytes, sizeof(bytes));
}

void criteria_message_write(struct json_writer *w, const struct whisper_message *m)
{
	const struct envelope *e = m->envelope;

	json_write_raw(w, "{");
	if (m->payload.is_signed) {
		write_public(w, "\"sig\":", m->payload.signer);
		json_write_raw(w, ",");
	}
	json_write_raw(w, "\"ttl\":");
	json_write_integer(w, e->ttl);
	json_write_raw(w, ",\"timestamp\":");
	json_write_integer(w, envelope_sent(e));
	json_write_raw(w, ",\"topic\":");
	json_write_hex(w, e->topic, TOPIC_BYTES);
	json_write_raw(w, ",\"payload\":");
	json_write_hex(w, m->payload.payload, m->payload.payload_bytes);
	json_write_raw(w, ",\"padding\":");
	json_write_hex(w, m->payload.padding, m->payload.padding_bytes);
	json_write_raw(w, ",\"pow\":");
	json_write_double(w, envelope_worth(e));
	json_write_raw(w, ",\"hash\":");
	json_write_hex(w, e->hash, ENVELOPE_HASH_BYTES);
	if (!m->symmetric)
		write_public(w, ",\"recipientPublicKey\":", m->recipient);
	json_write_raw(w, "}");
}
