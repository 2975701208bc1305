#include "node/agent/hardware.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/agent/hardware_probe.h"
#include "node/agent/hardware_system.h"

#define CACHE_LIMIT 16384

struct hardware {
	uv_loop_t *loop;
	char *ffmpeg, *nginx, *folder, *cache_path, *cpu_model;
	struct hardware_probe_findings cached; /* of an earlier agent, for this processor */
	struct hardware_probe_findings found;
	bool probing, probed;
	struct question *questions;
	struct question *answering; /* those of them that are being answered now */
	bool *gone;                 /* set when freed by an answer */
};

/* Somebody who waits for a report. */
struct question {
	struct hardware *hardware; /* NULL: gone */
	struct question *next;
	bool free_only;
	struct hardware_use use;
	hardware_fn *fn;
	void *arg;
};

static struct error *read_cache(struct hardware *h, const char *text, size_t len)
{
	json_t *document = NULL;
	TRY(json_parse(text, len, CACHE_LIMIT, &document));
	const struct json_place at = {.key = h->cache_path};
	const char *cpu = NULL, *ffmpeg = NULL;
	json_t *speeds = NULL;
	struct error *e = json_read_string(document, &at, "cpu", &cpu);
	if (!e)
		e = json_read_string(document, &at, "ffmpeg", &ffmpeg);
	if (!e)
		e = json_read_object(document, &at, "per_cpu_second", &speeds);
	bool fits = !e && strcmp(cpu, h->cpu_model) == 0;
	for (size_t i = 0; fits && i < PROBE_PRESETS && !e; i++)
		e = json_read_decimal_opt(speeds, &at, hardware_probe_presets[i], 1, INT64_C(1) << 40,
					  &h->cached.per_cpu_second[i]);
	if (fits && !e)
		h->cached.ffmpeg_version = mem_strdup(h, ffmpeg);
	json_decref(document);
	return e;
}

static void load_cache(struct hardware *h)
{
	char *text = NULL;
	size_t len = 0;
	h->cached.ffmpeg_version = mem_strdup(h, "");
	struct error *e = file_read(NULL, h->cache_path, CACHE_LIMIT, &text, &len);
	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		return;
	}
	if (!e)
		e = read_cache(h, text, len);
	if (e)
		log_warn("hardware.cache", "error=%s", log_q(e->message));
	error_free(e);
	mem_free(text);
}

static void store_cache(const struct hardware *h)
{
	json_t *document = json_object(), *speeds = json_object();
	json_put(document, "cpu", h->cpu_model);
	json_put(document, "ffmpeg", h->found.ffmpeg_version);
	for (size_t i = 0; i < PROBE_PRESETS; i++)
		if (h->found.per_cpu_second[i] > 0)
			json_put_decimal(speeds, hardware_probe_presets[i], h->found.per_cpu_second[i]);
	json_object_set_new(document, "per_cpu_second", speeds);
	char *text = json_text(NULL, document);
	struct error *e = file_write_atomic(h->cache_path, text, strlen(text), 0644);
	if (e)
		log_warn("hardware.cache", "error=%s", log_q(e->message));
	error_free(e);
	mem_free(text);
	json_decref(document);
}

static void put_real(json_t *object, const char *key, double value)
{
	char *text = mem_printf(NULL, "%.2f", value);
	json_put(object, key, text);
	mem_free(text);
}

static json_t *cpu_json(const struct hardware *h, bool with_model)
{
	json_t *cpu = json_object();
	double cores = hardware_system_cores(), load = hardware_system_load();
	if (with_model)
		json_put(cpu, "model", h->cpu_model);
	if (cores == (double)(int64_t)cores)
		json_put_decimal(cpu, "cores", (int64_t)cores);
	else
		put_real(cpu, "cores", cores);
	if (load >= 0)
		put_real(cpu, "load", load);
	return cpu;
}

