#include "abi/interface.h"

#include <string.h>

#include "base/mem.h"
#include "chain/revert.h"
#include "crypto/keccak.h"

#define ENTRIES 4096
#define SIGNATURE_BYTES 8192

enum entry_kind { FUNCTION, EVENT, REFUSAL, CONSTRUCTOR, KINDS };

static const char *const kind_words[KINDS] = {"function", "event", "error", "constructor"};

struct abi_table {
	struct abi_entry *rows;
	size_t count;
};

struct abi {
	struct abi_table tables[KINDS];
};

static struct error *read_signature(const void *ctx, struct abi_entry *entry)
{
	struct buf *text = buf_new(ctx, SIGNATURE_BYTES);

	TRY(buf_puts(text, entry->name));
	TRY(abi_members_text(entry->inputs, entry->input_count, text));
	entry->signature = text->data;
	keccak256(text->data, text->len, entry->hash);
	return NULL;
}

static struct error *entry_read(const void *ctx, const json_t *obj, const struct json_place *at, enum entry_kind kind,
				struct abi_entry *entry)
{
	const struct json_place inputs = {at, "inputs", 0}, outputs = {at, "outputs", 0};
	const char *name = "", *mutability = "";

	if (kind != CONSTRUCTOR)
		TRY(json_read_string(obj, at, "name", &name));
	TRY(json_read_string_opt(obj, at, "stateMutability", &mutability));
	entry->name = mem_strdup(ctx, name);
	entry->view = strcmp(mutability, "view") == 0 || strcmp(mutability, "pure") == 0;
	entry->payable = strcmp(mutability, "payable") == 0;
	entry->anonymous = json_is_true(json_object_get(obj, "anonymous"));
	TRY(abi_members_read(ctx, json_object_get(obj, "inputs"), &inputs, &entry->inputs, &entry->input_count));
	TRY(abi_members_read(ctx, json_object_get(obj, "outputs"), &outputs, &entry->outputs, &entry->output_count));
	return read_signature(ctx, entry);
}

static struct error *read_all(struct abi *a, const json_t *list, const struct json_place *at)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *obj = json_array_get(list, i);
		const struct json_place here = {at, NULL, i};
		const char *word = NULL;

		TRY(json_read_string(obj, &here, "type", &word));
		for (size_t kind = 0; kind < KINDS; kind++) {
			struct abi_table *t = &a->tables[kind];

			if (strcmp(word, kind_words[kind]) != 0)
				continue;
			t->rows = mem_resize(a, t->rows, struct abi_entry, t->count + 1);
			memset(&t->rows[t->count], 0, sizeof(t->rows[0]));
			TRY(entry_read(a, obj, &here, (enum entry_kind)kind, &t->rows[t->count]));
			t->count++;
		}
	}
	return NULL;
}

struct error *abi_read(const void *ctx, const json_t *list, const struct json_place *at, struct abi **ret_abi)
{
	struct abi *a;
	struct error *e;

	if (!json_is_array(list))
		return json_place_error(at, "must be the array of a contract's functions, events and errors");
	if (json_array_size(list) > ENTRIES)
		return json_place_error(at, "has %zu entries, at most %d are allowed", json_array_size(list), ENTRIES);
	a = mem_new(ctx, struct abi);
	e = read_all(a, list, at);
	if (e) {
		mem_free(a);
		return e;
	}
	*ret_abi = a;
	return NULL;
}

static struct error *no_entry(const struct abi_table *t, const char *kind, const char *name)
{
	struct buf *known = buf_new(NULL, 2048);
	struct error *e = NULL;

	for (size_t i = 0; !e && i < t->count; i++)
		e = buf_printf(known, "%s%s", i ? ", " : "", t->rows[i].signature);
	error_free(e);
	e = error_new(ERROR_NOT_FOUND, "the contract has no %s \"%.80s\"; it has: %s", kind, name, known->data);
	mem_free(known);
	return e;
}

