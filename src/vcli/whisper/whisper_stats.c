#include "vcli/whisper/whisper_stats.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"

void whisper_times_add(const void *ctx, struct whisper_times *t, double ms)
{
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->ms = mem_resize(ctx, t->ms, double, t->room);
	}
	t->ms[t->count++] = ms;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct whisper_summary whisper_summary(struct whisper_times *t)
{
	struct whisper_summary s = {0};
	size_t n = t->count;

	if (n == 0)
		return s;
	qsort(t->ms, n, sizeof(*t->ms), compare);
	s.min = t->ms[0];
	s.median = n % 2 ? t->ms[n / 2] : (t->ms[n / 2 - 1] + t->ms[n / 2]) / 2;
	s.p95 = t->ms[(n * 95 + 99) / 100 - 1];
	s.max = t->ms[n - 1];
	return s;
}

static void put_ms(json_t *o, const char *key, double ms)
{
	char *text = mem_printf(NULL, "%.1f", ms);

	json_put(o, key, text);
	mem_free(text);
}

json_t *whisper_summary_json(struct whisper_times *t)
{
	const struct whisper_summary s = whisper_summary(t);
	json_t *o = json_object();

	if (t->count == 0)
		return o;
	put_ms(o, "min", s.min);
	put_ms(o, "median", s.median);
	put_ms(o, "p95", s.p95);
	put_ms(o, "max", s.max);
	return o;
}