static void put_space(json_t *document, const struct hardware *h, bool with_totals)
{
	int64_t total = 0, available = 0, disk_total = 0, disk_free = 0;
	hardware_system_memory(&total, &available);
	hardware_system_disk(h->folder, &disk_total, &disk_free);
	json_t *memory = json_object(), *disk = json_object();
	if (with_totals) {
		json_put_decimal(memory, "total_bytes", total);
		json_put_decimal(disk, "total_bytes", disk_total);
	}
	json_put_decimal(memory, "available_bytes", available);
	json_put_decimal(disk, "free_bytes", disk_free);
	json_object_set_new(document, "memory", memory);
	json_object_set_new(document, "disk", disk);
}

/* All processors together; 0: not measured. */
static int64_t capacity(const struct hardware *h, size_t preset)
{
	return (int64_t)((double)h->found.per_cpu_second[preset] * hardware_system_cores());
}

static size_t find_preset(const char *preset)
{
	for (size_t i = 0; i < PROBE_PRESETS; i++)
		if (preset && strcmp(preset, hardware_probe_presets[i]) == 0)
			return i;
	/* Those not measured are slower than all that are: the slowest is the nearest. */
	return PROBE_PRESETS - 1;
}

/* Part of the machine that running jobs leave, 0..1; -1: unknown. */
static double free_share(const struct hardware *h, const struct hardware_use *use)
{
	int64_t all = capacity(h, find_preset(use->preset));
	if (all <= 0)
		return -1;
	double share = 1 - (double)use->macroblocks_per_s / (double)all;
	return share > 0 ? share : 0;
}

int64_t hardware_free_macroblocks(const struct hardware *h, const char *preset, const struct hardware_use *use)
{
	double share = free_share(h, use);
	return share < 0 ? -1 : (int64_t)((double)capacity(h, find_preset(preset)) * share);
}

static json_t *report(const struct hardware *h)
{
	json_t *document = json_object(), *encoders = json_array(), *programs = json_object(),
	       *benchmark = json_object();
	json_object_set_new(document, "cpu", cpu_json(h, true));
	put_space(document, h, true);
	json_object_set_new(document, "network", hardware_system_networks());
	for (size_t i = 0; i < PROBE_ENCODERS; i++)
		if (h->found.encoders[i])
			json_array_append_new(encoders, json_string(hardware_probe_encoders[i]));
	json_object_set_new(document, "encoders", encoders);
	if (*h->found.ffmpeg_version)
		json_put(programs, "ffmpeg", h->found.ffmpeg_version);
	if (*h->found.nginx_version)
		json_put(programs, "nginx", h->found.nginx_version);
	json_object_set_new(document, "programs", programs);
	for (size_t i = 0; i < PROBE_PRESETS; i++)
		if (capacity(h, i) > 0)
			json_put_decimal(benchmark, hardware_probe_presets[i], capacity(h, i));
	json_object_set_new(document, "benchmark", benchmark);
	return document;
}

static json_t *free_report(const struct hardware *h, const struct hardware_use *use)
{
	json_t *document = json_object(), *used = json_object(), *left = json_object();
	json_object_set_new(document, "cpu", cpu_json(h, false));
	put_space(document, h, false);
	json_put_decimal(used, "macroblocks_per_s", use->macroblocks_per_s);
	if (use->preset)
		json_put(used, "preset", use->preset);
	json_object_set_new(document, "used", used);
	double share = free_share(h, use);
	if (share >= 0)
		put_real(left, "share", share);
	for (size_t i = 0; i < PROBE_PRESETS; i++)
		if (share >= 0 && capacity(h, i) > 0)
			json_put_decimal(left, hardware_probe_presets[i], (int64_t)((double)capacity(h, i) * share));
	json_object_set_new(document, "free", left);
	return document;
}

static bool take_out(struct question **list, struct question *q)
{
	for (; *list; list = &(*list)->next) {
		if (*list == q) {
			*list = q->next;
			return true;
		}
	}
	return false;
}

static int question_destroy(struct question *q)
{
	if (q->hardware && !take_out(&q->hardware->questions, q))
		take_out(&q->hardware->answering, q);
	return 0;
}

