/* What a unit's program has written: its log, read again for people.
 *
 * A log is at most some 256 KiB and belongs to the units' user, so it is read as foreign bytes: only a plain file, no
 * link, at most UNIT_LOG_READ bytes of its end. Lines are made safe before they go anywhere: valid UTF-8 without
 * control characters, at most UNIT_LOG_LINE bytes, streams' keys ("key=...") masked. Threads: any; reads block, from
 * the page cache as a rule.
 */
#ifndef DSN_NODE_JOB_UNIT_LOG_H
#define DSN_NODE_JOB_UNIT_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define UNIT_LOG_READ (512 * 1024)
#define UNIT_LOG_LINE 1000

/* One line (no newline) made safe, as above; belongs to ctx. */
char *unit_log_safe(const void *ctx, const char *bytes, size_t len);

/* Bytes the log has now; 0 when it cannot be read. */
int64_t unit_log_size(const char *path);

/* The last line written since the log had `since` bytes that says something, or NULL. A log that has been cut since
 * then is looked at as a whole. */
char *unit_log_last(const void *ctx, const char *path, int64_t since);

/* How much of a log is asked for, and from where. */
struct unit_log_part {
	size_t lines, bytes; /* at most: the last ones */
	const char *after;   /* a cursor from an earlier answer: what came after it; NULL: the end of the log */
	bool ended;          /* nobody writes: a last line without newline is whole */
};

/* {"lines":[..],"cursor":"<position>-<checksum>","skipped":"yes"}; "skipped" when lines before these, after the cursor,
 * are left out or gone. The log may have been cut since: the checksum of what stood before the cursor finds it again. A
 * log that is not there yet has no lines. New reference. */
struct error *unit_log_read(const char *path, const struct unit_log_part *part, json_t **ret_answer) MUST_CHECK;
/* "<decimal>-<8 hexadecimal digits>" */
bool unit_log_is_cursor(const char *text);

#endif
