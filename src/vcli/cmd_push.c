/* vcli pipeline push: a film to the distributor in real time, by ffmpeg. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/child.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "media/ffmpeg.h"
#include "media/probe.h"
#include "media/progress.h"
#include "vcli/commands.h"
#include "vcli/job.h"
#include "vcli/paths.h"
#include "vcli/progress.h"
#include "vcli/render.h"

#define LOOK_MS 500
#define STOP_GRACE_MS 5000
#define PROGRESS_LIMIT (1 << 20)
#define TAIL_BYTES 4096
#define COMPLAINT_LIMIT 4096

struct push {
	struct vcli *v;
	struct child *child;
	struct progress *line;
	int progress_fd, complaint_fd; /* files without a name */
	int64_t duration_ms;           /* of the film; 0: not known */
	bool stopped;                  /* by us */
	struct child_exit end;
	struct media_progress last;
};

/* --- preparing --- */

/* The film's verdict: sent as it is, or encoded, and why. */
static struct error *look_at(struct vcli *v, const struct job *j, const char *input, struct media_verdict **ret_verdict)
{
	if (access(input, R_OK) != 0)
		return error_sys(errno, "%s", input);
	if (!v->set.quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "looking at %s\n", input);
	TRY(media_probe_file(v, v->set.ffprobe, input, 0, j->fragment_s, ret_verdict));
	if (!(*ret_verdict)->video_codec[0])
		return error_new(ERROR_INVALID, "%s: has no video", input);
	return NULL;
}

/* The bit rate the customer ordered, else the film's own. */
static int64_t bitrate(const struct job *j, const struct media_verdict *verdict)
{
	const json_t *source = json_object_get(json_object_get(j->document, "pipeline"), "source");
	const char *text = json_string_value(json_object_get(source, "bitrate"));

	return text ? strtoll(text, NULL, 10) : verdict->bitrate_bps;
}

/* ffmpeg takes the stream's name and key from a preset file, so that the key stands in no process list. */
static struct error *write_preset(struct vcli *v, const struct job *j, char **ret_path)
{
	char *folder = NULL, *path = NULL, *text = mem_printf(v, "rtmp_playpath=%s?key=%s\n", j->name, j->key);

	TRY(paths_make(v, &v->set, "jobs", &folder));
	path = mem_printf(v, "%s/.push-%s-%d", folder, j->name, (int)getpid());
	TRY(file_write_atomic(path, text, strlen(text), 0600));
	*ret_path = path;
	return NULL;
}

/* `argv` with `before` put in front of the last element, and "-stream_loop -1" in front of the input. */
static const char **complete(const void *ctx, char **argv, const char *preset, const char *address, bool loop)
{
	size_t count = 0, n = 0;
	const char **all = NULL;

	while (argv[count])
		count++;
	all = mem_array(ctx, const char *, count + 5);
	for (size_t i = 0; i + 1 < count; i++) {
		if (loop && strcmp(argv[i], "-i") == 0) {
			all[n++] = "-stream_loop";
			all[n++] = "-1";
		}
		all[n++] = argv[i];
	}
	if (preset) {
		all[n++] = "-fpre";
		all[n++] = preset;
	}
	all[n++] = preset ? address : argv[count - 1];
	return all;
}

/* --- running --- */

static char *clock_text(const void *ctx, int64_t ms)
{
	return mem_printf(ctx, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, ms / 3600000, ms / 60000 % 60, ms / 1000 % 60);
}

/* The last block of the progress file; what ffmpeg has appended so far is dropped when it grows large. */
static struct error *read_progress(struct push *p, struct media_progress *ret_progress)
{
	char tail[TAIL_BYTES];
	off_t size = lseek(p->progress_fd, 0, SEEK_END);
	ssize_t n = pread(p->progress_fd, tail, sizeof(tail), size > TAIL_BYTES ? size - TAIL_BYTES : 0);
	struct error *e = n < 0 ? error_sys(errno, "progress") : media_progress_parse(tail, (size_t)n, ret_progress);

	if (!e && size > PROGRESS_LIMIT && ftruncate(p->progress_fd, 0) < 0)
		e = error_sys(errno, "progress");
	return e;
}

static void on_look(void *arg)
{
	struct push *p = arg;
	void *scope = mem_new(NULL, char);
	struct error *e = read_progress(p, &p->last);

	if (!e)
		progress_say(p->line, "sent %s%s%s, %s, speed %.2f", clock_text(scope, p->last.out_time_ms),
			     p->duration_ms ? " of " : "", p->duration_ms ? clock_text(scope, p->duration_ms) : "",
			     render_bps(scope, p->last.bitrate_bps), p->last.speed);
	error_free(e);
	mem_free(scope);
}

static void on_ended(const struct child_exit *ex, void *arg)
{
	struct push *p = arg;

	p->end = *ex;
	uv_stop(&p->v->loop);
}

/* The end of the film for the nodes too, not a broken connection. */
static void on_signal(int signum, void *arg)
{
	struct push *p = arg;

	(void)signum;
	p->stopped = true;
	child_stop(p->child, SIGINT, STOP_GRACE_MS);
}

