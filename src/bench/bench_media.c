/* Processor time of one ladder node (one decode, N encodes) against N transcoders of one rendition each. Both run the
 * vectors that nodes run (media/ffmpeg.h); only the network ends are replaced by a file and /dev/null. In turn,
 * medians. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/grammar.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "media/ffmpeg.h"

#define MAX_ROUNDS 99
#define OUTPUT_LIMIT 65536
#define RATE 25

struct settings {
	char *ffmpeg, *preset;
	int64_t rounds, seconds;
	bool json;
};

static struct error *check_preset(const char *text)
{
	static const struct json_place at = {.key = "--preset"};

	return api_check_preset(text, &at);
}

static const struct config_row rows[] = {
	{"rounds", CONFIG_INT, offsetof(struct settings, rounds), "3", NULL, 1, MAX_ROUNDS, "N",
	 "measurements of each set-up; the median counts", NULL},
	{"seconds", CONFIG_INT, offsetof(struct settings, seconds), "8", NULL, 2, 600, "S", "length of the source",
	 NULL},
	{"preset", CONFIG_STRING, offsetof(struct settings, preset), "veryfast", NULL, 0, 0, "NAME", "x264's preset",
	 check_preset},
	{"ffmpeg", CONFIG_STRING, offsetof(struct settings, ffmpeg), "ffmpeg", NULL, 0, 0, "FILE", "ffmpeg to measure",
	 NULL},
	{"json", CONFIG_BOOL, offsetof(struct settings, json), NULL, NULL, 0, 0, NULL, "print one JSON object", NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench media [options]",
	.about = "CPU seconds of one ladder node (one decode, three encodes) against three separate transcoders.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

static const struct api_size source_size = {1280, 720};
static const struct {
	struct api_size size;
	int64_t bitrate_bps;
} ladder[] = {
	{{854, 480}, 1200000},
	{{640, 360}, 700000},
	{{426, 240}, 350000},
};
#define LADDER_COUNT (sizeof(ladder) / sizeof(ladder[0]))

struct contest {
	const struct settings *settings;
	char *folder, *source;
	struct api_rendition renditions[LADDER_COUNT];
	double separate_s[MAX_ROUNDS], ladder_s[MAX_ROUNDS];
	double separate_wall_s[MAX_ROUNDS], ladder_wall_s[MAX_ROUNDS];
};

static struct error *run(char **argv, int64_t *ret_cpu_ms)
{
	struct child_spec spec = {
		.argv = (const char *const *)argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .extra_fd = -1};
	struct child_result *r = child_run_sync(argv, &spec, 3600000, OUTPUT_LIMIT);

	if (r->error)
		return error_copy(r->error);
	if (r->code != 0)
		return error_new(ERROR_FAILED, "%s ended with %d: %s", argv[0], r->code, r->err ? r->err : "");
	*ret_cpu_ms += r->cpu_ms;
	return NULL;
}

static char *size_text(const void *ctx, struct api_size size)
{
	return mem_printf(ctx, "%dx%d", size.width, size.height);
}

static struct error *make_source(struct contest *c)
{
	char *input = mem_printf(c, "testsrc2=size=%s:rate=%d,noise=alls=8:allf=t", size_text(c, source_size), RATE);
	char *seconds = mem_printf(c, "%" PRId64, c->settings->seconds);
	char *words[] = {c->settings->ffmpeg,
			 "-v",
			 "error",
			 "-nostdin",
			 "-f",
			 "lavfi",
			 "-i",
			 input,
			 "-f",
			 "lavfi",
			 "-i",
			 "sine=sample_rate=48000",
			 "-t",
			 seconds,
			 "-c:v",
			 "libx264",
			 "-preset",
			 "veryfast",
			 "-pix_fmt",
			 "yuv420p",
			 "-g",
			 "50",
			 "-sc_threshold",
			 "0",
			 "-b:v",
			 "4M",
			 "-c:a",
			 "aac",
			 c->source,
			 NULL};
	char **argv = mem_array(c, char *, sizeof(words) / sizeof(words[0]));
	int64_t ignored = 0;

	memcpy(argv, words, sizeof(words));
	return run(argv, &ignored);
}

/* The node's vector with a file for its input and nothing for its outputs; socket options go with the sockets. */
static char **without_network(const void *ctx, char **argv, char *source)
{
	const char *before = "";
	size_t n = 1;
	char **out;

	while (argv[n])
		n++;
	out = mem_array(ctx, char *, n + 2);
	n = 0;
	out[n++] = argv[0];
	out[n++] = "-y";
	for (char **a = argv + 1; *a; before = *a++) {
		if (a[1] && (strcmp(*a, "-rw_timeout") == 0 || strcmp(*a, "-send_buffer_size") == 0))
			a++;
		else if (strncmp(*a, "rtmp://", 7) == 0)
			out[n++] = strcmp(before, "-i") == 0 ? source : "/dev/null";
		else
			out[n++] = *a;
	}
	return out;
}

