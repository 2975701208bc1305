#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "chain/abi_input.h"
#include "chain/address.h"
#include "contracts/codec_impl.h"

struct codec_reader {
	const void *ctx;
	struct abi_input in;
};

static struct error *read_number(const struct codec_field *f, const uint8_t *word, const struct json_place *at,
				 void *ret)
{
	struct u256 number = u256_from_bytes(word, ABI_WORD);
	uint64_t small = 0;

	if (f->kind == CODEC_ENUM) {
		if (!u256_to_u64(number, &small) || small >= f->size)
			return json_place_error(at, "is none of the %u of the enumeration", f->size);
		*(unsigned *)ret = (unsigned)small;
		return NULL;
	}
	if (f->kind == CODEC_SIGNED ? !u256_fits_signed(number, f->size) : u256_bits(number) > f->size)
		return json_place_error(at, "is no %s of %u bits", f->kind == CODEC_SIGNED ? "signed number" : "number",
					f->size);
	if (f->kind != CODEC_UINT)
		*(struct u256 *)ret = number;
	else if (u256_to_u64(number, &small))
		*(uint64_t *)ret = small;
	return NULL;
}

static struct error *read_address(const uint8_t *word, const struct json_place *at, uint8_t *ret)
{
	if (!abi_input_zero(word, ABI_WORD - ETH_ADDRESS_BYTES))
		return json_place_error(at, "is no address: more than 20 bytes are set");
	memcpy(ret, word + ABI_WORD - ETH_ADDRESS_BYTES, ETH_ADDRESS_BYTES);
	return NULL;
}

static struct error *read_word(const struct codec_field *f, const uint8_t *word, const struct json_place *at, void *ret)
{
	switch (f->kind) {
	case CODEC_ADDRESS:
		return read_address(word, at, ret);
	case CODEC_BOOL:
		if (!abi_input_zero(word, ABI_WORD - 1) || word[ABI_WORD - 1] > 1)
			return json_place_error(at, "is neither true nor false");
		*(bool *)ret = word[ABI_WORD - 1];
		return NULL;
	case CODEC_WORD:
		memcpy(ret, word, ABI_WORD);
		return NULL;
	case CODEC_UINT:
	case CODEC_NUMBER:
	case CODEC_SIGNED:
	case CODEC_ENUM:
	case CODEC_BYTES:
	case CODEC_TEXT:
	case CODEC_ADDRESSES:
	case CODEC_WORDS:
		break;
	}
	return read_number(f, word, at, ret);
}

/* As jansson says, which shows it in the end. */
static bool is_utf8(const uint8_t *bytes, size_t n)
{
	json_t *text = json_stringn((const char *)bytes, n);
	bool is = text != NULL;

	json_decref(text);
	return is;
}

static struct error *read_bytes(struct codec_reader *r, bool text, size_t at_byte, const struct json_place *at,
				void *ret)
{
	size_t n = 0;
	const uint8_t *bytes;
	char *copy;

	TRY(abi_input_bytes(&r->in, at_byte, at, &bytes, &n));
	if (text && !is_utf8(bytes, n))
		return json_place_error(at, "is no UTF-8 text");
	copy = mem_array(r->ctx, char, n + 1);
	memcpy(copy, bytes, n);
	if (text)
		*(struct codec_text *)ret = (struct codec_text){copy, n};
	else
		*(struct codec_bytes *)ret = (struct codec_bytes){(const uint8_t *)copy, n};
	return NULL;
}

static struct error *read_list(struct codec_reader *r, enum codec_kind kind, size_t at_byte,
			       const struct json_place *at, void *ret)
{
	size_t unit = kind == CODEC_WORDS ? ABI_WORD : ETH_ADDRESS_BYTES, count = 0;
	uint8_t *made;

	TRY(abi_input_size(&r->in, at_byte, "length", at, &count));
	if (count > (r->in.n - at_byte - ABI_WORD) / ABI_WORD)
		return json_place_error(at, "is cut short: %zu elements do not fit into %zu bytes", count, r->in.n);
	TRY(abi_input_use(&r->in, at_byte + ABI_WORD, count * ABI_WORD, at));
	made = mem_array(r->ctx, uint8_t, count * unit + 1);
	for (size_t i = 0; i < count; i++) {
		const struct json_place here = {at, NULL, i};
		const uint8_t *word = r->in.bytes + at_byte + ABI_WORD + i * ABI_WORD;

		if (kind == CODEC_WORDS)
			memcpy(made + i * unit, word, unit);
		else
			TRY(read_address(word, &here, made + i * unit));
	}
	if (kind == CODEC_WORDS)
		*(struct codec_words *)ret = (struct codec_words){(const uint8_t(*)[ABI_WORD])made, count};
	else
		*(struct codec_addresses *)ret =
			(struct codec_addresses){(const uint8_t(*)[ETH_ADDRESS_BYTES])made, count};
	return NULL;
}

