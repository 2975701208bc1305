#include "node/agent/hardware.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/agent/hardware_probe.h"
#include "node/agent/hardware_system.h"

#define DEADLINE_MS 40000
#define GOOD_MS 90000 /* for a report without a program that was given up: a busy machine may need several */

struct fixture {
	uv_loop_t loop;
	void *ctx;
	char *folder;
	struct hardware_options options;
	json_t *document;
	int answers;
	void *free_this;
};

static int setup(void **state)
{
	log_set_level(LOG_LEVEL_ERROR);
	struct fixture *f = calloc(1, sizeof *f);
	uv_loop_init(&f->loop);
	f->ctx = talloc_new(NULL);
	char folder[] = "/tmp/node_hardware_test.XXXXXX";
	assert_non_null(mkdtemp(folder));
	f->folder = strdup(folder);
	f->options = (struct hardware_options){.ffmpeg = "ffmpeg", .nginx = "nginx", .folder = f->folder};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	mem_free(f->ctx);
	json_decref(f->document);
	loop_drain(&f->loop);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_null(file_remove_tree(f->folder));
	free(f->folder);
	free(f);
	return 0;
}

static void answered(const json_t *document, void *arg)
{
	struct fixture *f = arg;
	json_decref(f->document);
	f->document = json_deep_copy(document);
	f->answers++;
	if (f->free_this)
		mem_free(f->free_this);
	uv_stop(&f->loop);
}

static void too_late(void *arg)
{
	(void)arg;
	fail_msg("no answer within the deadline");
}

static void wait_answers(struct fixture *f, int count)
{
	struct timer *t = timer_start(f->ctx, &f->loop, DEADLINE_MS, 0, too_late, NULL);
	while (f->answers < count)
		uv_run(&f->loop, UV_RUN_DEFAULT);
	mem_free(t);
}

/* "cpu.cores" */
static const char *value(const json_t *document, const char *path)
{
	char key[64];
	while (*path) {
		size_t len = strcspn(path, ".");
		snprintf(key, sizeof key, "%.*s", (int)len, path);
		document = json_object_get(document, key);
		path += len + (path[len] == '.');
	}
	return json_string_value(document);
}

static int64_t number(const json_t *document, const char *path)
{
	const char *text = value(document, path);
	if (!text)
		fail_msg("%s is missing", path);
	return strtoll(text, NULL, 10);
}

static void only_strings(const json_t *value)
{
	const char *key;
	size_t i;
	json_t *member;
	if (json_is_object(value)) {
		json_object_foreach ((json_t *)value, key, member)
			only_strings(member);
	} else if (json_is_array(value)) {
		json_array_foreach (value, i, member)
			only_strings(member);
	} else {
		assert_true(json_is_string(value));
	}
}

static bool has(const json_t *array, const char *text)
{
	size_t i;
	json_t *member;
	json_array_foreach (array, i, member)
		if (strcmp(json_string_value(member), text) == 0)
			return true;
	return false;
}

typedef void again_fn(struct fixture *f);
typedef bool good_fn(const json_t *document);

/* Two ask a new one at once, again until what they are told is good: each program has a few seconds only, which one of
 * a machine that is busy with other things may not get. `again` prepares each try. */
static json_t *report_until(struct fixture *f, again_fn *again, good_fn *good)
{
	int64_t until_ms = clock_mono_ms() + GOOD_MS;
	do {
		if (again)
			again(f);
		struct hardware *h = hardware_new(f->ctx, &f->loop, &f->options);
		int before = f->answers;
		hardware_report(h, f->ctx, answered, f);
		hardware_report(h, f->ctx, answered, f);
		assert_int_equal(f->answers, before);
		wait_answers(f, before + 2);
		if (good(f->document))
			return f->document;
	} while (clock_mono_ms() < until_ms);
	fail_msg("no good report: %s", json_text(f->ctx, f->document));
	return NULL;
}

static void without_cache(struct fixture *f)
{
	error_free(file_remove(mem_printf(f->ctx, "%s/hardware.json", f->folder)));
}

static bool is_whole(const json_t *d)
{
	const json_t *benchmark = json_object_get(d, "benchmark");

	return value(d, "programs.ffmpeg") && value(d, "programs.nginx") &&
	       has(json_object_get(d, "encoders"), "libx264") && json_object_size(benchmark) == PROBE_PRESETS &&
	       number(d, "benchmark.ultrafast") > number(d, "benchmark.medium");
}

