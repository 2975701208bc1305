#include "base/config_value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct config_unit {
	const char *word;
	int64_t factor;
};

/* Largest first: printing takes the first that divides. */
static const struct config_unit duration_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct config_unit byte_units[] = {
	{"G", INT64_C(1) << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {"", 1}, {NULL, 0}};

static struct error *parse_units(const char *text, const struct config_unit *units, const char *form, int64_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	errno = 0;
	int64_t n = strtoll(text, NULL, 10);
	if (digits == 0)
		return error_new(ERROR_INVALID, "\"%.80s\" is not %s", text, form);
	for (const struct config_unit *u = units; u->word; u++) {
		if (strcmp(text + digits, u->word) != 0 && !(n == 0 && text[digits] == '\0'))
			continue;
		if (errno == ERANGE || n > INT64_MAX / u->factor)
			return error_new(ERROR_INVALID, "\"%.80s\" is too large", text);
		*ret = n * u->factor;
		return NULL;
	}
	return error_new(ERROR_INVALID, "\"%.80s\" is not %s", text, form);
}

struct error *config_parse_duration(const char *text, int64_t *ret_ms)
{
	return parse_units(text, duration_units, "a duration such as 500ms, 5s, 2m or 1h", ret_ms);
}

struct error *config_parse_bytes(const char *text, int64_t *ret_bytes)
{
	return parse_units(text, byte_units, "a size in bytes such as 4096, 64k, 10M or 2G", ret_bytes);
}

static char *print_units(const void *ctx, const struct config_unit *units, int64_t n)
{
	while (units[1].word && (n == 0 || n % units->factor != 0))
		units++;
	return mem_printf(ctx, "%lld%s", (long long)(n / units->factor), units->word);
}

static struct error *parse_int(const struct config_row *row, const char *text, int64_t *ret)
{
	char *end = NULL;
	errno = 0;
	const char *digits = text + (*text == '-');
	long long n = strtoll(text, &end, 10);
	if (*digits < '0' || *digits > '9' || *end)
		return error_new(ERROR_INVALID, "\"%.80s\" is not a whole number", text);
	bool bounded = row->min != 0 || row->max != 0;
	if (errno == ERANGE || (bounded && (n < row->min || n > row->max))) {
		if (bounded)
			return error_new(ERROR_INVALID, "%.80s is not within %lld..%lld", text, (long long)row->min,
					 (long long)row->max);
		return error_new(ERROR_INVALID, "%.80s is too large", text);
	}
	*ret = n;
	return NULL;
}

static struct error *parse_bool(const char *text, bool *ret)
{
	static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false", "off", "0"};
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*ret = strcmp(text, yes[i]) == 0;
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "\"%.80s\" is neither yes nor no", text);
}

static struct error *check_choice(const struct config_row *row, const char *text)
{
	size_t len = strlen(text);
	for (const char *c = row->choices; *c;) {
		size_t n = strcspn(c, "|");
		if (n == len && memcmp(c, text, n) == 0)
			return NULL;
		c += n + (c[n] == '|');
	}
	return error_new(ERROR_INVALID, "\"%.80s\" is not one of %s", text, row->choices);
}

static void set_string(const void *ctx, char **field, const char *text)
{
	mem_free(*field);
	*field = mem_strdup(ctx, text);
}

struct error *config_value_set_list(const void *ctx, const struct config_row *row, char **elements, size_t count,
				    void *settings)
{
	char ***field = (char ***)((char *)settings + row->offset);
	char **list = mem_array(ctx, char *, count + 1);
	for (size_t i = 0; i < count; i++) {
		struct error *e = row->check ? row->check(elements[i]) : NULL;
		if (!e && !*elements[i])
			e = error_new(ERROR_INVALID, "an element is empty");
		if (e) {
			mem_free(list);
			return e;
		}
		list[i] = mem_strdup(list, elements[i]);
	}
	mem_free(*field);
	*field = list;
	return NULL;
}

static struct error *set_list_text(const void *ctx, const struct config_row *row, const char *text, void *settings)
{
	char **elements = mem_array(NULL, char *, strlen(text) + 2);
	size_t count = 0;
	for (const char *s = text; *text;) {
		size_t n = strcspn(s, ",");
		const char *from = s + strspn(s, " \t"), *to = s + n;
		while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
			to--;
		elements[count++] = mem_strndup(elements, from, to > from ? (size_t)(to - from) : 0);
		if (!s[n])
			break;
		s += n + 1;
	}
	struct error *e = config_value_set_list(ctx, row, elements, count, settings);
	mem_free(elements);
	return e;
}

struct error *config_value_set(const void *ctx, const struct config_row *row, const char *text, void *settings)
{
	void *field = (char *)settings + row->offset;
	if (row->check && row->type != CONFIG_LIST)
		TRY(row->check(text));
	switch (row->type) {
	case CONFIG_STRING:
		set_string(ctx, field, text);
		return NULL;
	case CONFIG_CHOICE:
		TRY(check_choice(row, text));
		set_string(ctx, field, text);
		return NULL;
	case CONFIG_BOOL:
		return parse_bool(text, field);
	case CONFIG_INT:
		return parse_int(row, text, field);
	case CONFIG_DURATION:
		return config_parse_duration(text, field);
	case CONFIG_BYTES:
		return config_parse_bytes(text, field);
	case CONFIG_LIST:
		return set_list_text(ctx, row, text, settings);
	}
	assert(false);
	return NULL;
}

char *config_value_text(const void *ctx, const struct config_row *row, const void *settings)
{
	const void *field = (const char *)settings + row->offset;
	bool number = row->type == CONFIG_INT || row->type == CONFIG_DURATION || row->type == CONFIG_BYTES;
	if (number && !row->value && *(const int64_t *)field == 0)
		return NULL;
	switch (row->type) {
	case CONFIG_STRING:
	case CONFIG_CHOICE: {
		char *const *text = field;
		return *text ? mem_strdup(ctx, *text) : NULL;
	}
	case CONFIG_BOOL:
		return mem_strdup(ctx, *(const bool *)field ? "yes" : "no");
	case CONFIG_INT:
		return mem_printf(ctx, "%lld", (long long)*(const int64_t *)field);
	case CONFIG_DURATION:
		return print_units(ctx, duration_units, *(const int64_t *)field);
	case CONFIG_BYTES:
		return print_units(ctx, byte_units, *(const int64_t *)field);
	case CONFIG_LIST: {
		char **const *list = field;
		if (!*list || !**list)
			return NULL;
		char *text = mem_strdup(ctx, "");
		for (char **element = *list; *element; element++) {
			char *longer = mem_printf(ctx, "%s%s%s", text, element == *list ? "" : ",", *element);
			mem_free(text);
			text = longer;
		}
		return text;
	}
	}
	assert(false);
	return NULL;
}
