#include "vcli/render.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/printable.h"

void render_text(FILE *out, const char *text)
{
	char *line = printable_line(NULL, text);

	fputs(line, out);
	mem_free(line);
}

char *render_bps(const void *ctx, long long bps)
{
	if (bps >= 1000000)
		return mem_printf(ctx, "%.1f Mb/s", (double)bps / 1e6);
	return mem_printf(ctx, "%lld kb/s", bps / 1000);
}

/* Terminal columns of UTF-8 text: bytes that do not continue a character. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Small objects and lists fit into a cell: "rtmp=1935 http=8080", "a, b". */
static char *cell(const void *ctx, const json_t *value)
{
	char *out = mem_strdup(ctx, "");
	const char *key = NULL;
	json_t *inner = NULL;
	size_t i = 0;

	if (!value || json_is_null(value))
		return mem_strdup(ctx, "-");
	if (json_is_string(value))
		return mem_strdup(ctx, json_string_value(value));
	json_object_foreach ((json_t *)value, key, inner)
		out = mem_printf(ctx, "%s%s%s=%s", out, *out ? " " : "", key, cell(ctx, inner));
	json_array_foreach (value, i, inner)
		out = mem_printf(ctx, "%s%s%s", out, *out ? ", " : "", cell(ctx, inner));
	if (*out)
		return out;
	return json_is_object(value) || json_is_array(value) ? mem_strdup(ctx, "none") : json_text(ctx, value);
}

static bool plain(const json_t *value)
{
	return !json_is_object(value) && !json_is_array(value);
}

static bool is_table(const json_t *array)
{
	return json_is_array(array) && json_array_size(array) > 0 && json_is_object(json_array_get(array, 0));
}

/* All keys of the array's objects that fit into cells, in order of appearance. */
static const char **keys_of(const void *ctx, const json_t *array)
{
	const char **keys = mem_array(ctx, const char *, 1);
	size_t count = 0, i = 0;
	json_t *row = NULL;

	json_array_foreach (array, i, row) {
		const char *key = NULL;
		json_t *value = NULL;

		json_object_foreach (row, key, value) {
			size_t k = 0;

			while (k < count && strcmp(keys[k], key) != 0)
				k++;
			/* A table within a table is for --json. */
			if (k < count || is_table(value))
				continue;
			keys = mem_resize(ctx, keys, const char *, count + 2);
			keys[count++] = key;
			keys[count] = NULL;
		}
	}
	return keys;
}

static void put_cell(FILE *out, const char *text, int width, bool last)
{
	render_text(out, text);
	if (!last)
		fprintf(out, "%*s", width - width_of(text) + 2, "");
}

static void table(FILE *out, const json_t *array, const char *const *columns, const char *indent)
{
	void *scope = mem_new(NULL, char);
	const char *const *keys = columns ? columns : (const char *const *)keys_of(scope, array);
	size_t count = 0, rows = json_array_size(array);
	int *widths = NULL;

	while (keys[count])
		count++;
	widths = mem_array(scope, int, count + 1);
	for (size_t k = 0; k < count; k++) {
		widths[k] = width_of(keys[k]);
		for (size_t i = 0; i < rows; i++) {
			int w = width_of(cell(scope, json_object_get(json_array_get(array, i), keys[k])));

			widths[k] = w > widths[k] ? w : widths[k];
		}
	}
	fputs(indent, out);
	for (size_t k = 0; k < count; k++)
		put_cell(out, keys[k], widths[k], k + 1 == count);
	fputc('\n', out);
	for (size_t i = 0; i < rows; i++) {
		fputs(indent, out);
		for (size_t k = 0; k < count; k++)
			put_cell(out, cell(scope, json_object_get(json_array_get(array, i), keys[k])), widths[k],
				 k + 1 == count);
		fputc('\n', out);
	}
	mem_free(scope);
}

void render_table(FILE *out, const json_t *array, const char *const *columns)
{
	table(out, array, columns, "");
}

/* Members that fit on a line as "prefix.key  value"; *width is the longest name so far. */
static void members(FILE *out, const json_t *object, const char *prefix, int *width, bool measure)
{
	void *scope = mem_new(NULL, char);
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach ((json_t *)object, key, value) {
		char *name = mem_printf(scope, "%s%s%s", prefix, *prefix ? "." : "", key);

		if (json_is_object(value)) {
			members(out, value, name, width, measure);
		} else if (!is_table(value) && measure) {
			*width = width_of(name) > *width ? width_of(name) : *width;
		} else if (!is_table(value)) {
			put_cell(out, name, *width, false);
			render_text(out, cell(scope, value));
			fputc('\n', out);
		}
	}
	mem_free(scope);
}

static void tables(FILE *out, const json_t *object, const char *prefix)
{
	void *scope = mem_new(NULL, char);
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach ((json_t *)object, key, value) {
		char *name = mem_printf(scope, "%s%s%s", prefix, *prefix ? "." : "", key);

		if (json_is_object(value)) {
			tables(out, value, name);
		} else if (is_table(value)) {
			fprintf(out, "%s:\n", name);
			table(out, value, NULL, "  ");
		}
	}
	mem_free(scope);
}

void render_value(FILE *out, const json_t *value)
{
	void *scope = mem_new(NULL, char);
	int width = 0;

	if (json_is_object(value)) {
		members(out, value, "", &width, true);
		members(out, value, "", &width, false);
		tables(out, value, "");
	} else if (is_table(value)) {
		table(out, value, NULL, "");
	} else if (value && plain(value)) {
		render_text(out, cell(scope, value));
		fputc('\n', out);
	}
	mem_free(scope);
}
