#include "base/chart.h"

#include <math.h>
#include <stdarg.h>

#include "base/mem.h"

struct chart {
	const void *ctx;
	char *svg;
};

#define ADD(c, ...) ((c)->svg = talloc_asprintf_append_buffer((c)->svg, __VA_ARGS__))

/* 1, 2, 5, 10, 20, 50, ... */
static double round_number(int i)
{
	static const double digits[] = {1, 2, 5};
	const int count = sizeof(digits) / sizeof(digits[0]), power = i / count;

	return digits[i % count] * pow(10, power);
}

double chart_step(double span, int ticks)
{
	for (int i = 0;; i++) {
		double step = round_number(i) / 1000;

		if (step * ticks >= span)
			return step;
	}
}

/* Words in an element; what XML does not let stand there is left out. */
static void add_escaped(struct chart *c, const char *text)
{
	for (; *text; text++) {
		const char *name = *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '&' ? "&amp;" : NULL;

		if (name)
			ADD(c, "%s", name);
		else if ((unsigned char)*text >= ' ')
			ADD(c, "%c", *text);
	}
}

void chart_write(struct chart *c, const struct chart_words *words, const char *fmt, ...)
{
	static const char *const anchors[] = {
		[CHART_START] = "", [CHART_MIDDLE] = " text-anchor='middle'", [CHART_END] = " text-anchor='end'"};
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = mem_vprintf(c, fmt, ap);
	va_end(ap);
	ADD(c, "<text x='%.1f' y='%.1f'%s%s", words->x, words->y, anchors[words->align],
	    words->bold ? " font-weight='bold'" : "");
	if (words->colour)
		ADD(c, " fill='%s'", words->colour);
	ADD(c, ">");
	add_escaped(c, text);
	ADD(c, "</text>\n");
	mem_free(text);
}

struct chart *chart_new(const void *ctx, double left, double height, const char *title)
{
	struct chart *c = mem_new(ctx, struct chart);

	c->ctx = ctx;
	c->svg = mem_printf(
		c,
		"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %.0f' width='%d' height='%.0f' font-family='sans-serif' font-size='12' fill='#222'>\n<rect width='100%%' height='100%%' fill='#fff'/>\n<text x='%.0f' y='22' font-size='15'>",
		CHART_WIDTH, height, CHART_WIDTH, height, left);
	add_escaped(c, title);
	ADD(c, "</text>\n");
	return c;
}

char *chart_end(struct chart *c)
{
	char *svg;

	ADD(c, "</svg>\n");
	svg = talloc_steal(c->ctx, c->svg);
	mem_free(c);
	return svg;
}

/* --- scales --- */

static double part_of(const struct chart_axis *a, double value)
{
	double part = a->log ? value <= a->from ? 0 : log10(value / a->from) / log10(a->to / a->from)
			     : (value - a->from) / (a->to - a->from);

	return part > 0 ? part < 1 ? part : 1 : 0;
}

double chart_x(const struct chart_panel *panel, double x)
{
	return panel->left + part_of(&panel->x, x) * (panel->right - panel->left);
}

double chart_y(const struct chart_panel *panel, double y)
{
	return panel->bottom - part_of(&panel->y, y) * (panel->bottom - panel->top);
}

/* The axis's tick of that number; false: it has no more. */
static bool tick(const struct chart_axis *a, int i, double *ret_value)
{
	double value = a->log ? a->from * round_number(i) : a->from + i * a->step;

	if (a->step <= 0 || value > a->to + (a->to - a->from) * 1e-9)
		return false;
	*ret_value = value;
	return true;
}

void chart_panel(struct chart *c, const struct chart_panel *panel)
{
	static const struct chart_pen grid = {.colour = "#ddd", .width = 1};
	const char *x_unit = panel->x.unit ? panel->x.unit : "", *y_unit = panel->y.unit ? panel->y.unit : "";
	double at;

	for (int i = 0; tick(&panel->y, i, &at); i++) {
		if (panel->y.grid)
			chart_line(c, panel, (struct chart_point){panel->x.from, at},
				   (struct chart_point){panel->x.to, at}, &grid);
		chart_write(c, &(struct chart_words){panel->left - 8, chart_y(panel, at) + 4, .align = CHART_END},
			    "%.10g%s", at, y_unit);
	}
	for (int i = 0; tick(&panel->x, i, &at); i++) {
		if (panel->x.grid)
			chart_line(c, panel, (struct chart_point){at, panel->y.from},
				   (struct chart_point){at, panel->y.to}, &grid);
		chart_write(c, &(struct chart_words){chart_x(panel, at), panel->bottom + 16, .align = CHART_MIDDLE},
			    "%.10g%s", at, x_unit);
	}
}

/* --- what is drawn in them --- */

static void add_pen(struct chart *c, const struct chart_pen *pen)
{
	ADD(c, " stroke='%s'", pen->colour);
	if (pen->width != 1)
		ADD(c, " stroke-width='%g'", pen->width);
	if (pen->dash)
		ADD(c, " stroke-dasharray='%s'", pen->dash);
}

void chart_line(struct chart *c, const struct chart_panel *panel, struct chart_point from, struct chart_point to,
		const struct chart_pen *pen)
{
	ADD(c, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'", chart_x(panel, from.x), chart_y(panel, from.y),
	    chart_x(panel, to.x), chart_y(panel, to.y));
	add_pen(c, pen);
	ADD(c, "/>\n");
}

void chart_bar(struct chart *c, const struct chart_panel *panel, double from_x, struct chart_point to,
	       const char *colour, const char *edge)
{
	double x = chart_x(panel, from_x), width = chart_x(panel, to.x) - x, y = chart_y(panel, to.y);

	ADD(c, "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s' stroke='%s' stroke-width='0.5'/>\n", x, y,
	    width > 1 ? width : 1, panel->bottom - y, colour, edge);
}

void chart_curve(struct chart *c, const struct chart_panel *panel, const struct chart_point *points, size_t count,
		 const struct chart_pen *pen)
{
	bool open = false;

	for (size_t i = 0; i <= count; i++) {
		bool gap = i == count || !isfinite(points[i].y);

		if (gap && open)
			ADD(c, "'/>\n");
		if (!gap && !open) {
			ADD(c, "<polyline fill='none'");
			add_pen(c, pen);
			ADD(c, " points='");
		}
		if (!gap)
			ADD(c, "%s%.1f,%.1f", open ? " " : "", chart_x(panel, points[i].x),
			    chart_y(panel, points[i].y));
		open = !gap;
	}
}
