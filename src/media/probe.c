#include "media/probe.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/mem.h"
#include "media/ffmpeg.h"

#define MAX_STREAMS 32
#define MAX_LINE 1024
#define FRAME_LIMIT_BYTES (INT64_C(1) << 20)
/* Two hours of packets are about 30 MB of text. */
#define OUTPUT_LIMIT (512u << 20)
#define FILE_DEADLINE_MS (15 * 60 * INT64_C(1000))

struct stream {
	char type[16], codec[32];
	int width, height;
	int64_t packets, bytes, max_frame_bytes;
	bool timed;
	int64_t first_ms, last_ms; /* pts, smallest and largest */
	int64_t keys, last_key_ms;
	int64_t max_key_ms, min_key_ms; /* intervals between key frames */
};

struct cells {
	const char *index, *pts, *size, *flags, *type, *codec, *width, *height;
};

/* "section,key=value,key=value": cells point into `line`, which is cut up. */
static void split(char *line, struct cells *c)
{
	const struct {
		const char *key;
		const char **cell;
	} known[] = {
		{"stream_index", &c->index}, {"index", &c->index}, {"pts_time", &c->pts},
		{"size", &c->size},          {"flags", &c->flags}, {"codec_type", &c->type},
		{"codec_name", &c->codec},   {"width", &c->width}, {"height", &c->height},
	};
	char *rest = line, *cell;

	while ((cell = strsep(&rest, ","))) {
		char *value = strchr(cell, '=');

		if (!value)
			continue;
		*value++ = '\0';
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcmp(cell, known[i].key) == 0)
				*known[i].cell = value;
	}
}

static int64_t decimal(const char *text)
{
	long long value = text ? strtoll(text, NULL, 10) : 0;

	return value < 0 || value > INT32_MAX ? 0 : value;
}

static void copy(char *to, size_t size, const char *from)
{
	size_t n = from ? strnlen(from, size - 1) : 0;

	memcpy(to, from ? from : "", n);
	to[n] = '\0';
}

static void add_key(struct stream *s, int64_t pts_ms, int64_t since_ms)
{
	int64_t interval_ms = pts_ms - since_ms;

	if (s->keys++ == 0) {
		/* What stands before the first key frame cannot be decoded: an interval as long at least. */
		s->max_key_ms = interval_ms;
	} else {
		if (interval_ms > s->max_key_ms)
			s->max_key_ms = interval_ms;
		if (s->keys == 2 || interval_ms < s->min_key_ms)
			s->min_key_ms = interval_ms;
	}
	s->last_key_ms = pts_ms;
}

static void add_packet(struct stream *s, const struct cells *c)
{
	int64_t size = decimal(c->size);
	double pts = c->pts ? strtod(c->pts, NULL) : NAN;

	s->packets++;
	s->bytes += size;
	if (size > s->max_frame_bytes)
		s->max_frame_bytes = size;
	if (!c->pts || strcmp(c->pts, "N/A") == 0 || !(fabs(pts) < 1e9))
		return;
	int64_t pts_ms = (int64_t)(pts * 1000 + (pts < 0 ? -0.5 : 0.5));
	if (!s->timed || pts_ms < s->first_ms)
		s->first_ms = pts_ms;
	if (!s->timed || pts_ms > s->last_ms)
		s->last_ms = pts_ms;
	s->timed = true;
	if (c->flags && c->flags[0] == 'K')
		add_key(s, pts_ms, s->keys ? s->last_key_ms : s->first_ms);
}

static struct error *read_line(char *line, int number, struct stream *streams)
{
	bool packet = strncmp(line, "packet,", 7) == 0, stream = strncmp(line, "stream,", 7) == 0;
	struct cells c = {0};
	struct stream *s;
	int64_t index;

	if (!packet && !stream)
		return NULL; /* programs, side data */
	split(line, &c);
	if (!c.index || !c.index[0] || strspn(c.index, "0123456789") != strlen(c.index))
		return error_new(ERROR_INVALID, "ffprobe's output, line %d: there is no stream index", number);
	index = strtoll(c.index, NULL, 10);
	if (index >= MAX_STREAMS)
		return error_new(ERROR_LIMIT, "the source has more than %d streams", MAX_STREAMS);
	s = &streams[index];
	if (packet) {
		add_packet(s, &c);
		return NULL;
	}
	copy(s->type, sizeof(s->type), c.type);
	copy(s->codec, sizeof(s->codec), c.codec);
	s->width = (int)decimal(c.width);
	s->height = (int)decimal(c.height);
	return NULL;
}

static struct error *read_all(const char *text, size_t len, struct stream *streams)
{
	const char *at = text, *end = text + len;

	for (int number = 1; at < end; number++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline ? newline : end) - at);
		char line[MAX_LINE];

		if (n >= sizeof(line))
			return error_new(ERROR_INVALID, "ffprobe's output, line %d is longer than %d bytes", number,
					 MAX_LINE);
		memcpy(line, at, n);
		line[n] = '\0';
		TRY(read_line(line, number, streams));
		at += n + 1;
		if (!newline)
			break;
	}
	return NULL;
}

