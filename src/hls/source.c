#include "hls/source.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hls/clock.h"

/* No encoder reorders pictures over a longer time: such a presentation time is damage. */
#define MAX_REORDER_MS 10000
/* So many reads in a row that the demuxer cannot make sense of are passed over. */
#define MAX_DAMAGED 100

struct source {
	AVFormatContext *input;
	struct h264_config *config;
	AVPacket *packet;
	const volatile sig_atomic_t *stop;
	int video, audio; /* stream numbers; audio -1: none */
	unsigned video_version, audio_version;
	bool audio_carried; /* its present settings fit */
	bool audio_refused; /* said so already */
	struct hls_stamp stamps[2];
};

static int interrupted(void *arg)
{
	const struct source *s = arg;

	return *s->stop != 0;
}

static int destroy(struct source *s)
{
	av_packet_free(&s->packet);
	avformat_close_input(&s->input);
	return 0;
}

static const char *reason(int code)
{
	static char text[AV_ERROR_MAX_STRING_SIZE];

	return av_make_error_string(text, sizeof(text), code);
}

/* Half a second of the stream is enough to see its codecs; what was read for it is not lost. */
static int connect_and_probe(struct source *s, const char *url)
{
	int code;

	s->input = avformat_alloc_context();
	if (!s->input)
		return AVERROR(ENOMEM);
	s->input->interrupt_callback = (AVIOInterruptCB){interrupted, s};
	s->input->max_analyze_duration = 500000;
	s->input->correct_ts_overflow = 0; /* clock.h does */
	code = avformat_open_input(&s->input, url, NULL, NULL);
	if (code >= 0)
		code = avformat_find_stream_info(s->input, NULL);
	return code < 0 ? code : 0;
}

/* MPEG-TS carries AAC with ADTS headers; settings that these cannot tell would end the muxer. */
static bool fits_adts(const AVCodecParameters *audio)
{
	AVFormatContext *trial = NULL;
	AVStream *stream;
	uint8_t *bytes = NULL;
	int code = avformat_alloc_output_context2(&trial, NULL, "adts", NULL);

	if (code < 0)
		return false;
	stream = avformat_new_stream(trial, NULL);
	code = stream ? avcodec_parameters_copy(stream->codecpar, audio) : AVERROR(ENOMEM);
	if (stream)
		stream->codecpar->codec_tag = 0;
	if (code >= 0)
		code = avio_open_dyn_buf(&trial->pb);
	if (code >= 0) {
		code = avformat_write_header(trial, NULL);
		avio_close_dyn_buf(trial->pb, &bytes);
		av_free(bytes);
	}
	avformat_free_context(trial);
	return code >= 0;
}

static bool can_carry(const AVCodecParameters *audio)
{
	if (audio->codec_id == AV_CODEC_ID_AAC)
		return audio->extradata_size > 0 && audio->sample_rate > 0 && fits_adts(audio);
	return audio->codec_id == AV_CODEC_ID_MP3 && audio->sample_rate > 0;
}

/* Audio may show up, or change its codec, while the stream runs. */
static void look_for_audio(struct source *s)
{
	for (unsigned i = 0; i < s->input->nb_streams; i++) {
		const AVCodecParameters *par = s->input->streams[i]->codecpar;

		if (par->codec_type != AVMEDIA_TYPE_AUDIO)
			continue;
		if (can_carry(par)) {
			s->audio = (int)i;
			s->audio_version++;
			s->audio_carried = true;
			return;
		}
		if (!s->audio_refused && par->codec_id != AV_CODEC_ID_NONE && par->codec_id != AV_CODEC_ID_AAC) {
			log_warn("hls.audio", "codec=%s left out, HLS carries aac and mp3",
				 avcodec_get_name(par->codec_id));
			s->audio_refused = true;
		}
	}
}

static struct error *choose_streams(struct source *s)
{
	const AVCodecParameters *par;

	s->video = av_find_best_stream(s->input, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
	if (s->video < 0)
		return error_new(ERROR_INVALID, "the stream has no video");
	par = s->input->streams[s->video]->codecpar;
	if (par->codec_id != AV_CODEC_ID_H264)
		return error_new(ERROR_INVALID, "the stream's video is %s, HLS here stores h264",
				 avcodec_get_name(par->codec_id));
	if (par->extradata_size == 0)
		return error_new(ERROR_INVALID, "the stream's video has no H.264 settings (AVC header)");
	TRY(h264_config_read(s, par->extradata, (size_t)par->extradata_size, &s->config));
	s->video_version = 1;
	look_for_audio(s);
	return NULL;
}

struct error *source_open(const void *ctx, const char *url, const volatile sig_atomic_t *stop,
			  struct source **ret_source)
{
	struct source *s = mem_new(ctx, struct source);
	struct error *e = NULL;
	int code;

