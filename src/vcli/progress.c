#include "vcli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/printable.h"
#include "vcli/terminal.h"

#define FIRST_MS 1000
#define EVERY_MS 500
#define BEGINNING "\r\033[K" /* of the line, which is cleared */

struct progress {
	bool shown;
	int64_t began_ms;
	char *text;
	struct timer *timer;
};

void progress_wipe(struct progress *p)
{
	if (p->shown)
		terminal_control(stderr, BEGINNING);
	p->shown = false;
}

static void show(void *arg)
{
	struct progress *p = arg;

	if (!p->text)
		return;
	fflush(stdout);
	terminal_control(stderr, BEGINNING);
	fprintf(stderr, "%.110s (%lld s)", p->text, (long long)((clock_mono_ms() - p->began_ms) / 1000));
	p->shown = true;
}

static int progress_destroy(struct progress *p)
{
	progress_wipe(p);
	return 0;
}

struct progress *progress_new(const void *ctx, struct vcli *v)
{
	struct progress *p = mem_new(ctx, struct progress);

	p->began_ms = clock_mono_ms();
	if (!v->set.quiet && isatty(STDERR_FILENO))
		p->timer = timer_start(p, &v->loop, FIRST_MS, EVERY_MS, show, p);
	talloc_set_destructor(p, progress_destroy);
	return p;
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	mem_free(p->text);
	text = mem_vprintf(p, fmt, ap);
	va_end(ap);
	p->text = printable_line(p, text);
	mem_free(text);
}

void progress_waits(struct progress *p, enum client_waiting what, const char *why)
{
	if (what == CLIENT_WAITING_BUS)
		progress_say(p, "waiting for the broker: %s", why);
	else if (what != CLIENT_WAITING_ANSWERS)
		progress_say(p, "waiting: %s", why);
}
