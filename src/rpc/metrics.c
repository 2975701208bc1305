#include "rpc/metrics.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_write.h"
#include "base/mem.h"

#define TEXT_LIMIT 65536

static const char *const type_words[] = {
	[METRICS_COUNTER] = "counter", [METRICS_GAUGE] = "gauge", [METRICS_HISTOGRAM] = "histogram"};

struct metrics_source {
	metrics_fn *fn;
	void *arg;
};

struct metrics {
	const char *program;
	struct metrics_source *sources;
	size_t count;
};

struct metrics_text {
	struct json_writer w;
	const char *program;
};

bool metrics_name_valid(enum metrics_type type, const char *name)
{
	static const char total[] = "_total";
	size_t n = strlen(name), end = strlen(total);

	if (!islower((unsigned char)*name) || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
		return false;
	return (type == METRICS_COUNTER) == (n > end && strcmp(name + n - end, total) == 0);
}

static void write_name(struct metrics_text *t, const char *name)
{
	json_write_raw(&t->w, t->program);
	json_write_raw(&t->w, "_");
	json_write_raw(&t->w, name);
}

void metrics_head(struct metrics_text *t, enum metrics_type type, const char *name, const char *help)
{
	assert(metrics_name_valid(type, name));
	json_write_raw(&t->w, "# HELP ");
	write_name(t, name);
	json_write_raw(&t->w, " ");
	json_write_raw(&t->w, help);
	json_write_raw(&t->w, "\n# TYPE ");
	write_name(t, name);
	json_write_raw(&t->w, " ");
	json_write_raw(&t->w, type_words[type]);
	json_write_raw(&t->w, "\n");
}

void metrics_line(struct metrics_text *t, const char *name, const char *label, const char *value, double number)
{
	write_name(t, name);
	if (label) {
		json_write_raw(&t->w, "{");
		json_write_raw(&t->w, label);
		json_write_raw(&t->w, "=\"");
		json_write_raw(&t->w, value);
		json_write_raw(&t->w, "\"}");
	}
	json_write_raw(&t->w, " ");
	json_write_double(&t->w, number);
	json_write_raw(&t->w, "\n");
}

void metrics_counter(struct metrics_text *t, const char *name, const char *help, uint64_t value)
{
	metrics_head(t, METRICS_COUNTER, name, help);
	metrics_line(t, name, NULL, NULL, (double)value);
}

void metrics_gauge(struct metrics_text *t, const char *name, const char *help, double value)
{
	metrics_head(t, METRICS_GAUGE, name, help);
	metrics_line(t, name, NULL, NULL, value);
}

static size_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	char text[128] = "", *rest = text;

	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = '\0';
		fclose(f);
	}
	strtoul(rest, &rest, 10); /* the whole size */
	return strtoul(rest, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void process(struct metrics_text *t, void *arg)
{
	(void)arg;
	metrics_head(t, METRICS_GAUGE, "info", "Version.");
	metrics_line(t, "info", "version", DSN_VERSION, 1);
	metrics_gauge(t, "resident_bytes", "Resident memory.", (double)resident_bytes());
}

struct metrics *metrics_new(const void *ctx, const char *program)
{
	struct metrics *m = mem_new(ctx, struct metrics);

	m->program = program;
	m->sources = mem_array(m, struct metrics_source, 0);
	metrics_add(m, process, NULL);
	return m;
}

void metrics_add(struct metrics *m, metrics_fn *fn, void *arg)
{
	m->sources = mem_resize(m, m->sources, struct metrics_source, m->count + 1);
	m->sources[m->count++] = (struct metrics_source){fn, arg};
}

struct buf *metrics_write(const void *ctx, const struct metrics *m)
{
	struct metrics_text t = {.w = {.to = buf_new(ctx, TEXT_LIMIT)}, .program = m->program};

	for (size_t i = 0; i < m->count; i++)
		m->sources[i].fn(&t, m->sources[i].arg);
	return t.w.to;
}