static const struct stream *first_of(const struct stream *streams, const char *type)
{
	for (int i = 0; i < MAX_STREAMS; i++)
		if (strcmp(streams[i].type, type) == 0)
			return &streams[i];
	return NULL;
}

/* Why HLS cannot store it, or NULL. */
static char *find_fault(const struct media_verdict *v, const struct stream *video, int fragment_s)
{
	int64_t fragment_ms = fragment_s * INT64_C(1000);

	if (!video || !video->packets)
		return mem_strdup(v, "the source has no video");
	if (strcmp(v->video_codec, "h264") != 0)
		return mem_printf(v, "video is %s, HLS here stores h264", v->video_codec);
	if (v->audio_codec[0] && strcmp(v->audio_codec, "aac") != 0)
		return mem_printf(v, "audio is %s, HLS here stores aac", v->audio_codec);
	if (v->max_frame_bytes >= FRAME_LIMIT_BYTES)
		return mem_printf(v, "a frame has %" PRId64 " bytes, the limit is %" PRId64, v->max_frame_bytes,
				  FRAME_LIMIT_BYTES);
	if (!video->timed || !video->keys)
		return mem_printf(v, "no key frame in %" PRId64 " ms", v->duration_ms);
	if (v->max_key_interval_ms > fragment_ms)
		return mem_printf(v, "key frames are up to %" PRId64 " ms apart, the limit is a fragment of %d ms",
				  v->max_key_interval_ms, (int)fragment_ms);
	if (v->min_key_interval_ms <= 0 && video->keys > 1)
		return mem_strdup(v, "time stamps of key frames do not rise");
	if ((v->max_key_interval_ms - v->min_key_interval_ms) * 10 > v->max_key_interval_ms)
		return mem_printf(v, "key frames are irregular: %" PRId64 " to %" PRId64 " ms apart, 10 %% may differ",
				  v->min_key_interval_ms, v->max_key_interval_ms);
	return NULL;
}

static void measure(struct media_verdict *v, const struct stream *video, const struct stream *audio)
{
	int64_t bytes = (video ? video->bytes : 0) + (audio ? audio->bytes : 0);
	int64_t tail_ms;

	v->video_codec = mem_strdup(v, video ? video->codec : "");
	v->audio_codec = mem_strdup(v, audio ? audio->codec : "");
	if (!video)
		return;
	v->width = video->width;
	v->height = video->height;
	v->max_frame_bytes = video->max_frame_bytes;
	v->duration_ms = video->last_ms - video->first_ms;
	if (video->packets > 1) /* the last frame lasts too */
		v->duration_ms += v->duration_ms / (video->packets - 1);
	if (v->duration_ms > 0)
		v->bitrate_bps = (int64_t)((double)bytes * 8000 / (double)v->duration_ms);
	/* The cut-off interval at the end counts when it is the longest already. */
	tail_ms = video->keys ? video->last_ms - video->last_key_ms : v->duration_ms;
	v->max_key_interval_ms = video->max_key_ms > tail_ms ? video->max_key_ms : tail_ms;
	v->min_key_interval_ms = video->keys > 1 ? video->min_key_ms : v->max_key_interval_ms;
}

struct error *media_probe_judge(const void *ctx, const char *text, size_t len, int fragment_s,
				struct media_verdict **ret_verdict)
{
	struct stream *streams = mem_array(NULL, struct stream, MAX_STREAMS);
	struct error *e = read_all(text, len, streams);

	if (!e) {
		const struct stream *video = first_of(streams, "video"), *audio = first_of(streams, "audio");
		struct media_verdict *v = mem_new(ctx, struct media_verdict);

		measure(v, video, audio);
		v->reason = find_fault(v, video, fragment_s);
		v->fits = !v->reason;
		*ret_verdict = v;
	}
	mem_free(streams);
	return e;
}

struct error *media_probe_file(const void *ctx, const char *ffprobe, const char *path, int seconds, int fragment_s,
			       struct media_verdict **ret_verdict)
{
	struct media_programs programs = {.ffprobe = ffprobe};
	void *scope = mem_new(NULL, char);
	/* A name such as "-x" or "a:b" must not be read as an option or a protocol. */
	char *url = mem_printf(scope, "file:%s", path);
	char **argv = media_ffprobe_packets(scope, &programs, url, seconds);
	struct child_spec spec = {
		.argv = (const char *const *)argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .extra_fd = -1};
	struct child_result *r = child_run_sync(scope, &spec, FILE_DEADLINE_MS, OUTPUT_LIMIT);
	struct error *e;

	if (r->error) {
		e = error_copy(r->error);
	} else if (r->code != 0) {
		const char *why = r->err ? r->err : "";

		e = error_new(ERROR_INVALID, "cannot read %s as a film: ffprobe ended with %d: %.*s", path, r->code,
			      (int)strcspn(why, "\n"), why);
	} else {
		e = media_probe_judge(ctx, r->out, r->out_len, fragment_s, ret_verdict);
	}
	mem_free(scope);
	return e;
}
