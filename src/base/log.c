#include "base/log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/printable.h"

#define LINE_BYTES 4096
#define QUOTE_BYTES 400
#define QUOTE_SLOTS 8

static const struct {
	const char *word;
	int priority; /* of syslog(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARN] = {"warn", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};
#define LEVEL_COUNT (sizeof(levels) / sizeof(levels[0]))

enum target { TARGET_AUTO, TARGET_STDERR, TARGET_JOURNALD };

static atomic_int current_level = LOG_LEVEL_INFO;
static atomic_int current_target = TARGET_AUTO;

void log_set_level(enum log_level level)
{
	atomic_store(&current_level, (int)level);
}

struct error *log_parse_level(const char *word, enum log_level *ret_level)
{
	for (size_t i = 0; i < LEVEL_COUNT; i++) {
		if (strcmp(levels[i].word, word) == 0) {
			*ret_level = (enum log_level)i;
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "log level \"%.40s\" is none of error, warn, info, debug", word);
}

/* journald tells the device and inode of the stream it gave; only then is stderr really its own. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char *colon = NULL;
	unsigned long long device = 0;
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	device = strtoull(stream, &colon, 10);
	return *colon == ':' && st.st_dev == (dev_t)device && st.st_ino == (ino_t)strtoull(colon + 1, NULL, 10);
}

struct error *log_set_target(const char *word)
{
	static const char *const words[] = {
		[TARGET_AUTO] = "auto", [TARGET_STDERR] = "stderr", [TARGET_JOURNALD] = "journald"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], word) == 0) {
			atomic_store(&current_target, (int)i);
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "log target \"%.40s\" is none of auto, stderr, journald", word);
}

static bool to_journal(void)
{
	int target = atomic_load(&current_target);

	if (target == TARGET_AUTO) {
		target = stderr_is_journal() ? TARGET_JOURNALD : TARGET_STDERR;
		atomic_store(&current_target, target);
	}
	return target == TARGET_JOURNALD;
}

static size_t put_head(char *line, enum log_level level, const char *event)
{
	int n = 0;

	if (to_journal()) {
		n = snprintf(line, LINE_BYTES, "<%d>%s ", levels[level].priority, event);
	} else {
		int64_t now = clock_wall_ms();
		time_t seconds = now / 1000;
		struct tm tm;
		char day[32];

		gmtime_r(&seconds, &tm);
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
		n = snprintf(line, LINE_BYTES, "%s.%03dZ %s %s ", day, (int)(now % 1000), levels[level].word, event);
	}
	return n < LINE_BYTES ? (size_t)n : LINE_BYTES - 1;
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	char line[LINE_BYTES];
	size_t len = 0;
	va_list ap;

	if ((int)level > atomic_load(&current_level))
		return;
	len = put_head(line, level, event);
	va_start(ap, fmt);
	int n = vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	va_end(ap);
	if (n > 0)
		len += (size_t)n;
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	}
	while (len && line[len - 1] == ' ')
		len--;
	line[len++] = '\n';
	/* A log that cannot be written has nowhere else to complain to. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

static bool plain(const char *s)
{
	size_t n = 0;

	for (; s[n]; n++) {
		unsigned char c = (unsigned char)s[n];

		if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7f || n >= QUOTE_BYTES - 3)
			return false;
	}
	return n > 0;
}

const char *log_q(const char *s)
{
	static _Thread_local char slots[QUOTE_SLOTS][QUOTE_BYTES + PRINTABLE_GROWTH * PRINTABLE_HELD * 2];
	static _Thread_local unsigned next;
	struct printable printable = {.json = true};
	char *out = slots[next++ % QUOTE_SLOTS];
	size_t n = 0;

	if (!s)
		return "-";
	if (plain(s)) {
		memcpy(out, s, strlen(s) + 1);
		return out;
	}
	out[n++] = '"';
	for (; *s && n < QUOTE_BYTES - 5; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			out[n++] = '\\';
			out[n++] = (char)c;
		} else if (c < ' ' || c == 0x7f) {
			n += (size_t)sprintf(out + n, "\\x%02x", c);
		} else {
			n += printable_add(&printable, &c, 1, out + n);
		}
	}
	n += printable_end(&printable, out + n);
	if (*s) {
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}
