#include "hls/describe.h"

#include <libavcodec/avcodec.h>
#include <stdlib.h>

#include "base/mem.h"

/* Object types of MPEG-4 audio, ISO/IEC 14496-3 table 1.17. */
enum { AAC_LC = 2, AAC_SBR = 5, AAC_PS = 29, AAC_ESCAPE = 31, MP3_IN_MP4 = 34 };

static void parse(AVCodecParserContext *parser, AVCodecContext *codec, const uint8_t *data, int len,
		  struct api_size *ret_size)
{
	uint8_t *out = NULL;
	int out_len = 0;

	parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
	av_parser_parse2(parser, codec, &out, &out_len, data, len, AV_NOPTS_VALUE, AV_NOPTS_VALUE, 0);
	if (parser->width > 0 && parser->height > 0)
		*ret_size = (struct api_size){parser->width, parser->height};
}

void describe_picture(const struct source *source, const struct hls_frame *f, struct api_size *ret_size)
{
	const struct h264_config *config = source_config(source);
	size_t len = (size_t)f->packet->size;
	AVCodecParserContext *parser = av_parser_init(AV_CODEC_ID_H264);
	AVCodecContext *codec = avcodec_alloc_context3(NULL);
	uint8_t *annexb = av_mallocz(h264_annexb_room(config, len) + AV_INPUT_BUFFER_PADDING_SIZE);

	if (parser && codec && annexb) {
		codec->codec_id = AV_CODEC_ID_H264;
		len = h264_annexb(config, f->packet->data, len, !f->has_sets, annexb);
		parse(parser, codec, annexb, (int)len, ret_size);
	}
	av_free(annexb);
	avcodec_free_context(&codec);
	av_parser_close(parser);
}

char *describe_video_codec(const void *ctx, const struct hls_frame *f)
{
	return mem_printf(ctx, "avc1.%02x%02x%02x", f->profile[0], f->profile[1], f->profile[2]);
}

char *describe_audio_codec(const void *ctx, const AVCodecParameters *audio)
{
	int type;

	if (audio->codec_id == AV_CODEC_ID_MP3)
		return mem_printf(ctx, "mp4a.40.%d", MP3_IN_MP4);
	/* AudioSpecificConfig, 1.6.2.1: the first 5 bits, or 6 more behind 31. */
	type = audio->extradata_size > 0 ? audio->extradata[0] >> 3 : AAC_LC;
	if (type == AAC_ESCAPE && audio->extradata_size > 1)
		type = 32 + ((audio->extradata[0] & 7) << 3 | audio->extradata[1] >> 5);
	if (audio->profile == FF_PROFILE_AAC_HE)
		type = AAC_SBR;
	if (audio->profile == FF_PROFILE_AAC_HE_V2)
		type = AAC_PS;
	return mem_printf(ctx, "mp4a.40.%d", type);
}

int64_t describe_rate_mhz(int64_t measured_mhz)
{
	int64_t whole_mhz = (measured_mhz + 500) / 1000 * 1000, ntsc_mhz = (whole_mhz * 1000 + 500) / 1001;
	int64_t nearest_mhz = llabs(measured_mhz - ntsc_mhz) < llabs(measured_mhz - whole_mhz) ? ntsc_mhz : whole_mhz;

	return llabs(measured_mhz - nearest_mhz) * 200 <= nearest_mhz ? nearest_mhz : measured_mhz;
}