static struct error *run(struct push *p, const char *const *argv)
{
	struct child_spec spec = {.argv = argv,
				  .stdin_fd = -1,
				  .stdout_fd = -1,
				  .stderr_fd = p->complaint_fd,
				  .extra_fd = p->progress_fd};

	TRY(child_start(p->line, &p->v->loop, &spec, on_ended, p, &p->child));
	signal_start(p->line, &p->v->loop, SIGINT, on_signal, p);
	signal_start(p->line, &p->v->loop, SIGTERM, on_signal, p);
	signal_start(p->line, &p->v->loop, SIGHUP, on_signal, p);
	timer_start(p->line, &p->v->loop, LOOK_MS, LOOK_MS, on_look, p);
	progress_say(p->line, "connecting");
	uv_run(&p->v->loop, UV_RUN_DEFAULT);
	on_look(p);
	return NULL;
}

/* What ffmpeg said last. */
static char *complaint(const void *ctx, int fd)
{
	char *text = mem_array(ctx, char, COMPLAINT_LIMIT + 1), *line = NULL;
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, text, COMPLAINT_LIMIT, size > COMPLAINT_LIMIT ? size - COMPLAINT_LIMIT : 0);

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	text[n > 0 ? n : 0] = '\0';
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

static struct error *verdict_of(struct push *p, const struct job *j)
{
	const char *why = complaint(p->line, p->complaint_fd);

	if (p->stopped || (p->end.known && p->end.code == 0 && p->end.signal == 0))
		return NULL;
	if (p->end.signal)
		return error_new(ERROR_FAILED, "ffmpeg was ended by signal %d after %lld frames", p->end.signal,
				 (long long)p->last.frames);
	if (p->last.frames == 0)
		return error_new(ERROR_FAILED,
				 "%s/%s takes nothing: is job %s started, nobody else publishing, and its key the "
				 "present one? ffmpeg "
				 "says: %s",
				 j->url, j->name, j->name, why);
	return error_new(ERROR_FAILED, "the stream broke after %lld frames; ffmpeg says: %s", (long long)p->last.frames,
			 why);
}

static void answer(struct push *p, const struct job *j, const struct media_verdict *verdict)
{
	json_t *o = json_object();

	json_put(o, "job", j->name);
	json_put(o, "sent_as", verdict->fits ? "copy" : "normalised");
	if (verdict->reason)
		json_put(o, "reason", verdict->reason);
	json_put_decimal(o, "frames", p->last.frames);
	json_put_decimal(o, "sent_ms", p->last.out_time_ms);
	vcli_answer(p->v, o);
}

static struct error *push(struct push *p, const struct job *j, const struct media_verdict *verdict, const char *preset)
{
	const struct media_programs programs = {.ffmpeg = p->v->set.ffmpeg, .ffprobe = p->v->set.ffprobe};
	char *url = mem_printf(p->v, "%s/%s", j->url, j->name);
	char **argv = media_ffmpeg_push(p->v, &programs, p->v->args[1], url, !verdict->fits, bitrate(j, verdict),
					j->fragment_s, "pipe:3");
	struct error *e = NULL;

	p->progress_fd = memfd_create("progress", MFD_CLOEXEC);
	p->complaint_fd = memfd_create("complaints", MFD_CLOEXEC);
	if (p->progress_fd < 0 || p->complaint_fd < 0)
		return error_sys(errno, "a file in memory");
	(void)fcntl(p->progress_fd, F_SETFL, O_APPEND);
	p->line = progress_new(p->v, p->v);
	e = run(p, complete(p->v, argv, preset, j->url, p->v->set.loop));
	if (!e)
		e = verdict_of(p, j);
	answer(p, j, verdict);
	mem_free(p->line);
	close(p->progress_fd);
	close(p->complaint_fd);
	return e;
}

struct error *cmd_pipeline_push(struct vcli *v)
{
	struct push p = {.v = v};
	struct job *j = NULL;
	struct media_verdict *verdict = NULL;
	char *preset = NULL;
	struct error *e = NULL;

	TRY(job_find(v, v, v->args[0], &j));
	if (!j->url)
		return error_new(ERROR_NOT_FOUND,
				 "job %s: the distributor's address is not known; start the job from here first",
				 j->name);
	TRY(look_at(v, j, v->args[1], &verdict));
	assert(verdict);
	assert(verdict);
	p.duration_ms = v->set.loop ? 0 : verdict->duration_ms;
	if (!verdict->fits && !v->set.quiet)
		fprintf(stderr, "note: encoded once on the way: %s\n", verdict->reason);
	if (j->key)
		TRY(write_preset(v, j, &preset));
	e = push(&p, j, verdict, preset);
	if (preset)
		error_free(file_remove(preset));
	if (!e && !v->set.json)
		printf("sent %s of %s to job %s (%s)\n", clock_text(v, p.last.out_time_ms), v->args[1], j->name,
		       verdict->fits ? "as it is" : "normalised");
	return e;
}
