/* Argument vectors, word by word. */
#include "media/ffmpeg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

static const struct media_programs programs = {
	.ffmpeg = "ffmpeg", .ffprobe = "ffprobe", .segmenter = "dsn-hls", .relay = "dsn-relay"};

/* Words in brackets where they hold blanks. */
static char *joined(char **argv)
{
	char *text = mem_strdup(argv, "");

	for (size_t i = 0; argv[i]; i++)
		text = mem_printf(argv, strchr(argv[i], ' ') ? "%s%s[%s]" : "%s%s%s", text, i ? " " : "", argv[i]);
	return text;
}

static void expect(char **argv, const char *text)
{
	assert_string_equal(joined(argv), text);
	mem_free(argv);
}

static void urls(void **state)
{
	void *scope = mem_new(NULL, char);

	(void)state;
	assert_string_equal(media_rtmp_url(scope, "192.0.2.1", 1935, "live", "s_720p", NULL),
			    "rtmp://192.0.2.1:1935/live/s_720p");
	assert_string_equal(media_rtmp_url(scope, "2001:db8::1", 2935, "live", "s", "abcdefghijklmnop"),
			    "rtmp://[2001:db8::1]:2935/live/s?key=abcdefghijklmnop");
	mem_free(scope);
}

#define SILENCE "-c:a aac -b:a 128k -ac 2 -ar 48000 -af aresample=async=1:min_hard_comp=0.03:first_pts=0 "
#define ENCODE(rate, keys, bps, buffer)                                                                            \
	"-vf bwdif=mode=send_frame:deint=interlaced," rate                                                         \
	"crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0,format=yuv420p -c:v libx264 -preset veryfast -bf 2 -sc_threshold 0 " \
	"-g 1000 -flags +cgop -force_key_frames " keys " -b:v " bps " -maxrate " bps " -bufsize " buffer           \
	" -enc_time_base:v 1:1000 -fps_mode:v vfr " SILENCE

static void relay(void **state)
{
	struct media_relay r = {.rtmp_port = 2100,
				.job = "j",
				.key = "k1",
				.offset_ms = 10000,
				.fragment_s = 5,
				.progress_url = "pipe:3"};

	(void)state;
	expect(media_relay(NULL, &programs, &r),
	       "dsn-relay --input rtmp://127.0.0.1:2100/ingest/j --progress pipe:3 --fragment 5 --offset 10000 "
	       "--output rtmp://127.0.0.1:2100/live/j?key=k1");
	r.normalise = true;
	r.key = NULL;
	r.offset_ms = 15025;
	r.carried = "0123abcd-00000000-0";
	r.mended = 2;
	r.progress_url = NULL;
	expect(media_relay(NULL, &programs, &r),
	       "dsn-relay --input rtmp://127.0.0.1:2100/ingest/j --fragment 5 --offset 15025 "
	       "--carried 0123abcd-00000000-0 --mended 2 "
	       "--output rtmp://127.0.0.1:2100/clean/j");
}