	s->stop = stop;
	s->audio = -1;
	talloc_set_destructor(s, destroy);
	code = connect_and_probe(s, url);
	s->packet = av_packet_alloc();
	if (*stop || code == AVERROR_EXIT) {
		mem_free(s);
		*ret_source = NULL;
		return NULL;
	}
	if (code)
		e = error_new(ERROR_UNAVAILABLE, "cannot read the stream: %s", reason(code));
	if (!e && !s->packet)
		e = error_new(ERROR_LIMIT, "out of memory for packets");
	if (!e)
		e = choose_streams(s);
	if (e)
		mem_free(s);
	else
		*ret_source = s;
	return e;
}

/* The demuxer reports repeated codec headers too; only a changed one is a change. */
static bool new_settings(AVCodecParameters *par, const AVPacket *packet)
{
	size_t size = 0;
	const uint8_t *data = av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &size);
	uint8_t *copy;

	if (!data || !size || size > 1 << 20)
		return false;
	if ((size_t)par->extradata_size == size && memcmp(par->extradata, data, size) == 0)
		return false;
	copy = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!copy)
		return false;
	memcpy(copy, data, size);
	av_freep(&par->extradata);
	par->extradata = copy;
	par->extradata_size = (int)size;
	return true;
}

static void new_video(struct source *s, const AVCodecParameters *par)
{
	struct h264_config *config = NULL;
	struct error *e = h264_config_read(s, par->extradata, (size_t)par->extradata_size, &config);

	if (e) {
		log_warn("hls.settings", "error=%s the earlier ones stay", log_q(e->message));
		error_free(e);
		return;
	}
	mem_free(s->config);
	s->config = config;
	s->video_version++;
}

static void new_audio(struct source *s, const AVCodecParameters *par)
{
	s->audio_version++;
	s->audio_carried = can_carry(par);
	if (!s->audio_carried)
		log_warn("hls.audio", "codec=%s left out, its settings do not fit MPEG-TS",
			 avcodec_get_name(par->codec_id));
}

static void look_at_picture(const struct source *s, struct hls_frame *f)
{
	const AVPacket *p = f->packet;
	struct h264_picture picture = h264_picture_look(s->config, p->data, (size_t)p->size);
	int64_t reorder_ms = f->pts_ms - f->dts_ms;

	f->damaged = !picture.whole || reorder_ms > MAX_REORDER_MS || reorder_ms < -MAX_REORDER_MS;
	f->key = picture.idr;
	f->has_sets = picture.has_sets;
	f->profile = picture.sequence_set ? picture.sequence_set + 1 : s->config->profile;
}

static bool take_packet(struct source *s, struct hls_frame *ret)
{
	AVPacket *p = s->packet;
	AVStream *stream = s->input->streams[p->stream_index];
	bool video = p->stream_index == s->video;
	int64_t dts = p->dts != AV_NOPTS_VALUE ? p->dts : p->pts;
	int64_t pts = p->pts != AV_NOPTS_VALUE ? p->pts : p->dts;

	if (!video && s->audio < 0)
		look_for_audio(s);
	if ((!video && p->stream_index != s->audio) || dts == AV_NOPTS_VALUE || p->size == 0)
		return false;
	if (new_settings(stream->codecpar, p)) {
		if (video)
			new_video(s, stream->codecpar);
		else
			new_audio(s, stream->codecpar);
	}
	if (!video && !s->audio_carried)
		return false;
	dts = av_rescale_q(dts, stream->time_base, (AVRational){1, 1000});
	pts = av_rescale_q(pts, stream->time_base, (AVRational){1, 1000});
	*ret = (struct hls_frame){.packet = p, .video = video};
	ret->dts_ms = hls_stamp_unwrap(&s->stamps[video], dts);
	ret->pts_ms = ret->dts_ms + (pts - dts);
	ret->duration_ms = av_rescale_q(p->duration, stream->time_base, (AVRational){1, 1000});
	ret->codec_version = video ? s->video_version : s->audio_version;
	if (video)
		look_at_picture(s, ret);
	return true;
}

struct error *source_read(struct source *s, enum source_event *ret_event, struct hls_frame *ret_frame)
{
	for (int damaged = 0;;) {
		int code;

		av_packet_unref(s->packet);
		code = av_read_frame(s->input, s->packet);
		if (*s->stop || code == AVERROR_EXIT) {
			*ret_event = SOURCE_STOPPED;
			return NULL;
		}
		if (code == AVERROR_EOF) {
			*ret_event = SOURCE_END;
			return NULL;
		}
		if (code == AVERROR_INVALIDDATA && ++damaged < MAX_DAMAGED)
			continue;
		if (code < 0)
			return error_new(ERROR_UNAVAILABLE, "the connection broke: %s", reason(code));
		if (take_packet(s, ret_frame)) {
			*ret_event = SOURCE_FRAME;
			return NULL;
		}
	}
}

const AVCodecParameters *source_video(const struct source *s)
{
	return s->input->streams[s->video]->codecpar;
}

const AVCodecParameters *source_audio(const struct source *s)
{
	return s->audio < 0 || !s->audio_carried ? NULL : s->input->streams[s->audio]->codecpar;
}

const struct h264_config *source_config(const struct source *s)
{
	return s->config;
}

unsigned source_video_version(const struct source *s)
{
	return s->video_version;
}

unsigned source_audio_version(const struct source *s)
{
	return s->audio_carried ? s->audio_version : 0;
}
