#include "vcli/whisper/whisper_plot.h"

#include "base/chart.h"
#include "base/mem.h"

/* Units of the picture. */
#define LEFT 110
#define TOP 56
#define ROW 18
#define GAP 70
#define CURVE 180
#define BOTTOM 48
#define TICKS 6

#define CURVE_POINTS 400
#define GREY "#555"

static const struct chart_pen floor_pen = {GREY, 1, NULL};

static void add_panel(struct chart *c, const struct chart_panel *panel)
{
	chart_panel(c, panel);
	chart_line(c, panel, (struct chart_point){0, panel->y.from}, (struct chart_point){panel->x.to, panel->y.from},
		   &floor_pen);
}

static void add_line(struct chart *c, const struct chart_panel *panel, double y, double from_ms, double to_ms,
		     const char *colour, double width)
{
	const struct chart_pen pen = {colour, width, NULL};

	chart_line(c, panel, (struct chart_point){from_ms, y}, (struct chart_point){to_ms, y}, &pen);
}

/* A thin line from the least to the greatest, a bar from the median to p95, a mark at the median. */
static void add_node(struct chart *c, const struct chart_panel *panel, struct whisper_target *t, double row)
{
	static const struct chart_pen mark = {"#1f4e79", 3, NULL};
	const struct whisper_summary s = whisper_summary(&t->times);
	double y = chart_y(panel, row) + 4;

	chart_write(c, &(struct chart_words){LEFT - 8, y, .align = CHART_END}, "%.10s", t->entry->address);
	if (t->lost)
		chart_write(c, &(struct chart_words){CHART_RIGHT + 26, y, .align = CHART_END, .colour = "#c0392b"},
			    "%zu lost", t->lost);
	if (!t->times.count)
		return;
	add_line(c, panel, row, s.min, s.max, "#7f9db9", 1);
	add_line(c, panel, row, s.median, s.p95, "#9cc3e6", 8);
	chart_line(c, panel, (struct chart_point){s.median, row - 1.0 / 3},
		   (struct chart_point){s.median, row + 1.0 / 3}, &mark);
}

static void add_nodes(struct chart *c, struct whisper_ping *run, const struct chart_axis *ms)
{
	double rows = (double)run->target_count;
	const struct chart_panel panel = {.left = LEFT,
					  .right = CHART_RIGHT,
					  .top = TOP,
					  .bottom = TOP + ROW * rows,
					  .x = *ms,
					  .y = {.from = rows, .to = 0}};

	add_panel(c, &panel);
	for (size_t i = 0; i < run->target_count; i++)
		add_node(c, &panel, &run->targets[i], (double)i + 0.5);
}

/* Share of the pings that came back, by time; what is lost never does. */
static void add_curve(struct chart *c, struct whisper_ping *run, const struct chart_axis *ms, double top)
{
	static const struct chart_pen pen = {"#1f4e79", 2, NULL};
	const struct chart_panel panel = {.left = LEFT,
					  .right = CHART_RIGHT,
					  .top = top,
					  .bottom = top + CURVE,
					  .x = *ms,
					  .y = {.to = 100, .step = 25, .unit = " %"}};
	size_t n = run->times.count, all = run->answered + run->lost, each = n / CURVE_POINTS + 1, count = 1;
	struct chart_point *points = mem_array(NULL, struct chart_point, CURVE_POINTS + 2);

	for (size_t i = 0; i < n; i += each)
		points[count++] = (struct chart_point){run->times.ms[i], 100 * (double)(i + 1) / (double)all};
	if (n)
		points[count++] = (struct chart_point){run->times.ms[n - 1], 100 * (double)n / (double)all};
	add_panel(c, &panel);
	chart_curve(c, &panel, points, count, &pen);
	chart_write(c, &(struct chart_words){(LEFT + CHART_RIGHT) / 2.0, panel.bottom + 36, .align = CHART_MIDDLE},
		    "round trip, ms");
	mem_free(points);
}

char *whisper_plot(const void *ctx, struct whisper_ping *run, const char *title)
{
	const struct whisper_summary s = whisper_summary(&run->times);
	double nodes = TOP + ROW * (double)run->target_count;
	struct chart_axis ms = {.step = chart_step(s.max > 0.01 ? s.max : 1, TICKS), .grid = true};
	struct chart *c = chart_new(ctx, LEFT, nodes + GAP + CURVE + BOTTOM, title);

	while (ms.to < s.max || ms.to < ms.step)
		ms.to += ms.step;
	chart_write(c, &(struct chart_words){LEFT, 40, .colour = GREY},
		    "line: least to greatest; bar: median to 95 %%; mark: median");
	add_nodes(c, run, &ms);
	chart_write(c, &(struct chart_words){LEFT, nodes + GAP - 14, .colour = GREY},
		    "pings that came back within that time");
	add_curve(c, run, &ms, nodes + GAP);
	return chart_end(c);
}
