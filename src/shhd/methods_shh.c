/* shh_*: keys, settings of the node, posting. Results, error texts and the order of checks are those of go-ethereum
 * v1.9.20 (whisper/whisperv6/api.go), since clients know them. */
#include <string.h>

#include "base/mem.h"
#include "crypto/secret.h"
#include "shhd/criteria.h"
#include "shhd/derivation.h"
#include "shhd/shhd.h"
#include "whisper/pool.h"

enum {
	MESSAGE_SYM_KEY,
	MESSAGE_PUBLIC,
	MESSAGE_SIGN,
	MESSAGE_TTL,
	MESSAGE_TOPIC,
	MESSAGE_PAYLOAD,
	MESSAGE_PADDING,
	MESSAGE_POW_TIME,
	MESSAGE_POW_TARGET,
	MESSAGE_TARGET_PEER
};

static const struct jsonrpc_field new_message_fields[] = {
	[MESSAGE_SYM_KEY] = {"symKeyID", JSONRPC_STRING},
	[MESSAGE_PUBLIC] = {"pubKey", JSONRPC_HEX},
	[MESSAGE_SIGN] = {"sig", JSONRPC_STRING},
	[MESSAGE_TTL] = {"ttl", JSONRPC_UINT32},
	[MESSAGE_TOPIC] = {"topic", JSONRPC_TOPIC},
	[MESSAGE_PAYLOAD] = {"payload", JSONRPC_HEX},
	[MESSAGE_PADDING] = {"padding", JSONRPC_HEX},
	[MESSAGE_POW_TIME] = {"powTime", JSONRPC_UINT32},
	[MESSAGE_POW_TARGET] = {"powTarget", JSONRPC_DOUBLE},
	[MESSAGE_TARGET_PEER] = {"targetPeer", JSONRPC_STRING},
};
static const struct jsonrpc_object new_message = {"whisperv6.NewMessage", new_message_fields,
						  sizeof(new_message_fields) / sizeof(new_message_fields[0])};

static void version(struct jsonrpc_call *c, void *arg)
{
	(void)arg;
	jsonrpc_answer_text(c, SHH_VERSION_TEXT);
}

static void info(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct json_writer *w = jsonrpc_result(c);
	struct filter_counters n;

	filters_count(shh_filters(d->shh), &n);
	json_write_raw(w, "{\"memory\":");
	json_write_integer(w, (int64_t)pool_bytes(shh_pool(d->shh)));
	json_write_raw(w, ",\"messages\":");
	json_write_integer(w, (int64_t)n.waiting);
	json_write_raw(w, ",\"minPow\":");
	json_write_double(w, shh_min_pow(d->shh));
	json_write_raw(w, ",\"maxMessageSize\":");
	json_write_integer(w, (int64_t)shh_max_message(d->shh));
	json_write_raw(w, "}");
	jsonrpc_done(c);
}

static void answer_done(struct jsonrpc_call *c, struct error *e)
{
	if (e)
		jsonrpc_fail_error(c, e);
	else
		jsonrpc_answer_bool(c, true);
}

static void set_max_message(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	answer_done(c, shh_set_max_message(d->shh, jsonrpc_param(c, 0)->integer));
}

static void set_min_pow(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	answer_done(c, shh_set_min_pow(d->shh, jsonrpc_param(c, 0)->number));
}

static void set_bloom(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	answer_done(c, shh_set_bloom(d->shh, jsonrpc_param(c, 0)->bytes, jsonrpc_param(c, 0)->n));
}

static void mark_trusted(struct jsonrpc_call *c, void *arg)
{
	static const char prefix[] = "invalid enode: "; /* which this method's errors do not have */
	struct shhd *d = arg;
	struct error *e = shh_trust_peer(d->shh, jsonrpc_param(c, 0)->text);

	if (e && !strncmp(e->message, prefix, strlen(prefix))) {
		jsonrpc_fail(c, "%s", e->message + strlen(prefix));
		error_free(e);
		return;
	}
	answer_done(c, e);
}

static void make_light(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	shh_set_light(d->shh, true);
	jsonrpc_answer_bool(c, true);
}

static void cancel_light(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	shh_set_light(d->shh, false);
	jsonrpc_answer_bool(c, true);
}

static void answer_id(struct jsonrpc_call *c, struct error *e, const char *id)
{
	if (e)
		jsonrpc_fail_error(c, e);
	else
		jsonrpc_answer_text(c, id);
}

static void new_key_pair(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct secp_key key;
	char id[ID_TEXT + 1];

	secp_key_new(&key);
	struct error *e = keys_add_pair(d->keys, &key, id);
	secret_wipe(&key, sizeof(key));
	answer_id(c, e, id);
}

