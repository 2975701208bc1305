/* Values out of ffprobe's JSON. */
#include "media/source_json.h"

#include <math.h>
#include <stdlib.h>

bool source_json_number(const json_t *o, const char *key, double *ret)
{
	const json_t *value = json_object_get(o, key);
	const char *text = json_string_value(value);
	char *end = NULL;
	double n = json_number_value(value);

	if (text)
		n = strtod(text, &end);
	if (text ? end == text || *end : !json_is_number(value))
		return false;
	if (!(fabs(n) < 1e9))
		return false;
	*ret = n;
	return true;
}

int64_t source_json_whole(const json_t *o, const char *key)
{
	double n = 0;

	return source_json_number(o, key, &n) && n > 0 ? (int64_t)n : 0;
}

int64_t source_json_ms(const json_t *o, const char *key)
{
	double s = 0;

	return source_json_number(o, key, &s) ? (int64_t)llround(s * 1000) : NO_TIME;
}

struct error *source_json_stream(struct media_source *s, const json_t *o, const char *key,
				 struct media_stream_facts **ret)
{
	const json_t *index = json_object_get(o, key);

	if (!json_is_integer(index) || json_integer_value(index) < 0)
		return error_new(ERROR_INVALID, "ffprobe's output: there is no %s", key);
	if (json_integer_value(index) >= MEDIA_MAX_STREAMS)
		return error_new(ERROR_LIMIT, "the source has more than %d streams", MEDIA_MAX_STREAMS);
	*ret = &s->streams[json_integer_value(index)];
	return NULL;
}