static struct error *find(const struct abi *a, enum entry_kind kind, const char *name,
			  const struct abi_entry **ret_entry)
{
	const struct abi_table *t = &a->tables[kind];
	const struct abi_entry *found = NULL;

	for (size_t i = 0; i < t->count; i++) {
		if (strcmp(t->rows[i].signature, name) == 0) {
			*ret_entry = &t->rows[i];
			return NULL;
		}
		if (strcmp(t->rows[i].name, name) != 0)
			continue;
		if (found)
			return error_new(ERROR_INVALID,
					 "the contract has several %ss \"%s\": name one by its signature, such as %s",
					 kind_words[kind], name, found->signature);
		found = &t->rows[i];
	}
	if (!found)
		return no_entry(t, kind_words[kind], name);
	*ret_entry = found;
	return NULL;
}

struct error *abi_function(const struct abi *a, const char *name, const struct abi_entry **ret_entry)
{
	return find(a, FUNCTION, name, ret_entry);
}

struct error *abi_event(const struct abi *a, const char *name, const struct abi_entry **ret_entry)
{
	return find(a, EVENT, name, ret_entry);
}

const struct abi_entry *abi_constructor(const struct abi *a)
{
	return a->tables[CONSTRUCTOR].count ? &a->tables[CONSTRUCTOR].rows[0] : NULL;
}

const struct abi_entry *abi_function_at(const struct abi *a, size_t i)
{
	return i < a->tables[FUNCTION].count ? &a->tables[FUNCTION].rows[i] : NULL;
}

struct error *abi_call(const struct abi_entry *function, const json_t *args, struct buf *to)
{
	const struct json_place at = {NULL, function->signature, 0};

	TRY(buf_append(to, function->hash, ABI_SELECTOR_BYTES));
	return abi_encode(function->inputs, function->input_count, args, &at, to);
}

struct error *abi_result(const struct abi_entry *function, const uint8_t *bytes, size_t n, json_t **ret_values)
{
	const struct json_place at = {NULL, function->signature, 0};

	if (n == 0 && function->output_count > 0)
		return json_place_error(&at, "returned nothing: at this address there is no such contract");
	return abi_decode(function->outputs, function->output_count, bytes, n, &at, ret_values);
}

/* --- logs --- */

/* A log has a hash in place of these. */
static bool is_hashed(const struct abi_type *type)
{
	return type->dynamic || type->kind == ABI_ARRAY || type->kind == ABI_TUPLE;
}

static struct error *decode_topic(const struct abi_member *m, const uint8_t topic[ABI_TOPIC_BYTES],
				  const struct json_place *at, json_t **ret)
{
	static const struct abi_type hash = {.kind = ABI_BYTES_N, .size = ABI_TOPIC_BYTES};

	return abi_decode_word(is_hashed(&m->type) ? &hash : &m->type, topic, at, ret);
}

static const char *name_of(const void *ctx, const struct abi_member *members, size_t i)
{
	return *members[i].name ? members[i].name : mem_printf(ctx, "%zu", i);
}

/* The values by name; `apart` are those that are not indexed, decoded from the data. */
static struct error *gather(const void *ctx, const struct abi_entry *event, const uint8_t (*topics)[ABI_TOPIC_BYTES],
			    const json_t *apart, const struct json_place *at, json_t *values)
{
	size_t topic = 0, part = 0;

	for (size_t i = 0; i < event->input_count; i++) {
		const char *name = name_of(ctx, event->inputs, i);
		const struct json_place here = {at, name, 0};
		json_t *value = NULL;

		if (event->inputs[i].indexed)
			TRY(decode_topic(&event->inputs[i], topics[topic++], &here, &value));
		else
			value = json_incref(json_array_get(apart, part++));
		json_object_set_new(values, name, value);
	}
	return NULL;
}

