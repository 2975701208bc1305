#include "base/daemon.h"

#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/notify.h"

struct daemon {
	const struct daemon_kind *kind;
	const void *settings;
	void *state;
	uv_loop_t loop;
	bool stopping, ended;
	int code;
};

uv_loop_t *daemon_loop(struct daemon *d)
{
	return &d->loop;
}

void daemon_end(struct daemon *d, int code)
{
	d->code = code;
	d->ended = true;
	uv_stop(&d->loop);
}

static void on_signal(int signum, void *arg)
{
	struct daemon *d = arg;
	char event[64];

	snprintf(event, sizeof(event), "%s.signal", d->kind->log_name);
	log_info(event, "signal=%d", signum);
	if (d->stopping)
		return;
	d->stopping = true;
	notify("STOPPING=1");
	d->kind->stop(d, d->state);
}

static void on_watchdog(void *arg)
{
	(void)arg;
	notify("WATCHDOG=1");
}

/* Twice in the time after which systemd takes it for hung. */
static void watch_loop(const void *ctx, struct daemon *d)
{
	int64_t every_ms = notify_watchdog_ms() / 2;

	if (every_ms > 0)
		timer_start(ctx, &d->loop, every_ms, every_ms, on_watchdog, d);
}

static struct error *begin(const void *ctx, struct daemon *d)
{
	TRY(d->kind->open(ctx, d, d->settings, &d->state));
	/* Before anybody is told that it is there, and after a passphrase was asked for. */
	signal_start(ctx, &d->loop, SIGTERM, on_signal, d);
	signal_start(ctx, &d->loop, SIGINT, on_signal, d);
	return d->kind->ready ? d->kind->ready(ctx, d->settings, d->state) : NULL;
}

static struct error *live(const void *owner, struct daemon *d)
{
	void *memory = mem_strdup(owner, "");
	struct error *e;

	uv_loop_init(&d->loop);
	e = begin(memory, d);
	/* What has ended while it was opened is not there: nobody is told that it is. */
	if (!e && !d->ended) {
		watch_loop(memory, d);
		notify("READY=1");
		uv_run(&d->loop, UV_RUN_DEFAULT);
	}
	if (!e) {
		if (d->kind->closed)
			d->kind->closed(d->settings, d->state);
	}
	mem_free(memory);
	loop_drain(&d->loop);
	uv_loop_close(&d->loop);
	return e;
}

/* --- settings --- */

static struct error *set_log_level(const struct daemon_kind *kind, const void *settings)
{
	const char *text = *(char *const *)((const char *)settings + kind->log_level_offset);
	enum log_level level;

	TRY(log_parse_level(text, &level));
	log_set_level(level);
	return NULL;
}

static struct error *load(const void *ctx, const struct daemon_kind *kind, int argc, char **argv, void *settings,
			  bool *ret_done)
{
	char **words = NULL;

	TRY(config_load(ctx, kind->program, argc, argv, settings, &words, ret_done));
	if (*ret_done)
		return NULL;
	if (words[0])
		return error_new(ERROR_INVALID, "\"%s\": %s takes options only; see --help", words[0],
				 kind->program->name);
	TRY(set_log_level(kind, settings));
	return kind->prepare ? kind->prepare(ctx, settings, ret_done) : NULL;
}

int daemon_main(int argc, char **argv, const struct daemon_kind *kind, void *settings)
{
	struct daemon d = {.kind = kind, .settings = settings};
	struct error *e;
	bool done = false;
	void *memory;

	mem_init();
	signal(SIGPIPE, SIG_IGN);
	memory = mem_strdup(NULL, "");
	e = load(memory, kind, argc, argv, settings, &done);
	if (!e && !done)
		e = live(memory, &d);
	mem_free(memory);
	if (e) {
		d.code = error_exit_code(e);
		fprintf(stderr, "%s: %s\n", kind->program->name, e->message);
		error_free(e);
	}
	return d.code;
}
