/* JSON with places: bounded parsing and typed reading whose refusals name where in the document they are.
 *
 * A `struct json_place` is a path such as pipeline.nodes[2].ip, kept on the stack and linked to its parent; the root
 * place has a label such as the file name. All values of API 1.00 are strings, numbers too; json_read_... functions
 * for them take the string form only unless said otherwise.
 * Ownership: json_t as in jansson; strings returned belong to the document (borrowed) unless a ctx is given.
 */
#ifndef DSN_BASE_JSON_H
#define DSN_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct json_place {
	const struct json_place *up; /* NULL: root */
	const char *key;             /* object key, or NULL for an array element */
	size_t index;
};

/* "pipeline.nodes[2].ip"; "document" for the root. Text belongs to ctx. */
char *json_place_text(const void *ctx, const struct json_place *at);
/* ERROR_INVALID "pipeline.nodes[2].ip: <message>" */
struct error *json_place_error(const struct json_place *at, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))) MUST_CHECK;

/* Strict parsing: UTF-8, one value, no duplicate keys, at most `limit` bytes and 32 levels; errors name line and
 * column. */
struct error *json_parse(const char *text, size_t len, size_t limit, json_t **ret_value) MUST_CHECK;
/* The same of another program's text whose strings may hold U+0000; read as C strings they end there. */
struct error *json_parse_foreign(const char *text, size_t len, size_t limit, json_t **ret_value) MUST_CHECK;
struct error *json_parse_file(const char *path, size_t limit, json_t **ret_value) MUST_CHECK;

/* Member `key` of object `obj` at place `at`; missing or of another type is an error naming at.key.
 * The ..._opt forms return success and leave *ret untouched when the key is missing. */
struct error *json_read_object(const json_t *obj, const struct json_place *at, const char *key,
			       json_t **ret) MUST_CHECK;
struct error *json_read_object_opt(const json_t *obj, const struct json_place *at, const char *key,
				   json_t **ret) MUST_CHECK;
struct error *json_read_array(const json_t *obj, const struct json_place *at, const char *key, size_t min, size_t max,
			      json_t **ret) MUST_CHECK;
struct error *json_read_array_opt(const json_t *obj, const struct json_place *at, const char *key, size_t min,
				  size_t max, json_t **ret) MUST_CHECK;
struct error *json_read_string(const json_t *obj, const struct json_place *at, const char *key,
			       const char **ret) MUST_CHECK;
struct error *json_read_string_opt(const json_t *obj, const struct json_place *at, const char *key,
				   const char **ret) MUST_CHECK;
/* A decimal number written as a string, no sign, no leading zero but "0" itself, within min..max. */
struct error *json_read_decimal(const json_t *obj, const struct json_place *at, const char *key, int64_t min,
				int64_t max, int64_t *ret) MUST_CHECK;
struct error *json_read_decimal_opt(const json_t *obj, const struct json_place *at, const char *key, int64_t min,
				    int64_t max, int64_t *ret) MUST_CHECK;
/* Refuse members of `obj` whose key is not in `known` (NULL-terminated); "_comments" is always allowed. */
struct error *json_refuse_unknown(const json_t *obj, const struct json_place *at, const char *const *known) MUST_CHECK;

/* Compact text with sorted keys off, UTF-8; belongs to ctx. */
char *json_text(const void *ctx, const json_t *value);
/* As json_dumps() writes it with these flags of jansson; belongs to ctx, not to jansson's allocator. */
char *json_text_flags(const void *ctx, const json_t *value, size_t flags);
/* Set obj[key] to a copy of the string / decimal text of n. */
void json_put(json_t *obj, const char *key, const char *text);
void json_put_decimal(json_t *obj, const char *key, int64_t n);

#endif
