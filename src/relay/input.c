#include "relay/input.h"

#include <libavformat/avformat.h>

#include "base/mem.h"

#define FILE_HEAD 9 /* "FLV", version, flags, length of this head */
#define TAG_HEAD 11
#define TAG_TAIL 4 /* the tag's length again */

struct input {
	AVIOContext *io;
	const volatile sig_atomic_t *stop;
	struct tag tag;
	size_t capacity;
};

static int interrupted(void *arg)
{
	const struct input *in = arg;

	return *in->stop != 0;
}

static int destroy(struct input *in)
{
	avio_closep(&in->io);
	return 0;
}

static struct error *broken(int code)
{
	char text[AV_ERROR_MAX_STRING_SIZE];

	return error_new(ERROR_UNAVAILABLE, "cannot read the stream: %s",
			 av_make_error_string(text, sizeof(text), code));
}

/* All of it, or nothing at the stream's end. */
static int read_all(struct input *in, uint8_t *data, size_t len)
{
	int n = avio_read(in->io, data, (int)len);

	if (*in->stop)
		return AVERROR_EXIT;
	if (n < 0)
		return n;
	return (size_t)n == len ? 0 : AVERROR_EOF;
}

struct error *input_open(const void *ctx, const char *url, const volatile sig_atomic_t *stop, struct input **ret_input)
{
	struct input *in = mem_new(ctx, struct input);
	AVIOInterruptCB interrupt = {interrupted, in};
	uint8_t head[FILE_HEAD + TAG_TAIL];
	int code;

	in->stop = stop;
	talloc_set_destructor(in, destroy);
	code = avio_open2(&in->io, url, AVIO_FLAG_READ, &interrupt, NULL);
	if (code >= 0)
		code = read_all(in, head, sizeof(head));
	if (code >= 0) {
		*ret_input = in;
		return NULL;
	}
	mem_free(in);
	*ret_input = NULL;
	return *stop || code == AVERROR_EXIT || code == AVERROR_EOF ? NULL : broken(code);
}

static uint32_t be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* A tag is under 16 MiB by its format. */
static void reserve(struct input *in, size_t len)
{
	if (len <= in->capacity)
		return;
	mem_free(in->tag.data);
	in->capacity = len + len / 2;
	in->tag.data = mem_array(in, uint8_t, in->capacity);
}

struct error *input_read(struct input *in, struct tag **ret_tag)
{
	uint8_t head[TAG_HEAD], tail[TAG_TAIL];
	int code = read_all(in, head, sizeof(head));

	*ret_tag = NULL;
	if (code == 0) {
		in->tag.type = head[0] & 31;
		in->tag.len = be24(head + 1);
		in->tag.stamp_ms = (uint32_t)head[7] << 24 | be24(head + 4);
		reserve(in, in->tag.len);
		code = in->tag.len ? read_all(in, in->tag.data, in->tag.len) : 0;
	}
	if (code == 0)
		code = read_all(in, tail, sizeof(tail));
	if (code == 0)
		*ret_tag = &in->tag;
	return code == 0 || code == AVERROR_EOF || code == AVERROR_EXIT ? NULL : broken(code);
}
