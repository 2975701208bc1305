/* Any text through the numbering of placeholders: what comes out is the text, but that each of the first byte's number
 * of ? has become the next $n. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "postgres/postgres_impl.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	mem_init();
	return 0;
}

static void check(const char *sql, const char *text, size_t count)
{
	size_t n = 0;

	while (*sql) {
		char next[8];
		size_t len = (size_t)snprintf(next, sizeof(next), "$%zu", n + 1);

		if (*sql == '?' && n < count && strncmp(text, next, len) == 0) {
			n++;
			text += len;
		} else {
			assert(*text == *sql);
			text++;
		}
		sql++;
	}
	assert(*text == '\0' && n == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = size ? data[0] : 0;
	char *sql = size ? mem_strndup(NULL, (const char *)data + 1, size - 1) : mem_strdup(NULL, "");
	char *text = NULL;
	struct error *e = postgres_sql(NULL, sql, count, &text);

	if (!e)
		check(sql, text, count);
	error_free(e);
	mem_free(text);
	mem_free(sql);
	return 0;
}
