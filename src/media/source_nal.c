/* Facts from NAL units: what ffmpeg's framecrc format says of a stream's IDR pictures and of its parameter sets. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/source_json.h"

/* Streams of the list, in the order of media_ffmpeg_nal(). */
#define IDR 0
#define SETS 1
#define LINE_BYTES 256

struct list {
	double tick_ms;
	char sets[LINE_BYTES]; /* size and checksum of the first; "": none yet */
};

/* A number, and past what separates it from the next. */
static bool next_number(const char **at, long long *ret)
{
	char *end = NULL;

	*ret = strtoll(*at, &end, 10);
	if (end == *at)
		return false;
	*at = end + strspn(end, ",:/ ");
	return true;
}

/* Comments such as "#tb 0: 1/90000"; both streams have the time base of their source. */
static void read_comment(struct list *l, const char *line)
{
	long long stream, num, den;
	const char *at = line + 4;

	if (strncmp(line, "#tb ", 4) == 0 && next_number(&at, &stream) && next_number(&at, &num) &&
	    next_number(&at, &den) && num > 0 && den > 0)
		l->tick_ms = 1000.0 * (double)num / (double)den;
}

/* "stream, dts, pts, duration, size, checksum" */
static void read_unit(struct list *l, struct media_stream_facts *s, const char *line)
{
	long long stream, dts, pts, duration;
	const char *at = line;

	if (!next_number(&at, &stream) || !next_number(&at, &dts) || !next_number(&at, &pts))
		return;
	if (stream == IDR && fabs((double)pts * l->tick_ms) < 1e12)
		source_add_key(s, llround((double)pts * l->tick_ms));
	if (stream != SETS || !next_number(&at, &duration))
		return;
	if (!l->sets[0])
		snprintf(l->sets, sizeof(l->sets), "%s", at);
	else if (strcmp(l->sets, at) != 0)
		s->sets_change = true;
}

struct error *media_source_read_nal(struct media_source *s, int index, const char *text, size_t len)
{
	struct media_stream_facts *stream = &s->streams[index];
	const char *at = text, *end = text + len;
	struct list l = {.tick_ms = 1};

	stream->told_idr = true;
	stream->keys = 0;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline ? newline : end) - at);
		char line[LINE_BYTES];

		if (n >= sizeof(line))
			return error_new(ERROR_INVALID, "ffmpeg's list of NAL units: a line of %zu bytes", n);
		memcpy(line, at, n);
		line[n] = '\0';
		if (line[0] == '#')
			read_comment(&l, line);
		else
			read_unit(&l, stream, line);
		at += n + 1;
	}
	return NULL;
}
