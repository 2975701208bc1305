#include "bus/seal.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "bus/hello.h"
#include "whisper/payload.h"
#include "whisper/payload_plain.h"

enum seal_form seal_form(const uint8_t *bytes, size_t n)
{
	if (n < 1)
		return SEAL_UNKNOWN;
	if (bytes[0] == 0x04)
		return SEAL_SEALED;
	if (bytes[0] >= 0x05 && bytes[0] <= 0x07)
		return SEAL_OPEN;
	/* JSON allows white space before it. */
	return bytes[0] == '{' || strchr(" \t\r\n", bytes[0]) ? SEAL_PLAIN : SEAL_UNKNOWN;
}

/* --- writing --- */

static struct error *check_size(size_t n)
{
	if (n > MESSAGE_LIMIT)
		return error_new(ERROR_LIMIT, "the message has %zu bytes, at most %d are allowed", n, MESSAGE_LIMIT);
	return NULL;
}

/* Who signs as m->from. What the bus sends of itself is signed by the id it speaks of: that is what it proves. But who
 * asks for a key is vouched for like who commands, so that an owner is answered however much strangers ask. */
static struct error *find_signer(const struct keyring *k, const struct message *m, const struct secp_key **ret_signer,
				 const struct secp_key **ret_vouched)
{
	const struct secp_key *own = keyring_own(k, m->from), *identity = keyring_identity(k);
	bool speaks = m->kind == MESSAGE_COMMAND || m->kind == MESSAGE_RESULT;
	bool vouch = identity && own != NULL && (speaks || (m->kind == MESSAGE_HELLO && hello_asks(m)));

	if (!own)
		return error_new(ERROR_NOT_FOUND, "no key of ours belongs to %s: the message cannot be signed",
				 m->from);
	*ret_signer = vouch ? identity : own;
	*ret_vouched = vouch && memcmp(identity->public, own->public, SECP_PUBLIC_BYTES) ? own : NULL;
	return NULL;
}

static struct error *find_recipient(struct keyring *k, const char *id, struct payload_to *to)
{
	const uint8_t *public = keyring_public(k, id);

	if (!public)
		return error_new(ERROR_NOT_FOUND, "the public key of %s is not known", id);
	if (keyring_contexts(k))
		return contexts_to(keyring_contexts(k), public, &to->context);
	to->public = public;
	return NULL;
}

struct error *seal_write(const void *ctx, struct keyring *k, const struct message *m, enum seal_form form,
			 uint8_t **ret_bytes, size_t *ret_n)
{
	struct payload_to to = {0};
	const struct secp_key *vouched = NULL;
	struct message signed_by_other = *m;
	struct error *e;
	char *text;

	if (form == SEAL_PLAIN) {
		text = message_encode(ctx, m);
		*ret_n = strlen(text);
		*ret_bytes = (uint8_t *)text;
		return check_size(*ret_n);
	}
	TRY(find_signer(k, m, &to.sign, &vouched));
	if (form == SEAL_SEALED)
		TRY(find_recipient(k, m->to, &to));
	if (vouched)
		signed_by_other.key = hex_encode(NULL, vouched->public, SECP_PUBLIC_BYTES);
	text = message_encode(NULL, &signed_by_other);
	if (vouched)
		mem_free(signed_by_other.key);
	e = check_size(strlen(text));
	if (!e && form == SEAL_SEALED)
		e = payload_seal(ctx, &to, (uint8_t *)text, strlen(text), ret_bytes, ret_n);
	else if (!e)
		e = payload_plain_write(ctx, &to, (uint8_t *)text, strlen(text), ret_bytes, ret_n);
	mem_free(text);
	return e;
}

/* --- reading --- */

/* Opens by the context that the sender has used before, or makes it and, where that is wanted, keeps it. */
static struct error *open_sealed(const void *ctx, const struct keyring *k, const struct secp_key *own,
				 const uint8_t *bytes, size_t n, struct payload *ret_payload)
{
	struct contexts *contexts = keyring_contexts(k);
	const struct ecies_context *known = contexts ? contexts_from(contexts, own, bytes, n) : NULL;
	const uint8_t *ephemeral = ecies_ephemeral(bytes, n);
	struct ecies_context *made;
	struct error *e;

	if (known)
		return payload_open_context(ctx, known, bytes, n, ret_payload);
	if (!contexts || !ephemeral)
		return payload_open_asym(ctx, own, bytes, n, ret_payload);
	e = ecies_context_of(NULL, own->secret, ephemeral, &made);
	if (e) {
		e->code = ERROR_REFUSED; /* no point of the curve: sealed in another way, so for others */
		return e;
	}
	e = payload_open_context(ctx, made, bytes, n, ret_payload);
	if (e)
		mem_free(made);
	else
		contexts_learn(contexts, own, made);
	return e;
}

