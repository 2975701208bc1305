#include "chain/typed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/abi.h"
#include "crypto/keccak.h"

#define V_FIRST 27
#define DEPTH 16            /* structs and arrays within one another */
#define STRUCTS 128         /* in one document */
#define TEXT_BYTES 65536    /* of an encoded type */
#define DATA_BYTES 16777216 /* of an encoded value */

/* What goes through the document: its types, and memory for the work. */
struct typed {
	void *scratch;
	const json_t *types;
};

static struct error *hash_value(const struct typed *t, const char *type, const json_t *value,
				const struct json_place *at, unsigned depth, uint8_t ret_word[32]);

void typed_message_digest(const void *message, size_t n, uint8_t ret_digest[32])
{
	char head[64];
	struct keccak k;
	int length = snprintf(head, sizeof(head),
			      "\x19"
			      "Ethereum Signed Message:\n%zu",
			      n);

	keccak_init(&k);
	keccak_update(&k, head, (size_t)length);
	keccak_update(&k, message, n);
	keccak_digest(&k, ret_digest);
}

void typed_digest_sign(const struct secp_key *key, const uint8_t digest[32],
		       uint8_t ret_signature[SECP_SIGNATURE_BYTES])
{
	secp_sign(key, digest, ret_signature);
	ret_signature[64] += V_FIRST;
}

struct error *typed_digest_signer(const uint8_t digest[32], const uint8_t signature[SECP_SIGNATURE_BYTES],
				  uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	uint8_t plain[SECP_SIGNATURE_BYTES], public[SECP_PUBLIC_BYTES];

	memcpy(plain, signature, sizeof(plain));
	if (plain[64] >= V_FIRST)
		plain[64] = (uint8_t)(plain[64] - V_FIRST);
	if (plain[64] > 1)
		return error_new(ERROR_INVALID, "the signature's last byte is %u, must be 27 or 28", signature[64]);
	TRY(secp_recover(digest, plain, public));
	if (!secp_verify(digest, plain, public))
		return error_new(ERROR_INVALID, "the signature is in its second form (a high S)");
	secp_address(public, ret_address);
	return NULL;
}

/* --- types --- */

/* "Person" of "Person[2][]" */
static char *base_of(const void *ctx, const char *type)
{
	return mem_strndup(ctx, type, strcspn(type, "["));
}

/* The struct's members, or NULL when it is none of the document's. */
static const json_t *members_of(const struct typed *t, const char *name)
{
	return json_object_get(t->types, name);
}

