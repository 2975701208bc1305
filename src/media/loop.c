#include "media/loop.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define TIME_LINE_MS INT64_C(2147483648)
#define LIST_LIMIT (64u << 20)

/* Between quotes everything stands for itself, except a quote. */
static struct error *put_entry(struct buf *b, const char *path, const char *options, int64_t ms)
{
	TRY(buf_puts(b, "file 'file:"));
	for (const char *at = path; *at; at++)
		TRY(*at == '\'' ? buf_puts(b, "'\\''") : buf_append(b, at, 1));
	return buf_printf(b, "'\n%sduration %" PRId64 ".%03d\n", options, ms / 1000, (int)(ms % 1000));
}

static struct error *list(const void *ctx, const char *path, const char *options, int64_t ms, int64_t count,
			  char **ret_text)
{
	struct buf *b = buf_new(ctx, LIST_LIMIT);

	if (path[0] != '/' || strpbrk(path, "\r\n"))
		return error_new(ERROR_INVALID,
				 "%s: a film cannot be looped whose path has a line's end in it; rename it", path);
	TRY(buf_puts(b, "ffconcat version 1.0\n"));
	for (int64_t i = 0; i < count; i++)
		TRY(put_entry(b, path, options, ms));
	*ret_text = b->data;
	return NULL;
}

struct error *media_loop_lists(const void *ctx, const char *film, const char *turns_path, int64_t turn_ms,
			       struct media_loop *ret_loop)
{
	struct media_loop loop;
	int64_t count;

	if (turn_ms <= 0)
		return error_new(ERROR_INVALID, "%s: a film that has no length cannot be looped", film);
	/* As many turns in a list as lists. */
	count = (int64_t)ceil(sqrt((double)TIME_LINE_MS / (double)turn_ms));
	TRY(list(ctx, film, "", turn_ms, count, &loop.turns));
	TRY(list(ctx, turns_path, "option safe 0\noption auto_convert 0\n", turn_ms * count, count, &loop.lists));
	*ret_loop = loop;
	return NULL;
}
