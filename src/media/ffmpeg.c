#include "media/ffmpeg.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "media/args.h"
#include "media/normalise.h"

#define DEFAULT_PRESET "veryfast"

static char *application_url(const void *ctx, const char *host, int port, const char *application)
{
	bool v6 = strchr(host, ':') != NULL;

	return mem_printf(ctx, "rtmp://%s%s%s:%d/%s", v6 ? "[" : "", host, v6 ? "]" : "", port, application);
}

char *media_rtmp_url(const void *ctx, const char *host, int port, const char *application, const char *stream,
		     const char *key)
{
	char *base = application_url(NULL, host, port, application);
	char *url = mem_printf(ctx, "%s/%s%s%s", base, stream, key ? "?key=" : "", key ? key : "");

	mem_free(base);
	return url;
}

int64_t media_relay_offset_ms(int64_t last_ms, int fragment_s)
{
	int64_t fragment_ms = fragment_s * INT64_C(1000);
	int64_t least_ms = last_ms < 0 ? MEDIA_OFFSET_MS : last_ms + 1;

	if (least_ms < MEDIA_OFFSET_MS)
		least_ms = MEDIA_OFFSET_MS;
	return (least_ms + fragment_ms - 1) / fragment_ms * fragment_ms;
}

static void start(struct args *a, const char *ffmpeg, const char *progress_url)
{
	args_add(a, ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-v", "warning");
	if (progress_url)
		args_add(a, "-progress", progress_url);
}

/* A live input: half a second is enough to see all codecs, so that a chain of hops starts soon; nginx sends nothing
 * before the first key frame (wait_video), so the picture is among them. No time limit: the program is started first
 * and waits for its stream. */
static void input(struct args *a, int rtmp_port, const char *application, const char *stream)
{
	args_add(a, "-analyzeduration", "500000", "-i");
	args_own(a, media_rtmp_url(a->v, "127.0.0.1", rtmp_port, application, stream, NULL));
}

/* A stalled receiver ends the program: small buffers, and five seconds without progress. */
static void output(struct args *a, const struct media_programs *p, const char *host, int port, const char *application,
		   const char *stream, const char *key)
{
	args_add(a, "-flvflags", "no_duration_filesize", "-rw_timeout", "5000000", "-send_buffer_size", "65536");
	if (key && p->keys) {
		args_add(a, "-fpre");
		args_own(a, file_join(a->v, p->keys, media_key_name(a->v, host, port, application, stream)));
		args_add(a, "-f", "flv");
		args_own(a, application_url(a->v, host, port, application));
		return;
	}
	args_add(a, "-f", "flv");
	args_own(a, media_rtmp_url(a->v, host, port, application, stream, key));
}

const char *media_application(const struct api_target *t, const char *job, const char *default_application)
{
	return t->application && strcmp(t->application, job) != 0 ? t->application : default_application;
}

static int target_port(const struct api_target *t, bool failover)
{
	return failover && t->failover_port ? t->failover_port : t->port;
}

static void output_target(struct args *a, const struct media_programs *p, const char *job, const struct api_target *t,
			  bool use_failover, const char *default_application)
{
	bool failover = use_failover && t->failover_ip;

	output(a, p, failover ? t->failover_ip : t->ip, target_port(t, failover),
	       media_application(t, job, default_application), t->stream, t->key);
}

/* dsn-relay from a stream of this node to a server. */
static void relay(struct args *a, const struct media_programs *p, int rtmp_port, const char *application,
		  const char *stream, const char *progress_url)
{
	args_add(a, p->relay, "--input");
	args_own(a, media_rtmp_url(a->v, "127.0.0.1", rtmp_port, application, stream, NULL));
	if (progress_url)
		args_add(a, "--progress", progress_url);
}

static void relay_to(struct args *a, const struct media_programs *p, const char *host, int port,
		     const char *application, const char *stream, const char *key)
{
	if (key && p->keys) {
		args_add(a, "--key-file");
		args_own(a, file_join(a->v, p->keys, media_key_name(a->v, host, port, application, stream)));
		args_add(a, "--output");
		args_own(a, application_url(a->v, host, port, application));
		return;
	}
	args_add(a, "--output");
	args_own(a, media_rtmp_url(a->v, host, port, application, stream, key));
}

char **media_relay(const void *ctx, const struct media_programs *p, const struct media_relay *r)
{
	struct args *a = args_new(ctx);

	relay(a, p, r->rtmp_port, MEDIA_INGEST, r->job, r->progress_url);
	args_add(a, "--fragment");
	args_printf(a, "%d", r->fragment_s);
	args_add(a, "--offset");
	args_printf(a, "%" PRId64, r->offset_ms);
	if (r->carried && *r->carried)
		args_add(a, "--carried", r->carried);
	if (r->mended) {
		args_add(a, "--mended");
		args_printf(a, "%d", r->mended);
	}
	relay_to(a, p, "127.0.0.1", r->rtmp_port, r->normalise ? MEDIA_CLEAN : MEDIA_LIVE, r->job, r->key);
	return args_done(a, ctx);
}

char **media_ffmpeg_normalise(const void *ctx, const struct media_programs *p, int rtmp_port, const char *job,
			      const char *key, const struct media_normalise *how, const char *progress_url)
{
	struct args *a = args_new(ctx);

	start(a, p->ffmpeg, progress_url);
	args_add(a, "-copyts");
	input(a, rtmp_port, MEDIA_CLEAN, job);
	media_normalise_args(a, how, -1, -1);
	output(a, p, "127.0.0.1", rtmp_port, MEDIA_LIVE, job, key);
	return args_done(a, ctx);
}

/* From where relay() was told. */
static char **to_target(struct args *a, const void *ctx, const struct media_programs *p, const char *job,
			const struct api_target *target, bool use_failover, const char *default_application)
{
	bool failover = use_failover && target->failover_ip;

	relay_to(a, p, failover ? target->failover_ip : target->ip, target_port(target, failover),
		 media_application(target, job, default_application), target->stream, target->key);
	return args_done(a, ctx);
}

char **media_copy(const void *ctx, const struct media_programs *p, int rtmp_port, const char *job,
		  const struct api_target *target, bool use_failover, const char *default_application,
		  const char *progress_url)
{
	struct args *a = args_new(ctx);

	relay(a, p, rtmp_port, MEDIA_LIVE, job, progress_url);
	return to_target(a, ctx, p, job, target, use_failover, default_application);
}

char **media_send(const void *ctx, const struct media_programs *p, int rtmp_port, const char *job,
		  const struct api_target *target, bool use_failover, const char *default_application,
		  const char *progress_url)
{
	struct args *a = args_new(ctx);

	relay(a, p, rtmp_port, MEDIA_CLEAN, target->stream, progress_url);
	return to_target(a, ctx, p, job, target, use_failover, default_application);
}

/* What an encoder of the grammar's narrow table needs beside the common options. */
struct encoder {
	const char *codec;
	const char *filter;     /* appended to the scaler */
	const char *device[3];  /* before the input */
	bool presets;           /* takes x264's presets */
	const char *options[9]; /* forced key frames must be IDR frames, B-frames like the source's */
};

static const struct encoder encoders[] = {
	{.codec = "libx264",
	 .filter = ",format=yuv420p",
	 .presets = true,
	 .options = {"-bf", "2", "-sc_threshold", "0"}},
	{.codec = "h264_nvenc",
	 .filter = ",format=yuv420p",
	 .options = {"-preset", "p4", "-bf", "2", "-forced-idr", "1", "-no-scenecut", "1"}},
	{.codec = "h264_vaapi",
	 .filter = ",format=nv12,hwupload",
	 .device = {"-vaapi_device", "/dev/dri/renderD128"},
	 .options = {"-bf", "2"}},
	{.codec = "h264_qsv",
	 .filter = ",format=nv12",
	 .options = {"-preset", "medium", "-bf", "2", "-forced_idr", "1"}},
};

static const struct encoder *find_encoder(const char *codec)
{
	for (size_t i = 0; i < sizeof(encoders) / sizeof(encoders[0]); i++)
		if (strcmp(encoders[i].codec, codec) == 0)
			return &encoders[i];
	assert(!"codec passed api_check_codec()");
	return NULL;
}

static const char *graph(const void *ctx, const struct api_rendition *renditions, size_t count)
{
	char *text;

	if (count == 1)
		return mem_printf(ctx, "[0:v:0]scale=%d:%d%s[v0]", renditions[0].size.width, renditions[0].size.height,
				  find_encoder(renditions[0].codec)->filter);
	text = mem_printf(ctx, "[0:v:0]split=%zu", count);
	for (size_t i = 0; i < count; i++)
		text = mem_printf(ctx, "%s[s%zu]", text, i);
	for (size_t i = 0; i < count; i++)
		text = mem_printf(ctx, "%s;[s%zu]scale=%d:%d%s[v%zu]", text, i, renditions[i].size.width,
				  renditions[i].size.height, find_encoder(renditions[i].codec)->filter, i);
	return text;
}

static void encode(struct args *a, const struct api_rendition *r, size_t i, const char *default_preset)
{
	const struct encoder *e = find_encoder(r->codec);

	args_add(a, "-map");
	args_printf(a, "[v%zu]", i);
	args_add(a, "-map", "0:a:0?", "-c:v", r->codec);
	if (e->presets)
		args_add(a, "-preset", r->preset ? r->preset : default_preset ? default_preset : DEFAULT_PRESET);
	for (const char *const *o = e->options; *o; o++)
		args_add(a, *o);
	args_add(a, "-g", "1000", "-force_key_frames", "source", "-b:v");
	args_printf(a, "%" PRId64, r->bitrate_bps);
	args_add(a, "-maxrate");
	args_printf(a, "%" PRId64, r->bitrate_bps);
	args_add(a, "-bufsize");
	args_printf(a, "%" PRId64, r->bitrate_bps * 2);
	/* Every frame keeps its own time stamp, to the millisecond, at 29.97 fps too. */
	args_add(a, "-enc_time_base", "-1", "-fps_mode", "passthrough");
	if (r->audio_bps) {
		args_add(a, "-c:a", "aac", "-b:a");
		args_printf(a, "%" PRId64, r->audio_bps);
	} else {
		args_add(a, "-c:a", "copy");
	}
}

char **media_ffmpeg_transcode(const void *ctx, const struct media_programs *p, int rtmp_port, const char *job,
			      const struct api_rendition *renditions, size_t count, bool use_failover,
			      const char *default_application, const char *default_preset, const char *progress_url)
{
	struct args *a = args_new(ctx);
	const struct encoder *e = NULL;

	start(a, p->ffmpeg, progress_url);
	args_add(a, "-copyts");
	for (size_t i = 0; i < count && !(e && e->device[0]); i++)
		e = find_encoder(renditions[i].codec);
	for (const char *const *o = e ? e->device : NULL; o && *o; o++)
		args_add(a, *o);
	input(a, rtmp_port, MEDIA_LIVE, job);
	args_add(a, "-filter_complex", graph(a->v, renditions, count));
	for (size_t i = 0; i < count; i++) {
		encode(a, &renditions[i], i, default_preset);
		output_target(a, p, job, &renditions[i].target, use_failover, default_application);
	}
	return args_done(a, ctx);
}

char **media_segmenter(const void *ctx, const struct media_programs *p, int rtmp_port, const char *stream,
		       const char *folder, int fragment_s, int window_s, const char *progress_url)
{
	struct args *a = args_new(ctx);

	args_add(a, p->segmenter, "--input");
	args_own(a, media_rtmp_url(a->v, "127.0.0.1", rtmp_port, MEDIA_LIVE, stream, NULL));
	args_add(a, "--folder", folder, "--fragment");
	args_printf(a, "%d", fragment_s);
	args_add(a, "--window");
	args_printf(a, "%d", window_s);
	if (progress_url)
		args_add(a, "--progress", progress_url);
	return args_done(a, ctx);
}

char **media_ffmpeg_push(const void *ctx, const struct media_programs *p, const struct media_push *push)
{
	const struct media_verdict *v = push->verdict;
	bool shaped = v->sar_num != v->sar_den && v->sar_num <= UINT16_MAX && v->sar_den <= UINT16_MAX;
	struct args *a = args_new(ctx);

	start(a, p->ffmpeg, push->progress_url);
	/* What a film that was cut off has of its last frame is no frame. */
	args_add(a, "-re", "-fflags", "+discardcorrupt");
	if (push->how.jump_ms) {
		args_add(a, "-dts_delta_threshold");
		args_printf(a, "%.3f", (double)push->how.jump_ms * 0.9 / 1000);
	}
	if (push->film) {
		if (push->from_ms) {
			args_add(a, "-ss");
			args_printf(a, "%.3f", (double)push->from_ms / 1000);
		}
		args_add(a, "-i");
		/* A name such as "-x" or "a:b" must not be read as an option or a protocol. */
		args_printf(a, "file:%s", push->film);
	} else {
		args_add(a, "-f", "concat", "-safe", "0", "-auto_convert", "0", "-protocol_whitelist", "file,pipe",
			 "-i", "pipe:0");
	}
	if (v->fits) {
		media_map_args(a, v->video_index, v->audio_index);
		args_add(a, "-c", "copy");
	} else {
		media_normalise_args(a, &push->how, v->video_index, v->audio_index);
	}
	/* FLV has no place for the shape of a pixel: what only the film's container knew is written into the stream. */
	if (shaped && (v->fits || push->how.copy_video)) {
		args_add(a, "-bsf:v");
		args_printf(a, "h264_metadata=sample_aspect_ratio=%d/%d", v->sar_num, v->sar_den);
	}
	args_add(a, "-flvflags", "no_duration_filesize", "-rw_timeout", "15000000", "-f", "flv", push->url);
	return args_done(a, ctx);
}