static bool listed(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Names of the struct and of all it refers to; the first is itself. */
static struct error *gather(const struct typed *t, const char *name, const struct json_place *at, const char **names,
			    size_t *count)
{
	const json_t *members, *member;
	size_t i;

	names[(*count)++] = name;
	for (size_t next = *count - 1; next < *count; next++) {
		const struct json_place here = {at, names[next], 0};

		members = members_of(t, names[next]);
		json_array_foreach (members, i, member) {
			const struct json_place m = {&here, NULL, i};
			const char *type = NULL, *unused = NULL;
			char *base;

			TRY(json_read_string(member, &m, "type", &type));
			TRY(json_read_string(member, &m, "name", &unused));
			base = base_of(t->scratch, type);
			if (!members_of(t, base) || listed(names, *count, base))
				continue;
			if (*count == STRUCTS)
				return json_place_error(at, "has more than %d structs", STRUCTS);
			names[(*count)++] = base;
		}
	}
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "Mail(Person from,Person to)Person(string name)" */
static struct error *type_hash(const struct typed *t, const char *name, uint8_t ret_hash[32])
{
	const struct json_place root = {NULL, "types", 0};
	const char *names[STRUCTS];
	size_t count = 0;
	struct buf *text = buf_new(t->scratch, TEXT_BYTES);

	TRY(gather(t, name, &root, names, &count));
	qsort(names + 1, count - 1, sizeof(names[0]), by_name);
	for (size_t i = 0; i < count; i++) {
		const json_t *member;
		size_t m;

		TRY(buf_printf(text, "%s(", names[i]));
		json_array_foreach (members_of(t, names[i]), m, member)
			TRY(buf_printf(text, "%s%s %s", m ? "," : "",
				       json_string_value(json_object_get(member, "type")),
				       json_string_value(json_object_get(member, "name"))));
		TRY(buf_puts(text, ")"));
	}
	keccak256(text->data, text->len, ret_hash);
	return NULL;
}

/* --- values --- */

static struct error *hash_struct(const struct typed *t, const char *name, const json_t *value,
				 const struct json_place *at, unsigned depth, uint8_t ret_hash[32])
{
	const json_t *members = members_of(t, name), *member;
	struct keccak k;
	uint8_t word[32] = {0};
	size_t i;

	if (!json_is_object(value))
		return json_place_error(at, "must be an object of type %s", name);
	if (json_object_size(value) != json_array_size(members))
		return json_place_error(at, "has %zu members, a %s has %zu", json_object_size(value), name,
					json_array_size(members));
	TRY(type_hash(t, name, word));
	keccak_init(&k);
	keccak_update(&k, word, sizeof(word));
	json_array_foreach (members, i, member) {
		const char *key = json_string_value(json_object_get(member, "name"));
		const struct json_place here = {at, key, 0};
		const json_t *part = json_object_get(value, key);

		if (!part)
			return json_place_error(&here, "is missing");
		TRY(hash_value(t, json_string_value(json_object_get(member, "type")), part, &here, depth, word));
		keccak_update(&k, word, sizeof(word));
	}
	keccak_digest(&k, ret_hash);
	return NULL;
}

/* The hash of the elements' words. `open` is the last '[' of the type. */
static struct error *hash_array(const struct typed *t, const char *type, const char *open, const json_t *value,
				const struct json_place *at, unsigned depth, uint8_t ret_hash[32])
{
	char *element = mem_strndup(t->scratch, type, (size_t)(open - type)), *end = NULL;
	unsigned long length = strtoul(open + 1, &end, 10);
	const json_t *part;
	struct keccak k;
	size_t i;

	if (!end || strcmp(end, "]") != 0 || (open[1] != ']' && (open[1] < '1' || open[1] > '9')))
		return json_place_error(at, "\"%.60s\" is no type", type);
	if (!json_is_array(value))
		return json_place_error(at, "must be an array");
	if (open[1] != ']' && json_array_size(value) != length)
		return json_place_error(at, "has %zu elements, must have %lu", json_array_size(value), length);
	keccak_init(&k);
	json_array_foreach (value, i, part) {
		const struct json_place here = {at, NULL, i};
		uint8_t word[32] = {0};

		TRY(hash_value(t, element, part, &here, depth, word));
		keccak_update(&k, word, sizeof(word));
	}
	keccak_digest(&k, ret_hash);
	return NULL;
}

static struct error *hash_bytes(const struct typed *t, bool text, const json_t *value, const struct json_place *at,
				uint8_t ret_hash[32])
{
	uint8_t *bytes = NULL;
	size_t n = 0;

	if (!text) {
		TRY(abi_read_hex(t->scratch, value, at, DATA_BYTES, &bytes, &n));
		keccak256(bytes, n, ret_hash);
		return NULL;
	}
	if (!json_is_string(value))
		return json_place_error(at, "must be a string");
	keccak256(json_string_value(value), json_string_length(value), ret_hash);
	return NULL;
}

static struct error *hash_value(const struct typed *t, const char *type, const json_t *value,
				const struct json_place *at, unsigned depth, uint8_t ret_word[32])
{
	const char *open = strrchr(type, '[');
	struct abi_elementary plain = {0};
	const char *rest = type;

	if (depth > DEPTH)
		return json_place_error(at, "is more than %d levels deep", DEPTH);
	if (open)
		return hash_array(t, type, open, value, at, depth + 1, ret_word);
	if (members_of(t, type))
		return hash_struct(t, type, value, at, depth + 1, ret_word);
	if (!abi_elementary_take(&rest, &plain) || *rest)
		return json_place_error(at, "\"%.60s\" is no type", type);
	if (abi_elementary_dynamic(&plain))
		return hash_bytes(t, plain.kind == ABI_STRING, value, at, ret_word);
	return abi_encode_word(&plain, value, at, ret_word);
}

static struct error *check_types(const json_t *types, const struct json_place *at)
{
	const char *name;
	json_t *members;

	json_object_foreach ((json_t *)types, name, members) {
		const struct json_place here = {at, name, 0};

		if (!json_is_array(members))
			return json_place_error(&here, "must be an array of members");
	}
	return NULL;
}

static struct error *digest_document(const struct typed *t, const json_t *document, const struct json_place *root,
				     uint8_t ret_digest[32])
{
	static const uint8_t version[2] = {0x19, 0x01};
	const struct json_place primary = {root, "primaryType", 0}, domain = {root, "domain", 0},
				message = {root, "message", 0};
	uint8_t domain_hash[32] = {0}, message_hash[32] = {0};
	const char *name = NULL;
	struct keccak k;

	TRY(json_read_string(document, root, "primaryType", &name));
	if (!members_of(t, name))
		return json_place_error(&primary, "\"%.60s\" is none of the types", name);
	if (!members_of(t, "EIP712Domain"))
		return json_place_error(root, "types.EIP712Domain is missing");
	TRY(hash_struct(t, "EIP712Domain", json_object_get(document, "domain"), &domain, 0, domain_hash));
	TRY(hash_struct(t, name, json_object_get(document, "message"), &message, 0, message_hash));
	keccak_init(&k);
	keccak_update(&k, version, sizeof(version));
	keccak_update(&k, domain_hash, sizeof(domain_hash));
	keccak_update(&k, message_hash, sizeof(message_hash));
	keccak_digest(&k, ret_digest);
	return NULL;
}

struct error *typed_digest(const json_t *document, uint8_t ret_digest[32])
{
	const struct json_place root = {NULL, NULL, 0}, at = {&root, "types", 0};
	struct typed t = {NULL, NULL};
	json_t *types = NULL;
	struct error *e;

	TRY(json_read_object(document, &root, "types", &types));
	TRY(check_types(types, &at));
	t = (struct typed){talloc_new(NULL), types};
	e = digest_document(&t, document, &root, ret_digest);
	mem_free(t.scratch);
	return e;
}
