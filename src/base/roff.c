#include "base/roff.h"

#include "base/mem.h"

char *roff_text(const void *ctx, const char *text)
{
	/* A point or an apostrophe at the beginning of a line would make it a request. */
	char *out = mem_strdup(ctx, *text == '.' || *text == '\'' ? "\\&" : "");

	for (; *text; text++) {
		if (*text == '\\')
			out = talloc_strdup_append_buffer(out, "\\e");
		else if (*text == '-')
			out = talloc_strdup_append_buffer(out, "\\-");
		else if (*text == '~')
			out = talloc_strdup_append_buffer(out, "\\(ti");
		else if (*text == '\n')
			out = talloc_strdup_append_buffer(out,
							  text[1] == '.' || text[1] == '\'' ? "\n.br\n\\&" : "\n.br\n");
		else
			out = talloc_asprintf_append_buffer(out, "%c", *text);
	}
	return out;
}
