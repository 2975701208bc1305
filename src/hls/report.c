#include "hls/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PERIOD_US 500000
/* Pictures that far apart do not follow each other. */
#define JUMP_MS 10000

struct error *hls_report_open(struct hls_report *r, const char *url)
{
	*r = (struct hls_report){.fd = -1};
	if (!url)
		return NULL;
	if (strncmp(url, "pipe:", 5) == 0 && url[5] && strspn(url + 5, "0123456789") == strlen(url + 5) &&
	    strlen(url) < 10) {
		r->fd = (int)strtol(url + 5, NULL, 10);
		return fcntl(r->fd, F_GETFD) < 0 ? error_sys(errno, "--progress: descriptor %d", r->fd) : NULL;
	}
	if (strncmp(url, "file:", 5) == 0 && url[5]) {
		r->fd = open(url + 5, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		return r->fd < 0 ? error_sys(errno, "--progress: %s", url + 5) : NULL;
	}
	return error_new(ERROR_INVALID, "--progress: expected pipe:<descriptor> or file:<path>");
}

/* A reader that is gone is no reason to stop recording. */
static void put(const struct hls_report *r, const char *block, size_t len)
{
	while (len > 0) {
		ssize_t n = write(r->fd, block, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		block += n;
		len -= (size_t)n;
	}
}

static void block(struct hls_report *r, const char *word)
{
	double wall_s = (double)(clock_mono_us() - r->started_us) / 1e6;
	double media_s = (double)r->out_ms / 1e3;
	char text[512];
	int len;

	if (wall_s < 0.001)
		wall_s = 0.001;
	len = snprintf(text, sizeof(text),
		       "frame=%" PRId64 "\nfps=%.2f\nbitrate=%.1fkbits/s\ntotal_size=%" PRId64 "\nout_time_us=%" PRId64
		       "\nout_time_ms=%" PRId64 "\ndup_frames=0\ndrop_frames=%" PRId64 "\nspeed=%.3gx\nsegment=%" PRId64
		       "\nprogress=%s\n",
		       r->frames, (double)r->frames / wall_s, media_s > 0 ? (double)r->bytes * 8 / media_s / 1000 : 0,
		       r->bytes, r->out_ms * 1000, r->out_ms * 1000, r->dropped, media_s / wall_s, r->segment, word);
	if (len > 0 && (size_t)len < sizeof(text))
		put(r, text, (size_t)len);
}

void hls_report_frame(struct hls_report *r, int64_t pts_ms)
{
	int64_t now_us = clock_mono_us();

	r->frames++;
	if (!r->any) {
		r->any = true;
		r->started_us = r->written_us = now_us;
		r->last_pts_ms = pts_ms;
	}
	/* Time that rises while frames are stored, also behind a jump of the time line: whoever reads this takes a time
	 * that stands still for a stall. */
	if (pts_ms > r->last_pts_ms && pts_ms - r->last_pts_ms <= JUMP_MS)
		r->out_ms += pts_ms - r->last_pts_ms;
	if (pts_ms > r->last_pts_ms || r->last_pts_ms - pts_ms > JUMP_MS)
		r->last_pts_ms = pts_ms;
	if (r->fd < 0 || now_us - r->written_us < PERIOD_US)
		return;
	r->written_us = now_us;
	block(r, "continue");
}

void hls_report_end(struct hls_report *r)
{
	if (r->fd >= 0)
		block(r, "end");
}
