#include "node/agent/hardware_probe.h"

#include <stdio.h>
#include <string.h>

#include "base/child.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "media/progress.h"

/* A working encoder needs a fraction of a second; a driver without its device may wait for it for long. */
#define TRY_MS 2000
#define VERSION_MS 3000
/* Five presets: 7 s. Each encodes for all of its time; what it got done is in its progress. */
#define BENCHMARK_MS 1400
#define OUTPUT_LIMIT (1 << 20)
#define MACROBLOCKS_PER_FRAME (1280 / 16 * 720 / 16)
/* Fewer say more of the start of ffmpeg than of the encoder. */
#define FRAMES_MIN 10

const char *const hardware_probe_presets[PROBE_PRESETS] = {"ultrafast", "superfast", "veryfast", "faster", "medium"};
const char *const hardware_probe_encoders[PROBE_ENCODERS] = {"libx264", "h264_nvenc", "h264_vaapi", "h264_qsv"};

/* How one frame gets to each encoder, between ffmpeg's common beginning and end. */
static const char *const encoder_arguments[PROBE_ENCODERS][12] = {
	{"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25"},
	{"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25"},
	{"-vaapi_device", "/dev/dri/renderD128", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-vf",
	 "format=nv12,hwupload"},
	{"-init_hw_device", "qsv=hw", "-filter_hw_device", "hw", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25",
	 "-vf", "format=nv12,hwupload=extra_hw_frames=16"},
};

struct probe;
struct step {
	/* Runs a program whose end is given to `heard`; false: nothing to run, go on. */
	bool (*run)(struct probe *p);
	void (*heard)(struct probe *p, const struct child_result *r);
	size_t times; /* once for each row of a table */
};

struct probe {
	uv_loop_t *loop;
	char *ffmpeg, *nginx;
	const struct hardware_probe_findings *known;
	struct hardware_probe_findings found;
	bool listed[PROBE_ENCODERS];
	int64_t idle_cpu_ms; /* what ffmpeg needs to start and to end */
	size_t step, turn;
	probe_fn *fn;
	void *arg;
};

static void heard(const struct child_result *r, void *arg);

/* At the lowest priority: streams come first. */
static bool run(struct probe *p, const char *const *argv, int64_t deadline_ms)
{
	const char *nice[40] = {"nice", "-n", "19"};
	size_t n = 3;
	for (; *argv; argv++)
		nice[n++] = *argv;
	const struct child_spec spec = {.argv = nice, .stdin_fd = -1, .extra_fd = -1};
	struct error *e = child_run(p, p->loop, &spec, deadline_ms, OUTPUT_LIMIT, heard, p);
	if (!e)
		return true;
	log_warn("hardware.probe", "program=%s error=%s", argv[0] ? argv[0] : "nice", log_q(e->message));
	error_free(e);
	return false;
}

static char *word_after(const void *ctx, const char *text, const char *prefix)
{
	const char *at = strstr(text, prefix);
	if (!at)
		return mem_strdup(ctx, "");
	at += strlen(prefix);
	size_t len = strcspn(at, " \r\n\t");
	return mem_strndup(ctx, at, len < 60 ? len : 60);
}

char *hardware_probe_ffmpeg_version(const void *ctx, const char *text)
{
	return word_after(ctx, text, "ffmpeg version ");
}

char *hardware_probe_nginx_version(const void *ctx, const char *text)
{
	return word_after(ctx, text, "nginx/");
}

bool hardware_probe_lists_encoder(const char *text, const char *encoder)
{
	/* " V....D libx264              libx264 H.264 ..." */
	size_t len = strlen(encoder);
	for (const char *at = text; (at = strstr(at, encoder)); at += len)
		if (at > text && at[-1] == ' ' && at[len] == ' ')
			return true;
	return false;
}

static bool run_ffmpeg_version(struct probe *p)
{
	return run(p, (const char *const[]){p->ffmpeg, "-version", NULL}, VERSION_MS);
}

static void heard_ffmpeg_version(struct probe *p, const struct child_result *r)
{
	p->found.ffmpeg_version = hardware_probe_ffmpeg_version(p, r->out);
	p->idle_cpu_ms = r->cpu_ms;
}

static bool run_nginx_version(struct probe *p)
{
	return run(p, (const char *const[]){p->nginx, "-v", NULL}, VERSION_MS);
}

static void heard_nginx_version(struct probe *p, const struct child_result *r)
{
	p->found.nginx_version = hardware_probe_nginx_version(p, r->err);
}

