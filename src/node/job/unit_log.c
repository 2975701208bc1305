#include "node/job/unit_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/fnv.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

/* What stands before a cursor is known by this much of it. */
#define MARK_BYTES 64

/* The end of a log. */
struct tail {
	char *text;
	size_t len;
	int64_t begin; /* where in the file */
};

/* --- reading --- */

static struct error *open_log(const char *path, int *ret_fd, int64_t *ret_size)
{
	struct stat st;
	int fd = -1;

	TRY(beneath_open_in(path, O_RDONLY, 0, &fd));
	if (fstat(fd, &st) < 0) {
		close(fd);
		return error_sys(errno, "%s: cannot read", path);
	}
	*ret_fd = fd;
	*ret_size = st.st_size;
	return NULL;
}

/* What is cut while it is read ends early. */
static struct error *read_tail(const void *ctx, const char *path, struct tail *ret_tail)
{
	struct error *e = NULL;
	struct tail t = {0};
	int64_t size = 0;
	ssize_t n;
	int fd = -1;

	TRY(open_log(path, &fd, &size));
	t.begin = size > UNIT_LOG_READ ? size - UNIT_LOG_READ : 0;
	t.text = mem_array(ctx, char, (size_t)(size - t.begin) + 1);
	while (t.begin + (int64_t)t.len < size) {
		n = pread(fd, t.text + t.len, (size_t)(size - t.begin) - t.len, (off_t)(t.begin + (int64_t)t.len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			e = error_sys(errno, "%s: cannot read", path);
		if (n <= 0)
			break;
		t.len += (size_t)n;
	}
	close(fd);
	if (!e)
		*ret_tail = t;
	return e;
}

int64_t unit_log_size(const char *path)
{
	int64_t size = 0;
	int fd = -1;
	struct error *e = open_log(path, &fd, &size);

	if (e) {
		error_free(e);
		return 0;
	}
	close(fd);
	return size;
}

/* --- lines --- */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Length of "key=SECRET" at `at`, 0: there is none. */
static size_t key_length(const char *bytes, size_t len, size_t at)
{
	size_t n = 4;

	if (len - at < 5 || strncasecmp(bytes + at, "key=", 4) != 0 || (at && is_word(bytes[at - 1])))
		return 0;
	while (at + n < len && (is_word(bytes[at + n]) || strchr("-._~%+/=", bytes[at + n])))
		n++;
	return n;
}

char *unit_log_safe(const void *ctx, const char *bytes, size_t len)
{
	static const char masked[] = "key=***", more[] = "...";
	char *text = mem_array(ctx, char, UNIT_LOG_LINE + sizeof(masked) + sizeof(more));
	size_t n = 0, at = 0;

	while (at < len && n < UNIT_LOG_LINE) {
		size_t key = key_length(bytes, len, at), whole = utf8_length(bytes + at, len - at);
		unsigned char c = (unsigned char)bytes[at];
		/* U+0080 to U+009F are control characters too. */
		bool control =
			c < 0x20 || c == 0x7f || (whole == 2 && c == 0xc2 && (unsigned char)bytes[at + 1] < 0xa0);

		if (key > 4) {
			memcpy(text + n, masked, sizeof(masked) - 1);
			n += sizeof(masked) - 1;
			at += key;
		} else if (!whole || control) {
			text[n++] = c == '\t' ? ' ' : '?';
			at += whole ? whole : 1;
		} else {
			memcpy(text + n, bytes + at, whole);
			n += whole;
			at += whole;
		}
	}
	if (at < len) {
		memcpy(text + n, more, sizeof(more) - 1);
		n += sizeof(more) - 1;
	}
	text[n] = '\0';
	return text;
}

static size_t line_end(const struct tail *t, size_t at)
{
	const char *end = memchr(t->text + at, '\n', t->len - at);

	return end ? (size_t)(end - t->text) : t->len;
}

/* Where the line begins that ends at `end`, which is behind its last byte. */
static size_t line_begin(const struct tail *t, size_t first, size_t end)
{
	const char *before = end > first ? memrchr(t->text + first, '\n', end - first) : NULL;

	return before ? (size_t)(before - t->text) + 1 : first;
}

static size_t without_return(const struct tail *t, size_t begin, size_t end)
{
	return end > begin && t->text[end - 1] == '\r' ? end - 1 : end;
}

/* Said after the reason by ffmpeg and its encoders. */
static bool says_nothing(const char *line)
{
	static const char *const known[] = {"Conversion failed!", "left in the queue on closing",
					    "Last message repeated"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strstr(line, known[i]))
			return true;
	return !line[strspn(line, " ")];
}

char *unit_log_last(const void *ctx, const char *path, int64_t since)
{
	void *scope = mem_new(NULL, char);
	struct tail t = {0};
	struct error *e = read_tail(scope, path, &t);
	size_t first, end;
	char *found = NULL;

	error_free(e);
	first = since > t.begin && since <= t.begin + (int64_t)t.len ? (size_t)(since - t.begin) : 0;
	for (end = t.len; !found && end > first;) {
		size_t last = t.text[end - 1] == '\n' ? end - 1 : end, begin = line_begin(&t, first, last);
		char *line = unit_log_safe(scope, t.text + begin, without_return(&t, begin, last) - begin);

		if (!says_nothing(line))
			found = mem_strdup(ctx, line);
		end = begin;
	}
	mem_free(scope);
	return found;
}

/* --- cursors --- */

/* Of what stands before `at`. */
static uint32_t mark(const struct tail *t, size_t at)
{
	size_t since = at > MARK_BYTES ? at - MARK_BYTES : 0;

	return fnv32(FNV32_BASIS, t->text + since, at - since);
}

static bool read_cursor(const char *text, int64_t *ret_at, uint32_t *ret_mark)
{
	char *end;

	if (strspn(text, "0123456789") < 1 || strspn(text, "0123456789") > 18)
		return false;
	*ret_at = strtoll(text, &end, 10);
	if (*end++ != '-' || strlen(end) != 8 || strspn(end, "0123456789abcdef") != 8)
		return false;
	*ret_mark = (uint32_t)strtoul(end, NULL, 16);
	return true;
}

bool unit_log_is_cursor(const char *text)
{
	int64_t at;
	uint32_t known;

	return read_cursor(text, &at, &known);
}

/* Where in `t` the cursor's place is now. false: it is gone. */
static bool find_cursor(const struct tail *t, const char *text, size_t *ret_at)
{
	int64_t at = 0;
	uint32_t known = 0;

	if (!read_cursor(text, &at, &known))
		return false;
	if (at >= t->begin && at <= t->begin + (int64_t)t->len && mark(t, (size_t)(at - t->begin)) == known) {
		*ret_at = (size_t)(at - t->begin);
		return true;
	}
	/* It was cut: the place is behind a line, and what stood before it still does. */
	for (size_t end = t->len; end > 0; end = line_begin(t, 0, end - 1)) {
		if (t->text[end - 1] == '\n' && mark(t, end) == known) {
			*ret_at = end;
			return true;
		}
	}
	return false;
}

/* --- a part --- */

/* Back from `end` as far as lines and bytes allow, at the beginning of a line; not before `first`. */
static size_t part_begin(const struct tail *t, size_t first, size_t end, const struct unit_log_part *part)
{
	size_t at = end, lines = 0;

	while (at > first && lines < part->lines) {
		size_t begin = line_begin(t, first, at - 1);

		if (end - begin > part->bytes)
			break;
		at = begin;
		lines++;
	}
	return at;
}

static json_t *part_json(const struct tail *t, const struct unit_log_part *part)
{
	json_t *o = json_object(), *list = json_array();
	size_t first = 0, end = part->ended ? t->len : line_begin(t, 0, t->len), at;
	bool found = !part->after || find_cursor(t, part->after, &first);
	char *cursor;

	if (!found)
		first = 0;
	if (first > end)
		first = end;
	at = part_begin(t, first, end, part);
	if (!found || (part->after && at > first))
		json_put(o, "skipped", "yes");
	while (at < end) {
		size_t stop = line_end(t, at);
		char *line = unit_log_safe(NULL, t->text + at, without_return(t, at, stop) - at);

		json_array_append_new(list, json_string(line));
		mem_free(line);
		at = stop < end ? stop + 1 : end;
	}
	cursor = mem_printf(NULL, "%" PRId64 "-%08" PRIx32, t->begin + (int64_t)end, mark(t, end));
	json_object_set_new(o, "lines", list);
	json_put(o, "cursor", cursor);
	mem_free(cursor);
	return o;
}

struct error *unit_log_read(const char *path, const struct unit_log_part *part, json_t **ret_answer)
{
	void *scope = mem_new(NULL, char);
	struct tail t = {0};
	struct error *e = read_tail(scope, path, &t);

	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		e = NULL;
		t = (struct tail){.text = mem_strdup(scope, "")};
	}
	if (!e)
		*ret_answer = part_json(&t, part);
	mem_free(scope);
	return e;
}
