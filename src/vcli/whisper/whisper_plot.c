#include "vcli/whisper/whisper_plot.h"

#include <string.h>

#include "base/mem.h"

/* Units of the picture. */
#define WIDTH 860
#define LEFT 110
#define RIGHT 30
#define TOP 56
#define ROW 18
#define GAP 70
#define CURVE 180
#define BOTTOM 48
#define TICKS 6
#define CURVE_POINTS 400

struct plot {
	char *svg;
	double span_ms; /* the axis ends there */
	double step_ms; /* between its marks */
};

#define ADD(p, ...) ((p)->svg = talloc_asprintf_append_buffer((p)->svg, __VA_ARGS__))

static void add_escaped(struct plot *p, const char *text)
{
	for (; *text; text++) {
		const char *name = *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '&' ? "&amp;" : NULL;

		if (name)
			ADD(p, "%s", name);
		else if ((unsigned char)*text >= ' ')
			ADD(p, "%c", *text);
	}
}

/* 1, 2 or 5 times a power of ten, so that TICKS of them reach `ms`. */
static double step_for(double ms)
{
	static const double steps[] = {1, 2, 5};
	double power = 0.001;

	for (;;) {
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			if (steps[i] * power * TICKS >= ms)
				return steps[i] * power;
		}
		power *= 10;
	}
}

static double x_of(const struct plot *p, double ms)
{
	return LEFT + ms / p->span_ms * (WIDTH - LEFT - RIGHT);
}

static void add_axis(struct plot *p, double top, double bottom)
{
	for (int i = 0; i * p->step_ms <= p->span_ms * 1.0001; i++) {
		double x = x_of(p, i * p->step_ms);

		ADD(p, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='#ddd'/>\n", x, top, x, bottom);
		ADD(p, "<text x='%.1f' y='%.1f' text-anchor='middle'>%g</text>\n", x, bottom + 16, i * p->step_ms);
	}
	ADD(p, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#555'/>\n", LEFT, bottom, WIDTH - RIGHT, bottom);
}

/* A thin line from the least to the greatest, a bar from the median to p95, a mark at the median. */
static void add_node(struct plot *p, struct whisper_target *t, double y)
{
	const struct whisper_summary s = whisper_summary(&t->times);

	ADD(p, "<text x='%d' y='%.1f' text-anchor='end'>%.10s</text>\n", LEFT - 8, y + 4, t->entry->address);
	if (t->lost)
		ADD(p, "<text x='%d' y='%.1f' text-anchor='end' fill='#c0392b'>%zu lost</text>\n", WIDTH - RIGHT + 26,
		    y + 4, t->lost);
	if (!t->times.count)
		return;
	ADD(p, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='#7f9db9'/>\n", x_of(p, s.min), y, x_of(p, s.max),
	    y);
	ADD(p, "<rect x='%.1f' y='%.1f' width='%.1f' height='8' fill='#9cc3e6'/>\n", x_of(p, s.median), y - 4,
	    x_of(p, s.p95) - x_of(p, s.median));
	ADD(p, "<rect x='%.1f' y='%.1f' width='3' height='12' fill='#1f4e79'/>\n", x_of(p, s.median) - 1.5, y - 6);
}

/* Share of the pings that came back, by time; what is lost never does. */
static void add_curve(struct plot *p, struct whisper_ping *run, double top)
{
	size_t n = run->times.count, all = run->answered + run->lost, each = n / CURVE_POINTS + 1;
	double bottom = top + CURVE;

	add_axis(p, top, bottom);
	for (int percent = 0; percent <= 100; percent += 25)
		ADD(p, "<text x='%d' y='%.1f' text-anchor='end'>%d %%</text>\n", LEFT - 8,
		    bottom - CURVE * percent / 100.0 + 4, percent);
	ADD(p, "<polyline fill='none' stroke='#1f4e79' stroke-width='2' points='%d,%.1f", LEFT, bottom);
	for (size_t i = 0; i < n; i += each)
		ADD(p, " %.1f,%.1f", x_of(p, run->times.ms[i]), bottom - CURVE * (double)(i + 1) / (double)all);
	if (n)
		ADD(p, " %.1f,%.1f", x_of(p, run->times.ms[n - 1]), bottom - CURVE * (double)n / (double)all);
	ADD(p, "'/>\n<text x='%d' y='%.1f' text-anchor='middle'>round trip, ms</text>\n", (LEFT + WIDTH - RIGHT) / 2,
	    bottom + 36);
}

char *whisper_plot(const void *ctx, struct whisper_ping *run, const char *title)
{
	const struct whisper_summary s = whisper_summary(&run->times);
	double nodes = TOP + ROW * (double)run->target_count, height = nodes + GAP + CURVE + BOTTOM;
	struct plot plot = {.svg = mem_strdup(ctx, "")}, *p = &plot;

	p->step_ms = step_for(s.max > 0.01 ? s.max : 1);
	while (p->span_ms < s.max || p->span_ms < p->step_ms)
		p->span_ms += p->step_ms;
	ADD(p,
	    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %.0f' width='%d' height='%.0f' font-family='sans-serif' font-size='12' fill='#222'>\n<rect width='100%%' height='100%%' fill='#fff'/>\n"
	    "<text x='%d' y='22' font-size='15'>",
	    WIDTH, height, WIDTH, height, LEFT);
	add_escaped(p, title);
	ADD(p,
	    "</text>\n<text x='%d' y='40' fill='#555'>line: least to greatest; bar: median to 95 %%; mark: median</text>\n",
	    LEFT);
	add_axis(p, TOP - 4, nodes);
	for (size_t i = 0; i < run->target_count; i++)
		add_node(p, &run->targets[i], TOP + ROW * ((double)i + 0.5) - 2);
	ADD(p, "<text x='%d' y='%.1f' fill='#555'>pings that came back within that time</text>\n", LEFT,
	    nodes + GAP - 14);
	add_curve(p, run, nodes + GAP);
	ADD(p, "</svg>\n");
	return p->svg;
}