static void normalise(void **state)
{
	struct media_normalise how = {.bitrate_bps = 50000000, .fragment_s = 5, .live = true};
	char **argv;

	(void)state;
	expect(media_ffmpeg_normalise(NULL, &programs, 2100, "j", "k1", &how, NULL),
	       "ffmpeg -hide_banner -nostdin -nostats -v warning -copyts -analyzeduration 500000 "
	       "-i rtmp://127.0.0.1:2100/clean/j -map 0:v:0 -map 0:a:0? "
	       "-vf bwdif=mode=send_frame:deint=interlaced,crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0,format=yuv420p "
	       "-c:v libx264 -preset veryfast -bf 2 -sc_threshold 0 -g 1000 -flags +cgop -force_key_frames "
	       "expr:if(isnan(prev_forced_t),1,gt(floor(t*2/5+0.001),floor(prev_forced_t*2/5+0.001))) -b:v 50000000 "
	       "-maxrate 50000000 -bufsize 8000000 -enc_time_base:v 1:1000 -fps_mode:v vfr "
	       "-c:a aac -b:a 128k -ac 2 -ar 48000 -af aresample=async=1:min_hard_comp=0.03 "
	       "-flvflags no_duration_filesize -rw_timeout 5000000 -send_buffer_size 65536 "
	       "-f flv rtmp://127.0.0.1:2100/live/j?key=k1");
	how.fps = 60;
	argv = media_ffmpeg_normalise(NULL, &programs, 2100, "j", "k1", &how, NULL);
	assert_non_null(strstr(joined(argv), "deint=interlaced,fps=60,crop="));
	mem_free(argv);
	how.copy_video = true;
	expect(media_ffmpeg_normalise(NULL, &programs, 2100, "j", NULL, &how, NULL),
	       "ffmpeg -hide_banner -nostdin -nostats -v warning -copyts -analyzeduration 500000 "
	       "-i rtmp://127.0.0.1:2100/clean/j -map 0:v:0 -map 0:a:0? -c:v copy "
	       "-c:a aac -b:a 128k -ac 2 -ar 48000 -af aresample=async=1:min_hard_comp=0.03 "
	       "-flvflags no_duration_filesize -rw_timeout 5000000 -send_buffer_size 65536 "
	       "-f flv rtmp://127.0.0.1:2100/live/j");
}

static void offsets(void **state)
{
	(void)state;
	assert_int_equal(media_relay_offset_ms(-1, 5), 10000);
	assert_int_equal(media_relay_offset_ms(-1, 4), 12000);
	assert_int_equal(media_relay_offset_ms(3000, 5), 10000);
	assert_int_equal(media_relay_offset_ms(22120, 5), 25000);
	assert_int_equal(media_relay_offset_ms(25000, 5), 30000);
	assert_int_equal(media_relay_offset_ms(24999, 5), 25000);
}

static void copy(void **state)
{
	struct api_target t = {.ip = "192.0.2.1",
			       .failover_ip = "2001:db8::9",
			       .port = 1935,
			       .failover_port = 1936,
			       .stream = "j_4k",
			       .key = "k2"};

	(void)state;
	expect(media_copy(NULL, &programs, 2100, "j", &t, false, "live", "pipe:3"),
	       "dsn-relay --input rtmp://127.0.0.1:2100/live/j --progress pipe:3 "
	       "--output rtmp://192.0.2.1:1935/live/j_4k?key=k2");
	expect(media_copy(NULL, &programs, 2100, "j", &t, true, "live", NULL),
	       "dsn-relay --input rtmp://127.0.0.1:2100/live/j --output rtmp://[2001:db8::9]:1936/live/j_4k?key=k2");
}

/* What a transcoder has published at home goes to both addresses. */
static void send_on(void **state)
{
	struct api_target t = {.ip = "192.0.2.1",
			       .failover_ip = "192.0.2.2",
			       .port = 1935,
			       .failover_port = 1936,
			       .always = true,
			       .stream = "j_4k",
			       .key = "k2"};

	(void)state;
	expect(media_send(NULL, &programs, 2100, "j", &t, false, "live", "pipe:3"),
	       "dsn-relay --input rtmp://127.0.0.1:2100/clean/j_4k --progress pipe:3 "
	       "--output rtmp://192.0.2.1:1935/live/j_4k?key=k2");
	expect(media_send(NULL, &programs, 2100, "j", &t, true, "live", NULL),
	       "dsn-relay --input rtmp://127.0.0.1:2100/clean/j_4k --output rtmp://192.0.2.2:1936/live/j_4k?key=k2");
}

static void failover_without_one(void **state)
{
	struct api_target t = {.ip = "192.0.2.1", .port = 1935, .stream = "j_4k", .application = "other"};
	char **argv = media_copy(NULL, &programs, 2100, "j", &t, true, "live", NULL);

	(void)state;
	assert_non_null(strstr(joined(argv), "rtmp://192.0.2.1:1935/other/j_4k"));
	mem_free(argv);
	t.application = "j"; /* as 1.00 documents say it */
	argv = media_copy(NULL, &programs, 2100, "j", &t, false, "live", NULL);
	assert_non_null(strstr(joined(argv), "rtmp://192.0.2.1:1935/live/j_4k"));
	mem_free(argv);
}