static void add_private_key(struct jsonrpc_call *c, void *arg)
{
	static const uint8_t zero[SECP_SECRET_BYTES];
	struct shhd *d = arg;
	const struct jsonrpc_value *v = jsonrpc_param(c, 0);
	struct secp_key key;
	char id[ID_TEXT + 1];
	struct error *e;

	if (v->n != SECP_SECRET_BYTES) {
		jsonrpc_fail(c, "invalid length, need 256 bits");
		return;
	}
	e = secp_key_from_secret(v->bytes, &key);
	if (e) {
		error_free(e);
		jsonrpc_fail(c, "%s",
			     memcmp(v->bytes, zero, sizeof(zero)) ? "invalid private key, >=N"
								  : "invalid private key, zero or negative");
		return;
	}
	e = keys_add_pair(d->keys, &key, id);
	secret_wipe(&key, sizeof(key));
	answer_id(c, e, id);
}

static void delete_key_pair(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	const char *id = jsonrpc_param(c, 0)->text;

	if (keys_remove_pair(d->keys, id))
		jsonrpc_answer_bool(c, true);
	else
		jsonrpc_fail(c, "key pair %s not found", id);
}

static void has_key_pair(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	jsonrpc_answer_bool(c, keys_pair(d->keys, jsonrpc_param(c, 0)->text) != NULL);
}

static void get_public_key(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	const struct secp_key *key = keys_pair(d->keys, jsonrpc_param(c, 0)->text);
	uint8_t bytes[1 + SECP_PUBLIC_BYTES] = {0x04};

	if (!key) {
		jsonrpc_fail(c, "invalid id");
		return;
	}
	memcpy(bytes + 1, key->public, SECP_PUBLIC_BYTES);
	jsonrpc_answer_hex(c, bytes, sizeof(bytes));
}

static void get_private_key(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	const struct secp_key *key = keys_pair(d->keys, jsonrpc_param(c, 0)->text);

	if (key)
		jsonrpc_answer_hex(c, key->secret, SECP_SECRET_BYTES);
	else
		jsonrpc_fail(c, "invalid id");
}

static void new_sym_key(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	uint8_t key[SYM_KEY_BYTES];
	char id[ID_TEXT + 1];

	crypto_random_bytes(key, sizeof(key));
	struct error *e = keys_add_sym(d->keys, key, id);
	secret_wipe(key, sizeof(key));
	answer_id(c, e, id);
}

static void add_sym_key(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	const struct jsonrpc_value *v = jsonrpc_param(c, 0);
	char id[ID_TEXT + 1];

	if (v->n != SYM_KEY_BYTES)
		jsonrpc_fail(c, "wrong key size: %zu", v->n);
	else
		answer_id(c, keys_add_sym(d->keys, v->bytes, id), id);
}

struct asked_key {
	struct shhd *daemon;
	struct jsonrpc_call *call;
};

static void on_derived(const uint8_t key[SYM_KEY_BYTES], void *arg)
{
	struct asked_key *k = arg;
	char id[ID_TEXT + 1];
	struct error *e = keys_add_sym(k->daemon->keys, key, id);

	answer_id(k->call, e, id);
}

static void sym_key_from_password(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	const struct jsonrpc_value *v = jsonrpc_param(c, 0);
	struct asked_key *k;

	if (strlen(v->text) != v->n) {
		jsonrpc_fail(c, "the password holds a NUL character");
		return;
	}
	k = mem_new(c, struct asked_key);
	k->daemon = d;
	k->call = c;
	derivation_start(d->derivations, v->text, on_derived, k);
}

static void has_sym_key(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	jsonrpc_answer_bool(c, keys_sym(d->keys, jsonrpc_param(c, 0)->text) != NULL);
}

static void get_sym_key(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	const uint8_t *key = keys_sym(d->keys, jsonrpc_param(c, 0)->text);

	if (key)
		jsonrpc_answer_hex(c, key, SYM_KEY_BYTES);
	else
		jsonrpc_fail(c, "non-existent key ID");
}

static void delete_sym_key(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	jsonrpc_answer_bool(c, keys_remove_sym(d->keys, jsonrpc_param(c, 0)->text));
}

