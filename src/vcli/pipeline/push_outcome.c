/* vcli pipeline push, after ffmpeg has ended: its exit code alone is not the truth. */
#include <string.h>

#include "base/mem.h"
#include "vcli/pipeline/push.h"

int64_t push_sent_ms(const struct push *p)
{
	return p->from_ms + p->last.out_time_ms;
}

/* Less than this may be missing: time stamps of the end are estimates. */
static int64_t tolerance_ms(int64_t whole_ms)
{
	return whole_ms / 50 > 1000 ? whole_ms / 50 : 1000;
}

/* ffmpeg ends with a summary of no use; what went wrong first is the cause of the rest. `needle`: the first line with
 * it, NULL: the first at all; "" when there is none. */
static const char *line_with(const void *ctx, const char *text, const char *needle)
{
	while (text && *text) {
		size_t n = strcspn(text, "\r\n");
		const char *line = mem_printf(ctx, "%.*s", (int)n, text);

		if (n && (!needle || strstr(line, needle)))
			return line;
		text += n + strspn(text + n, "\r\n");
	}
	return "";
}

/* ffmpeg names the address when the connection is at fault; of a decoder's or an encoder's fault the server knows
 * nothing. */
static struct error *nothing_sent(const struct push *p)
{
	const struct user_job *j = p->job;
	const char *server = line_with(p->v, p->complaints, j->url), *first = line_with(p->v, p->complaints, NULL);

	if (!server[0])
		server = line_with(p->v, p->complaints, "rtmp");
	if (server[0])
		return error_new(
			ERROR_FAILED,
			"%s/%s takes nothing: is job %s started, nobody else publishing, and its key the present one? ffmpeg says: %s",
			j->url, j->name, j->name, server);
	return error_new(ERROR_FAILED, "%s: ffmpeg cannot %s it: %s", p->film, p->verdict->fits ? "send" : "normalise",
			 first[0] ? first : "it says nothing");
}

/* All that was there was sent; was it all that should be there? */
static struct error *whole(const struct push *p)
{
	const struct media_verdict *v = p->verdict;
	int64_t missing_ms = media_verdict_missing_ms(v);

	if (missing_ms)
		return error_new(ERROR_FAILED, "%s is cut off: it promises %s and has %s; that was sent", p->film,
				 push_clock(p->v, v->promised_ms), push_clock(p->v, v->duration_ms));
	if (p->duration_ms && push_sent_ms(p) + tolerance_ms(p->duration_ms) < p->duration_ms)
		return error_new(ERROR_FAILED, "only %s of %s could be sent of %s; ffmpeg says: %s",
				 push_clock(p->v, push_sent_ms(p)), push_clock(p->v, p->duration_ms), p->film,
				 line_with(p->v, p->complaints, NULL));
	return NULL;
}

struct error *push_outcome(const struct push *p)
{
	if (p->stopped)
		return NULL;
	if (p->end.known && p->end.code == 0 && p->end.signal == 0 && p->last.frames > 0)
		return whole(p);
	if (p->end.signal)
		return error_new(ERROR_FAILED, "ffmpeg was ended by signal %d after %lld frames", p->end.signal,
				 (long long)p->last.frames);
	if (p->last.frames == 0)
		return nothing_sent(p);
	return error_new(ERROR_FAILED, "the stream broke after %lld frames; ffmpeg says: %s", (long long)p->last.frames,
			 line_with(p->v, p->complaints, NULL));
}
