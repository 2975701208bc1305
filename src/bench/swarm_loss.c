#include "bench/swarm_loss.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#define LOG_LIMIT ((size_t)256 << 20)
#define LOST "jobs.part job="

struct hit {
	char *job;
	size_t nodes;              /* that it had */
	int64_t lost_ms, whole_ms; /* wall clock; 0: not yet */
};

struct swarm_loss {
	struct swarm *swarm;
	struct hit *jobs; /* those that are hit come first after the beginning, ordered by name */
	size_t job_count, hit_count, whole_count;
	int64_t began_ms;
	size_t killed_nodes, killed_parts;
};

struct swarm_loss *swarm_loss_new(const void *ctx, struct swarm *s)
{
	struct swarm_loss *l = mem_new(ctx, struct swarm_loss);
	struct swarm_part *parts = swarm_jobs(l, s, &l->job_count);

	l->swarm = s;
	l->jobs = mem_array(l, struct hit, l->job_count + 1);
	for (size_t i = 0; i < l->job_count; i++)
		l->jobs[i] = (struct hit){.job = mem_strdup(l->jobs, parts[i].job), .nodes = parts[i].nodes};
	mem_free(parts);
	return l;
}

void swarm_loss_begin(struct swarm_loss *l, size_t agents)
{
	struct swarm_part *parts;
	size_t count = 0;

	l->began_ms = clock_wall_ms();
	l->killed_nodes = swarm_alive_nodes(l->swarm);
	swarm_kill(l->swarm, agents);
	l->killed_nodes -= swarm_alive_nodes(l->swarm);
	/* Jobs stay noted at those that are dead, so this is the same list. */
	parts = swarm_jobs(l, l->swarm, &count);
	for (size_t i = 0; i < count && i < l->job_count; i++) {
		l->killed_parts += l->jobs[i].nodes - parts[i].nodes;
		if (parts[i].dead)
			l->jobs[l->hit_count++] = l->jobs[i];
	}
	mem_free(parts);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hit *)a)->job, ((const struct hit *)b)->job);
}

static struct hit *find(const struct swarm_loss *l, const char *job)
{
	const struct hit key = {.job = (char *)job};

	return bsearch(&key, l->jobs, l->hit_count, sizeof(*l->jobs), by_name);
}

bool swarm_loss_over(struct swarm_loss *l)
{
	size_t count = 0;
	struct swarm_part *parts = swarm_jobs(l, l->swarm, &count);

	for (size_t i = 0; i < count; i++) {
		struct hit *h = find(l, parts[i].job);

		if (!h || h->whole_ms || parts[i].nodes < h->nodes)
			continue;
		h->whole_ms = clock_wall_ms();
		l->whole_count++;
	}
	mem_free(parts);
	return l->whole_count == l->hit_count;
}

int64_t swarm_loss_line_ms(const char *line)
{
	struct tm tm = {0};
	const char *rest = strptime(line, "%Y-%m-%dT%H:%M:%S.", &tm);

	return rest ? (int64_t)timegm(&tm) * 1000 + strtoll(rest, NULL, 10) : -1;
}

/* The last time that a node of the job was declared lost counts. */
static void take_line(struct swarm_loss *l, char *line, struct swarm_run_result *to)
{
	char *job = strstr(line, LOST), *rest = job ? strchr(job + strlen(LOST), ' ') : NULL;
	const int64_t at_ms = swarm_loss_line_ms(line);
	const double after_s = (double)(at_ms - l->began_ms) / 1000;
	struct hit *h;

	if (!rest || at_ms < l->began_ms || !strstr(rest, " state=lost "))
		return;
	*rest = '\0';
	h = find(l, job + strlen(LOST));
	if (!h || (h->whole_ms && at_ms > h->whole_ms))
		return;
	h->lost_ms = at_ms;
	if (to->noted_first_s < 0 || after_s < to->noted_first_s)
		to->noted_first_s = after_s;
	if (after_s > to->noted_last_s)
		to->noted_last_s = after_s;
}

static struct error *read_log(struct swarm_loss *l, const char *path, struct swarm_run_result *to)
{
	char *text = NULL;

	TRY(file_read(l, path, LOG_LIMIT, &text, NULL));
	for (char *line = text, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		take_line(l, line, to);
	}
	mem_free(text);
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct error *swarm_loss_end(struct swarm_loss *l, const char *dsnd_log, struct swarm_run_result *to)
{
	double *took = mem_array(l, double, l->hit_count + 1);
	size_t count = 0;

	to->lost_nodes = l->killed_nodes;
	to->lost_parts = l->killed_parts;
	to->jobs_hit = l->hit_count;
	to->jobs_not_whole = l->hit_count - l->whole_count;
	TRY(read_log(l, dsnd_log, to));
	for (size_t i = 0; i < l->hit_count; i++) {
		const struct hit *h = &l->jobs[i];
		const double all_s = (double)(h->whole_ms - l->began_ms) / 1000;

		if (h->whole_ms && all_s > to->work_off_s)
			to->work_off_s = all_s;
		if (h->whole_ms && h->lost_ms)
			took[count++] = (double)(h->whole_ms - h->lost_ms) / 1000;
	}
	qsort(took, count, sizeof(*took), ascending);
	if (count) {
		to->dispatch_p50_s = took[count / 2];
		to->dispatch_most_s = took[count - 1];
	}
	return NULL;
}
