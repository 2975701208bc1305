/* Parameters against their row. */
#include <inttypes.h>
#include <string.h>

#include "api/grammar.h"
#include "base/json.h"
#include "base/mem.h"
#include "manager/method.h"

static const char *const type_words[METHOD_TYPES] = {
	[METHOD_TEXT] = "a string",      [METHOD_LINES] = "a string",   [METHOD_WORD] = "a string",
	[METHOD_JOB] = "a string",       [METHOD_ADDRESS] = "a string", [METHOD_INTEGER] = "an integer",
	[METHOD_BOOL] = "true or false", [METHOD_OBJECT] = "an object",
};

static bool has_type(enum method_type type, const json_t *value)
{
	switch (type) {
	case METHOD_INTEGER:
		return json_is_integer(value);
	case METHOD_BOOL:
		return json_is_boolean(value);
	case METHOD_OBJECT:
		return json_is_object(value);
	default:
		return json_is_string(value);
	}
}

static bool is_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL) {
		if (strcspn(p, "|") == n && strncmp(p, word, n) == 0)
			return true;
	}
	return false;
}

static struct error *check_text(const struct method_param *p, const char *text, const struct json_place *at)
{
	int64_t n = (int64_t)strlen(text);

	if (n < p->min || n > p->max)
		return json_place_error(at, "has %" PRId64 " bytes; %" PRId64 " to %" PRId64 ", please", n, p->min,
					p->max);
	for (const char *c = text; *c; c++) {
		if (((unsigned char)*c < 0x20 && !(*c == '\n' && p->type == METHOD_LINES)) || *c == 0x7f)
			return json_place_error(at, "holds a control character");
	}
	return NULL;
}

static struct error *check_integer(const struct method_param *p, int64_t n, const struct json_place *at)
{
	if (n >= p->min && n <= p->max)
		return NULL;
	return json_place_error(at, "is %" PRId64 "; %" PRId64 " to %" PRId64 "%s%s, please", n, p->min, p->max,
				p->unit ? " " : "", p->unit ? p->unit : "");
}

static struct error *check_object(const struct method_param *p, const json_t *value, const struct json_place *at)
{
	size_t n = json_dumpb(value, NULL, 0, JSON_COMPACT);

	if ((int64_t)n <= p->max)
		return NULL;
	return json_place_error(at, "has %zu bytes as compact text; at most %" PRId64 ", please", n, p->max);
}

static struct error *check_value(const struct method_param *p, const json_t *value, const struct json_place *at)
{
	const char *text = json_string_value(value);

	if (!has_type(p->type, value))
		return json_place_error(at, "must be %s", type_words[p->type]);
	switch (p->type) {
	case METHOD_TEXT:
	case METHOD_LINES:
		return check_text(p, text, at);
	case METHOD_WORD:
		return is_word(p->words, text) ? NULL : json_place_error(at, "\"%.40s\" is none of %s", text, p->words);
	case METHOD_JOB:
		return api_check_job(text, at);
	case METHOD_ADDRESS:
		return hex_id_valid(text) ? NULL : json_place_error(at, "\"%.60s\" is no address: 40 hex digits", text);
	case METHOD_INTEGER:
		return check_integer(p, json_integer_value(value), at);
	case METHOD_OBJECT:
		return check_object(p, value, at);
	default:
		return NULL;
	}
}

static const struct method_param *find_param(const struct method *row, const char *name)
{
	for (size_t i = 0; i < METHOD_PARAMS && row->params[i].name; i++) {
		if (strcmp(row->params[i].name, name) == 0)
			return &row->params[i];
	}
	return NULL;
}

static struct error *refuse_unknown(const struct method *row, const json_t *params, const struct json_place *root)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach ((json_t *)params, key, value) {
		const struct json_place at = {root, key, 0};
		void *scope;
		char *names;
		struct error *e;

		if (find_param(row, key))
			continue;
		scope = mem_strdup(NULL, "");
		names = mem_strdup(scope, row->params[0].name ? "" : "none");
		for (size_t i = 0; i < METHOD_PARAMS && row->params[i].name; i++)
			names = mem_printf(scope, "%s%s%s", names, *names ? ", " : "", row->params[i].name);
		e = json_place_error(&at, "is no parameter of %s, which takes: %s", row->name, names);
		mem_free(scope);
		return e;
	}
	return NULL;
}

struct error *method_check(const struct method *row, const json_t *params)
{
	const struct json_place document = {NULL, NULL, 0}, root = {&document, "params", 0};

	if (params && !json_is_object(params))
		return json_place_error(&root, "must be an object: parameters are named");
	TRY(refuse_unknown(row, params, &root));
	for (size_t i = 0; i < METHOD_PARAMS && row->params[i].name; i++) {
		const struct method_param *p = &row->params[i];
		const struct json_place at = {&root, p->name, 0};
		const json_t *value = json_object_get(params, p->name);

		if (value)
			TRY(check_value(p, value, &at));
		else if (!p->optional)
			return json_place_error(&at, "is missing");
	}
	return NULL;
}

/* --- what to do --- */

static const char *usual_mend(enum error_code code)
{
	switch (code) {
	case ERROR_INVALID:
		return "mend what is named; rpc.discover tells each method's parameters";
	case ERROR_NOT_FOUND:
		return "look at the name; rpc.discover lists the methods";
	case ERROR_REFUSED:
		return "show the token of one who may: Authorization: Bearer ...";
	case ERROR_UNAVAILABLE:
	case ERROR_TIMEOUT:
		return "try again later";
	case ERROR_LIMIT:
		return "try again when less is under way";
	default:
		return "look at the log of dsnd";
	}
}

const char *method_mend(const struct method *row, enum error_code code)
{
	for (size_t i = 0; row && i < METHOD_ERRORS && row->errors[i].code; i++) {
		if (row->errors[i].code == code)
			return row->errors[i].mend;
	}
	return usual_mend(code);
}
