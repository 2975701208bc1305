/* Values out of ffprobe's JSON, which writes numbers as numbers, as strings, or as "N/A"; for source*.c only. */
#ifndef DSN_MEDIA_SOURCE_JSON_H
#define DSN_MEDIA_SOURCE_JSON_H

#include <jansson.h>

#include "media/source.h"

/* What source_json_ms() says of a time that is not told. */
#define NO_TIME INT64_MIN

/* false: there is no such number, or none below a thousand million. */
bool source_json_number(const json_t *o, const char *key, double *ret);
/* Positive and whole; 0: there is none. */
int64_t source_json_whole(const json_t *o, const char *key);
/* Seconds, as ms; NO_TIME: not told. */
int64_t source_json_ms(const json_t *o, const char *key);
/* The stream whose index the member `key` is; ERROR_INVALID: there is none, ERROR_LIMIT: too many. */
struct error *source_json_stream(struct media_source *s, const json_t *o, const char *key,
				 struct media_stream_facts **ret) MUST_CHECK;

/* source_packets.c: one packet more. */
struct error *source_read_packet(struct media_source *s, const json_t *o) MUST_CHECK;
/* A key frame of a stream more, where decoding can begin. */
void source_add_key(struct media_stream_facts *s, int64_t pts_ms);

#endif
