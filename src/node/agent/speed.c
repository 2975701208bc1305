#include "node/agent/speed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LOAD_STEP_PM 10 /* loads are told in steps, so that an idle machine says the same again */
#define LEAST_CORES 0.01

struct speed_ratio {
	int64_t at_ms;
	int pm;
};

struct speed {
	struct speed_look before; /* its units are ours */
	bool looked;
	int load_pm, jobs_load_pm; /* load -1: not known */
	struct speed_ratio ratios[API_BEAT_RUNGS][SPEED_RATIOS];
	size_t ratio_count[API_BEAT_RUNGS]; /* ever */
	double blocks, cpu_ms;              /* weighed by age */
	int64_t summed_ms;
};

struct speed *speed_new(const void *ctx)
{
	struct speed *m = mem_new(ctx, struct speed);

	m->load_pm = -1;
	return m;
}

int speed_load_pm(const struct speed *m)
{
	return m->load_pm;
}

static int in_steps(double part)
{
	int pm = (int)(part * 1000 / LOAD_STEP_PM + 0.5) * LOAD_STEP_PM;

	return pm < 0 ? 0 : pm > 1000 ? 1000 : pm;
}

static const struct speed_unit *find_before(const struct speed *m, uint64_t who)
{
	for (size_t i = 0; i < m->before.unit_count; i++) {
		if (m->before.units[i].who == who)
			return &m->before.units[i];
	}
	return NULL;
}

static void put_ratio(struct speed *m, unsigned rungs, int64_t now_ms, double ratio)
{
	double pm = ratio * 1000;

	for (size_t r = 0; r < API_BEAT_RUNGS; r++) {
		if (rungs & 1u << r)
			m->ratios[r][m->ratio_count[r]++ % SPEED_RATIOS] = (struct speed_ratio){
				now_ms, pm < API_BEAT_RATIO_MOST ? (int)(pm + 0.5) : API_BEAT_RATIO_MOST};
	}
}

/* What one unit did between two looks. */
struct step {
	double cpu_ms, out_ms, wall_ms;
	double idle_cores;
};

static void look_at_unit(struct speed *m, const struct speed_unit *u, const struct step *s, int64_t now_ms)
{
	double cores = s->idle_cores + s->cpu_ms / s->wall_ms;

	if (!u->rungs || s->out_ms <= 0 || s->cpu_ms <= 0)
		return;
	if (u->cores > 0 && u->cores < cores)
		cores = u->cores;
	if (cores < LEAST_CORES)
		cores = LEAST_CORES;
	put_ratio(m, u->rungs, now_ms, s->cpu_ms / s->out_ms / cores);
	m->blocks += (double)u->blocks_per_s * s->out_ms / 1000;
	m->cpu_ms += s->cpu_ms;
}

static void keep(struct speed *m, const struct speed_look *look)
{
	void *before = (void *)m->before.units;

	m->before = *look;
	m->before.units = mem_memdup(m, look->units, look->unit_count * sizeof(*look->units));
	m->looked = true;
	mem_free(before);
}

/* Older work counts for less. */
static void age(struct speed *m, int64_t now_ms)
{
	double left = exp(-(double)(now_ms - m->summed_ms) / SPEED_WINDOW_MS);

	m->blocks *= left;
	m->cpu_ms *= left;
	m->summed_ms = now_ms;
}

void speed_take(struct speed *m, const struct speed_look *look)
{
	double wall_ms = (double)(look->now_ms - m->before.now_ms), all_ms, load, jobs_ms = 0;

	if (m->looked && wall_ms < SPEED_LEAST_MS)
		return;
	all_ms = (double)(look->all_ms - m->before.all_ms);
	if (!m->looked || all_ms <= 0) {
		keep(m, look);
		return;
	}
	age(m, look->now_ms);
	load = (double)(look->busy_ms - m->before.busy_ms) / all_ms;
	load = load < 0 ? 0 : load > 1 ? 1 : load;
	for (size_t i = 0; i < look->unit_count; i++) {
		const struct speed_unit *u = &look->units[i], *b = find_before(m, u->who);
		struct step s = {.wall_ms = wall_ms, .idle_cores = look->cores * (1 - load)};

		if (!b)
			continue; /* since when it has used so much is not known */
		s.cpu_ms = (double)(u->cpu_ms - b->cpu_ms);
		s.out_ms = (double)(u->out_ms - b->out_ms);
		jobs_ms += s.cpu_ms > 0 ? s.cpu_ms : 0;
		look_at_unit(m, u, &s, look->now_ms);
	}
	m->load_pm = in_steps(load);
	m->jobs_load_pm = in_steps(jobs_ms / (look->cores * wall_ms));
	if (m->jobs_load_pm > m->load_pm)
		m->jobs_load_pm = m->load_pm;
	keep(m, look);
}

static int by_size(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* 95 of 100 are no larger; API_BEAT_UNKNOWN: there are none of late. */
static int percentile(const struct speed *m, size_t rung, int64_t now_ms)
{
	size_t kept = m->ratio_count[rung] < SPEED_RATIOS ? m->ratio_count[rung] : SPEED_RATIOS, count = 0;
	int list[SPEED_RATIOS] = {0};

	for (size_t i = 0; i < kept; i++) {
		if (now_ms - m->ratios[rung][i].at_ms < SPEED_WINDOW_MS)
			list[count++] = m->ratios[rung][i].pm;
	}
	if (!count)
		return API_BEAT_UNKNOWN;
	qsort(list, count, sizeof(list[0]), by_size);
	return list[(count * 95 + 99) / 100 - 1];
}

void speed_tell(const struct speed *m, int64_t now_ms, struct api_beat *beat)
{
	beat->load_pm = m->load_pm < 0 ? 0 : m->load_pm;
	beat->jobs_load_pm = m->jobs_load_pm;
	for (size_t r = 0; r < API_BEAT_RUNGS; r++)
		beat->realtime_pm[r] = percentile(m, r, now_ms);
	if (m->cpu_ms >= SPEED_CPU_MS && m->blocks > 0)
		beat->blocks_per_s = (int64_t)(m->blocks / m->cpu_ms * 1000 * m->before.cores);
}
