/* [ext] Instants in documents: RFC 3339 in UTC to the second, 2026-12-01T18:00:00Z, of this century. Threads: any. */
#ifndef DSN_API_TIME_H
#define DSN_API_TIME_H

#include "base/json.h"

/* ERROR_INVALID names the place; days that no month has are refused too. */
struct error *api_time_read(const char *text, const struct json_place *at, int64_t *ret_wall_ms) MUST_CHECK;

#endif
