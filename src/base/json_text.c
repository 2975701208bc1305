/* Text of a JSON value. jansson's writer decodes each character of a string again, which takes most of the time of
 * sending a message; jansson has checked a string's UTF-8 when it was made, so json_write.h only looks for what must be
 * escaped. */
#include <stdint.h>

#include "base/json.h"
#include "base/json_write.h"
#include "base/mem.h"

char *json_text(const void *ctx, const json_t *value)
{
	struct json_writer w = {.to = buf_new(ctx, SIZE_MAX / 2), .form = JSON_FORM_JANSSON};
	char *text;

	json_write_value(&w, value);
	text = mem_resize(ctx, talloc_steal(ctx, w.to->data), char, w.to->len + 1);
	mem_free(w.to);
	return text;
}

char *json_text_flags(const void *ctx, const json_t *value, size_t flags)
{
	size_t n = json_dumpb(value, NULL, 0, flags);
	char *text = mem_array(ctx, char, n + 1);

	json_dumpb(value, text, n, flags);
	text[n] = '\0';
	return text;
}
