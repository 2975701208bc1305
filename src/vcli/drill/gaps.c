#include "vcli/drill/gaps.h"

#include <string.h>

#include "base/mem.h"
#include "media/hls.h"

#define NAME_BYTES 128

struct rendition {
	char name[NAME_BYTES];
	int64_t top;          /* the highest before the instant; -1: none */
	int64_t highest;      /* now */
	bool seen[GAPS_SPAN]; /* top + 1 + i */
	int64_t stored;
	int64_t last_ms, worst_ms; /* when a new one appeared last; the longest time between two */
};

struct gaps {
	struct rendition *list[GAPS_RENDITIONS];
	size_t count;
	bool counting;
};

struct gaps *gaps_new(const void *ctx)
{
	return mem_new(ctx, struct gaps);
}

static struct rendition *find(struct gaps *g, const char *name)
{
	struct rendition *r;

	for (size_t i = 0; i < g->count; i++) {
		if (strcmp(g->list[i]->name, name) == 0)
			return g->list[i];
	}
	if (g->count == GAPS_RENDITIONS || g->counting || strlen(name) >= NAME_BYTES)
		return NULL;
	r = g->list[g->count++] = mem_new(g, struct rendition);
	memcpy(r->name, name, strlen(name) + 1);
	r->top = r->highest = -1;
	return r;
}

static void take_number(const struct gaps *g, struct rendition *r, int64_t number, int64_t now_ms)
{
	int64_t at = number - r->top - 1;

	if (!g->counting) {
		r->top = r->highest = number > r->top ? number : r->top;
		return;
	}
	if (at < 0 || at >= GAPS_SPAN || r->seen[at])
		return;
	r->seen[at] = true;
	r->stored++;
	if (number <= r->highest)
		return;
	r->highest = number;
	if (now_ms - r->last_ms > r->worst_ms)
		r->worst_ms = now_ms - r->last_ms;
	r->last_ms = now_ms;
}

/* "1234567890.ts", maybe in a folder. */
static bool read_number(const char *line, size_t n, int64_t *ret_number)
{
	char name[NAME_BYTES];
	const char *slash;

	if (!n || n >= sizeof(name))
		return false;
	memcpy(name, line, n);
	name[n] = '\0';
	slash = strrchr(name, '/');
	return hls_segment_number(slash ? slash + 1 : name, ret_number);
}

void gaps_see(struct gaps *g, const char *rendition, const char *playlist, size_t len, int64_t now_ms)
{
	struct rendition *r = find(g, rendition);
	const char *p = playlist, *end = playlist + len;
	bool gap = false;

	while (r && p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p), length = n && p[n - 1] == '\r' ? n - 1 : n;
		int64_t number = 0;

		if (length && *p != '#') {
			if (!gap && read_number(p, length, &number))
				take_number(g, r, number, now_ms);
			gap = false;
		} else if (length == strlen("#EXT-X-GAP") && memcmp(p, "#EXT-X-GAP", length) == 0) {
			gap = true;
		}
		p += n + (stop != NULL);
	}
}

void gaps_begin(struct gaps *g, int64_t now_ms)
{
	g->counting = true;
	for (size_t i = 0; i < g->count; i++)
		g->list[i]->last_ms = now_ms;
}

bool gaps_ready(const struct gaps *g)
{
	for (size_t i = 0; i < g->count; i++) {
		if (g->list[i]->top < 0)
			return false;
	}
	return g->count > 0;
}

static int64_t goal(const struct gaps *g)
{
	int64_t top = 0;

	for (size_t i = 0; i < g->count; i++)
		top = g->list[i]->top > top ? g->list[i]->top : top;
	return top + GAPS_BEHIND;
}

bool gaps_over(const struct gaps *g)
{
	for (size_t i = 0; i < g->count; i++) {
		if (g->list[i]->highest < goal(g))
			return false;
	}
	return true;
}

static int64_t latest(const struct gaps *g)
{
	int64_t highest = 0;

	for (size_t i = 0; i < g->count; i++)
		highest = g->list[i]->highest > highest ? g->list[i]->highest : highest;
	return highest;
}

json_t *gaps_json(const struct gaps *g, int64_t now_ms)
{
	json_t *list = json_array();

	for (size_t i = 0; i < g->count; i++) {
		const struct rendition *r = g->list[i];
		bool back = r->highest >= goal(g);
		int64_t wait_ms = !back && now_ms - r->last_ms > r->worst_ms ? now_ms - r->last_ms : r->worst_ms;

		json_array_append_new(list,
				      json_pack("{s:s,s:I,s:I,s:b}", "rendition", r->name, "missing",
						(json_int_t)((back ? r->highest : latest(g)) - r->top - r->stored),
						"wait_ms", (json_int_t)wait_ms, "back", back));
	}
	return list;
}
