#include "vcli/whisper/whisper_list.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"

#define ADDRESS_DIGITS ((size_t)2 * ETH_ADDRESS_BYTES)
#define KEY_DIGITS ((size_t)2 + 2 * SECP_PUBLIC_BYTES)

/* EIP-55: a letter is a capital where the digit of the hash of the lower case text is 8 or more. */
static void checksum(const char *digits, char *ret_digits)
{
	char lower[ADDRESS_DIGITS];
	uint8_t hash[KECCAK_BYTES];

	for (size_t i = 0; i < ADDRESS_DIGITS; i++)
		lower[i] = (char)tolower((unsigned char)digits[i]);
	keccak256(lower, sizeof(lower), hash);
	for (size_t i = 0; i < ADDRESS_DIGITS; i++) {
		unsigned nibble = i % 2 ? hash[i / 2] & 15u : hash[i / 2] >> 4;

		ret_digits[i] = nibble >= 8 ? (char)toupper((unsigned char)lower[i]) : lower[i];
	}
}

static bool has_any(const char *text, int (*is)(int))
{
	for (; *text; text++) {
		if (is((unsigned char)*text))
			return true;
	}
	return false;
}

static struct error *read_address(const json_t *o, const struct json_place *at, struct whisper_entry *entry)
{
	const struct json_place here = {at, "address", 0};
	const char *text = NULL;
	char proper[ADDRESS_DIGITS];

	TRY(json_read_string(o, at, "address", &text));
	if (strncmp(text, "0x", 2) != 0 || !hex_is(text + 2, ADDRESS_DIGITS))
		return json_place_error(&here, "wants 0x and %zu hexadecimal digits", ADDRESS_DIGITS);
	checksum(text + 2, proper);
	if (has_any(text + 2, isupper) && has_any(text + 2, islower) && memcmp(proper, text + 2, sizeof(proper)) != 0)
		return json_place_error(&here, "its capitals do not fit its digits (EIP-55): a digit is wrong");
	memcpy(entry->address, text, sizeof(entry->address));
	return NULL;
}

static struct error *read_public(const json_t *o, const struct json_place *at, struct whisper_entry *entry)
{
	const struct json_place here = {at, "PubKey", 0};
	const char *text = NULL;
	uint8_t bytes[1 + SECP_PUBLIC_BYTES];

	TRY(json_read_string(o, at, "PubKey", &text));
	if (strncmp(text, "0x04", 4) != 0 || !hex_is(text + 2, KEY_DIGITS))
		return json_place_error(&here, "wants 0x04 and %zu hexadecimal digits", KEY_DIGITS - 2);
	TRY(hex_decode(text + 2, bytes, sizeof(bytes)));
	if (!secp_public_valid(bytes + 1))
		return json_place_error(&here, "is no point of the curve secp256k1: a digit is wrong");
	for (size_t i = 0; i < sizeof(entry->public); i++)
		entry->public[i] = (char)tolower((unsigned char)text[i]);
	return NULL;
}

static struct error *read_entry(const json_t *o, const struct json_place *at, struct whisper_entry *entry)
{
	static const char *const known[] = {"address", "keyPairId", "PubKey", NULL};
	const struct json_place pair = {at, "keyPairId", 0};
	const char *id = NULL;

	if (!json_is_object(o))
		return json_place_error(at, "wants an object");
	TRY(json_refuse_unknown(o, at, known));
	TRY(read_address(o, at, entry));
	TRY(json_read_string(o, at, "keyPairId", &id));
	if (!hex_is(id, WHISPER_PAIR_TEXT))
		return json_place_error(&pair, "wants %d hexadecimal digits", WHISPER_PAIR_TEXT);
	memcpy(entry->pair_id, id, sizeof(entry->pair_id));
	return read_public(o, at, entry);
}

static struct error *read_document(const json_t *document, const char *name, struct whisper_list *l)
{
	static const char *const known[] = {"address-node", NULL};
	const struct json_place root = {.key = name}, array = {&root, "address-node", 0};
	json_t *nodes = NULL, *o;
	size_t i;

	if (!json_is_object(document))
		return json_place_error(&root, "wants an object with \"address-node\"");
	TRY(json_refuse_unknown(document, &root, known));
	TRY(json_read_array(document, &root, "address-node", 1, WHISPER_LIST_MAX, &nodes));
	l->items = mem_array(l, struct whisper_entry, json_array_size(nodes));
	json_array_foreach (nodes, i, o) {
		const struct json_place at = {&array, NULL, i}, key = {&at, "PubKey", 0};
		size_t same;

		TRY(read_entry(o, &at, &l->items[i]));
		same = whisper_list_find(l, l->items[i].public);
		if (same < l->count)
			return json_place_error(&key, "is that of address-node[%zu] too", same);
		l->count++;
	}
	return NULL;
}

struct error *whisper_list_parse(const void *ctx, const char *name, const char *text, size_t len,
				 struct whisper_list **ret_list)
{
	struct whisper_list *l = mem_new(ctx, struct whisper_list);
	json_t *document = NULL;
	struct error *e = json_parse(text, len, WHISPER_LIST_BYTES, &document);

	e = e ? error_wrap(e, "%s", name) : read_document(document, name, l);
	json_decref(document);
	if (e) {
		mem_free(l);
		return e;
	}
	*ret_list = l;
	return NULL;
}

struct error *whisper_list_read(const void *ctx, const char *path, struct whisper_list **ret_list)
{
	char *text = NULL;
	size_t len = 0;
	struct error *e;

	TRY(file_read(NULL, path, WHISPER_LIST_BYTES, &text, &len));
	e = whisper_list_parse(ctx, path, text, len, ret_list);
	mem_free(text);
	return e;
}

void whisper_list_add(struct whisper_list *l, const char *address, const char *pair_id, const char *public)
{
	struct whisper_entry *entry;
	uint8_t point[1 + SECP_PUBLIC_BYTES] = {0}, own[ETH_ADDRESS_BYTES];
	char *digits;

	l->items = mem_resize(l, l->items, struct whisper_entry, l->count + 1);
	entry = &l->items[l->count++];
	*entry = (struct whisper_entry){0};
	error_free(hex_decode(public + 2, point, sizeof(point)));
	secp_address(point + 1, own);
	digits = hex_encode(NULL, own, sizeof(own));
	memcpy(entry->address, "0x", 2);
	checksum(address ? address + 2 : digits, entry->address + 2);
	mem_free(digits);
	memcpy(entry->pair_id, pair_id, WHISPER_PAIR_TEXT);
	for (size_t i = 0; i < WHISPER_PUBLIC_TEXT; i++)
		entry->public[i] = (char)tolower((unsigned char)public[i]);
}

char *whisper_list_text(const void *ctx, const struct whisper_list *l)
{
	char *text = mem_strdup(ctx, "{\"address-node\": [");

	for (size_t i = 0; i < l->count; i++)
		text = talloc_asprintf_append_buffer(
			text, "%s\n{\"address\": \"%s\", \"keyPairId\": \"%s\", \"PubKey\": \"%s\"}", i ? "," : "",
			l->items[i].address, l->items[i].pair_id, l->items[i].public);
	return talloc_strdup_append_buffer(text, "\n]}\n");
}

size_t whisper_list_find(const struct whisper_list *l, const char *public)
{
	size_t i = 0;

	while (i < l->count && strcasecmp(l->items[i].public, public) != 0)
		i++;
	return i;
}
