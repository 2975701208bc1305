#include "bench/swarm_plot.h"

#include <math.h>

#include "base/chart.h"
#include "base/mem.h"

/* Units of the picture. */
#define LEFT 70
#define TOP 60
#define PANEL 190
#define GAP 62
#define BOTTOM 40
#define TICKS 5
#define WORDS 17
#define DOT 0.03 /* of a value: a point alone is a short line */

struct curve {
	const char *name, *colour;
	double (*value)(const struct swarm_run_result *r);
};

static double served(const struct swarm_run_result *r)
{
	return r->served_s;
}

static double known(const struct swarm_run_result *r)
{
	return r->known_s;
}

static double served_again(const struct swarm_run_result *r)
{
	return r->broker_served_s;
}

static double known_again(const struct swarm_run_result *r)
{
	return r->dsnd_known_s;
}

static double dispatched(const struct swarm_run_result *r)
{
	return r->dispatch_most_s;
}

static double plans(const struct swarm_run_result *r)
{
	return r->plans_per_s;
}

static double orders(const struct swarm_run_result *r)
{
	return r->orders_per_s;
}

static double dsnd_mib(const struct swarm_run_result *r)
{
	return r->dsnd_mib;
}

static double broker_mib(const struct swarm_run_result *r)
{
	return r->broker_mib > 0 ? r->broker_mib : SWARM_RUN_NONE;
}

static const struct curve times[] = {{"all mailboxes served", "#1f4e79", served},
				     {"dsnd knows all", "#b9770e", known},
				     {"served again, broker killed", "#c0392b", served_again},
				     {"known again, dsnd killed", "#27864b", known_again},
				     {"a lost node's place given, at most", "#7d3c98", dispatched}};
static const struct curve speeds[] = {{"orders planned a second", "#1f4e79", plans},
				      {"orders created a second", "#27864b", orders}};
static const struct curve memories[] = {{"dsnd", "#1f4e79", dsnd_mib}, {"broker", "#c0392b", broker_mib}};

struct plot {
	struct chart *chart;
	const struct swarm_run_result *results;
	size_t count;
};

/* Powers of ten around all sizes. */
static void bounds(const struct plot *p, double *ret_from, double *ret_to)
{
	*ret_from = pow(10, floor(log10((double)p->results[0].nodes)));
	*ret_to = (double)p->results[p->count - 1].nodes;
	if (*ret_to <= *ret_from)
		*ret_to = *ret_from * 10;
}

static double most_of(const struct plot *p, const struct curve *curves, size_t count)
{
	double most = 1;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < p->count; k++)
			most = fmax(most, curves[i].value(&p->results[k]));
	}
	return most;
}

static void add_curve(const struct plot *p, const struct chart_panel *panel, const struct curve *curve)
{
	const struct chart_pen pen = {curve->colour, 2, NULL}, dot = {curve->colour, 6, NULL};
	struct chart_point *points = mem_array(NULL, struct chart_point, p->count);

	for (size_t i = 0; i < p->count; i++) {
		const double value = curve->value(&p->results[i]), x = (double)p->results[i].nodes;

		points[i] = (struct chart_point){x, value < 0 ? NAN : value};
		if (value >= 0)
			chart_line(p->chart, panel, points[i], (struct chart_point){x * (1 + DOT), value}, &dot);
	}
	chart_curve(p->chart, panel, points, p->count, &pen);
	mem_free(points);
}

static void add_panel(const struct plot *p, double top, const char *name, const struct curve *curves, size_t count)
{
	const double step = chart_step(most_of(p, curves, count) * 1.05, TICKS);
	struct chart_panel panel = {.left = LEFT,
				    .right = CHART_RIGHT,
				    .top = top,
				    .bottom = top + PANEL,
				    .x = {.step = 1, .log = true, .unit = " nodes"},
				    .y = {.to = step * TICKS, .step = step, .grid = true}};

	bounds(p, &panel.x.from, &panel.x.to);
	chart_write(p->chart, &(struct chart_words){LEFT, top - 10, .bold = true}, "%s", name);
	chart_panel(p->chart, &panel);
	for (size_t i = 0; i < count; i++) {
		const struct chart_words words = {LEFT + 10, top + WORDS * (double)(i + 1), .colour = curves[i].colour};

		add_curve(p, &panel, &curves[i]);
		chart_write(p->chart, &words, "%s", curves[i].name);
	}
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

char *swarm_plot(const void *ctx, const struct swarm_run_result *results, size_t count)
{
	const struct plot p = {.chart = chart_new(ctx, LEFT, TOP + 3 * PANEL + 2 * GAP + BOTTOM,
						  "One dsnd and one broker under a growing network"),
			       .results = results,
			       .count = count};

	add_panel(&p, TOP, "seconds", times, COUNT(times));
	add_panel(&p, TOP + PANEL + GAP, "orders a second", speeds, COUNT(speeds));
	add_panel(&p, TOP + 2 * (PANEL + GAP), "MiB resident", memories, COUNT(memories));
	return chart_end(p.chart);
}
