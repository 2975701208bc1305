/* Log lines: time, level, event, then key=value fields; to stderr, or to journald through stderr.
 *
 *   log_info("task.started", "node=%s job=%s pid=%d", node, job, pid);
 *   -> 2026-01-31T12:00:00.000Z info task.started node=1d94... job=0200... pid=4711
 *
 * When stderr is journald's (JOURNAL_STREAM, sd-daemon(3)), the line starts with "<priority>" in place of the time.
 * A value that may hold blanks, quotes or control bytes goes through log_q(). No credential is ever logged.
 * Threads: safe from any thread; one line is one write(2).
 */
#ifndef DSN_BASE_LOG_H
#define DSN_BASE_LOG_H

#include "base/error.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
/* "error", "warn", "info", "debug" */
struct error *log_parse_level(const char *word, enum log_level *ret_level) MUST_CHECK;
/* "auto" (journald when stderr is its stream), "stderr", "journald" */
struct error *log_set_target(const char *word) MUST_CHECK;

void log_line(enum log_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* `s` quoted and escaped where it must be, cut at 400 bytes; valid until the 8th next call in this thread. */
const char *log_q(const char *s);

#endif