static void answer_all(void *arg)
{
	struct hardware *h = arg;
	bool gone = false;
	h->gone = &gone;
	h->answering = h->questions;
	h->questions = NULL;
	while (!gone && h->answering) {
		struct question *q = h->answering;
		json_t *document = q->free_only ? free_report(h, &q->use) : report(h);
		hardware_fn *fn = q->fn;
		void *fn_arg = q->arg;
		/* Before the answer, which may free its owner, other questions, and `h` too. */
		mem_free(q);
		fn(document, fn_arg);
		json_decref(document);
	}
	if (!gone)
		h->gone = NULL;
}

static void probe_done(const struct hardware_probe_findings *found, void *arg)
{
	struct hardware *h = arg;
	h->found = *found;
	h->found.ffmpeg_version = mem_strdup(h, found->ffmpeg_version);
	h->found.nginx_version = mem_strdup(h, found->nginx_version);
	h->probing = false;
	h->probed = true;
	bool whole = true, fresh = strcmp(h->cached.ffmpeg_version, h->found.ffmpeg_version) != 0;
	for (size_t i = 0; i < PROBE_PRESETS; i++) {
		whole = whole && h->found.per_cpu_second[i] > 0;
		fresh = fresh || h->found.per_cpu_second[i] != h->cached.per_cpu_second[i];
	}
	log_info("hardware.probed", "ffmpeg=%s nginx=%s benchmark=%s", log_q(h->found.ffmpeg_version),
		 log_q(h->found.nginx_version), whole ? "whole" : "partial");
	if (fresh) {
		store_cache(h);
		h->cached = h->found;
	}
	/* A machine that was too busy for a measurement is asked again. */
	h->probed = whole;
	answer_all(h);
}

static void ask(struct hardware *h, const void *ctx, bool free_only, const struct hardware_use *use, hardware_fn *fn,
		void *arg)
{
	struct question *q = mem_new(ctx, struct question);
	q->hardware = h;
	q->free_only = free_only;
	if (use) {
		q->use.macroblocks_per_s = use->macroblocks_per_s;
		q->use.preset = use->preset ? mem_strdup(q, use->preset) : NULL;
	}
	q->fn = fn;
	q->arg = arg;
	q->next = h->questions;
	h->questions = q;
	talloc_set_destructor(q, question_destroy);
	if (h->probing)
		return;
	if (h->probed) {
		timer_start(q, h->loop, 0, 0, answer_all, h);
		return;
	}
	h->probing = true;
	hardware_probe_start(h, h->loop, h->ffmpeg, h->nginx, &h->cached, probe_done, h);
}

void hardware_report(struct hardware *h, const void *ctx, hardware_fn *fn, void *arg)
{
	ask(h, ctx, false, NULL, fn, arg);
}

void hardware_free_report(struct hardware *h, const void *ctx, const struct hardware_use *use, hardware_fn *fn,
			  void *arg)
{
	ask(h, ctx, true, use, fn, arg);
}

static int hardware_destroy(struct hardware *h)
{
	for (struct question *q = h->questions; q; q = q->next)
		q->hardware = NULL;
	for (struct question *q = h->answering; q; q = q->next)
		q->hardware = NULL;
	if (h->gone)
		*h->gone = true;
	return 0;
}

struct hardware *hardware_new(const void *ctx, uv_loop_t *loop, const struct hardware_options *options)
{
	struct hardware *h = mem_new(ctx, struct hardware);
	h->loop = loop;
	h->ffmpeg = mem_strdup(h, options->ffmpeg);
	h->nginx = mem_strdup(h, options->nginx);
	h->folder = mem_strdup(h, options->folder);
	h->cache_path = file_join(h, options->folder, "hardware.json");
	h->cpu_model = hardware_system_cpu_model(h);
	h->found.ffmpeg_version = mem_strdup(h, "");
	h->found.nginx_version = mem_strdup(h, "");
	load_cache(h);
	talloc_set_destructor(h, hardware_destroy);
	return h;
}
