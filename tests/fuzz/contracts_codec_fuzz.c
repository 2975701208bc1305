/* What contracts return and log, decoded by the table that the first byte chooses: what the codec takes,
 * abi/interface.h takes too, and it encodes to as many bytes at most, which decode to the same again. */
#include <stdlib.h>
#include <string.h>

#include "abi/contracts.h"
#include "base/mem.h"
#include "contracts/codec.h"
#include "contracts/refusals_abi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct abi_entry *entry_of(const struct codec_function *f)
{
	static const struct abi_entry *entries[128];
	const struct contract *c = NULL;
	size_t i = 0;

	while (codec_functions[i] != f)
		i++;
	if (i >= sizeof(entries) / sizeof(entries[0]))
		abort();
	if (!entries[i] && (contract_builtin(NULL, f->contract, &c) || abi_function(c->abi, f->name, &entries[i])))
		abort();
	return entries[i];
}

static void again(const void *ctx, const struct codec_layout *layout, const void *values, size_t size)
{
	const struct json_place at = {NULL, NULL, 0};
	struct buf *made = buf_new(ctx, 1 << 20), *same = buf_new(ctx, 1 << 20);
	void *second = mem_array(ctx, char, layout->bytes + 1);

	if (codec_encode(layout, values, &at, made) || made->len > size ||
	    codec_decode(ctx, layout, (const uint8_t *)made->data, made->len, &at, second) ||
	    codec_encode(layout, second, &at, same) || same->len != made->len ||
	    memcmp(same->data, made->data, made->len) != 0)
		abort();
	for (size_t i = 0; i < layout->count; i++)
		mem_free(codec_value_text(ctx, &layout->fields[i], values));
}

static void result(const struct codec_function *f, const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL), *values = mem_array(ctx, char, f->outputs.bytes + 1);
	json_t *read = NULL;
	struct error *e = codec_result(ctx, f, data, size, values);

	if (!e) {
		if (abi_result(entry_of(f), data, size, &read))
			abort();
		again(ctx, &f->outputs, values, size);
	}
	json_decref(read);
	error_free(e);
	mem_free(ctx);
}

static void log_of(const struct codec_event *event, const uint8_t *data, size_t size)
{
	void *ctx = talloc_new(NULL), *values = mem_array(ctx, char, event->values.bytes + 1);
	struct chain_log log = {.topic_count = 1};

	memcpy(log.topics[0], event->topic, ABI_TOPIC_BYTES);
	while (log.topic_count < ABI_TOPICS && size >= ABI_TOPIC_BYTES) {
		memcpy(log.topics[log.topic_count++], data, ABI_TOPIC_BYTES);
		data += ABI_TOPIC_BYTES;
		size -= ABI_TOPIC_BYTES;
		log.data = (uint8_t *)data;
		log.n = size;
		error_free(codec_log(ctx, event, &log, values));
	}
	mem_free(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static size_t functions, events;
	size_t which;

	if (functions == 0)
		mem_init();
	while (codec_functions[functions])
		functions++;
	while (codec_events[events])
		events++;
	if (size == 0)
		return 0;
	which = data[0] % (functions + events);
	if (which >= functions)
		log_of(codec_events[which - functions], data + 1, size - 1);
	else if (codec_functions[which]->view)
		result(codec_functions[which], data + 1, size - 1);
	return 0;
}