static struct error *decode_log(const void *ctx, const struct abi_entry *event,
				const uint8_t (*topics)[ABI_TOPIC_BYTES], size_t topic_count, const uint8_t *data,
				size_t n, json_t *values)
{
	const struct json_place at = {NULL, event->signature, 0};
	struct abi_member *plain = mem_array(ctx, struct abi_member, event->input_count + 1);
	size_t plain_count = 0, indexed;
	json_t *apart = NULL;
	struct error *e;

	for (size_t i = 0; i < event->input_count; i++) {
		if (event->inputs[i].indexed)
			continue;
		plain[plain_count] = event->inputs[i];
		plain[plain_count++].name = ""; /* decoded into an array */
	}
	indexed = event->input_count - plain_count;
	if (indexed != topic_count)
		return json_place_error(&at, "has %zu indexed values, the log has %zu", indexed, topic_count);
	TRY(abi_decode(plain, plain_count, data, n, &at, &apart));
	e = gather(ctx, event, topics, apart, &at, values);
	json_decref(apart);
	return e;
}

struct error *abi_log(const struct abi *a, const uint8_t (*topics)[ABI_TOPIC_BYTES], size_t topic_count,
		      const uint8_t *data, size_t n, const struct abi_entry **ret_event, json_t **ret_values)
{
	const struct abi_table *t = &a->tables[EVENT];
	const struct abi_entry *event = NULL;
	void *scratch;
	json_t *values;
	struct error *e;

	for (size_t i = 0; !event && topic_count > 0 && i < t->count; i++) {
		if (!t->rows[i].anonymous && memcmp(t->rows[i].hash, topics[0], ABI_TOPIC_BYTES) == 0)
			event = &t->rows[i];
	}
	if (!event)
		return error_new(ERROR_NOT_FOUND, "the log is of none of the contract's events");
	scratch = talloc_new(NULL);
	values = json_object();
	e = decode_log(scratch, event, topics + 1, topic_count - 1, data, n, values);
	mem_free(scratch);
	if (e) {
		json_decref(values);
		return e;
	}
	*ret_event = event;
	*ret_values = values;
	return NULL;
}

/* --- refusals --- */

static char *custom_text(const void *ctx, const struct abi_entry *row, const json_t *values)
{
	char *text = mem_printf(ctx, "%s(", row->name);

	for (size_t i = 0; i < row->input_count; i++) {
		const char *name = row->inputs[i].name;
		const json_t *value = json_is_array(values) ? json_array_get(values, i) : json_object_get(values, name);
		char *plain = json_is_string(value) ? mem_strdup(ctx, json_string_value(value)) : json_text(ctx, value);
		char *longer = mem_printf(ctx, "%s%s%s%s%s", text, i ? ", " : "", name, *name ? ": " : "", plain);

		mem_free(plain);
		mem_free(text);
		text = longer;
	}
	return talloc_strdup_append(text, ")");
}

struct error *abi_refusal(const struct abi *a, const uint8_t *bytes, size_t n, const struct abi_entry **ret_refusal,
			  json_t **ret_values)
{
	const struct abi_table *t = &a->tables[REFUSAL];

	for (size_t i = 0; n >= ABI_SELECTOR_BYTES && i < t->count; i++) {
		const struct json_place at = {NULL, t->rows[i].signature, 0};

		if (memcmp(bytes, t->rows[i].hash, ABI_SELECTOR_BYTES) != 0)
			continue;
		TRY(abi_decode(t->rows[i].inputs, t->rows[i].input_count, bytes + ABI_SELECTOR_BYTES,
			       n - ABI_SELECTOR_BYTES, &at, ret_values));
		*ret_refusal = &t->rows[i];
		return NULL;
	}
	return error_new(ERROR_NOT_FOUND, "the contract has no such error");
}

static char *custom_revert(const void *ctx, const struct abi *a, const uint8_t *bytes, size_t n)
{
	const struct abi_entry *row = NULL;
	json_t *values = NULL;
	struct error *e = abi_refusal(a, bytes, n, &row, &values);
	char *text = row ? custom_text(ctx, row, values) : NULL;

	error_free(e);
	json_decref(values);
	return text;
}

char *abi_revert_text(const void *ctx, const struct abi *a, const uint8_t *bytes, size_t n)
{
	char *text = a && n >= ABI_SELECTOR_BYTES ? custom_revert(ctx, a, bytes, n) : NULL;

	return text ? text : revert_text(ctx, bytes, n);
}
