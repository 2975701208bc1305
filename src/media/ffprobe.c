/* Looking at a source: what ffprobe and ffmpeg are asked. Answers are read by name, see source.c. */
#include "media/args.h"
#include "media/ffmpeg.h"

/* For interlacing: a film that begins with a still picture in another manner than the rest is none that exists. */
#define LOOK_FRAMES "48"

static void first_seconds(struct args *a, int seconds)
{
	if (!seconds)
		return;
	args_add(a, "-read_intervals");
	args_printf(a, "%%+%d", seconds);
}

static const char entries[] =
	"packet=stream_index,pts_time,dts_time,duration_time,size,flags:stream=index,codec_name,codec_type,codec_tag_string,profile,pix_fmt,width,height,sample_aspect_ratio,field_order,duration:stream_disposition=default,attached_pic,timed_thumbnails,still_image,comment,descriptions,karaoke,hearing_impaired,visual_impaired:stream_tags=DURATION:"
	"stream_side_data=rotation,displaymatrix,crop_top,crop_bottom,crop_left,crop_right:program=program_id:program_stream=index:format=duration,format_name";

char **media_ffprobe_packets(const void *ctx, const struct media_programs *p, const char *url, int seconds)
{
	struct args *a = args_new(ctx);

	args_add(a, p->ffprobe, "-v", "error");
	first_seconds(a, seconds);
	args_add(a, "-show_entries", entries, "-of", "json=compact=1", url);
	return args_done(a, ctx);
}

static const char first_frames[] = "%+#" LOOK_FRAMES;

char **media_ffprobe_frames(const void *ctx, const struct media_programs *p, const char *url, int index)
{
	struct args *a = args_new(ctx);

	args_add(a, p->ffprobe, "-v", "error", "-select_streams");
	args_printf(a, "%d", index);
	args_add(a, "-read_intervals", first_frames, "-show_entries", "frame=stream_index,interlaced_frame", "-of",
		 "json=compact=1", url);
	return args_done(a, ctx);
}

/* NAL units of type 5 are an IDR picture's slices, those of type 7 sequence parameter sets (ITU-T H.264, table 7-1); a
 * packet without one is dropped. Nothing is decoded. */
char **media_ffmpeg_nal(const void *ctx, const struct media_programs *p, const char *url, int index, int seconds)
{
	struct args *a = args_new(ctx);

	args_add(a, p->ffmpeg, "-hide_banner", "-nostdin", "-v", "error", "-copyts");
	if (seconds) {
		args_add(a, "-t");
		args_printf(a, "%d", seconds);
	}
	args_add(a, "-i", url, "-map");
	args_printf(a, "0:%d", index);
	args_add(a, "-map");
	args_printf(a, "0:%d", index);
	args_add(a, "-c", "copy", "-bsf:0", "filter_units=pass_types=5", "-bsf:1", "filter_units=pass_types=7", "-f",
		 "framecrc", "pipe:1");
	return args_done(a, ctx);
}
