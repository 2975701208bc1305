#include "media/normalise.h"

#include <inttypes.h>
#include <math.h>

#include "base/mem.h"

#define DEFAULT_BPS 4000000

/* Frames that say so are deinterlaced; an odd row or column is left out rather than the whole picture resampled to an
 * odd shape of pixels; ffmpeg has turned (and, where it knows how, cropped) the picture before. An encoder keeps to the
 * first picture's size: where a source turns to another, the picture is fitted in. */
static void add_filter(struct args *a, const struct media_normalise *how)
{
	char *rate = how->fps ? mem_printf(a, "fps=%d,", how->fps) : mem_strdup(a, "");
	char *size = mem_strdup(a, "");

	if (how->width > 0 && how->height > 0)
		size = mem_printf(
			a,
			"scale=%d:%d:force_original_aspect_ratio=decrease:force_divisible_by=2,pad=%d:%d:(ow-iw)/2:(oh-ih)/2,",
			how->width, how->height, how->width, how->height);
	args_add(a, "-vf");
	args_printf(a, "bwdif=mode=send_frame:deint=interlaced,%scrop=trunc(iw/2)*2:trunc(ih/2)*2:0:0,%sformat=yuv420p",
		    rate, size);
}

/* Twice a fragment. In a loop counted from the turn's begin, so that each begins with one, and spread evenly over it,
 * so that they stay regular: a key frame is due when the number of intervals before this frame is greater than it was
 * at the key frame before. */
static void add_keys(struct args *a, const struct media_normalise *how)
{
	double turn_s = (double)how->turn_ms / 1000, half_s = (double)how->fragment_s / 2, step_s;

	args_add(a, "-sc_threshold", "0", "-g", "1000", "-flags", "+cgop", "-force_key_frames");
	if (how->live) {
		args_printf(a,
			    "expr:if(isnan(prev_forced_t),1,gt(floor(t*2/%d+0.001),floor(prev_forced_t*2/%d+0.001)))",
			    how->fragment_s, how->fragment_s);
		return;
	}
	if (!how->turn_ms) {
		args_printf(a, "expr:gte(t,n_forced*%d/2)", how->fragment_s);
		return;
	}
	step_s = turn_s / ceil(turn_s / half_s);
	args_printf(
		a,
		"expr:if(isnan(prev_forced_t),1,gt(floor((t+0.0005)/%.3f)*1e6+floor(mod(t+0.0005,%.3f)/%.6f),floor((prev_forced_t+0.0005)/%.3f)*1e6+floor(mod(prev_forced_t+0.0005,%.3f)/%.6f)))",
		turn_s, turn_s, step_s, turn_s, turn_s, step_s);
}

void media_normalise_args(struct args *a, const struct media_normalise *how, int video_index, int audio_index)
{
	int64_t bps = how->bitrate_bps > 0 ? how->bitrate_bps : DEFAULT_BPS;
	int64_t buffer_bits = bps * 2 < 8000000 ? bps * 2 : 8000000; /* under 1 MiB, and so is any frame */

	media_map_args(a, video_index, audio_index);
	if (how->copy_video) {
		args_add(a, "-c:v", "copy");
	} else {
		add_filter(a, how);
		args_add(a, "-c:v", "libx264", "-preset", "veryfast", "-bf", "2");
		add_keys(a, how);
		args_add(a, "-b:v");
		args_printf(a, "%" PRId64, bps);
		args_add(a, "-maxrate");
		args_printf(a, "%" PRId64, bps);
		args_add(a, "-bufsize");
		args_printf(a, "%" PRId64, buffer_bits);
		/* Every frame keeps its own time stamp, to FLV's millisecond. */
		args_add(a, "-enc_time_base:v", "1:1000", "-fps_mode:v", "vfr");
	}
	/* Silence where there is no sound yet or no more: a stream without holes. */
	args_add(a, "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000", "-af");
	args_printf(a, "aresample=async=1:min_hard_comp=0.03%s", how->live ? "" : ":first_pts=0");
}

void media_map_args(struct args *a, int video_index, int audio_index)
{
	args_add(a, "-map");
	if (video_index >= 0)
		args_printf(a, "0:%d", video_index);
	else
		args_add(a, "0:v:0");
	if (audio_index < 0 && video_index >= 0)
		return;
	args_add(a, "-map");
	if (audio_index >= 0)
		args_printf(a, "0:%d", audio_index);
	else
		args_add(a, "0:a:0?");
}
