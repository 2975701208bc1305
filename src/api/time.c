#include "api/time.h"

#include <string.h>
#include <time.h>

#define FORM "20##-##-##T##:##:##Z" /* a digit for each # */

static bool has_form(const char *text)
{
	const char *f = FORM;

	for (; *f && *text; f++, text++) {
		if (*f == '#' ? *text < '0' || *text > '9' : *text != *f)
			return false;
	}
	return !*f && !*text;
}

static int two(const char *digits)
{
	return (digits[0] - '0') * 10 + digits[1] - '0';
}

struct error *api_time_read(const char *text, const struct json_place *at, int64_t *ret_wall_ms)
{
	struct tm tm, given;
	time_t seconds;

	if (!has_form(text))
		return json_place_error(at, "\"%.60s\" is no time in UTC, which looks like 2026-12-01T18:00:00Z", text);
	given = (struct tm){
		.tm_year = 100 + two(text + 2),
		.tm_mon = two(text + 5) - 1,
		.tm_mday = two(text + 8),
		.tm_hour = two(text + 11),
		.tm_min = two(text + 14),
		.tm_sec = two(text + 17),
	};
	tm = given;
	seconds = timegm(&tm);
	/* What is beyond its range becomes another time: then it was none. */
	if (tm.tm_mon != given.tm_mon || tm.tm_mday != given.tm_mday || tm.tm_hour != given.tm_hour ||
	    tm.tm_min != given.tm_min || tm.tm_sec != given.tm_sec)
		return json_place_error(at, "\"%s\" is no time that there is", text);
	*ret_wall_ms = (int64_t)seconds * 1000;
	return NULL;
}
