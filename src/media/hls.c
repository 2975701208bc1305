#include "media/hls.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

/* No line pair of an entry, with its tags, is longer. */
#define ENTRY_BYTES 192
#define HEADER_BYTES 512
/* Constant, since a playlist's head must not change (6.2.1): the highest one that a tag of ours asks for. */
#define VERSION "6"
/* In the name of an entry that has no number of its own. */
#define REST ".rest"

int hls_target_s(int fragment_s)
{
	return (fragment_s * 3 + 1) / 2;
}

int64_t hls_longest_ms(int64_t target_s)
{
	return target_s * 1000 + 499;
}

struct hls_playlist *hls_playlist_new(const void *ctx, int fragment_s, int window_s)
{
	struct hls_playlist *p = mem_new(ctx, struct hls_playlist);

	p->fragment_s = fragment_s;
	p->window_s = window_s;
	p->target_s = hls_target_s(fragment_s);
	return p;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t end_ms(const struct hls_segment *s)
{
	return s->start_ms + s->duration_ms;
}

static void append(struct hls_playlist *p, const struct hls_segment *s)
{
	if (p->count == p->capacity) {
		p->capacity = p->capacity ? p->capacity * 2 : 64;
		p->segments = mem_resize(p, p->segments, struct hls_segment, p->capacity);
	}
	if (p->count == 0)
		p->sequence = s->number;
	p->segments[p->count++] = *s;
}

/* A piece of a hole, from the end of the last entry on. A rest is joined to its neighbour where the two are no longer
 * than a segment may be. `room_ms`: so much may the last entry grow. */
static void append_gap(struct hls_playlist *p, int64_t number, bool rest, int64_t from_ms, int64_t to_ms, bool first)
{
	struct hls_segment *last = &p->segments[p->count - 1];
	struct hls_segment gap = {
		.number = number, .start_ms = from_ms, .duration_ms = to_ms - from_ms, .gap = true, .rest = rest};

	if (first || (!rest && !last->rest) || last->duration_ms + gap.duration_ms > p->target_s * INT64_C(1000)) {
		append(p, &gap);
		return;
	}
	last->duration_ms += gap.duration_ms;
	if (!rest) {
		last->number = number;
		last->rest = false;
	}
}

/* Nothing was stored from `from_ms` until the segment: pieces between the fragments' bounds. */
static void append_gaps(struct hls_playlist *p, const struct hls_segment *s, int64_t after, int64_t from_ms)
{
	int64_t fragment_ms = p->fragment_s * INT64_C(1000);
	int64_t bound_ms = floor_div(s->start_ms, fragment_ms) * fragment_ms;
	bool first = true;

	for (int64_t n = after; n <= s->number; n++) {
		int64_t to_ms = n == s->number ? s->start_ms : bound_ms - (s->number - n - 1) * fragment_ms;

		if (to_ms <= from_ms)
			continue;
		append_gap(p, n, n == after || n == s->number, from_ms, to_ms, first);
		first = false;
		from_ms = to_ms;
	}
}

/* Discontinuities that the rendition has not seen: one entry each, at the lowest number that may be its segment's. No
 * other rendition has that number on another side of it. */
static void append_missed(struct hls_playlist *p, const struct hls_segment *s, int64_t after, int64_t missed)
{
	int64_t fragment_ms = p->fragment_s * INT64_C(1000);
	int64_t bound_ms = floor_div(s->start_ms, fragment_ms) * fragment_ms;

	for (int64_t i = 1; i <= missed; i++) {
		int64_t number = after + i * HLS_MARK_FRAGMENTS;
		int64_t start_ms = bound_ms - (s->number - number) * fragment_ms;
		struct hls_segment gap = {.number = number,
					  .start_ms = start_ms < 0 ? 0 : start_ms,
					  .duration_ms = fragment_ms,
					  .gap = true,
					  .discontinuity = true};

		append(p, &gap);
	}
}

static int64_t listed_ms(const struct hls_playlist *p)
{
	int64_t sum_ms = 0;

	for (size_t i = 0; i < p->count; i++)
		sum_ms += p->segments[i].duration_ms;
	return sum_ms;
}

static void drop_first(struct hls_playlist *p)
{
	p->discontinuity_sequence += p->segments[0].discontinuity;
	p->sequence++;
	p->count--;
	memmove(p->segments, p->segments + 1, p->count * sizeof(*p->segments));
}

static void slide(struct hls_playlist *p)
{
	int64_t least_s = p->target_s * 3, left_ms;

	while (p->count > HLS_MAX_SEGMENTS)
		drop_first(p);
	if (!p->window_s)
		return;
	/* Fewer than three target durations must not be left (6.2.2). */
	left_ms = listed_ms(p) - (p->window_s > least_s ? p->window_s : least_s) * 1000;
	while (p->count > 1 && left_ms >= p->segments[0].duration_ms) {
		left_ms -= p->segments[0].duration_ms;
		drop_first(p);
	}
}

/* What is missing between the last entry and the segment. Is there a discontinuity before it? */
static bool append_missing(struct hls_playlist *p, const struct hls_segment *s)
{
	const struct hls_segment *last = &p->segments[p->count - 1];
	int64_t marks = (s->number - last->number) / HLS_MARK_FRAGMENTS;

	assert(s->number > last->number);
	if (s->discontinuity)
		return true;
	if (marks > 1 && marks <= HLS_MAX_MISSED)
		append_missed(p, s, last->number, marks - 1);
	else if (!marks && s->start_ms - end_ms(last) >= HLS_HOLE_MS)
		append_gaps(p, s, last->number, end_ms(last));
	return marks > 0;
}

void hls_playlist_add(struct hls_playlist *p, const struct hls_segment *s)
{
	struct hls_segment added = *s;

	if (p->count)
		added.discontinuity = append_missing(p, s);
	append(p, &added);
	slide(p);
}

char *hls_segment_name(const void *ctx, int64_t number)
{
	return mem_printf(ctx, "%010" PRId64 ".ts", number);
}

bool hls_segment_number(const char *name, int64_t *ret_number)
{
	size_t digits = strspn(name, "0123456789");
	int64_t number = 0;

	if (digits < 10 || digits > 15 || strcmp(name + digits, ".ts") != 0 || (digits > 10 && name[0] == '0'))
		return false;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (name[i] - '0');
	*ret_number = number;
	return true;
}

struct text {
	char *data;
	size_t len, capacity;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->data + t->len, t->capacity - t->len, fmt, ap);
	va_end(ap);
	assert(n >= 0 && (size_t)n < t->capacity - t->len);
	t->len += (size_t)n;
}

