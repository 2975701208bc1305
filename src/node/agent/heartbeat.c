#include "node/agent/heartbeat.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "node/agent/hardware.h"
#include "node/agent/hardware_system.h"
#include "node/agent/speed.h"
#include "node/job/job.h"

#define TTL_MS 60000
#define FPS 25 /* as a plan counts, see api/plan.h */
#define MBIT INT64_C(1000000)
#define WHO_BITS 42 /* of a process's start, in ticks */

struct heartbeat {
	struct agent *agent;
	struct speed *speed;
	struct api_beat said; /* what the settings say; its texts are ours or the settings' */
	bool probing, gpu;
	int64_t benchmark; /* API_BEAT_UNKNOWN: not made yet */
};

/* --- settings --- */

static size_t count_of(char **list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static struct error *check_list(const char *setting, char **list, size_t most,
				struct error *(*check)(const char *text, const struct json_place *at))
{
	const struct json_place at = {NULL, setting, 0};

	if (count_of(list) > most)
		return error_new(ERROR_INVALID, "%s: at most %zu, please", setting, most);
	for (char **p = list; p && *p; p++)
		/* cppcheck-suppress returnDanglingLifetime ; an error holds no pointer to the place */
		TRY(check(*p, &at));
	return NULL;
}

struct error *heartbeat_check(const struct agent_settings *s)
{
	TRY(s->region ? api_check_label(s->region, &(struct json_place){NULL, "--region", 0}) : NULL);
	TRY(check_list("--label", s->labels, API_BEAT_LABELS, api_check_label));
	return check_list("--customers", s->customers, API_BEAT_CUSTOMERS, api_check_node_id);
}

static char *lower(const void *ctx, const char *text)
{
	char *copy = mem_strdup(ctx, text);

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static void read_settings(struct heartbeat *h)
{
	const struct agent_settings *s = &h->agent->host.settings;
	struct api_beat *b = &h->said;

	*b = api_beat_unknown;
	snprintf(b->agent_id, sizeof(b->agent_id), "%s", h->agent->host.id);
	b->version = mem_strdup(h, DSN_VERSION);
	if (s->owners && s->owners[0])
		b->owner = lower(h, s->owners[0]);
	if (s->region)
		b->region = s->region;
	b->labels = s->labels;
	b->label_count = count_of(s->labels);
	b->policy.customers = s->customers;
	b->policy.customer_count = count_of(s->customers);
	b->policy.ceiling_pm = s->load_ceiling ? (int)s->load_ceiling * 10 : 1000;
	if (s->most_jobs)
		b->policy.most_jobs = (int)s->most_jobs;
	if (s->price)
		b->policy.price = s->price;
	if (s->bandwidth_mbps)
		b->bps = s->bandwidth_mbps * MBIT;
}

/* --- what runs --- */

static int64_t blocks(const struct api_size *size)
{
	return (int64_t)((size->width + 15) / 16) * ((size->height + 15) / 16) * FPS;
}

/* Its encoders, and a decoder: of the source, whose size a transcoder is not told, so of the largest picture it makes.
 */
static void take_work(const struct unit *u, struct speed_unit *ret)
{
	const struct api_task *t = u->job->task;
	int64_t largest = 0;

	for (size_t i = 0; i < t->rendition_count; i++) {
		int64_t its = blocks(&t->renditions[i].size);

		ret->rungs |= 1u << api_beat_rung(t->renditions[i].size.height);
		ret->blocks_per_s += its;
		largest = its > largest ? its : largest;
	}
	ret->blocks_per_s += largest;
}

/* False: it does not run on this machine, or is gone. */
static bool take_unit(const struct unit *u, struct speed_unit *ret)
{
	const struct node *n = u->node;
	pid_t pid = u->state == UNIT_RUNNING && n->ops->pid ? n->ops->pid(n->runtime, u->handle) : 0;
	struct process_stat stat;
	struct error *e;

	if (!pid)
		return false;
	e = process_stat_read(pid, &stat);
	if (e) {
		error_free(e);
		return false;
	}
	*ret = (struct speed_unit){.who = stat.start_time | (uint64_t)pid << WHO_BITS,
				   .cpu_ms = stat.cpu_ms,
				   .out_ms = u->has_progress ? u->progress.out_time_ms : 0,
				   .cores = n->row.cpus};
	if (u->job->task->role == API_TRANSCODER && u->has_progress)
		take_work(u, ret);
	return true;
}

static void look(struct heartbeat *h)
{
	const struct agent *a = h->agent;
	struct speed_look now = {.now_ms = clock_mono_ms(), .cores = hardware_system_cores()};
	struct speed_unit *units = mem_array(NULL, struct speed_unit, 0);

	for (size_t i = 0; i < a->node_count; i++) {
		for (size_t k = 0; k < a->nodes[i]->job_count; k++) {
			const struct job *j = a->nodes[i]->jobs[k];

			units = mem_resize(NULL, units, struct speed_unit, now.unit_count + j->unit_count);
			for (size_t u = 0; u < j->unit_count; u++)
				now.unit_count += take_unit(j->units[u], &units[now.unit_count]);
		}
	}
	now.units = units;
	if (hardware_system_times(&now.busy_ms, &now.all_ms))
		speed_take(h->speed, &now);
	mem_free(units);
}

int heartbeat_load_pm(const struct heartbeat *h)
{
	return speed_load_pm(h->speed);
}

/* --- the benchmark --- */

static bool is_hardware(const char *encoder)
{
	return strstr(encoder, "nvenc") || strstr(encoder, "vaapi") || strstr(encoder, "qsv");
}

static void on_report(const json_t *document, void *arg)
{
	struct heartbeat *h = arg;
	const json_t *encoders = json_object_get(document, "encoders");
	const char *preset = h->agent->host.settings.preset;

	for (size_t i = 0; i < json_array_size(encoders); i++)
		h->gpu = h->gpu || is_hardware(json_string_value(json_array_get(encoders, i)));
	h->benchmark = hardware_free_macroblocks(h->agent->hardware, preset, &(struct hardware_use){0, preset});
}

static bool has_transcoder(const struct agent *a)
{
	for (size_t i = 0; i < a->node_count; i++) {
		if (a->nodes[i]->row.role == API_TRANSCODER)
			return true;
	}
	return false;
}

static void probe(struct heartbeat *h)
{
	struct agent *a = h->agent;

	if (h->probing || !a->host.settings.managers || !a->host.settings.load_ceiling || !has_transcoder(a) ||
	    clock_mono_ms() - a->started_ms < HEARTBEAT_PROBE_MS)
		return;
	h->probing = true;
	hardware_report(agent_hardware(a), h, on_report, h);
}

/* --- sending --- */

static void on_sent(const struct error *e, void *arg)
{
	(void)arg;
	if (e)
		log_debug("heartbeat.not_sent", "reason=%s", log_q(e->message));
}

static void send_part(struct heartbeat *h, struct api_beat *b, size_t first, size_t count)
{
	struct agent *a = h->agent;
	json_t *body;
	struct message *m;

	b->nodes = mem_array(NULL, struct api_beat_node, count);
	b->node_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct node *n = a->nodes[first + i];

		snprintf(b->nodes[i].id, sizeof(b->nodes[i].id), "%s", n->row.id);
		b->nodes[i].serves = n->state == NODE_RUNNING && n->up;
		b->nodes[i].maintenance = n->row.maintenance;
		b->nodes[i].job_count = (int)n->job_count;
	}
	body = api_beat_write(b);
	m = message_new(NULL, MESSAGE_STATUS, a->host.id, "", TTL_MS, body);
	bus_send(a->bus, m, on_sent, NULL);
	mem_free(m);
	json_decref(body);
	mem_free(b->nodes);
}

static void hide_speed(struct api_beat *b)
{
	b->blocks_per_s = API_BEAT_UNKNOWN;
	for (size_t i = 0; i < API_BEAT_RUNGS; i++)
		b->realtime_pm[i] = API_BEAT_UNKNOWN;
}

void heartbeat_send(struct heartbeat *h)
{
	struct agent *a = h->agent;
	struct api_beat b = h->said;

	look(h);
	probe(h);
	b.gpu = h->gpu;
	b.blocks_per_s = h->benchmark;
	speed_tell(h->speed, clock_mono_ms(), &b);
	if (!a->host.settings.load_ceiling)
		hide_speed(&b);
	for (size_t at = 0; at < a->node_count && bus_is_up(a->bus); at += API_BEAT_NODES)
		send_part(h, &b, at, a->node_count - at < API_BEAT_NODES ? a->node_count - at : API_BEAT_NODES);
}

struct heartbeat *heartbeat_new(const void *ctx, struct agent *a)
{
	struct heartbeat *h = mem_new(ctx, struct heartbeat);

	h->agent = a;
	h->speed = speed_new(h);
	h->benchmark = API_BEAT_UNKNOWN;
	read_settings(h);
	return h;
}
