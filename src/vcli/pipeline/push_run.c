/* vcli pipeline push, while ffmpeg runs. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "vcli/pipeline/push.h"
#include "vcli/progress.h"
#include "vcli/render.h"
#include "vcli/wait.h"

#define LOOK_MS 500
#define STOP_GRACE_MS 5000
#define PROGRESS_LIMIT (1 << 20)
#define TAIL_BYTES 4096
#define COMPLAINT_LIMIT 4096

struct run {
	struct push *p;
	struct child *child;
	struct progress *line;
	bool over;
	int progress_fd, complaint_fd, list_fd; /* files without a name; -1: none */
};

char *push_clock(const void *ctx, int64_t ms)
{
	return mem_printf(ctx, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, ms / 3600000, ms / 60000 % 60, ms / 1000 % 60);
}

/* The last block of the progress file; what ffmpeg has appended so far is dropped when it grows large. */
static struct error *read_progress(struct run *r, struct media_progress *ret_progress)
{
	char tail[TAIL_BYTES];
	off_t size = lseek(r->progress_fd, 0, SEEK_END);
	ssize_t n = pread(r->progress_fd, tail, sizeof(tail), size > TAIL_BYTES ? size - TAIL_BYTES : 0);
	struct error *e = n < 0 ? error_sys(errno, "progress") : media_progress_parse(tail, (size_t)n, ret_progress);

	if (!e && size > PROGRESS_LIMIT && ftruncate(r->progress_fd, 0) < 0)
		e = error_sys(errno, "progress");
	return e;
}

static void on_look(void *arg)
{
	struct run *r = arg;
	struct push *p = r->p;
	void *scope = mem_new(NULL, char);
	struct error *e = read_progress(r, &p->last);

	if (!e)
		progress_say(r->line, "sent %s%s%s, %s, speed %.2f", push_clock(scope, push_sent_ms(p)),
			     p->duration_ms ? " of " : "", p->duration_ms ? push_clock(scope, p->duration_ms) : "",
			     render_bps(scope, p->last.bitrate_bps), p->last.speed);
	error_free(e);
	mem_free(scope);
}

static void on_ended(const struct child_exit *ex, void *arg)
{
	struct run *r = arg;

	r->p->end = *ex;
	r->over = true;
}

/* The end of the film for the nodes too, not a broken connection. */
static void on_signal(int signum, void *arg)
{
	struct run *r = arg;

	(void)signum;
	r->p->stopped = true;
	child_stop(r->child, SIGINT, STOP_GRACE_MS);
}

static struct error *follow(struct run *r, const char *const *argv)
{
	uv_loop_t *loop = &r->p->v->loop;
	struct child_spec spec = {.argv = argv,
				  .stdin_fd = r->list_fd,
				  .stdout_fd = -1,
				  .stderr_fd = r->complaint_fd,
				  .extra_fd = r->progress_fd};

	TRY(child_start(r->line, loop, &spec, on_ended, r, &r->child));
	signal_start(r->line, loop, SIGINT, on_signal, r);
	signal_start(r->line, loop, SIGTERM, on_signal, r);
	signal_start(r->line, loop, SIGHUP, on_signal, r);
	timer_start(r->line, loop, LOOK_MS, LOOK_MS, on_look, r);
	progress_say(r->line, "connecting");
	vcli_wait(loop, &r->over, VCLI_WAIT_FOREVER);
	on_look(r);
	return NULL;
}

/* What ffmpeg said last. */
static char *complaints(const void *ctx, int fd)
{
	char *text = mem_array(ctx, char, COMPLAINT_LIMIT + 1);
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, text, COMPLAINT_LIMIT, size > COMPLAINT_LIMIT ? size - COMPLAINT_LIMIT : 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* A file in memory, with `text` in it, to be read from its begin. */
static struct error *open_memory(const char *name, const char *text, int *ret_fd)
{
	size_t left = text ? strlen(text) : 0;

	*ret_fd = memfd_create(name, MFD_CLOEXEC);
	if (*ret_fd < 0)
		return error_sys(errno, "a file in memory");
	while (left) {
		ssize_t n = write(*ret_fd, text, left);

		if (n < 0)
			return error_sys(errno, "a file in memory");
		text += n;
		left -= (size_t)n;
	}
	if (lseek(*ret_fd, 0, SEEK_SET) < 0)
		return error_sys(errno, "a file in memory");
	return NULL;
}

static struct error *open_all(struct run *r, const char *lists)
{
	TRY(open_memory("progress", NULL, &r->progress_fd));
	TRY(open_memory("complaints", NULL, &r->complaint_fd));
	if (lists)
		TRY(open_memory("lists", lists, &r->list_fd));
	(void)fcntl(r->progress_fd, F_SETFL, O_APPEND);
	return NULL;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct error *push_run(struct push *p, const char *const *argv, const char *lists)
{
	struct run r = {.p = p, .progress_fd = -1, .complaint_fd = -1, .list_fd = -1};
	struct error *e = open_all(&r, lists);

	if (!e) {
		r.line = progress_new(p->v, p->v);
		e = follow(&r, argv);
		p->complaints = complaints(p->v, r.complaint_fd);
		mem_free(r.line);
	}
	close_fd(r.progress_fd);
	close_fd(r.complaint_fd);
	close_fd(r.list_fd);
	return e;
}