static void transcode_one(void **state)
{
	struct api_rendition r = {.target = {.ip = "192.0.2.1", .port = 1935, .stream = "j_720p"},
				  .codec = "libx264",
				  .bitrate_bps = 3000000,
				  .size = {1280, 720}};

	(void)state;
	expect(media_ffmpeg_transcode(NULL, &programs, 2100, "j", &r, 1, false, "live", NULL, "pipe:3"),
	       "ffmpeg -hide_banner -nostdin -nostats -v warning -progress pipe:3 -copyts -analyzeduration 500000 "
	       "-i rtmp://127.0.0.1:2100/live/j -filter_complex [0:v:0]scale=1280:720,format=yuv420p[v0] -map [v0] "
	       "-map 0:a:0? -c:v libx264 -preset veryfast -bf 2 -sc_threshold 0 -g 1000 -force_key_frames source "
	       "-b:v 3000000 -maxrate 3000000 -bufsize 6000000 -enc_time_base -1 -fps_mode passthrough -c:a copy "
	       "-flvflags no_duration_filesize -rw_timeout 5000000 -send_buffer_size 65536 "
	       "-f flv rtmp://192.0.2.1:1935/live/j_720p");
}

static void transcode_ladder(void **state)
{
	struct api_rendition r[] = {
		{.target = {.ip = "192.0.2.1", .port = 1935, .stream = "j_a"},
		 .codec = "libx264",
		 .preset = "slow",
		 .bitrate_bps = 1000,
		 .size = {64, 36}},
		{.target = {.ip = "192.0.2.2", .port = 1936, .stream = "j_b"},
		 .codec = "h264_nvenc",
		 .audio_bps = 64000,
		 .bitrate_bps = 2000,
		 .size = {32, 18}},
	};

	(void)state;
	expect(media_ffmpeg_transcode(NULL, &programs, 2100, "j", r, 2, false, "live", "ultrafast", NULL),
	       "ffmpeg -hide_banner -nostdin -nostats -v warning -copyts -analyzeduration 500000 "
	       "-i rtmp://127.0.0.1:2100/live/j -filter_complex [0:v:0]split=2[s0][s1];"
	       "[s0]scale=64:36,format=yuv420p[v0];[s1]scale=32:18,format=yuv420p[v1] "
	       "-map [v0] -map 0:a:0? -c:v libx264 -preset slow -bf 2 -sc_threshold 0 -g 1000 -force_key_frames source "
	       "-b:v 1000 -maxrate 1000 -bufsize 2000 -enc_time_base -1 -fps_mode passthrough -c:a copy "
	       "-flvflags no_duration_filesize -rw_timeout 5000000 -send_buffer_size 65536 "
	       "-f flv rtmp://192.0.2.1:1935/live/j_a "
	       "-map [v1] -map 0:a:0? -c:v h264_nvenc -preset p4 -bf 2 -forced-idr 1 -no-scenecut 1 -g 1000 "
	       "-force_key_frames source -b:v 2000 -maxrate 2000 -bufsize 4000 -enc_time_base -1 -fps_mode passthrough "
	       "-c:a aac -b:a 64000 -flvflags no_duration_filesize -rw_timeout 5000000 -send_buffer_size 65536 "
	       "-f flv rtmp://192.0.2.2:1936/live/j_b");
}

static void transcode_vaapi(void **state)
{
	struct api_rendition r = {.target = {.ip = "192.0.2.1", .port = 1935, .stream = "j_a"},
				  .codec = "h264_vaapi",
				  .bitrate_bps = 1000,
				  .size = {64, 36}};
	char **argv = media_ffmpeg_transcode(NULL, &programs, 2100, "j", &r, 1, false, "live", "slow", NULL);

	(void)state;
	assert_non_null(strstr(joined(argv), " -vaapi_device /dev/dri/renderD128 -analyzeduration"));
	assert_non_null(strstr(joined(argv), "[0:v:0]scale=64:36,format=nv12,hwupload[v0]"));
	assert_null(strstr(joined(argv), "slow"));
	mem_free(argv);
}

