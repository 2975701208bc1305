#include "media/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"

/* ffmpeg's longest block (64 streams) is under 4 KiB. */
#define TAIL_BYTES 16384
#define LINE_BYTES 128

/* "N/A", nonsense and negatives count as unknown: 0. */
static int64_t whole(double value)
{
	return isfinite(value) && value > 0 && value < 9e15 ? (int64_t)value : 0;
}

static double number(const char *value)
{
	double d = strtod(value, NULL); /* leading blanks are passed over, trailing units ignored */

	return isfinite(d) && d > 0 && d < 9e15 ? d : 0;
}

static void set_frames(struct media_progress *p, const char *value)
{
	p->frames = whole(number(value));
}

static void set_fps(struct media_progress *p, const char *value)
{
	p->fps = number(value);
}

static void set_speed(struct media_progress *p, const char *value)
{
	p->speed = number(value);
}

static void set_bitrate(struct media_progress *p, const char *value)
{
	p->bitrate_bps = whole(number(value) * 1000 + 0.5); /* "1234.5kbits/s" */
}

static void set_out_time(struct media_progress *p, const char *value)
{
	p->out_time_ms = whole(number(value) / 1000);
}

static void set_dropped(struct media_progress *p, const char *value)
{
	p->dropped_frames = whole(number(value));
}

static void set_total(struct media_progress *p, const char *value)
{
	p->total_bytes = whole(number(value));
}

static void set_jumps(struct media_progress *p, const char *value)
{
	p->jumps = whole(number(value));
}

static void set_jump(struct media_progress *p, const char *value)
{
	bool back = value[0] == '-';
	int64_t ms = whole(number(value + back));

	p->jump_ms = back ? -ms : ms;
}

static void set_bridged(struct media_progress *p, const char *value)
{
	p->bridged = whole(number(value));
}

static void set_open_keys(struct media_progress *p, const char *value)
{
	p->open_keys = whole(number(value));
}

/* It goes into decisions and status: printable text. */
static void set_refused(struct media_progress *p, const char *value)
{
	size_t n = 0;

	for (; n < sizeof(p->refused) - 1 && value[n]; n++)
		p->refused[n] = (char)(value[n] >= ' ' && value[n] < 127 ? value[n] : '?');
	p->refused[n] = '\0';
}

static void set_changes(struct media_progress *p, const char *value)
{
	p->changes = whole(number(value));
}

/* It goes into an argument vector: hexadecimal numbers with dashes between. */
static void set_carried(struct media_progress *p, const char *value)
{
	size_t n = strlen(value);

	if (n < sizeof(p->carried) && value[0] != '-' && strspn(value, "0123456789abcdef-") == n)
		memcpy(p->carried, value, n + 1);
}

/* out_time_us, because ffmpeg's out_time_ms holds microseconds too. */
static const struct {
	const char *key;
	void (*set)(struct media_progress *p, const char *value);
} keys[] = {
	{"frame", set_frames},         {"fps", set_fps},
	{"speed", set_speed},          {"bitrate", set_bitrate},
	{"out_time_us", set_out_time}, {"drop_frames", set_dropped},
	{"total_size", set_total},     {"jumps", set_jumps},
	{"jump_ms", set_jump},         {"bridged", set_bridged},
	{"refused", set_refused},      {"open_keys", set_open_keys},
	{"changes", set_changes},      {"carried", set_carried},
};

static void take(struct media_progress *p, const char *key, const char *value)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i].key) == 0) {
			keys[i].set(p, value);
			return;
		}
	}
}

/* Copy one line as key and value; false when it is none (or longer than any of ffmpeg's). */
static bool split(const char *line, size_t len, char *ret_line, char **ret_value)
{
	char *equals;

	if (len >= LINE_BYTES)
		return false;
	memcpy(ret_line, line, len);
	ret_line[len] = '\0';
	equals = memchr(ret_line, '=', len);
	if (!equals)
		return false;
	*equals = '\0';
	*ret_value = equals + 1;
	return true;
}

struct error *media_progress_parse(const char *text, size_t len, struct media_progress *ret_progress)
{
	struct media_progress current = {0}, last = {0};
	const char *at = text, *end = text + len;
	bool found = false;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		char line[LINE_BYTES], *value;

		if (!newline)
			break;
		/* A file cut under a writer that does not append has NULs where the earlier blocks were. */
		while (at < newline && *at == '\0')
			at++;
		if (split(at, (size_t)(newline - at), line, &value)) {
			if (strcmp(line, "progress") == 0) {
				current.ended = strcmp(value, "end") == 0;
				last = current;
				current = (struct media_progress){0};
				found = true;
			} else {
				take(&current, line, value);
			}
		}
		at = newline + 1;
	}
	if (!found)
		return error_new(ERROR_NOT_FOUND, "there is no complete progress block yet");
	*ret_progress = last;
	return NULL;
}

static struct error *read_tail(int fd, const char *path, off_t size, struct media_progress *ret_progress)
{
	char tail[TAIL_BYTES];
	off_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
	size_t have = 0;

	while (have < sizeof(tail)) {
		ssize_t n = pread(fd, tail + have, sizeof(tail) - have, from + (off_t)have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(errno, "cannot read %s", path);
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return media_progress_parse(tail, have, ret_progress);
}

struct error *media_progress_read(const char *path, size_t limit, struct media_progress *ret_progress)
{
	struct error *e = NULL;
	struct stat st;
	int fd = -1;

	TRY(beneath_open_in(path, O_RDWR, 0, &fd));
	if (fstat(fd, &st) < 0)
		e = error_sys(errno, "cannot read %s", path);
	if (!e)
		e = read_tail(fd, path, st.st_size, ret_progress);
	if ((!e || e->code == ERROR_NOT_FOUND) && (size_t)st.st_size > limit && ftruncate(fd, 0) < 0) {
		error_free(e);
		e = error_sys(errno, "cannot cut %s", path);
	}
	close(fd);
	return e;
}

struct error *media_progress_empty(const char *path)
{
	struct error *e;
	int fd = -1;

	e = beneath_open_in(path, O_WRONLY | O_TRUNC, 0, &fd);
	if (!e)
		close(fd);
	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		e = NULL;
	}
	return e;
}
