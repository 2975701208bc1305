/* RFC 3339 instants. */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "chain/signin.h"

#define FRACTION_MOST 9
#define MINUTE_MS INT64_C(60000)

/* `digits` of them, and `end` behind (0: whatever). */
static bool take(const char **at, int digits, char end, int *ret)
{
	int n = 0;

	for (int i = 0; i < digits; i++) {
		if (!isdigit((unsigned char)(*at)[i]))
			return false;
		n = 10 * n + ((*at)[i] - '0');
	}
	if (end && (*at)[digits] != end)
		return false;
	*at += digits + (end != 0);
	*ret = n;
	return true;
}

static bool take_fraction(const char **at, int *ret_ms)
{
	size_t n;

	*ret_ms = 0;
	if (**at != '.')
		return true;
	(*at)++;
	n = strspn(*at, "0123456789");
	if (!n || n > FRACTION_MOST)
		return false;
	for (size_t i = 0; i < 3; i++)
		*ret_ms = 10 * *ret_ms + (i < n ? (*at)[i] - '0' : 0);
	*at += n;
	return true;
}

static bool take_zone(const char **at, int *ret_minutes)
{
	int hours = 0, minutes = 0, sign = **at == '-' ? -1 : 1;

	if (**at == 'Z') {
		(*at)++;
		*ret_minutes = 0;
		return true;
	}
	if (**at != '+' && **at != '-')
		return false;
	(*at)++;
	if (!take(at, 2, ':', &hours) || !take(at, 2, 0, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_minutes = sign * (60 * hours + minutes);
	return true;
}

/* Day 31 of February becomes another day in timegm(): then it was none. */
static bool is_day(const struct tm *told)
{
	struct tm tm = *told;

	timegm(&tm);
	return tm.tm_mday == told->tm_mday && tm.tm_mon == told->tm_mon;
}

struct error *signin_read_time(const char *text, int64_t *ret_ms)
{
	struct tm tm = {.tm_sec = 0};
	int ms = 0, minutes = 0;
	const char *at = text;
	bool good = take(&at, 4, '-', &tm.tm_year) && take(&at, 2, '-', &tm.tm_mon) && take(&at, 2, 'T', &tm.tm_mday) &&
		    take(&at, 2, ':', &tm.tm_hour) && take(&at, 2, ':', &tm.tm_min) && take(&at, 2, 0, &tm.tm_sec) &&
		    take_fraction(&at, &ms) && take_zone(&at, &minutes) && !*at;

	tm.tm_year -= 1900;
	tm.tm_mon--;
	if (!good || tm.tm_year < 70 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59 || !is_day(&tm))
		return error_new(ERROR_INVALID, "is no instant such as 2026-01-31T12:00:00Z");
	*ret_ms = (int64_t)timegm(&tm) * 1000 + ms - minutes * MINUTE_MS;
	return NULL;
}
