/* Charts as SVG: panels with scales, lines, bars, curves and words. No outside resources, colours that work on white.
 *
 * Two kinds of places: a panel's values, which its axes turn into places of the picture, and the picture's own units
 * (its width is CHART_WIDTH, y grows downwards) for words. Texts are UTF-8 and are escaped here; colours and dashes
 * stand as they are, so they come from the program. Ownership: a chart belongs to its ctx. Threads: any, one at a time.
 */
#ifndef DSN_BASE_CHART_H
#define DSN_BASE_CHART_H

#include <stdbool.h>
#include <stddef.h>

#define CHART_WIDTH 860
#define CHART_RIGHT 830 /* where panels end, so that the last tick's number has room */

struct chart;

struct chart_axis {
	double from, to; /* values at its ends, which differ; what lies beyond is drawn at the end */
	double step;     /* between ticks, from `from` on; 0: no ticks */
	bool log; /* `from` is a power of ten, ticks are 1, 2 and 5 times one; `step` only says whether there are any */
	bool grid;        /* a line across the panel at each tick */
	const char *unit; /* behind each tick's number; NULL: nothing */
};

struct chart_panel {
	double left, right, top, bottom; /* units of the picture */
	struct chart_axis x, y;          /* y's `from` is at the bottom */
};

struct chart_point {
	double x, y; /* of a panel's values; a y that is no number is a gap in the curve */
};

struct chart_pen {
	const char *colour;
	double width;
	const char *dash; /* lengths of dashes and gaps; NULL: drawn through */
};

enum chart_align { CHART_START, CHART_MIDDLE, CHART_END };

struct chart_words {
	double x, y; /* units of the picture; y is the base line */
	enum chart_align align;
	const char *colour; /* NULL: black */
	bool bold;
};

/* 1, 2 or 5 times a power of ten, from 0.001 on: the least that reaches `span` in `ticks` steps. */
double chart_step(double span, int ticks);

/* A picture of that height; the title begins at `left`. */
struct chart *chart_new(const void *ctx, double left, double height, const char *title);
/* Grid lines and the ticks' numbers. */
void chart_panel(struct chart *c, const struct chart_panel *panel);
/* Where a value of the panel is in the picture. */
double chart_x(const struct chart_panel *panel, double x);
double chart_y(const struct chart_panel *panel, double y);
void chart_line(struct chart *c, const struct chart_panel *panel, struct chart_point from, struct chart_point to,
		const struct chart_pen *pen);
/* A filled bar from the panel's bottom up, at least one unit wide. */
void chart_bar(struct chart *c, const struct chart_panel *panel, double from_x, struct chart_point to,
	       const char *colour, const char *edge);
/* Through all points; no points, no curve. */
void chart_curve(struct chart *c, const struct chart_panel *panel, const struct chart_point *points, size_t count,
		 const struct chart_pen *pen);
void chart_write(struct chart *c, const struct chart_words *words, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The whole document; it belongs to the chart's ctx, the chart is freed. */
char *chart_end(struct chart *c);

#endif
