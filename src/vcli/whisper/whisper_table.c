#include "vcli/whisper/whisper_table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "vcli/terminal.h"

#define AROUND 3 /* lines that are no target: heading, total, and the cursor's */
#define SHORT_DIGITS 10

struct whisper_live {
	size_t drawn; /* lines */
};

size_t whisper_table_lines(size_t targets)
{
	return targets + 2;
}

static void print_row(FILE *out, const char *name, size_t sent, size_t answered, size_t lost, struct whisper_times *t)
{
	size_t over = answered + lost;
	const struct whisper_summary s = whisper_summary(t);

	fprintf(out, "%-12s %6zu %8zu %5zu %6.1f", name, sent, answered, lost,
		over ? 100.0 * (double)lost / (double)over : 0.0);
	if (t->count)
		fprintf(out, " %8.1f %8.1f %8.1f %8.1f\n", s.min, s.median, s.p95, s.max);
	else
		fprintf(out, " %8s %8s %8s %8s\n", "-", "-", "-", "-");
}

void whisper_table_print(FILE *out, struct whisper_ping *p, size_t rows)
{
	fprintf(out, "%-12s %6s %8s %5s %6s %8s %8s %8s %8s\n", "node", "sent", "answered", "lost", "lost %", "min ms",
		"median", "95 %", "max");
	for (size_t i = 0; i < p->target_count && (!rows || i < rows); i++) {
		struct whisper_target *t = &p->targets[i];
		char name[SHORT_DIGITS + 2 + 1];

		snprintf(name, sizeof(name), "%.*s", SHORT_DIGITS, t->entry->address);
		print_row(out, name, t->sent, t->answered, t->lost, &t->times);
	}
	print_row(out, "all", p->sent, p->answered, p->lost, &p->times);
}

struct whisper_live *whisper_live_new(const void *ctx, const struct vcli *v)
{
	if (v->set.json || v->set.quiet || !isatty(STDOUT_FILENO))
		return NULL;
	return mem_new(ctx, struct whisper_live);
}

void whisper_live_wipe(struct whisper_live *l)
{
	char *up;

	if (!l || !l->drawn)
		return;
	up = mem_printf(l, "\033[%zuA\033[J", l->drawn);
	terminal_control(stdout, up);
	mem_free(up);
	l->drawn = 0;
}

void whisper_live_draw(struct whisper_live *l, struct whisper_ping *p)
{
	struct winsize size = {0};
	size_t rows = p->target_count;

	if (!l)
		return;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > AROUND && rows + AROUND > size.ws_row)
		rows = size.ws_row - (size_t)AROUND;
	whisper_live_wipe(l);
	whisper_table_print(stdout, p, rows);
	fflush(stdout);
	l->drawn = whisper_table_lines(rows);
}
