#include "vcli/whisper/whisper_report.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "vcli/whisper/whisper_plot.h"

#define REPORT_LIMIT ((size_t)4 << 20)
#define CPUINFO_LIMIT ((size_t)4 << 20)

struct error *whisper_report_check(const char *path)
{
	size_t n = strlen(path);

	if (n > 3 && strcmp(path + n - 3, ".md") == 0 && path[n - 4] != '/')
		return NULL;
	return error_new(ERROR_INVALID, "--report: wants a file that ends with .md; its plot gets .svg");
}

/* "Linux 6.1 x86_64, 2 cores, Intel(R) ..." */
static char *machine(const void *ctx)
{
	static const char key[] = "model name";
	struct utsname u = {0};
	char *info = NULL, *text;
	const char *at;

	uname(&u);
	text = mem_printf(ctx, "%s %s %s, %ld cores", u.sysname, u.release, u.machine, sysconf(_SC_NPROCESSORS_ONLN));
	error_free(file_read(text, "/proc/cpuinfo", CPUINFO_LIMIT, &info, NULL));
	at = info ? strstr(info, key) : NULL;
	at = at ? strchr(at, ':') : NULL;
	if (at)
		text = talloc_asprintf_append_buffer(text, ", %.*s", (int)strcspn(at + 2, "\n"), at + 2);
	return text;
}

static struct error *put_row(struct buf *b, const char *name, size_t answered, size_t lost, struct whisper_times *t)
{
	const struct whisper_summary s = whisper_summary(t);
	size_t over = answered + lost;

	TRY(buf_printf(b, "| %s | %zu | %zu | %.1f |", name, over, lost,
		       over ? 100.0 * (double)lost / (double)over : 0.0));
	if (!t->count)
		return buf_puts(b, " | | | |\n");
	return buf_printf(b, " %.1f | %.1f | %.1f | %.1f |\n", s.min, s.median, s.p95, s.max);
}

static struct error *compose(struct buf *b, struct whisper_ping *p, const char *plot)
{
	const struct vcli_whisper_options *o = &p->senders->v->set.whisper;
	const struct whisper_summary posts = whisper_summary(&p->post_times);
	char *when = clock_format(b, clock_wall_ms()), *where = machine(b);

	TRY(buf_printf(
		b,
		"# Whisper pings\n\n%s on %s.\n\n%zu nodes pinged %zu others %lld times each: asymmetric, signed, answered to the key of who asked. Time to live %lld s, proof of work %s, %lld ms between a node's pings; a ping without an answer after %lld s is lost. It took %.1f s; a post alone took %.1f ms (median), %.1f ms (95 %%).\n\n",
		when, where, p->senders->count, p->target_count, (long long)p->count,
		(long long)(o->message_ttl_ms / 1000), o->pow_target, (long long)p->interval_ms,
		(long long)(p->wait_ms / 1000), (double)p->took_ms / 1e3, posts.median, posts.p95));
	TRY(buf_printf(b, "![round trips](%s)\n\nRound trips in milliseconds:\n\n", plot));
	TRY(buf_puts(
		b,
		"| node | pings | lost | lost % | min | median | 95 % | max |\n|---|---|---|---|---|---|---|---|\n"));
	TRY(put_row(b, "**all**", p->answered, p->lost, &p->times));
	for (size_t i = 0; i < p->target_count; i++) {
		struct whisper_target *t = &p->targets[i];

		TRY(put_row(b, t->entry->address, t->answered, t->lost, &t->times));
	}
	return NULL;
}

struct error *whisper_report_write(const char *path, struct whisper_ping *p)
{
	void *scope = mem_new(NULL, char);
	struct buf *b = buf_new(scope, REPORT_LIMIT);
	char *plot_path = mem_printf(scope, "%.*s.svg", (int)(strlen(path) - 3), path), *title, *svg;
	const char *slash = strrchr(plot_path, '/');
	struct error *e = compose(b, p, slash ? slash + 1 : plot_path);

	title = mem_printf(scope, "Whisper: round trips of %zu pings, %zu lost", p->answered + p->lost, p->lost);
	svg = whisper_plot(scope, p, title);
	if (!e)
		e = file_write_atomic(plot_path, svg, strlen(svg), 0644);
	if (!e)
		e = file_write_atomic(path, b->data, b->len, 0644);
	mem_free(scope);
	return e;
}