static void others(void **state)
{
	(void)state;
	expect(media_segmenter(NULL, &programs, 2100, "j_720p", "/n/data/hls/j_720p", 5, 30, "pipe:3"),
	       "dsn-hls --input rtmp://127.0.0.1:2100/live/j_720p --folder /n/data/hls/j_720p --fragment 5 --window 30 "
	       "--progress pipe:3");
	expect(media_ffprobe_packets(NULL, &programs, "rtmp://127.0.0.1:2100/ingest/j", 8),
	       "ffprobe -v error -read_intervals %+8 -show_entries "
	       "packet=stream_index,pts_time,dts_time,duration_time,size,flags:"
	       "stream=index,codec_name,codec_type,codec_tag_string,profile,pix_fmt,width,height,sample_aspect_ratio,"
	       "field_order,duration:"
	       "stream_disposition=default,attached_pic,timed_thumbnails,still_image,comment,descriptions,karaoke,"
	       "hearing_impaired,visual_impaired:stream_tags=DURATION:"
	       "stream_side_data=rotation,displaymatrix,crop_top,crop_bottom,crop_left,crop_right:"
	       "program=program_id:program_stream=index:format=duration,format_name "
	       "-of json=compact=1 rtmp://127.0.0.1:2100/ingest/j");
	expect(media_ffprobe_frames(NULL, &programs, "file:a.ts", 3),
	       "ffprobe -v error -select_streams 3 -read_intervals %+#48 -show_entries "
	       "frame=stream_index,interlaced_frame "
	       "-of json=compact=1 file:a.ts");
	expect(media_ffmpeg_nal(NULL, &programs, "file:a.ts", 3, 0),
	       "ffmpeg -hide_banner -nostdin -v error -copyts -i file:a.ts -map 0:3 -map 0:3 -c copy "
	       "-bsf:0 filter_units=pass_types=5 -bsf:1 filter_units=pass_types=7 -f framecrc pipe:1");
}

#define PUSH "ffmpeg -hide_banner -nostdin -nostats -v warning -re -fflags +discardcorrupt "
#define TO "-flvflags no_duration_filesize -rw_timeout 15000000 -f flv rtmp://192.0.2.1:1935/ingest/j"

static void push(void **state)
{
	struct media_verdict v = {.fits = true, .video_index = 1, .audio_index = 2, .sar_num = 1, .sar_den = 1};
	struct media_push p = {.film = "my film.mp4", .url = "rtmp://192.0.2.1:1935/ingest/j", .verdict = &v};

	(void)state;
	expect(media_ffmpeg_push(NULL, &programs, &p), PUSH "-i [file:my film.mp4] -map 0:1 -map 0:2 -c copy " TO);
	p.from_ms = 61500;
	expect(media_ffmpeg_push(NULL, &programs, &p),
	       PUSH "-ss 61.500 -i [file:my film.mp4] -map 0:1 -map 0:2 -c copy " TO);
	p.from_ms = 0;
	v.audio_index = -1;
	v.sar_num = 64;
	v.sar_den = 45;
	p.film = NULL; /* a loop */
	expect(media_ffmpeg_push(NULL, &programs, &p),
	       PUSH "-f concat -safe 0 -auto_convert 0 -protocol_whitelist file,pipe -i pipe:0 -map 0:1 -c copy "
		    "-bsf:v h264_metadata=sample_aspect_ratio=64/45 " TO);
	v.fits = false;
	v.audio_index = 0;
	p.how = (struct media_normalise){.bitrate_bps = 1000, .fragment_s = 5, .fps = 60};
	p.film = "-x.mp4";
	expect(media_ffmpeg_push(NULL, &programs, &p), PUSH
	       "-i file:-x.mp4 -map 0:1 -map 0:0 " ENCODE("fps=60,", "expr:gte(t,n_forced*5/2)", "1000", "2000") TO);
	p.how.fps = 0;
	p.how.turn_ms = 7321;
	expect(media_ffmpeg_push(NULL, &programs, &p),
	       PUSH "-i file:-x.mp4 -map 0:1 -map 0:0 " ENCODE(
		       "",
		       "expr:if(isnan(prev_forced_t),1,gt(floor((t+0.0005)/7.321)*1e6+floor(mod(t+0.0005,7.321)/"
		       "2.440333),"
		       "floor((prev_forced_t+0.0005)/7.321)*1e6+floor(mod(prev_forced_t+0.0005,7.321)/2.440333)))",
		       "1000", "2000") TO);
	p.how.copy_video = true;
	expect(media_ffmpeg_push(NULL, &programs, &p), PUSH "-i file:-x.mp4 -map 0:1 -map 0:0 -c:v copy " SILENCE
							    "-bsf:v h264_metadata=sample_aspect_ratio=64/45 " TO);
}