/* What is posted, of the parameters; an error's text is the client's. */
static struct error *read_message(struct shhd *d, const struct jsonrpc_value *m, struct shh_post *ret_post,
				  uint8_t public[SECP_PUBLIC_BYTES])
{
	static const uint8_t no_topic[TOPIC_BYTES];
	struct shh_post post = {
		.ttl = m[MESSAGE_TTL].integer,
		.payload = m[MESSAGE_PAYLOAD].bytes,
		.payload_bytes = m[MESSAGE_PAYLOAD].n,
		.padding = m[MESSAGE_PADDING].n ? m[MESSAGE_PADDING].bytes : NULL,
		.padding_bytes = m[MESSAGE_PADDING].n,
		.pow_target = m[MESSAGE_POW_TARGET].number,
		.pow_time = m[MESSAGE_POW_TIME].integer,
		.target_peer = m[MESSAGE_TARGET_PEER].n ? m[MESSAGE_TARGET_PEER].text : NULL,
	};
	bool sym = m[MESSAGE_SYM_KEY].n, asym = m[MESSAGE_PUBLIC].n;

	if (sym == asym)
		return error_new(ERROR_INVALID, "specify either a symmetric or an asymmetric key");
	if (m[MESSAGE_TOPIC].bytes)
		memcpy(post.topic, m[MESSAGE_TOPIC].bytes, TOPIC_BYTES);
	if (m[MESSAGE_SIGN].n) {
		post.sign = keys_pair(d->keys, m[MESSAGE_SIGN].text);
		if (!post.sign)
			return error_new(ERROR_INVALID, "invalid id");
	}
	if (sym) {
		if (!memcmp(post.topic, no_topic, TOPIC_BYTES))
			return error_new(ERROR_INVALID, "missing topic(s)");
		TRY(criteria_sym_key(d, m[MESSAGE_SYM_KEY].text, &post.sym_key));
	}
	if (asym) {
		if (!criteria_public_key(&m[MESSAGE_PUBLIC], public))
			return error_new(ERROR_INVALID, "invalid public key");
		post.public = public;
	}
	*ret_post = post;
	return NULL;
}

void shhd_answer_posted(struct error *e, const uint8_t hash[ENVELOPE_HASH_BYTES], void *arg)
{
	struct jsonrpc_call *c = arg;

	if (e)
		jsonrpc_fail_error(c, e);
	else
		jsonrpc_answer_hex(c, hash, ENVELOPE_HASH_BYTES);
}

static void post(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct shh_post message;
	uint8_t public[SECP_PUBLIC_BYTES];
	struct error *e = read_message(d, jsonrpc_param(c, 0)->members, &message, public);

	if (e)
		jsonrpc_fail_error(c, e);
	else
		shh_post(d->shh, d->postings, &message, shhd_answer_posted, c);
}

static const struct jsonrpc_method methods[] = {
	{.name = "shh_version", .handle = version},
	{.name = "shh_info", .handle = info},
	{.name = "shh_setMaxMessageSize", .handle = set_max_message, .count = 1, .params = {{JSONRPC_UINT32, NULL}}},
	{.name = "shh_setMinPoW", .handle = set_min_pow, .count = 1, .params = {{JSONRPC_DOUBLE, NULL}}},
	{.name = "shh_setBloomFilter", .handle = set_bloom, .count = 1, .params = {{JSONRPC_HEX, NULL}}},
	{.name = "shh_markTrustedPeer", .handle = mark_trusted, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "shh_makeLightClient", .handle = make_light},
	{.name = "shh_cancelLightClient", .handle = cancel_light},
	{.name = "shh_newKeyPair", .handle = new_key_pair},
	{.name = "shh_addPrivateKey", .handle = add_private_key, .count = 1, .params = {{JSONRPC_HEX, NULL}}},
	{.name = "shh_deleteKeyPair", .handle = delete_key_pair, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "shh_hasKeyPair", .handle = has_key_pair, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "shh_getPublicKey", .handle = get_public_key, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "shh_getPrivateKey", .handle = get_private_key, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "shh_newSymKey", .handle = new_sym_key},
	{.name = "shh_addSymKey", .handle = add_sym_key, .count = 1, .params = {{JSONRPC_HEX, NULL}}},
	{.name = "shh_generateSymKeyFromPassword",
	 .handle = sym_key_from_password,
	 .count = 1,
	 .params = {{JSONRPC_STRING, NULL}}},
	{.name = "shh_hasSymKey", .handle = has_sym_key, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "shh_getSymKey", .handle = get_sym_key, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "shh_deleteSymKey", .handle = delete_sym_key, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "shh_post", .handle = post, .count = 1, .params = {{JSONRPC_OBJECT, &new_message}}},
};

void methods_shh_add(struct shhd *d)
{
	jsonrpc_add(d->rpc, methods, sizeof(methods) / sizeof(methods[0]), d);
}
