#include "bench/tps_plot.h"

#include "base/mem.h"

/* Units of the picture. */
#define WIDTH 860
#define LEFT 70
#define RIGHT 30
#define TOP 60
#define PANEL 200
#define GAP 56
#define BOTTOM 48
#define TICKS 5

struct plot {
	char *svg;
	int64_t from_ms, to_ms;
	const struct tps_plot_mark *marks;
	size_t mark_count;
};

/* The part of the picture that has one scale. */
struct panel {
	double top, most;
};

#define ADD(p, ...) ((p)->svg = talloc_asprintf_append_buffer((p)->svg, __VA_ARGS__))

static double x_of(const struct plot *p, int64_t at_ms)
{
	double part = (double)(at_ms - p->from_ms) / (double)(p->to_ms - p->from_ms);

	return LEFT + (part < 0 ? 0 : part > 1 ? 1 : part) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct panel *panel, double value)
{
	return panel->top + PANEL - value / panel->most * PANEL;
}

/* 1, 2 or 5 times a power of ten, so that TICKS of them reach `most`. */
static double step_for(double most)
{
	static const double steps[] = {1, 2, 5};

	double power = 1;

	for (;;) {
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			if (steps[i] * power * TICKS >= most)
				return steps[i] * power;
		}
		power *= 10;
	}
}

static struct panel add_panel(struct plot *p, double top, double most, const char *name)
{
	double step = step_for(most > 1 ? most * 1.05 : 1), bottom = top + PANEL;
	struct panel panel = {top, step * TICKS};
	int64_t span_s = (p->to_ms - p->from_ms) / 1000, each_s = (int64_t)step_for((double)span_s / 2);

	ADD(p, "<text x='%d' y='%.1f' font-weight='bold'>%s</text>\n", LEFT, top - 10, name);
	for (int i = 0; i <= TICKS; i++) {
		double y = y_of(&panel, i * step);

		ADD(p, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#ddd'/>\n", LEFT, y, WIDTH - RIGHT, y);
		ADD(p, "<text x='%d' y='%.1f' text-anchor='end'>%.0f</text>\n", LEFT - 8, y + 4, i * step);
	}
	for (int64_t s = 0; s <= span_s; s += each_s)
		ADD(p, "<text x='%.1f' y='%.1f' text-anchor='middle'>%lld s</text>\n", x_of(p, p->from_ms + s * 1000),
		    bottom + 16, (long long)s);
	for (size_t i = 0; i < p->mark_count; i++) {
		double x = x_of(p, p->marks[i].at_ms);

		ADD(p, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='#c0392b' stroke-dasharray='2 3'/>\n", x,
		    top, x, bottom);
		ADD(p, "<text x='%.1f' y='%.1f' fill='#c0392b'>%s</text>\n", x + 4, top + 12 + 14 * (double)(i % 4),
		    p->marks[i].word);
	}
	return panel;
}

/* A bar for each block, as wide as the time it took. */
static void add_mined(struct plot *p, const struct load_result *r, double top)
{
	double most = r->limit;
	struct panel panel;

	for (size_t i = 0; i < r->block_count; i++)
		most = (double)r->blocks[i].calls > most ? (double)r->blocks[i].calls : most;
	panel = add_panel(p, top, most, "calls mined, by block");
	for (size_t i = 1; i < r->block_count; i++) {
		double x = x_of(p, r->blocks[i - 1].time_ms), end = x_of(p, r->blocks[i].time_ms);
		double y = y_of(&panel, (double)r->blocks[i].calls);

		ADD(p,
		    "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='#9cc3e6' stroke='#1f4e79' stroke-width='0.5'/>\n",
		    x, y, end > x ? end - x : 1, top + PANEL - y);
	}
	ADD(p, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#27864b' stroke-width='2' stroke-dasharray='8 4'/>\n",
	    LEFT, y_of(&panel, r->limit), WIDTH - RIGHT, y_of(&panel, r->limit));
	ADD(p, "<text x='%d' y='%.1f' text-anchor='end' fill='#27864b'>limit %.0f a second</text>\n", WIDTH - RIGHT,
	    y_of(&panel, r->limit) - 5, r->limit);
}

/* A line that has gaps where the node did not answer. */
static void add_pool(struct plot *p, const struct load_result *r, double top)
{
	double most = 1;
	struct panel panel;
	bool open = false;

	for (size_t i = 0; i < r->sample_count; i++)
		most = (double)r->samples[i].pool > most ? (double)r->samples[i].pool : most;
	panel = add_panel(p, top, most, "transactions in the node's pool");
	for (size_t i = 0; i < r->sample_count; i++) {
		const struct load_sample *s = &r->samples[i];

		if (s->pool < 0 || (open && s->at_ms - r->samples[i - 1].at_ms > 3000)) {
			ADD(p, "%s", open ? "'/>\n" : "");
			open = false;
		}
		if (s->pool < 0)
			continue;
		ADD(p, "%s%.1f,%.1f ", open ? "" : "<polyline fill='none' stroke='#b9770e' stroke-width='2' points='",
		    x_of(p, s->at_ms), y_of(&panel, (double)s->pool));
		open = true;
	}
	ADD(p, "%s", open ? "'/>\n" : "");
}

char *tps_plot(const void *ctx, const struct load_result *r, const char *title, const struct tps_plot_mark *marks,
	       size_t mark_count)
{
	struct plot plot = {.svg = mem_strdup(ctx, ""), .marks = marks, .mark_count = mark_count}, *p = &plot;
	int height = TOP + 2 * PANEL + GAP + BOTTOM;

	p->from_ms = r->block_count ? r->blocks[0].time_ms : 0;
	p->to_ms = r->block_count ? r->blocks[r->block_count - 1].time_ms : 1;
	if (p->to_ms <= p->from_ms)
		p->to_ms = p->from_ms + 1000;
	ADD(p,
	    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' width='%d' height='%d' font-family='sans-serif' font-size='12' fill='#222'>\n<rect width='100%%' height='100%%' fill='#fff'/>\n<text x='%d' y='22' font-size='15'>%s</text>\n",
	    WIDTH, height, WIDTH, height, LEFT, title);
	add_mined(p, r, TOP);
	add_pool(p, r, TOP + PANEL + GAP);
	ADD(p, "</svg>\n");
	return p->svg;
}