static void keys_in_files(void **state)
{
	char folder[] = "/tmp/dsn-keys-XXXXXX";
	struct api_target targets[] = {
		{.ip = "192.0.2.1", .failover_ip = "192.0.2.2", .port = 1935, .stream = "j_4k", .key = "secret2"},
		{.ip = "192.0.2.3", .port = 1935, .stream = "j"}, /* asks for none */
	};
	struct api_task task = {
		.role = API_DISTRIBUTOR, .job = "j", .key = "secret1", .outputs = targets, .output_count = 2};
	struct media_programs hidden = programs;
	struct media_relay r = {.rtmp_port = 2100, .job = "j", .key = "secret1", .offset_ms = 10000};
	void *scope = mem_new(NULL, char);
	char **argv, *name, *text;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	hidden.keys = folder;
	assert_null(media_keys_write(folder, &task, 2100, "live", (gid_t)-1));
	argv = media_copy(scope, &hidden, 2100, "j", &targets[0], true, "live", NULL);
	assert_null(strstr(joined(argv), "secret"));
	name = mem_printf(scope, " --key-file %s/%s --output rtmp://192.0.2.2:1935/live", folder,
			  media_key_name(scope, "192.0.2.2", 1935, "live", "j_4k"));
	assert_non_null(strstr(joined(argv), name));
	name = file_join(scope, folder, media_key_name(scope, "192.0.2.2", 1935, "live", "j_4k"));
	assert_null(file_read(scope, name, 1000, &text, NULL));
	assert_string_equal(text, "rtmp_playpath=j_4k?key=secret2\n");
	assert_true(stat(name, &st) == 0 && (st.st_mode & 0777) == 0600);
	argv = media_relay(scope, &hidden, &r);
	assert_null(strstr(joined(argv), "secret"));
	assert_true(file_exists(file_join(scope, folder, media_key_name(scope, "127.0.0.1", 2100, "clean", "j"))));
	name = file_join(scope, folder, media_key_name(scope, "127.0.0.1", 2100, "live", "j"));
	assert_true(file_exists(name));
	argv = media_copy(scope, &hidden, 2100, "j", &targets[1], false, "live", NULL);
	assert_non_null(strstr(joined(argv), "rtmp://192.0.2.3:1935/live/j"));
	assert_null(media_keys_remove(folder, &task, 2100, "live"));
	assert_false(file_exists(name));
	assert_int_equal(rmdir(folder), 0); /* nothing is left */
	mem_free(scope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(relay),
		cmocka_unit_test(normalise),
		cmocka_unit_test(offsets),
		cmocka_unit_test(copy),
		cmocka_unit_test(send_on),
		cmocka_unit_test(failover_without_one),
		cmocka_unit_test(transcode_one),
		cmocka_unit_test(transcode_ladder),
		cmocka_unit_test(transcode_vaapi),
		cmocka_unit_test(others),
		cmocka_unit_test(push),
		cmocka_unit_test(keys_in_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