static void put_entry(struct text *t, const struct hls_segment *s, const struct hls_segment *before)
{
	if (s->discontinuity)
		put(t, "#EXT-X-DISCONTINUITY\n");
	/* A comment of ours: the absolute time, where it does not follow from the entries before. */
	if (!before || end_ms(before) != s->start_ms)
		put(t, "#dsn:start=%" PRId64 "\n", s->start_ms);
	if (s->gap)
		put(t, "#EXT-X-GAP\n");
	put(t, "#EXTINF:%" PRId64 ".%03" PRId64 ",\n%010" PRId64 "%s.ts\n", s->duration_ms / 1000,
	    s->duration_ms % 1000, s->number, s->rest ? REST : "");
}

char *hls_playlist_text(const void *ctx, const struct hls_playlist *p)
{
	struct text t = {.capacity = HEADER_BYTES + p->count * ENTRY_BYTES};
	char *text;

	t.data = mem_array(NULL, char, t.capacity);
	put(&t, "#EXTM3U\n#EXT-X-VERSION:" VERSION "\n#EXT-X-INDEPENDENT-SEGMENTS\n");
	put(&t, "#EXT-X-TARGETDURATION:%" PRId64 "\n#EXT-X-MEDIA-SEQUENCE:%" PRId64 "\n", p->target_s, p->sequence);
	if (p->discontinuity_sequence)
		put(&t, "#EXT-X-DISCONTINUITY-SEQUENCE:%" PRId64 "\n", p->discontinuity_sequence);
	if (!p->window_s)
		put(&t, "#EXT-X-PLAYLIST-TYPE:EVENT\n");
	put(&t, "#dsn:fragment=%d,window=%d\n", p->fragment_s, p->window_s);
	for (size_t i = 0; i < p->count; i++)
		put_entry(&t, &p->segments[i], i ? &p->segments[i - 1] : NULL);
	if (p->ended)
		put(&t, "#EXT-X-ENDLIST\n");
	text = mem_strndup(ctx, t.data, t.len);
	mem_free(t.data);
	return text;
}

struct error *hls_finish(const char *top, const char *folder, struct beneath_owner owner)
{
	void *scope = mem_printf(NULL, "%s", folder);
	char *name = file_join(scope, folder, HLS_PLAYLIST_NAME);
	struct hls_playlist *p = NULL;
	struct error *e = NULL;
	char *text;
	size_t len;

	if (!beneath_exists(top, name))
		goto out;
	e = beneath_read(scope, top, name, HLS_MAX_TEXT_BYTES, &text, &len);
	if (!e)
		e = hls_playlist_parse(scope, text, len, &p);
	if (e || p->ended)
		goto out;
	p->ended = true;
	text = hls_playlist_text(scope, p);
	e = beneath_write(top, name, text, strlen(text), 0644, owner, true);
out:
	if (e)
		e = error_wrap(e, "cannot end the playlist %s/%s", top, name);
	mem_free(scope);
	return e;
}