/* The real thing: ffmpeg and nginx of this machine. */
static void test_report(void **state)
{
	struct fixture *f = *state;
	struct hardware *h = hardware_new(f->ctx, &f->loop, &f->options);
	const struct hardware_use none = {0};
	assert_int_equal(hardware_free_macroblocks(h, "veryfast", &none), -1);
	json_t *d = report_until(f, without_cache, is_whole);
	only_strings(d);
	assert_true(strlen(value(d, "cpu.model")) > 0);
	assert_true(number(d, "cpu.cores") >= 1);
	assert_true(number(d, "memory.total_bytes") > number(d, "memory.available_bytes"));
	assert_true(number(d, "memory.available_bytes") > 0);
	assert_true(number(d, "disk.total_bytes") >= number(d, "disk.free_bytes"));
	assert_true(has(json_object_get(d, "encoders"), "libx264"));
	assert_non_null(strchr(value(d, "programs.ffmpeg"), '.'));
	assert_non_null(strchr(value(d, "programs.nginx"), '.'));
	assert_false(has(json_object_get(d, "network"), "lo"));
	/* even a small machine encodes two 720p streams, even a big one not ten thousand */
	assert_in_range(number(d, "benchmark.ultrafast"), 180000, 900000000);
	assert_true(number(d, "benchmark.ultrafast") > number(d, "benchmark.medium"));
	/* kept: another agent answers at once with the same numbers */
	json_t *before = json_incref(json_object_get(d, "benchmark"));
	d = report_until(f, NULL, is_whole);
	assert_true(json_equal(before, json_object_get(d, "benchmark")));
	json_decref(before);
}

static void write_cache(struct fixture *f, const char *cpu, const char *ffmpeg)
{
	char *text = mem_printf(f->ctx,
				"{\"cpu\":\"%s\",\"ffmpeg\":\"%s\",\"per_cpu_second\":{\"ultrafast\":\"500000\","
				"\"superfast\":\"400000\",\"veryfast\":\"300000\",\"faster\":\"200000\","
				"\"medium\":\"100000\"}}",
				cpu, ffmpeg);
	assert_null(file_write_atomic(mem_printf(f->ctx, "%s/hardware.json", f->folder), text, strlen(text), 0644));
}

/* A program that answers in the way of one that this machine has not. */
static char *script(struct fixture *f, const char *text)
{
	char *path = mem_printf(f->ctx, "%s/program", f->folder);
	char *all = mem_printf(f->ctx, "#!/bin/sh\n%s\n", text);
	assert_null(file_write_atomic(path, all, strlen(all), 0755));
	return path;
}

static struct hardware *with_cache(struct fixture *f)
{
	struct child_result *r = child_run_sync(
		f->ctx,
		&(const struct child_spec){.argv = (const char *const[]){"ffmpeg", "-version", NULL}, .stdin_fd = -1},
		DEADLINE_MS, 100000);
	assert_null(r->error);
	write_cache(f, hardware_system_cpu_model(f->ctx), hardware_probe_ffmpeg_version(f->ctx, r->out));
	return hardware_new(f->ctx, &f->loop, &f->options);
}

static void test_free_report(void **state)
{
	struct fixture *f = *state;
	struct hardware *h = with_cache(f);
	double cores = hardware_system_cores();
	/* jobs take a quarter of what veryfast could do */
	const struct hardware_use use = {.macroblocks_per_s = (int64_t)(300000 * cores / 4), .preset = "veryfast"};
	hardware_free_report(h, f->ctx, &use, answered, f);
	wait_answers(f, 1);
	json_t *d = f->document;
	only_strings(d);
	assert_string_equal(value(d, "free.share"), "0.75");
	assert_int_equal(number(d, "free.ultrafast"), (int64_t)(500000 * cores * 0.75));
	assert_int_equal(number(d, "free.medium"), (int64_t)(100000 * cores * 0.75));
	assert_int_equal(number(d, "used.macroblocks_per_s"), use.macroblocks_per_s);
	assert_string_equal(value(d, "used.preset"), "veryfast");
	assert_null(json_object_get(json_object_get(d, "memory"), "total_bytes"));
	assert_int_equal(hardware_free_macroblocks(h, "faster", &use), (int64_t)(200000 * cores * 0.75));
	/* slower than all that are measured: counted as the slowest */
	const struct hardware_use slow = {.macroblocks_per_s = (int64_t)(50000 * cores), .preset = "veryslow"};
	assert_int_equal(hardware_free_macroblocks(h, "ultrafast", &slow), (int64_t)(500000 * cores * 0.5));
	const struct hardware_use much = {.macroblocks_per_s = INT64_C(1) << 50, .preset = "medium"};
	assert_int_equal(hardware_free_macroblocks(h, "ultrafast", &much), 0);
}

/* A program that lists libx264 and makes a frame with it, but fails to be measured: what shows is the cache alone. */
static const char unmeasurable[] = "case \"$*\" in\n"
				   "*-version*) echo ffmpeg version 9.9 Copyright ;;\n"
				   "*-encoders*) echo ' V....D libx264    x' ;;\n"
				   "*progress*) exit 1 ;;\n"
				   "esac";

static bool is_script(const json_t *d)
{
	const char *version = value(d, "programs.ffmpeg");

	return version && strcmp(version, "9.9") == 0;
}

static const struct {
	const char *cpu, *ffmpeg;
	size_t numbers;
} caches[] = {{NULL, "9.9", PROBE_PRESETS}, {"Another Processor 9000", "9.9", 0}, {NULL, "9.8", 0}};
static size_t which_cache;

