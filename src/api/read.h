/* Reading members through a grammar; of use inside the api room only.
 * As in base/json.h: `obj` stands at `at`, `key` names its member; the ..._opt forms leave *ret untouched when it is
 * missing. Strings returned are copies that belong to ctx. */
#ifndef DSN_API_READ_H
#define DSN_API_READ_H

#include "api/grammar.h"

typedef struct error *api_check_fn(const char *text, const struct json_place *at);

struct error *api_read_text(const void *ctx, const json_t *obj, const struct json_place *at, const char *key,
			    api_check_fn *check, char **ret) MUST_CHECK;
struct error *api_read_text_opt(const void *ctx, const json_t *obj, const struct json_place *at, const char *key,
				api_check_fn *check, char **ret) MUST_CHECK;
struct error *api_read_size_member(const json_t *obj, const struct json_place *at, const char *key,
				   struct api_size *ret) MUST_CHECK;
struct error *api_read_port(const json_t *obj, const struct json_place *at, const char *key, int *ret) MUST_CHECK;
struct error *api_read_port_opt(const json_t *obj, const struct json_place *at, const char *key, int *ret) MUST_CHECK;
struct error *api_read_bitrate(const json_t *obj, const struct json_place *at, const char *key,
			       int64_t *ret) MUST_CHECK;
struct error *api_read_int_opt(const json_t *obj, const struct json_place *at, const char *key, int min, int max,
			       int *ret) MUST_CHECK;
/* "on" | "off", or other words: words[0] is true. */
struct error *api_read_bool_opt(const json_t *obj, const struct json_place *at, const char *key,
				const char *const words[2], bool *ret) MUST_CHECK;
/* The member must be exactly this text. */
struct error *api_expect(const json_t *obj, const struct json_place *at, const char *key, const char *text) MUST_CHECK;
/* Not negative, up to `max`, at most three decimals: "1.5". */
struct error *api_read_fraction_opt(const json_t *obj, const struct json_place *at, const char *key, double max,
				    double *ret) MUST_CHECK;
/* managed | classic */
struct error *api_check_mode(const char *text, const struct json_place *at) MUST_CHECK;
struct error *api_check_image(const char *text, const struct json_place *at) MUST_CHECK;
/* An absolute path of narrow characters without "..". */
struct error *api_check_path(const char *text, const struct json_place *at) MUST_CHECK;
/* A file name without folders. */
struct error *api_check_file_name(const char *text, const struct json_place *at) MUST_CHECK;

/* ctx holds a new reference to `value` until it is freed. */
json_t *api_hold(const void *ctx, json_t *value);

/* Bounds shared by several documents. */
#define API_MIN_BPS 1000
#define API_MAX_BPS 1000000000
#define API_MIN_AUDIO_BPS 8000
#define API_MAX_AUDIO_BPS 512000
#define API_MAX_FRAGMENT_S 60
#define API_MAX_PLAYLIST_S 86400
#define API_MAX_GRANULARITY_S 3600
#define API_MAX_FPS 240
#define API_MAX_CORES 4096 /* of a node, for the dry run */
#define API_MAX_NODE_BPS (1000LL * API_MAX_BPS)
#define API_MAX_PORT 65535
#define API_RTMP_PORT 1935
#define API_HTTP_PORT 8080

#endif
