#include "bench/tps_plot.h"

#include <math.h>

#include "base/chart.h"
#include "base/mem.h"

/* Units of the picture. */
#define LEFT 70
#define TOP 60
#define PANEL 200
#define GAP 56
#define BOTTOM 48
#define TICKS 5

#define SILENT_MS 3000 /* between two samples: a gap in the line */

struct plot {
	struct chart *chart;
	int64_t from_ms, to_ms;
	const struct tps_plot_mark *marks;
	size_t mark_count;
};

static double second(const struct plot *p, int64_t at_ms)
{
	return (double)(at_ms - p->from_ms) / 1000;
}

static double whole_step(double span, int ticks)
{
	double step = chart_step(span, ticks);

	return step < 1 ? 1 : step;
}

static struct chart_panel add_panel(struct plot *p, double top, double most, const char *name)
{
	static const struct chart_pen dots = {"#c0392b", 1, "2 3"};
	double step = whole_step(most * 1.05, TICKS), span = second(p, p->to_ms);
	const struct chart_panel panel = {
		.left = LEFT,
		.right = CHART_RIGHT,
		.top = top,
		.bottom = top + PANEL,
		.x = {.to = span, .step = whole_step(span, 2 * TICKS), .unit = " s"},
		.y = {.to = step * TICKS, .step = step, .grid = true},
	};

	chart_write(p->chart, &(struct chart_words){LEFT, top - 10, .bold = true}, "%s", name);
	chart_panel(p->chart, &panel);
	for (size_t i = 0; i < p->mark_count; i++) {
		double x = second(p, p->marks[i].at_ms), y = top + 12 + 14 * (double)(i % 4);

		chart_line(p->chart, &panel, (struct chart_point){x, panel.y.to}, (struct chart_point){x, 0}, &dots);
		chart_write(p->chart, &(struct chart_words){chart_x(&panel, x) + 4, y, .colour = dots.colour}, "%s",
			    p->marks[i].word);
	}
	return panel;
}

/* A bar for each block, as wide as the time it took. */
static void add_mined(struct plot *p, const struct load_result *r, double top)
{
	static const struct chart_pen dashes = {"#27864b", 2, "8 4"};
	double most = r->limit;
	struct chart_panel panel;

	for (size_t i = 0; i < r->block_count; i++)
		most = (double)r->blocks[i].calls > most ? (double)r->blocks[i].calls : most;
	panel = add_panel(p, top, most, "calls mined, by block");
	for (size_t i = 1; i < r->block_count; i++) {
		struct chart_point to = {second(p, r->blocks[i].time_ms), (double)r->blocks[i].calls};

		chart_bar(p->chart, &panel, second(p, r->blocks[i - 1].time_ms), to, "#9cc3e6", "#1f4e79");
	}
	chart_line(p->chart, &panel, (struct chart_point){0, r->limit}, (struct chart_point){panel.x.to, r->limit},
		   &dashes);
	chart_write(p->chart,
		    &(struct chart_words){CHART_RIGHT, chart_y(&panel, r->limit) - 5, .align = CHART_END,
					  .colour = dashes.colour},
		    "limit %.0f a second", r->limit);
}

/* A line that has gaps where the node did not answer. */
static void add_pool(struct plot *p, const struct load_result *r, double top)
{
	static const struct chart_pen line = {"#b9770e", 2, NULL};
	struct chart_point *points = mem_array(NULL, struct chart_point, 2 * r->sample_count + 1);
	struct chart_panel panel;
	double most = 1;
	size_t n = 0;

	for (size_t i = 0; i < r->sample_count; i++) {
		const struct load_sample *s = &r->samples[i];

		if (i && s->at_ms - s[-1].at_ms > SILENT_MS)
			points[n++] = (struct chart_point){0, NAN};
		points[n++] = (struct chart_point){second(p, s->at_ms), s->pool < 0 ? NAN : (double)s->pool};
		most = (double)s->pool > most ? (double)s->pool : most;
	}
	panel = add_panel(p, top, most, "transactions in the node's pool");
	chart_curve(p->chart, &panel, points, n, &line);
	mem_free(points);
}

char *tps_plot(const void *ctx, const struct load_result *r, const char *title, const struct tps_plot_mark *marks,
	       size_t mark_count)
{
	struct plot plot = {.chart = chart_new(ctx, LEFT, TOP + 2 * PANEL + GAP + BOTTOM, title),
			    .from_ms = r->block_count ? r->blocks[0].time_ms : 0,
			    .to_ms = r->block_count ? r->blocks[r->block_count - 1].time_ms : 1,
			    .marks = marks,
			    .mark_count = mark_count};

	if (plot.to_ms <= plot.from_ms)
		plot.to_ms = plot.from_ms + 1000;
	add_mined(&plot, r, TOP);
	add_pool(&plot, r, TOP + PANEL + GAP);
	return chart_end(plot.chart);
}
