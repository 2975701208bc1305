/* What contracts return and log: decoded by types of every kind. What was decoded encodes to as many bytes at most, and
 * that decodes to the same again. */
#include <stdlib.h>
#include <string.h>

#include "abi/interface.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char interface_text[] =
	"[{\"type\":\"function\",\"name\":\"f\",\"outputs\":[{\"name\":\"\",\"type\":\"uint24[]\"},{\"name\":\"\","
	"\"type\":\"string\"},"
	"{\"name\":\"\",\"type\":\"tuple[][2]\",\"components\":[{\"name\":\"a\",\"type\":\"bytes\"},{\"name\":\"b\","
	"\"type\":\"int64\"},"
	"{\"name\":\"c\",\"type\":\"bool[3]\"}]}]},"
	"{\"type\":\"function\",\"name\":\"g\",\"outputs\":[{\"name\":\"x\",\"type\":\"string[][][]\"}]},"
	"{\"type\":\"function\",\"name\":\"h\",\"outputs\":[{\"name\":\"x\",\"type\":\"address[2][]\"},{\"name\":\"y\","
	"\"type\":\"bytes7\"}]},"
	"{\"type\":\"event\",\"name\":\"E\",\"inputs\":[{\"name\":\"a\",\"type\":\"address\",\"indexed\":true},{"
	"\"name\":\"s\","
	"\"type\":\"string\",\"indexed\":true},{\"name\":\"d\",\"type\":\"bytes[]\"}]},"
	"{\"type\":\"error\",\"name\":\"Denied\",\"inputs\":[{\"name\":\"who\",\"type\":\"address\"},{\"name\":\"why\","
	"\"type\":\"string\"}]}]";

static struct abi *interface(void)
{
	static struct abi *abi;
	const struct json_place at = {NULL, NULL, 0};
	json_t *list;

	if (!abi) {
		mem_init();
		if (json_parse(interface_text, strlen(interface_text), 1 << 16, &list) ||
		    abi_read(NULL, list, &at, &abi))
			abort();
		json_decref(list);
	}
	return abi;
}

static void result(const struct abi_entry *f, const uint8_t *data, size_t size)
{
	const struct json_place at = {NULL, NULL, 0};
	json_t *values = NULL, *again = NULL;
	struct buf *made = buf_new(NULL, 1 << 20);

	error_free(abi_result(f, data, size, &values));
	if (values) {
		if (abi_encode(f->outputs, f->output_count, values, &at, made) || made->len > size ||
		    abi_result(f, (const uint8_t *)made->data, made->len, &again) || !json_equal(values, again))
			abort();
	}
	json_decref(values);
	json_decref(again);
	mem_free(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct abi *abi = interface();
	const struct abi_entry *event;
	uint8_t topics[3][ABI_TOPIC_BYTES] = {{0}};
	json_t *values = NULL;

	for (size_t i = 0; abi_function_at(abi, i); i++)
		result(abi_function_at(abi, i), data, size);
	mem_free(abi_revert_text(NULL, abi, data, size));
	if (abi_event(abi, "E", &event))
		abort();
	memcpy(topics[0], event->hash, ABI_TOPIC_BYTES);
	if (size >= 52) {
		memcpy(topics[1] + 12, data, 20);
		memcpy(topics[2], data + 20, 32);
		error_free(abi_log(abi, (const uint8_t(*)[ABI_TOPIC_BYTES])topics, 3, data + 52, size - 52, &event,
				   &values));
		json_decref(values);
	}
	return 0;
}