static struct error *measure(struct contest *c, size_t first, size_t count, int64_t *ret_cpu_ms)
{
	struct media_programs programs = {.ffmpeg = c->settings->ffmpeg};
	void *scope = mem_new(c, char);
	char **argv = media_ffmpeg_transcode(scope, &programs, 1935, "bench", &c->renditions[first], count, false,
					     MEDIA_LIVE, c->settings->preset, NULL);
	struct error *e = run(without_network(scope, argv, c->source), ret_cpu_ms);

	mem_free(scope);
	return e;
}

static struct error *one_round(struct contest *c, size_t round)
{
	int64_t separate_ms = 0, ladder_ms = 0, start_us = clock_mono_us(), middle_us;

	for (size_t i = 0; i < LADDER_COUNT; i++)
		TRY(measure(c, i, 1, &separate_ms));
	middle_us = clock_mono_us();
	TRY(measure(c, 0, LADDER_COUNT, &ladder_ms));
	c->separate_s[round] = (double)separate_ms / 1e3;
	c->ladder_s[round] = (double)ladder_ms / 1e3;
	c->separate_wall_s[round] = (double)(middle_us - start_us) / 1e6;
	c->ladder_wall_s[round] = (double)(clock_mono_us() - middle_us) / 1e6;
	return NULL;
}

static struct error *run_all(struct contest *c)
{
	TRY(make_source(c));
	for (size_t round = 0; round < (size_t)c->settings->rounds; round++) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "round %zu of %" PRId64 "\r", round + 1, c->settings->rounds);
		TRY(one_round(c, round));
	}
	return NULL;
}

static void print_json(struct contest *c, double separate_s, double ladder_s)
{
	size_t n = (size_t)c->settings->rounds;
	json_t *out = json_object(), *renditions = json_array();

	json_put(out, "bench", "media");
	json_put_decimal(out, "rounds", c->settings->rounds);
	json_put_decimal(out, "source_seconds", c->settings->seconds);
	json_put(out, "source", size_text(c, source_size));
	json_put(out, "preset", c->settings->preset);
	for (size_t i = 0; i < LADDER_COUNT; i++)
		json_array_append_new(renditions, json_string(size_text(c, ladder[i].size)));
	json_object_set_new(out, "renditions", renditions);
	bench_put(out, "separate_cpu_s", separate_s, 2);
	bench_put(out, "ladder_cpu_s", ladder_s, 2);
	bench_put(out, "ratio", ladder_s / separate_s, 3);
	bench_put(out, "separate_wall_s", bench_median(c->separate_wall_s, n), 2);
	bench_put(out, "ladder_wall_s", bench_median(c->ladder_wall_s, n), 2);
	bench_print_json(out);
}

static void print_table(struct contest *c, double separate_s, double ladder_s)
{
	double seconds = (double)c->settings->seconds;
	size_t n = (size_t)c->settings->rounds;

	printf("%" PRId64 " s of %s at %d fps to", c->settings->seconds, size_text(c, source_size), RATE);
	for (size_t i = 0; i < LADDER_COUNT; i++)
		printf("%s %s", i ? "," : "", size_text(c, ladder[i].size));
	printf("; preset %s; median of %zu\n\n", c->settings->preset, n);
	printf("%-28s %8s %18s %8s\n", "set-up", "CPU s", "CPU s / stream s", "wall s");
	printf("%-28s %8.2f %18.2f %8.2f\n", "3 transcoders, 1 each", separate_s, separate_s / seconds,
	       bench_median(c->separate_wall_s, n));
	printf("%-28s %8.2f %18.2f %8.2f\n", "1 ladder node, 3 renditions", ladder_s, ladder_s / seconds,
	       bench_median(c->ladder_wall_s, n));
	printf("%-28s %8.2f\n", "ratio", ladder_s / separate_s);
}

static struct error *contest(const struct settings *settings)
{
	struct contest *c = mem_new(NULL, struct contest);
	const char *place = getenv("TMPDIR");
	struct error *e;

	c->settings = settings;
	c->folder = mem_printf(c, "%s/dsn-bench-XXXXXX", place ? place : "/tmp");
	if (!mkdtemp(c->folder)) {
		mem_free(c);
		return error_new(ERROR_IO, "cannot make a folder for the source; $TMPDIR names where");
	}
	c->source = file_join(c, c->folder, "source.flv");
	for (size_t i = 0; i < LADDER_COUNT; i++)
		c->renditions[i] =
			(struct api_rendition){.target = {.ip = "127.0.0.1", .port = 1935, .stream = "bench"},
					       .codec = "libx264",
					       .bitrate_bps = ladder[i].bitrate_bps,
					       .size = ladder[i].size};
	e = run_all(c);
	error_free(file_remove_tree(c->folder));
	if (!e) {
		double separate_s = bench_median(c->separate_s, (size_t)settings->rounds);
		double ladder_s = bench_median(c->ladder_s, (size_t)settings->rounds);

		if (settings->json)
			print_json(c, separate_s, ladder_s);
		else
			print_table(c, separate_s, ladder_s);
	}
	mem_free(c);
	return e;
}

struct error *bench_media(int argc, char **argv)
{
	struct settings settings = {0};
	void *scope = mem_new(NULL, char);
	bool done = false;
	char **words;
	struct error *e = config_load(scope, &program, argc, argv, &settings, &words, &done);

	if (!e && !done)
		e = contest(&settings);
	mem_free(scope);
	return e;
}
