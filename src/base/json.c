#include "base/json.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define MAX_LEVELS 32
#define MAX_KEY_SHOWN 60
#define HEAD_BYTES 64

/* Root first; a root key is a label, what follows is the path inside the document. */
static char *place_path(const void *ctx, const struct json_place *at)
{
	char *up = NULL, *text = NULL;

	if (!at || !at->up)
		return mem_strdup(ctx, "");
	up = place_path(ctx, at->up);
	if (at->key)
		text = mem_printf(ctx, "%s%s%.*s", up, up[0] ? "." : "", MAX_KEY_SHOWN, at->key);
	else
		text = mem_printf(ctx, "%s[%zu]", up, at->index);
	mem_free(up);
	return text;
}

char *json_place_text(const void *ctx, const struct json_place *at)
{
	const struct json_place *root = at;
	char *path = place_path(ctx, at), *text = NULL;

	while (root && root->up)
		root = root->up;
	if (!root || !root->key)
		text = mem_strdup(ctx, path[0] ? path : "document");
	else if (path[0])
		text = mem_printf(ctx, "%s: %s", root->key, path);
	else
		text = mem_strdup(ctx, root->key);
	mem_free(path);
	return text;
}

struct error *json_place_error(const struct json_place *at, const char *fmt, ...)
{
	va_list ap;
	struct error *e = NULL;
	char *where = json_place_text(NULL, at);

	va_start(ap, fmt);
	e = error_vnew(ERROR_INVALID, fmt, ap);
	va_end(ap);
	e = error_wrap(e, "%s", where);
	mem_free(where);
	return e;
}

/* jansson itself goes 2048 levels deep; nothing of ours needs more than a few. */
static struct error *check_levels(const char *text, size_t len)
{
	size_t levels = 0, line = 1;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '\n')
			line++;
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++levels > MAX_LEVELS)
				return error_new(ERROR_LIMIT, "line %zu: more than %d levels of brackets", line,
						 MAX_LEVELS);
		} else if ((c == ']' || c == '}') && levels) {
			levels--;
		}
	}
	return NULL;
}

/* Jansson quotes what it could not read; named by mistake, a file of secrets would be shown. */
static int words_without_token(const char *words)
{
	const char *token = strstr(words, " near '");

	return token ? (int)(token - words) : (int)strlen(words);
}

static struct error *parse(const char *text, size_t len, size_t limit, size_t flags, json_t **ret_value)
{
	json_error_t where;
	json_t *value = NULL;

	if (len > limit)
		return error_new(ERROR_LIMIT, "%zu bytes of JSON, at most %zu are read", len, limit);
	TRY(check_levels(text, len));
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | flags, &where);
	if (!value)
		return error_new(ERROR_INVALID, "line %d, column %d: %.*s", where.line, where.column,
				 words_without_token(where.text), where.text);
	*ret_value = value;
	return NULL;
}

struct error *json_parse(const char *text, size_t len, size_t limit, json_t **ret_value)
{
	return parse(text, len, limit, 0, ret_value);
}

struct error *json_parse_foreign(const char *text, size_t len, size_t limit, json_t **ret_value)
{
	return parse(text, len, limit, JSON_ALLOW_NUL, ret_value);
}

/* Something else that was named by mistake, a film for instance, is told so, however large it is. */
static struct error *check_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[HEAD_BYTES];
	ssize_t n = fd >= 0 ? read(fd, head, sizeof(head)) : 0;

	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < n; i++) {
		if (!head[i] || (iscntrl((unsigned char)head[i]) && !isspace((unsigned char)head[i])))
			return error_new(ERROR_INVALID, "%s: is no JSON document, it is no text at all", path);
	}
	return NULL;
}

struct error *json_parse_file(const char *path, size_t limit, json_t **ret_value)
{
	char *text = NULL;
	size_t len = 0;
	struct error *e = NULL;

	TRY(check_text(path));
	TRY(file_read(NULL, path, limit, &text, &len));
	e = json_parse(text, len, limit, ret_value);
	mem_free(text);
	return e ? error_wrap(e, "%s", path) : NULL;
}

static const char *type_word(const json_t *value)
{
	static const char *const words[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a number",  [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",      [JSON_NULL] = "null",
	};

	return words[json_typeof(value)];
}

