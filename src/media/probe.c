/* The programs that look at a source, and what they say put together. */
#include "media/probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/mem.h"
#include "media/ffmpeg.h"
#include "media/source.h"
#include "media/verdict.h"

/* Ten hours of packets are about 400 MB of text. */
#define OUTPUT_LIMIT (512u << 20)
#define FILE_DEADLINE_MS (15 * 60 * INT64_C(1000))

struct error *media_probe_judge(const void *ctx, const char *text, size_t len, int fragment_s,
				struct media_verdict **ret_verdict)
{
	struct media_source *s = mem_new(NULL, struct media_source);
	struct error *e = media_source_read(s, text, len);

	if (!e)
		*ret_verdict = media_verdict_of(ctx, s, fragment_s, false);
	mem_free(s);
	return e;
}

/* Run `argv` and return what it prints. */
static struct error *look(const void *scope, char **argv, const char *path, const char **ret_text, size_t *ret_len)
{
	struct child_spec spec = {
		.argv = (const char *const *)argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .extra_fd = -1};
	struct child_result *r = child_run_sync(scope, &spec, FILE_DEADLINE_MS, OUTPUT_LIMIT);
	const char *why = r->err ? r->err : "";

	if (r->error)
		return error_copy(r->error);
	if (r->code != 0)
		return error_new(ERROR_INVALID, "cannot read %s as a film: %s ended with %d: %.*s", path, argv[0],
				 r->code, (int)strcspn(why, "\n"), why);
	*ret_text = r->out;
	*ret_len = r->out_len;
	return NULL;
}

/* Which key frames are IDR pictures, and whether the first pictures are interlaced: a container tells neither reliably.
 */
static struct error *look_closer(const void *scope, const struct media_programs *programs, const char *url,
				 const char *path, int seconds, struct media_source *s)
{
	int index = media_source_index(s, media_source_picture(s));
	const char *text = NULL;
	size_t len = 0;

	if (index < 0 || !s->streams[index].packets || strcmp(s->streams[index].codec, "h264") != 0)
		return NULL; /* it is encoded anew whatever it looks like inside */
	TRY(look(scope, media_ffmpeg_nal(scope, programs, url, index, seconds), path, &text, &len));
	TRY(media_source_read_nal(s, index, text, len));
	TRY(look(scope, media_ffprobe_frames(scope, programs, url, index), path, &text, &len));
	return media_source_read(s, text, len);
}

struct error *media_probe_file(const void *ctx, const char *ffmpeg, const char *ffprobe, const char *path, int seconds,
			       int fragment_s, struct media_verdict **ret_verdict)
{
	struct media_programs programs = {.ffmpeg = ffmpeg, .ffprobe = ffprobe};
	void *scope = mem_new(NULL, char);
	/* A name such as "-x" or "a:b" must not be read as an option or a protocol. */
	char *url = mem_printf(scope, "file:%s", path);
	struct media_source *s = mem_new(scope, struct media_source);
	const char *text = NULL;
	size_t len = 0;
	struct error *e = look(scope, media_ffprobe_packets(scope, &programs, url, seconds), path, &text, &len);

	if (!e)
		e = media_source_read(s, text, len);
	if (!e)
		e = look_closer(scope, &programs, url, path, seconds, s);
	if (!e)
		*ret_verdict = media_verdict_of(ctx, s, fragment_s, seconds == 0);
	mem_free(scope);
	return e;
}
