/* Placeholders: PostgreSQL numbers them. (PostgreSQL's documentation, "Lexical Structure": strings, quoted identifiers,
 * comments, which nest. dsn writes no dollar quotes and no E'' strings.) */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "postgres/postgres_impl.h"

#define SQL_MAX 65536

/* How long the string, quoted name or comment is that begins here; 0: none does, SIZE_MAX: it does not end. */
static size_t quoted(const char *at)
{
	const char *end = NULL;
	int depth = 0;

	if (*at == '\'' || *at == '"') { /* two in a row are two strings to us, and have no ? between them */
		end = strchr(at + 1, *at);
		return end ? (size_t)(end - at) + 1 : SIZE_MAX;
	}
	if (at[0] == '-' && at[1] == '-')
		return strcspn(at, "\n");
	if (at[0] != '/' || at[1] != '*')
		return 0;
	for (end = at; *end; end++) {
		if (end[0] == '/' && end[1] == '*') {
			depth++;
			end++;
		} else if (end[0] == '*' && end[1] == '/') {
			end++;
			if (--depth == 0)
				return (size_t)(end - at) + 1;
		}
	}
	return SIZE_MAX;
}

struct error *postgres_sql(const void *ctx, const char *sql, size_t count, char **ret_sql)
{
	size_t n = strlen(sql), found = 0, len = 0;
	/* "?" becomes "$" and two digits at most. */
	char *text;

	if (n > SQL_MAX || count > DB_VALUES)
		return error_new(ERROR_INVALID, "%.60s: a statement of %zu bytes with %zu values: %d and %d at most",
				 sql, n, count, SQL_MAX, DB_VALUES);
	text = mem_array(ctx, char, n + 2 * count + 1);
	for (const char *at = sql; *at;) {
		size_t whole = quoted(at);

		if (whole == SIZE_MAX)
			goto unended;
		if (whole > 0) {
			memcpy(text + len, at, whole);
			len += whole;
			at += whole;
		} else if (*at != '?') {
			text[len++] = *at++;
		} else if (found++ < count) {
			len += (size_t)snprintf(text + len, 4, "$%zu", found);
			at++;
		} else {
			at++;
		}
	}
	if (found == count) {
		*ret_sql = text;
		return NULL;
	}
	mem_free(text);
	return error_new(ERROR_INVALID, "%.60s: %zu values for %zu places", sql, count, found);
unended:
	mem_free(text);
	return error_new(ERROR_INVALID, "%.60s: a string, a name or a comment does not end", sql);
}