static void put_cache(struct fixture *f)
{
	const char *cpu = caches[which_cache].cpu;

	write_cache(f, cpu ? cpu : hardware_system_cpu_model(f->ctx), caches[which_cache].ffmpeg);
}

static void test_cache_is_of_this_machine(void **state)
{
	struct fixture *f = *state;
	f->options.ffmpeg = script(f, unmeasurable);
	for (which_cache = 0; which_cache < sizeof caches / sizeof *caches; which_cache++) {
		const json_t *d = report_until(f, put_cache, is_script);
		assert_int_equal(json_object_size(json_object_get(d, "benchmark")), caches[which_cache].numbers);
	}
}

static void test_missing_programs(void **state)
{
	struct fixture *f = *state;
	f->options.ffmpeg = "/no/such/ffmpeg";
	f->options.nginx = "/no/such/nginx";
	struct hardware *h = hardware_new(f->ctx, &f->loop, &f->options);
	hardware_report(h, f->ctx, answered, f);
	wait_answers(f, 1);
	assert_int_equal(json_object_size(json_object_get(f->document, "programs")), 0);
	assert_int_equal(json_object_size(json_object_get(f->document, "benchmark")), 0);
	assert_true(number(f->document, "memory.total_bytes") > 0);
}

static bool has_two(const json_t *d)
{
	return json_array_size(json_object_get(d, "encoders")) == 2;
}

/* An encoder that ffmpeg lists, but that fails for lack of its device, is none. */
static void test_listed_is_not_working(void **state)
{
	struct fixture *f = *state;
	f->options.ffmpeg = script(f, "case \"$*\" in\n"
				      "*-version*) echo ffmpeg version 9.9 Copyright ;;\n"
				      "*-encoders*) echo ' V....D libx264    x'; echo ' V....D h264_nvenc  x';\n"
				      "  echo ' V....D h264_qsv  x' ;;\n"
				      "*progress*) exit 1 ;;\n"
				      "*h264_nvenc*|*libx264*) exit 0 ;;\n"
				      "*) exit 1 ;;\nesac");
	const json_t *encoders = json_object_get(report_until(f, NULL, has_two), "encoders");
	assert_true(has(encoders, "libx264"));
	assert_true(has(encoders, "h264_nvenc"));
}

static void test_bad_cache(void **state)
{
	struct fixture *f = *state;
	static const char *const garbage[] = {
		"",     "[]",
		"{}",   "{\"cpu\":1}",
		"\xff", "{\"cpu\":\"x\",\"ffmpeg\":\"1\",\"per_cpu_second\":{\"medium\":\"-1\"}}"};
	for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
		assert_null(file_write_atomic(mem_printf(f->ctx, "%s/hardware.json", f->folder), garbage[i],
					      strlen(garbage[i]), 0644));
		const struct hardware_use none = {0};
		struct hardware *h = hardware_new(f->ctx, &f->loop, &f->options);
		assert_int_equal(hardware_free_macroblocks(h, "medium", &none), -1);
	}
}

static void test_gone_askers(void **state)
{
	struct fixture *f = *state;
	f->options.ffmpeg = script(f, "exit 1");
	struct hardware *h = hardware_new(f->ctx, &f->loop, &f->options);
	void *gone = talloc_new(f->ctx);
	hardware_report(h, gone, answered, f);
	mem_free(gone);
	/* an answer may free whatever asked, and the hardware itself */
	void *owner = talloc_new(f->ctx);
	struct hardware *short_lived = hardware_new(owner, &f->loop, &f->options);
	hardware_report(short_lived, owner, answered, f);
	hardware_report(short_lived, f->ctx, answered, f);
	f->free_this = owner;
	wait_answers(f, 1);
	f->free_this = NULL;
	hardware_report(h, f->ctx, answered, f);
	wait_answers(f, 2);
	assert_int_equal(f->answers, 2);
}

static void test_versions(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(hardware_probe_ffmpeg_version(f->ctx, "ffmpeg version 5.1.9-0+deb12u1 Copyright (c)\nx"),
			    "5.1.9-0+deb12u1");
	assert_string_equal(hardware_probe_ffmpeg_version(f->ctx, "no"), "");
	assert_string_equal(hardware_probe_nginx_version(f->ctx, "nginx version: nginx/1.22.1\n"), "1.22.1");
	assert_true(hardware_probe_lists_encoder(" V....D libx264              libx264 H.264", "libx264"));
	assert_false(hardware_probe_lists_encoder(" V....D libx264rgb           libx264rgb H.264", "libx264"));
	assert_false(hardware_probe_lists_encoder("", "libx264"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	mem_init();
	const struct CMUnitTest tests[] = {
		TEST(test_report),
		TEST(test_free_report),
		TEST(test_cache_is_of_this_machine),
		TEST(test_missing_programs),
		TEST(test_listed_is_not_working),
		TEST(test_gone_askers),
		TEST(test_versions),
		TEST(test_bad_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
