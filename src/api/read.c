#include "api/read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct error *keep_text(const void *ctx, const char *text, const struct json_place *here, api_check_fn *check,
			       char **ret)
{
	if (check)
		TRY(check(text, here));
	*ret = mem_strdup(ctx, text);
	return NULL;
}

struct error *api_read_text(const void *ctx, const json_t *obj, const struct json_place *at, const char *key,
			    api_check_fn *check, char **ret)
{
	const struct json_place here = {at, key, 0};
	const char *text = NULL;

	TRY(json_read_string(obj, at, key, &text));
	return keep_text(ctx, text, &here, check, ret);
}

struct error *api_read_text_opt(const void *ctx, const json_t *obj, const struct json_place *at, const char *key,
				api_check_fn *check, char **ret)
{
	const struct json_place here = {at, key, 0};
	const char *text = NULL;

	TRY(json_read_string_opt(obj, at, key, &text));
	return text ? keep_text(ctx, text, &here, check, ret) : NULL;
}

struct error *api_read_size_member(const json_t *obj, const struct json_place *at, const char *key,
				   struct api_size *ret)
{
	const struct json_place here = {at, key, 0};
	const char *text = NULL;

	TRY(json_read_string(obj, at, key, &text));
	return api_read_size(text, &here, ret);
}

struct error *api_read_int_opt(const json_t *obj, const struct json_place *at, const char *key, int min, int max,
			       int *ret)
{
	int64_t n = *ret;

	TRY(json_read_decimal_opt(obj, at, key, min, max, &n));
	*ret = (int)n;
	return NULL;
}

struct error *api_read_port_opt(const json_t *obj, const struct json_place *at, const char *key, int *ret)
{
	return api_read_int_opt(obj, at, key, 1, API_MAX_PORT, ret);
}

struct error *api_read_port(const json_t *obj, const struct json_place *at, const char *key, int *ret)
{
	int64_t n = 0;

	TRY(json_read_decimal(obj, at, key, 1, API_MAX_PORT, &n));
	*ret = (int)n;
	return NULL;
}

struct error *api_read_bitrate(const json_t *obj, const struct json_place *at, const char *key, int64_t *ret)
{
	return json_read_decimal(obj, at, key, API_MIN_BPS, API_MAX_BPS, ret);
}

struct error *api_read_bool_opt(const json_t *obj, const struct json_place *at, const char *key,
				const char *const words[2], bool *ret)
{
	const struct json_place here = {at, key, 0};
	const char *text = NULL;

	TRY(json_read_string_opt(obj, at, key, &text));
	if (!text)
		return NULL;
	if (strcmp(text, words[0]) != 0 && strcmp(text, words[1]) != 0)
		return json_place_error(&here, "\"%.60s\" is neither %s nor %s", text, words[0], words[1]);
	*ret = strcmp(text, words[0]) == 0;
	return NULL;
}

struct error *api_expect(const json_t *obj, const struct json_place *at, const char *key, const char *text)
{
	const struct json_place here = {at, key, 0};
	const char *found = NULL;

	TRY(json_read_string(obj, at, key, &found));
	if (strcmp(found, text) != 0)
		return json_place_error(&here, "\"%.60s\" must be \"%s\"", found, text);
	return NULL;
}

struct error *api_read_fraction_opt(const json_t *obj, const struct json_place *at, const char *key, double max,
				    double *ret)
{
	const struct json_place here = {at, key, 0};
	const char *text = NULL;
	size_t whole = 0, part = 0;
	double n = 0;

	TRY(json_read_string_opt(obj, at, key, &text));
	if (!text)
		return NULL;
	while (isdigit((unsigned char)text[whole]))
		whole++;
	if (text[whole] == '.') {
		while (isdigit((unsigned char)text[whole + 1 + part]))
			part++;
	}
	if (!whole || whole > 9 || part > 3 || text[whole + (text[whole] == '.') + part] ||
	    (text[whole] == '.' && !part))
		return json_place_error(&here, "\"%.60s\" is no number like 1.5", text);
	/* strtod() would depend on the locale's decimal point. */
	n = (double)strtoll(text, NULL, 10);
	for (size_t i = 0; i < part; i++)
		n += (text[whole + 1 + i] - '0') * (i == 0 ? 0.1 : i == 1 ? 0.01 : 0.001);
	if (n <= 0 || n > max)
		return json_place_error(&here, "%s is not above 0 and up to %g", text, max);
	*ret = n;
	return NULL;
}

struct held {
	json_t *value;
};

static int held_destroy(struct held *h)
{
	json_decref(h->value);
	return 0;
}

json_t *api_hold(const void *ctx, json_t *value)
{
	struct held *h = mem_new(ctx, struct held);

	h->value = json_incref(value);
	talloc_set_destructor(h, held_destroy);
	return value;
}
