#include "relay/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "media/progress_write.h"

#define PERIOD_US 500000

struct error *relay_report_open(struct relay_report *r, const char *url)
{
	*r = (struct relay_report){.fd = -1};
	return media_progress_open(url, &r->fd);
}

void relay_report_now(struct relay_report *r, bool end)
{
	double wall_s = r->any ? (double)(clock_mono_us() - r->started_us) / 1e6 : 0;
	double media_s = (double)r->out_ms / 1e3;
	char text[640];
	int len;

	if (wall_s < 0.001)
		wall_s = 0.001;
	len = snprintf(text, sizeof(text),
		       "frame=%" PRId64 "\nfps=%.2f\nbitrate=%.1fkbits/s\ntotal_size=%" PRId64 "\nout_time_us=%" PRId64
		       "\nspeed=%.3gx\nopen_keys=%" PRId64 "\njumps=%" PRId64 "\njump_ms=%" PRId64 "\nbridged=%" PRId64
		       "\nchanges=%" PRId64 "\ncarried=%s\n%s%s%sprogress=%s\n",
		       r->frames, (double)r->frames / wall_s, media_s > 0 ? (double)r->bytes * 8 / media_s / 1000 : 0,
		       r->bytes, r->out_ms * 1000, media_s / wall_s, r->open_keys, r->jumps, r->jump_ms, r->bridged,
		       r->changes, r->carried, r->refused ? "refused=" : "", r->refused ? r->refused : "",
		       r->refused ? "\n" : "", end ? "end" : "continue");
	if (len > 0 && (size_t)len < sizeof(text))
		media_progress_write(r->fd, text, (size_t)len);
}

void relay_report_tick(struct relay_report *r)
{
	int64_t now_us = clock_mono_us();

	if (!r->any) {
		r->any = true;
		r->started_us = r->written_us = now_us;
	}
	if (now_us - r->written_us < PERIOD_US)
		return;
	r->written_us = now_us;
	relay_report_now(r, false);
}
