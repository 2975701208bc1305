/* Reading back our own media playlists: one fixed order of lines, everything else is refused with its line. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "media/hls.h"

/* Milliseconds, seconds and numbers beyond this are nobody's; sums of two stay far from overflow. */
#define MAX_VALUE INT64_C(4000000000000)

struct reader {
	const char *at, *end; /* what follows the current line */
	const char *line;     /* current line, not terminated */
	size_t len;
	int number; /* of the current line */
};

static struct error *refuse(const struct reader *r, const char *what)
{
	return error_new(ERROR_INVALID, "playlist line %d: %s", r->number, what);
}

/* Step to the next line; false at the end. A last line without newline is a cut one. */
static struct error *next(struct reader *r, bool *ret_more)
{
	const char *newline;

	r->number++;
	if (r->at == r->end) {
		*ret_more = false;
		return NULL;
	}
	newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
	if (!newline)
		return refuse(r, "the line has no end");
	r->line = r->at;
	r->len = (size_t)(newline - r->at);
	r->at = newline + 1;
	*ret_more = true;
	return NULL;
}

static bool is(const struct reader *r, const char *text)
{
	return r->len == strlen(text) && memcmp(r->line, text, r->len) == 0;
}

static bool skip(struct reader *r, const char *prefix)
{
	size_t n = strlen(prefix);

	if (r->len < n || memcmp(r->line, prefix, n) != 0)
		return false;
	r->line += n;
	r->len -= n;
	return true;
}

/* Decimal at the line's start, `digits` of them (0: 1..13, no leading zero). */
static struct error *decimal(struct reader *r, size_t digits, int64_t *ret)
{
	int64_t value = 0;
	size_t n = 0;

	while (n < r->len && n < 16 && r->line[n] >= '0' && r->line[n] <= '9')
		value = value * 10 + (r->line[n++] - '0');
	if (n == 0 || value > MAX_VALUE || (digits && n != digits) || (!digits && n > 1 && r->line[0] == '0'))
		return refuse(r, "a number is missing or out of range");
	r->line += n;
	r->len -= n;
	*ret = value;
	return NULL;
}

static struct error *ranged(struct reader *r, int64_t min, int64_t max, int64_t *ret)
{
	int64_t value = 0;

	TRY(decimal(r, 0, &value));
	if (value < min || value > max)
		return refuse(r, "a number is out of range");
	*ret = value;
	return NULL;
}

static struct error *done(const struct reader *r)
{
	return r->len ? refuse(r, "there is more than belongs on the line") : NULL;
}

/* The next line must be `prefix` and a number. */
static struct error *tag(struct reader *r, const char *prefix, int64_t min, int64_t max, int64_t *ret)
{
	bool more = false;

	TRY(next(r, &more));
	if (!more || !skip(r, prefix))
		return error_new(ERROR_INVALID, "playlist line %d: expected %s...", r->number, prefix);
	TRY(ranged(r, min, max, ret));
	return done(r);
}

static struct error *read_settings(struct reader *r, struct hls_playlist *p)
{
	int64_t fragment_s = 0, window_s = 0;

	if (!skip(r, "#dsn:fragment="))
		return refuse(r, "expected #dsn:fragment=...");
	TRY(ranged(r, 1, 60, &fragment_s));
	if (!skip(r, ",window="))
		return refuse(r, "expected ,window=...");
	TRY(ranged(r, 0, INT32_MAX, &window_s));
	TRY(done(r));
	p->fragment_s = (int)fragment_s;
	p->window_s = (int)window_s;
	return NULL;
}

static struct error *read_target(struct reader *r, int64_t *ret_s)
{
	bool more = false;

	TRY(next(r, &more));
	/* Playlists of earlier versions have no such line. */
	if (more && is(r, "#EXT-X-INDEPENDENT-SEGMENTS"))
		TRY(next(r, &more));
	if (!more || !skip(r, "#EXT-X-TARGETDURATION:"))
		return error_new(ERROR_INVALID, "playlist line %d: expected #EXT-X-TARGETDURATION:...", r->number);
	TRY(ranged(r, 1, MAX_VALUE, ret_s));
	return done(r);
}

static struct error *read_header(struct reader *r, struct hls_playlist *p)
{
	int64_t version = 0;
	bool more = false, event = false;

	TRY(next(r, &more));
	if (!more || !is(r, "#EXTM3U"))
		return refuse(r, "expected #EXTM3U");
	TRY(tag(r, "#EXT-X-VERSION:", 3, 8, &version));
	TRY(read_target(r, &p->target_s));
	TRY(tag(r, "#EXT-X-MEDIA-SEQUENCE:", 0, MAX_VALUE, &p->sequence));
	TRY(next(r, &more));
	if (more && skip(r, "#EXT-X-DISCONTINUITY-SEQUENCE:")) {
		TRY(ranged(r, 1, MAX_VALUE, &p->discontinuity_sequence));
		TRY(done(r));
		TRY(next(r, &more));
	}
	if (more && is(r, "#EXT-X-PLAYLIST-TYPE:EVENT")) {
		event = true;
		TRY(next(r, &more));
	}
	if (!more)
		return refuse(r, "the playlist ends in its header");
	TRY(read_settings(r, p));
	if (event != (p->window_s == 0))
		return refuse(r, "window and EXT-X-PLAYLIST-TYPE disagree");
	return NULL;
}