static struct error *open_bytes(const void *ctx, const struct keyring *k, const char *mailbox, const uint8_t *bytes,
				size_t n, struct payload *ret_payload)
{
	const struct secp_key *own = k && mailbox ? keyring_own(k, mailbox) : NULL;
	struct error *e;
	uint8_t *copy;

	if (n > SEAL_LIMIT)
		return error_new(ERROR_LIMIT, "%zu bytes are more than a message has", n);
	if (seal_form(bytes, n) == SEAL_SEALED && !own)
		return error_new(ERROR_REFUSED, "sealed to a key that is not here");
	if (seal_form(bytes, n) == SEAL_SEALED)
		return open_sealed(ctx, k, own, bytes, n, ret_payload);
	copy = mem_memdup(ctx, bytes, n);
	e = payload_plain_read(copy, n, ret_payload);
	if (e)
		mem_free(copy);
	return e;
}

/* Whose signature it is must fit whom it says it is from. */
static struct error *check_sender(struct keyring *k, struct message *m, const struct payload *p)
{
	uint8_t vouched[SECP_PUBLIC_BYTES];
	char id[KEYRING_ID_SIZE];

	if (!p->is_signed)
		return error_new(ERROR_INVALID, "message: is not signed");
	keyring_id(p->signer, id);
	m->signer = mem_strdup(m, id);
	if (m->key) {
		TRY(hex_decode(m->key, vouched, sizeof(vouched)));
		if (!secp_public_valid(vouched))
			return error_new(ERROR_INVALID, "message.key: is no public key");
		keyring_id(vouched, id);
	}
	if (strcasecmp(id, m->from))
		return error_new(ERROR_INVALID, "message.%s: does not belong to %s, whom it says it is from",
				 m->key ? "key" : "signature", m->from);
	if (k && m->key && keyring_keeps(k, m->signer))
		keyring_learn(k, p->signer);
	if (k)
		keyring_learn_of(k, m->key ? vouched : p->signer, m->signer);
	return NULL;
}

static struct error *check_age(const struct message *m)
{
	int64_t ahead_ms = m->time_ms - clock_wall_ms();

	if (ahead_ms > SEAL_AHEAD_MS)
		return error_new(ERROR_INVALID,
				 "message.time: %lld s in the future; set the clock of its sender, or of this machine",
				 (long long)(ahead_ms / 1000));
	return NULL;
}

static struct error *check_gate(const struct seal_gate *gate, const struct payload *p)
{
	char signer[KEYRING_ID_SIZE];

	if (!gate || !p->is_signed)
		return NULL;
	keyring_id(p->signer, signer);
	return gate->pass(signer, gate->arg) ? NULL : error_new(ERROR_UNAVAILABLE, "too many messages of strangers");
}

struct error *seal_read_gated(const void *ctx, struct keyring *k, const struct seal_gate *gate, const char *mailbox,
			      const uint8_t *bytes, size_t n, struct message **ret_message)
{
	struct payload p = {0};
	struct message *m = NULL;
	struct error *e;

	TRY(open_bytes(NULL, k, mailbox, bytes, n, &p));
	e = check_gate(gate, &p);
	if (!e)
		e = message_decode(ctx, (const char *)p.payload, p.payload_bytes, false, NULL, &m);
	if (!e)
		e = check_sender(k, m, &p);
	if (!e)
		e = check_age(m);
	mem_free(p.bytes);
	if (e) {
		mem_free(m);
		return e;
	}
	*ret_message = m;
	return NULL;
}

struct error *seal_read(const void *ctx, struct keyring *k, const char *mailbox, const uint8_t *bytes, size_t n,
			struct message **ret_message)
{
	return seal_read_gated(ctx, k, NULL, mailbox, bytes, n, ret_message);
}