/* The value whose head is at head_at: there, or where its offset leads. */
static struct error *read_field(struct codec_reader *r, const struct codec_field *f, size_t head_at,
				const struct json_place *at, void *ret)
{
	size_t offset = 0;

	if (!codec_is_dynamic(f)) {
		TRY(abi_input_use(&r->in, head_at, ABI_WORD, at));
		return read_word(f, r->in.bytes + head_at, at, ret);
	}
	TRY(abi_input_size(&r->in, head_at, "offset", at, &offset));
	if (f->kind == CODEC_BYTES || f->kind == CODEC_TEXT)
		return read_bytes(r, f->kind == CODEC_TEXT, offset, at, ret);
	return read_list(r, f->kind, offset, at, ret);
}

/* Those that are not indexed. */
static struct error *read_fields(struct codec_reader *r, const struct codec_layout *layout, const struct json_place *at,
				 void *ret_values)
{
	size_t head = 0;

	for (size_t i = 0; i < layout->count; i++) {
		const struct codec_field *f = &layout->fields[i];
		const struct json_place here = {at, *f->name ? f->name : NULL, i};

		if (f->indexed)
			continue;
		TRY(read_field(r, f, head, &here, (char *)ret_values + f->offset));
		head += ABI_WORD;
	}
	return NULL;
}

struct error *codec_decode(const void *ctx, const struct codec_layout *layout, const uint8_t *bytes, size_t n,
			   const struct json_place *at, void *ret_values)
{
	struct codec_reader r = {ctx, {bytes, n, n}};

	return read_fields(&r, layout, at, ret_values);
}

struct error *codec_call_read(const void *ctx, const struct codec_function *f, const uint8_t *bytes, size_t n,
			      void *ret_args)
{
	const struct json_place at = {NULL, f->signature, 0};

	if (n < ABI_SELECTOR_BYTES || memcmp(bytes, f->selector, ABI_SELECTOR_BYTES) != 0)
		return json_place_error(&at, "is not what is called");
	return codec_decode(ctx, &f->inputs, bytes + ABI_SELECTOR_BYTES, n - ABI_SELECTOR_BYTES, &at, ret_args);
}

struct error *codec_result(const void *ctx, const struct codec_function *f, const uint8_t *bytes, size_t n,
			   void *ret_values)
{
	const struct json_place at = {NULL, f->signature, 0};

	if (n == 0 && f->outputs.count > 0)
		return json_place_error(&at, "returned nothing: at this address there is no such contract");
	return codec_decode(ctx, &f->outputs, bytes, n, &at, ret_values);
}

struct error *codec_log(const void *ctx, const struct codec_event *event, const struct chain_log *log, void *ret_values)
{
	const struct json_place at = {NULL, event->signature, 0};
	struct codec_reader r = {ctx, {log->data, log->n, log->n}};
	size_t topic = 1, indexed = 0;

	if (log->topic_count == 0 || memcmp(log->topics[0], event->topic, ABI_TOPIC_BYTES) != 0)
		return error_new(ERROR_NOT_FOUND, "the log is of another event than %s.%s", event->contract,
				 event->name);
	for (size_t i = 0; i < event->values.count; i++)
		indexed += event->values.fields[i].indexed;
	if (indexed != log->topic_count - 1)
		return json_place_error(&at, "has %zu indexed values, the log has %zu", indexed, log->topic_count - 1);
	for (size_t i = 0; i < event->values.count; i++) {
		const struct codec_field *f = &event->values.fields[i];
		const struct json_place here = {&at, f->name, 0};

		if (f->indexed)
			TRY(read_word(f, log->topics[topic++], &here, (char *)ret_values + f->offset));
	}
	return read_fields(&r, &event->values, &at, ret_values);
}

/* --- for a person --- */

static char *hex_text(const void *ctx, const uint8_t *bytes, size_t n)
{
	char *digits = hex_encode(NULL, bytes, n), *text = mem_printf(ctx, "0x%s", digits);

	mem_free(digits);
	return text;
}

char *codec_value_text(const void *ctx, const struct codec_field *field, const void *values)
{
	const void *value = (const char *)values + field->offset;
	char address[ADDRESS_TEXT_BYTES];

	switch (field->kind) {
	case CODEC_UINT:
		return u256_decimal(ctx, u256_of(*(const uint64_t *)value));
	case CODEC_NUMBER:
		return u256_decimal(ctx, *(const struct u256 *)value);
	case CODEC_SIGNED:
		return u256_signed_decimal(ctx, *(const struct u256 *)value);
	case CODEC_ENUM:
		return mem_printf(ctx, "%u", *(const unsigned *)value);
	case CODEC_BOOL:
		return mem_strdup(ctx, *(const bool *)value ? "true" : "false");
	case CODEC_ADDRESS:
		eth_address_text(value, address);
		return mem_strdup(ctx, address);
	case CODEC_WORD:
		return hex_text(ctx, value, ABI_WORD);
	case CODEC_BYTES:
		return hex_text(ctx, ((const struct codec_bytes *)value)->data, ((const struct codec_bytes *)value)->n);
	case CODEC_TEXT:
		return mem_strndup(ctx, ((const struct codec_text *)value)->data,
				   ((const struct codec_text *)value)->n);
	case CODEC_ADDRESSES:
		return mem_printf(ctx, "%zu addresses", ((const struct codec_addresses *)value)->n);
	case CODEC_WORDS:
		return mem_printf(ctx, "%zu words", ((const struct codec_words *)value)->n);
	}
	return mem_strdup(ctx, "?");
}