static struct error *read_duration(struct reader *r, int64_t *ret_ms)
{
	int64_t whole = 0, thousandths = 0;

	if (!skip(r, "#EXTINF:"))
		return refuse(r, "expected #EXTINF:");
	TRY(ranged(r, 0, MAX_VALUE / 1000 - 1, &whole));
	if (!skip(r, "."))
		return refuse(r, "EXTINF needs three digits after the point");
	TRY(decimal(r, 3, &thousandths));
	if (!is(r, ","))
		return refuse(r, "expected a comma after EXTINF's number");
	*ret_ms = whole * 1000 + thousandths;
	return NULL;
}

static struct error *read_name(struct reader *r, bool gap, int64_t *ret_number, bool *ret_rest)
{
	static const char end[] = ".rest.ts";
	size_t len = r->len, n = strlen(end);
	char name[32];

	if (len >= sizeof(name) || memchr(r->line, '\0', len))
		return refuse(r, "no segment's name");
	memcpy(name, r->line, len);
	name[len] = '\0';
	*ret_rest = gap && len > n && strcmp(name + len - n, end) == 0;
	if (*ret_rest)
		memcpy(name + len - n, ".ts", sizeof(".ts"));
	return hls_segment_number(name, ret_number) ? NULL : refuse(r, "no segment's name");
}

/* A rest has the number of the segment before or behind it. */
static bool rises(const struct hls_segment *before, const struct hls_segment *s)
{
	return s->number > before->number || (s->number == before->number && (s->rest || before->rest));
}

/* One entry, whose first line is the current one. */
static struct error *read_entry(struct reader *r, const struct hls_playlist *p, struct hls_segment *s)
{
	const struct hls_segment *before = p->count ? &p->segments[p->count - 1] : NULL;
	bool more = false;

	if (is(r, "#EXT-X-DISCONTINUITY")) {
		s->discontinuity = true;
		TRY(next(r, &more));
	}
	if (skip(r, "#dsn:start=")) {
		TRY(ranged(r, 0, MAX_VALUE, &s->start_ms));
		TRY(done(r));
		TRY(next(r, &more));
	} else if (before) {
		s->start_ms = before->start_ms + before->duration_ms;
	} else {
		return refuse(r, "the first entry needs #dsn:start=");
	}
	if (is(r, "#EXT-X-GAP")) {
		s->gap = true;
		TRY(next(r, &more));
	}
	TRY(read_duration(r, &s->duration_ms));
	TRY(next(r, &more));
	TRY(read_name(r, s->gap, &s->number, &s->rest));
	if (before && !rises(before, s))
		return refuse(r, "numbers of segments must rise");
	if (s->start_ms > MAX_VALUE)
		return refuse(r, "the time line is out of range");
	return NULL;
}

static struct error *read_entries(struct reader *r, struct hls_playlist *p)
{
	for (;;) {
		struct hls_segment s = {0};
		bool more = false;

		TRY(next(r, &more));
		if (!more)
			return NULL;
		if (is(r, "#EXT-X-ENDLIST")) {
			p->ended = true;
			TRY(next(r, &more));
			return more ? refuse(r, "there is more after EXT-X-ENDLIST") : NULL;
		}
		if (p->count == HLS_MAX_SEGMENTS)
			return error_new(ERROR_LIMIT, "playlist line %d: more than %d segments", r->number,
					 HLS_MAX_SEGMENTS);
		TRY(read_entry(r, p, &s));
		if (p->count == p->capacity) {
			p->capacity = p->capacity ? p->capacity * 2 : 64;
			p->segments = mem_resize(p, p->segments, struct hls_segment, p->capacity);
		}
		p->segments[p->count++] = s;
	}
}

struct error *hls_playlist_parse(const void *ctx, const char *text, size_t len, struct hls_playlist **ret_playlist)
{
	struct reader r = {.at = text, .end = text + len};
	struct hls_playlist *p;
	struct error *e;

	if (len > HLS_MAX_TEXT_BYTES)
		return error_new(ERROR_LIMIT, "a playlist of %zu bytes is over the limit of %u", len,
				 HLS_MAX_TEXT_BYTES);
	p = hls_playlist_new(ctx, 1, 0);
	e = read_header(&r, p);
	if (!e)
		e = read_entries(&r, p);
	if (e) {
		mem_free(p);
		return e;
	}
	*ret_playlist = p;
	return NULL;
}
