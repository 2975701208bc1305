#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/chart.h"
#include "base/mem.h"

static const struct chart_panel square = {
	.left = 100,
	.right = 200,
	.top = 10,
	.bottom = 110,
	.x = {.from = 0, .to = 50, .step = 10},
	.y = {.from = 1, .to = 1000, .step = 1, .log = true},
};
static const struct chart_pen pen = {"#123", 2, "1 2"};

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
		n++;
	return n;
}

static void test_steps(void **state)
{
	static const struct {
		double span;
		int ticks;
		double step;
	} rows[] = {{0, 5, 0.001}, {5, 5, 1},         {5.01, 5, 2},  {10.1, 5, 5},
		    {26, 5, 10},   {70000, 6, 20000}, {0.3, 6, 0.05}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(fabs(chart_step(rows[i].span, rows[i].ticks) - rows[i].step) < 1e-9);
}

static void test_words_are_escaped(void **state)
{
	struct chart *c = chart_new(NULL, 10, 100, "<b>&\n\"c'");
	char *svg;

	(void)state;
	chart_write(c, &(struct chart_words){1, 2, .align = CHART_END, .colour = "#456", .bold = true}, "%s\x01%d",
		    "</text>", 7);
	svg = chart_end(c);
	assert_non_null(strstr(svg, ">&lt;b&gt;&amp;\"c'</text>"));
	assert_non_null(strstr(svg, "<text x='1.0' y='2.0' text-anchor='end' font-weight='bold' fill='#456'>"
				    "&lt;/text&gt;7</text>"));
	assert_null(strchr(svg, '\x01'));
	mem_free(svg);
}

static void test_scales(void **state)
{
	static const struct {
		double x, y, at_x, at_y;
	} rows[] = {
		{0, 1, 100, 110},    {25, 10, 150, 110 - 100 / 3.0},
		{50, 1000, 200, 10}, {-1, 0, 100, 110},
		{51, 1001, 200, 10}, {0, -5, 100, 110},
	};
	static const struct chart_panel down = {.bottom = 180, .x = {.to = 1}, .y = {.from = 10, .to = 0}};
	static const struct chart_panel nothing = {.bottom = 180, .right = 10};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(fabs(chart_x(&square, rows[i].x) - rows[i].at_x) < 1e-9);
		assert_true(fabs(chart_y(&square, rows[i].y) - rows[i].at_y) < 1e-9);
	}
	assert_true(fabs(chart_y(&down, 1) - 18) < 1e-9);
	assert_true(chart_x(&nothing, 0) == 0);
}

static void test_ticks(void **state)
{
	static const char *const words[] = {">0<", ">10<", ">50<",  ">1<",   ">2<",
					    ">5<", ">20<", ">200<", ">500<", ">1000<"};
	struct chart *c = chart_new(NULL, 10, 100, "");
	struct chart_panel plain = square;
	char *svg;

	(void)state;
	chart_panel(c, &square);
	svg = chart_end(c);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_non_null(strstr(svg, words[i]));
	assert_null(strstr(svg, ">60<"));
	assert_null(strstr(svg, ">2000<"));
	assert_int_equal(count(svg, "<line"), 0);
	mem_free(svg);

	plain.x = (struct chart_axis){.to = 0.3, .step = 0.1, .grid = true, .unit = " <s>"};
	plain.y.step = 0;
	c = chart_new(NULL, 10, 100, "");
	chart_panel(c, &plain);
	svg = chart_end(c);
	assert_non_null(strstr(svg, ">0.3 &lt;s&gt;<"));
	assert_int_equal(count(svg, "<line"), 4);
	mem_free(svg);
}

static void test_lines_and_bars(void **state)
{
	static const struct chart_pen thin = {"#789", 1, NULL};
	struct chart *c = chart_new(NULL, 10, 100, "");
	char *svg;

	(void)state;
	chart_line(c, &square, (struct chart_point){0, 1}, (struct chart_point){50, 1000}, &thin);
	chart_bar(c, &square, 10, (struct chart_point){10, 10}, "#abc", "#def");
	svg = chart_end(c);
	assert_non_null(strstr(svg, "<line x1='100.0' y1='110.0' x2='200.0' y2='10.0' stroke='#789'/>"));
	assert_non_null(strstr(svg, "<rect x='120.0' y='76.7' width='1.0' height='33.3' fill='#abc'"));
	mem_free(svg);
}

static void test_curves(void **state)
{
	static const struct chart_point points[] = {{0, NAN}, {0, 1}, {25, 10}, {30, NAN}, {30, NAN}, {50, 1000}};
	struct chart *c = chart_new(NULL, 10, 100, "");
	char *svg;

	(void)state;
	chart_curve(c, &square, NULL, 0, &pen);
	chart_curve(c, &square, points, 1, &pen);
	chart_curve(c, &square, points, sizeof(points) / sizeof(points[0]), &pen);
	svg = chart_end(c);
	assert_int_equal(count(svg, "<polyline"), 2);
	assert_int_equal(count(svg, "'/>"), 3); /* with the background */
	assert_non_null(strstr(svg, "<polyline fill='none' stroke='#123' stroke-width='2' stroke-dasharray='1 2'"
				    " points='100.0,110.0 150.0,76.7'/>"));
	assert_non_null(strstr(svg, " points='200.0,10.0'/>"));
	assert_null(strstr(svg, "nan"));
	mem_free(svg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps), cmocka_unit_test(test_words_are_escaped), cmocka_unit_test(test_scales),
		cmocka_unit_test(test_ticks), cmocka_unit_test(test_lines_and_bars),    cmocka_unit_test(test_curves),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