static bool run_encoders(struct probe *p)
{
	return run(p, (const char *const[]){p->ffmpeg, "-hide_banner", "-v", "error", "-encoders", NULL}, VERSION_MS);
}

static void heard_encoders(struct probe *p, const struct child_result *r)
{
	for (size_t i = 0; i < PROBE_ENCODERS; i++)
		p->listed[i] = hardware_probe_lists_encoder(r->out, hardware_probe_encoders[i]);
}

static bool run_try(struct probe *p)
{
	if (!p->listed[p->turn])
		return false;
	const char *argv[32] = {p->ffmpeg, "-hide_banner", "-nostdin", "-v", "error"};
	size_t n = 5;
	for (size_t i = 0; i < 12 && encoder_arguments[p->turn][i]; i++)
		argv[n++] = encoder_arguments[p->turn][i];
	const char *const end[] = {"-frames:v", "1", "-c:v", hardware_probe_encoders[p->turn], "-f", "null", "-"};
	for (size_t i = 0; i < sizeof end / sizeof *end; i++)
		argv[n++] = end[i];
	return run(p, argv, TRY_MS);
}

static void heard_try(struct probe *p, const struct child_result *r)
{
	p->found.encoders[p->turn] = !r->error && r->code == 0;
}

static bool run_benchmark(struct probe *p)
{
	const struct hardware_probe_findings *known = p->known;
	if (!p->found.encoders[0])
		return false;
	if (known && strcmp(known->ffmpeg_version, p->found.ffmpeg_version) == 0 && known->per_cpu_second[p->turn]) {
		p->found.per_cpu_second[p->turn] = known->per_cpu_second[p->turn];
		return false;
	}
	return run(p,
		   (const char *const[]){p->ffmpeg,
					 "-hide_banner",
					 "-nostdin",
					 "-v",
					 "error",
					 "-f",
					 "lavfi",
					 "-i",
					 "testsrc2=size=1280x720:rate=25",
					 "-c:v",
					 "libx264",
					 "-preset",
					 hardware_probe_presets[p->turn],
					 "-pix_fmt",
					 "yuv420p",
					 "-progress",
					 "pipe:1",
					 "-stats_period",
					 "0.05",
					 "-f",
					 "null",
					 "-",
					 NULL},
		   BENCHMARK_MS);
}

static void heard_benchmark(struct probe *p, const struct child_result *r)
{
	struct media_progress progress = {0};
	struct error *e = media_progress_parse(r->out, r->out_len, &progress);
	error_free(e);
	int64_t cpu_ms = r->cpu_ms - p->idle_cpu_ms;
	/* It is always the deadline that ends it. */
	bool ran_on = r->error && r->error->code == ERROR_TIMEOUT;
	if (!e && ran_on && progress.frames >= FRAMES_MIN && cpu_ms > 0)
		p->found.per_cpu_second[p->turn] = progress.frames * MACROBLOCKS_PER_FRAME * 1000 / cpu_ms;
}

static const struct step steps[] = {
	{run_ffmpeg_version, heard_ffmpeg_version, 1},
	{run_nginx_version, heard_nginx_version, 1},
	{run_encoders, heard_encoders, 1},
	{run_try, heard_try, PROBE_ENCODERS},
	{run_benchmark, heard_benchmark, PROBE_PRESETS},
};

static void advance(struct probe *p)
{
	if (++p->turn == steps[p->step].times) {
		p->turn = 0;
		p->step++;
	}
}

static void next(void *arg)
{
	struct probe *p = arg;
	while (p->step < sizeof steps / sizeof *steps) {
		if (steps[p->step].run(p))
			return;
		advance(p);
	}
	talloc_steal(NULL, p);
	p->fn(&p->found, p->arg);
	mem_free(p);
}

static void heard(const struct child_result *r, void *arg)
{
	struct probe *p = arg;
	steps[p->step].heard(p, r);
	advance(p);
	next(p);
}

void hardware_probe_start(const void *ctx, uv_loop_t *loop, const char *ffmpeg, const char *nginx,
			  const struct hardware_probe_findings *known, probe_fn *fn, void *arg)
{
	struct probe *p = mem_new(ctx, struct probe);
	p->loop = loop;
	p->ffmpeg = mem_strdup(p, ffmpeg);
	p->nginx = mem_strdup(p, nginx);
	p->known = known;
	p->found.ffmpeg_version = mem_strdup(p, "");
	p->found.nginx_version = mem_strdup(p, "");
	p->fn = fn;
	p->arg = arg;
	timer_start(p, loop, 0, 0, next, p);
}
