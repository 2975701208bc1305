#include "relay/output.h"

#include <libavformat/avformat.h>

#include "base/mem.h"

#define TAG_HEAD 11
/* In microseconds, as libavformat wants it. */
#define STALL_US "5000000"
#define SEND_BUFFER "65536"

struct output {
	AVIOContext *io;
	const char *url;
	const volatile sig_atomic_t *stop; /* NULL: published, its tail is to be sent */
};

static int interrupted(void *arg)
{
	const struct output *out = arg;

	return out->stop && *out->stop != 0;
}

static int destroy(struct output *out)
{
	avio_closep(&out->io);
	return 0;
}

static struct error *failure(const struct output *out, int code)
{
	char text[AV_ERROR_MAX_STRING_SIZE];

	return error_new(ERROR_UNAVAILABLE, "cannot publish to %s: %s", out->url,
			 av_make_error_string(text, sizeof(text), code));
}

static struct error *flush(struct output *out)
{
	avio_flush(out->io);
	return out->io->error < 0 ? failure(out, out->io->error) : NULL;
}

static int publish(struct output *out, const char *playpath)
{
	AVIOInterruptCB interrupt = {interrupted, out};
	AVDictionary *options = NULL;
	int code = av_dict_set(&options, "rw_timeout", STALL_US, 0);

	if (code >= 0)
		code = av_dict_set(&options, "send_buffer_size", SEND_BUFFER, 0);
	if (code >= 0 && playpath)
		code = av_dict_set(&options, "rtmp_playpath", playpath, 0);
	if (code >= 0)
		code = avio_open2(&out->io, out->url, AVIO_FLAG_WRITE, &interrupt, &options);
	av_dict_free(&options);
	return code;
}

struct error *output_open(const void *ctx, const char *url, const char *playpath, const volatile sig_atomic_t *stop,
			  struct output **ret_output)
{
	static const uint8_t head[] = {'F', 'L', 'V', 1, 5, 0, 0, 0, 9, 0, 0, 0, 0};
	struct output *out = mem_new(ctx, struct output);
	struct error *e = NULL;
	int code;

	out->url = mem_strdup(out, url);
	out->stop = stop;
	talloc_set_destructor(out, destroy);
	code = publish(out, playpath);
	out->stop = NULL;
	if (code < 0) {
		e = failure(out, code);
	} else {
		avio_write(out->io, head, sizeof(head));
		e = flush(out);
	}
	if (e)
		mem_free(out);
	else
		*ret_output = out;
	return e;
}

struct error *output_write(struct output *out, const struct tag *t, uint32_t stamp_ms)
{
	avio_w8(out->io, t->type);
	avio_wb24(out->io, (unsigned)t->len);
	avio_wb24(out->io, stamp_ms & 0xffffff);
	avio_w8(out->io, (int)(stamp_ms >> 24));
	avio_wb24(out->io, 0);
	avio_write(out->io, t->data, (int)t->len);
	avio_wb32(out->io, (unsigned)(t->len + TAG_HEAD));
	return flush(out);
}