/* Finds member `key` of wanted type; *ret stays NULL when it is missing and may be. */
static struct error *read_member(const json_t *obj, const struct json_place *at, const char *key, json_type type,
				 bool required, json_t **ret)
{
	static const char *const wanted[] = {
		[JSON_OBJECT] = "an object {...}", [JSON_ARRAY] = "an array [...]", [JSON_STRING] = "a string \"...\""};
	struct json_place here = {at, key, 0};
	json_t *value = NULL;

	if (!json_is_object(obj))
		return json_place_error(at, "must be an object {...}, not %s", obj ? type_word(obj) : "missing");
	value = json_object_get(obj, key);
	if (!value)
		return required ? json_place_error(&here, "is missing") : NULL;
	if (json_typeof(value) != type && type == JSON_STRING && json_is_number(value))
		return json_place_error(&here, "must be a string: numbers too are written in quotes");
	if (json_typeof(value) != type)
		return json_place_error(&here, "must be %s, not %s", wanted[type], type_word(value));
	*ret = value;
	return NULL;
}

struct error *json_read_object(const json_t *obj, const struct json_place *at, const char *key, json_t **ret)
{
	return read_member(obj, at, key, JSON_OBJECT, true, ret);
}

struct error *json_read_object_opt(const json_t *obj, const struct json_place *at, const char *key, json_t **ret)
{
	return read_member(obj, at, key, JSON_OBJECT, false, ret);
}

static struct error *read_array(const json_t *obj, const struct json_place *at, const char *key, size_t min, size_t max,
				bool required, json_t **ret)
{
	struct json_place here = {at, key, 0};
	json_t *value = NULL;
	size_t n = 0;

	TRY(read_member(obj, at, key, JSON_ARRAY, required, &value));
	if (!value)
		return NULL;
	n = json_array_size(value);
	if (n < min || n > max)
		return json_place_error(&here, "has %zu elements, must have %zu to %zu", n, min, max);
	*ret = value;
	return NULL;
}

struct error *json_read_array(const json_t *obj, const struct json_place *at, const char *key, size_t min, size_t max,
			      json_t **ret)
{
	return read_array(obj, at, key, min, max, true, ret);
}

struct error *json_read_array_opt(const json_t *obj, const struct json_place *at, const char *key, size_t min,
				  size_t max, json_t **ret)
{
	return read_array(obj, at, key, min, max, false, ret);
}

static struct error *read_string(const json_t *obj, const struct json_place *at, const char *key, bool required,
				 const char **ret)
{
	json_t *value = NULL;

	TRY(read_member(obj, at, key, JSON_STRING, required, &value));
	if (value)
		*ret = json_string_value(value);
	return NULL;
}

struct error *json_read_string(const json_t *obj, const struct json_place *at, const char *key, const char **ret)
{
	return read_string(obj, at, key, true, ret);
}

struct error *json_read_string_opt(const json_t *obj, const struct json_place *at, const char *key, const char **ret)
{
	return read_string(obj, at, key, false, ret);
}

/* Digits only, so that nothing strtoll() is kind about (signs, blanks, 0x) passes. */
static bool parse_decimal(const char *text, int64_t *ret)
{
	int64_t n = 0;

	if (!text[0] || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *text - '0', &n))
			return false;
	}
	*ret = n;
	return true;
}

static struct error *read_decimal(const json_t *obj, const struct json_place *at, const char *key, bool required,
				  int64_t min, int64_t max, int64_t *ret)
{
	struct json_place here = {at, key, 0};
	const char *text = NULL;
	int64_t n = 0;

	TRY(read_string(obj, at, key, required, &text));
	if (!text)
		return NULL;
	if (!parse_decimal(text, &n))
		return json_place_error(&here, "\"%.40s\" is no decimal number", text);
	if (n < min || n > max)
		return json_place_error(&here, "%s is not within %lld to %lld", text, (long long)min, (long long)max);
	*ret = n;
	return NULL;
}

struct error *json_read_decimal(const json_t *obj, const struct json_place *at, const char *key, int64_t min,
				int64_t max, int64_t *ret)
{
	return read_decimal(obj, at, key, true, min, max, ret);
}

struct error *json_read_decimal_opt(const json_t *obj, const struct json_place *at, const char *key, int64_t min,
				    int64_t max, int64_t *ret)
{
	return read_decimal(obj, at, key, false, min, max, ret);
}

struct error *json_refuse_unknown(const json_t *obj, const struct json_place *at, const char *const *known)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach ((json_t *)obj, key, value) {
		struct json_place here = {at, key, 0};
		size_t i = 0;

		if (strcmp(key, "_comments") == 0)
			continue;
		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			return json_place_error(&here, "is not a known member here");
	}
	return NULL;
}

void json_put(json_t *obj, const char *key, const char *text)
{
	json_object_set_new(obj, key, json_string(text));
}

void json_put_decimal(json_t *obj, const char *key, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	json_put(obj, key, text);
}
