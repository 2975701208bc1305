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

static const struct media_programs programs = {.ffmpeg = "ffmpeg", .ffprobe = "ffprobe", .segmenter = "dsn-hls"};

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

static void relay(void **state)
{
	struct media_relay r = {.rtmp_port = 2100,
				.job = "j",
				.key = "k1",
				.offset_ms = 10000,
				.fragment_s = 5,
				.progress_url = "pipe:3"};

	(void)state;
	expect(media_ffmpeg_relay(NULL, &programs, &r),
	       "ffmpeg -hide_banner -nostdin -nostats -v warning -progress pipe:3 -analyzeduration 500000 "
	       "-i rtmp://127.0.0.1:2100/ingest/j -map 0:v:0 -map 0:a:0? -c copy -output_ts_offset 10.000 "
	       "-flvflags no_duration_filesize -rw_timeout 5000000 -send_buffer_size 65536 "
	       "-f flv rtmp://127.0.0.1:2100/live/j?key=k1");
	r.normalise = true;
	r.key = NULL;
	r.offset_ms = 15025;
	r.bitrate_bps = 50000000;
	r.progress_url = NULL;
	expect(media_ffmpeg_relay(NULL, &programs, &r),
	       "ffmpeg -hide_banner -nostdin -nostats -v warning -analyzeduration 500000 "
	       "-i rtmp://127.0.0.1:2100/ingest/j -map 0:v:0 -map 0:a:0? -c:v libx264 -preset veryfast -bf 2 "
	       "-pix_fmt yuv420p -sc_threshold 0 -g 1000 -force_key_frames expr:gte(t,n_forced*5/2) -b:v 50000000 "
	       "-maxrate 50000000 -bufsize 8000000 -c:a aac -b:a 128k -ac 2 -ar 48000 -output_ts_offset 15.025 "
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
	expect(media_ffmpeg_copy(NULL, &programs, 2100, "j", &t, false, "live", "pipe:3"),
	       "ffmpeg -hide_banner -nostdin -nostats -v warning -progress pipe:3 -copyts -analyzeduration 500000 "
	       "-i rtmp://127.0.0.1:2100/live/j -map 0:v:0 -map 0:a:0? -c copy -flvflags no_duration_filesize "
	       "-rw_timeout 5000000 "
	       "-send_buffer_size 65536 -f flv rtmp://192.0.2.1:1935/live/j_4k?key=k2");
	expect(media_ffmpeg_copy(NULL, &programs, 2100, "j", &t, true, "live", NULL),
	       "ffmpeg -hide_banner -nostdin -nostats -v warning -copyts -analyzeduration 500000 "
	       "-i rtmp://127.0.0.1:2100/live/j -map 0:v:0 -map 0:a:0? -c copy -flvflags no_duration_filesize "
	       "-rw_timeout 5000000 "
	       "-send_buffer_size 65536 -f flv rtmp://[2001:db8::9]:1936/live/j_4k?key=k2");
}

static void failover_without_one(void **state)
{
	struct api_target t = {.ip = "192.0.2.1", .port = 1935, .stream = "j_4k", .application = "other"};
	char **argv = media_ffmpeg_copy(NULL, &programs, 2100, "j", &t, true, "live", NULL);

	(void)state;
	assert_non_null(strstr(joined(argv), "rtmp://192.0.2.1:1935/other/j_4k"));
	mem_free(argv);
	t.application = "j"; /* as 1.00 documents say it */
	argv = media_ffmpeg_copy(NULL, &programs, 2100, "j", &t, false, "live", NULL);
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
	expect(media_ffmpeg_push(NULL, &programs, "my film.mp4", "rtmp://192.0.2.1:1935/ingest/j", false, 0, 5, NULL),
	       "ffmpeg -hide_banner -nostdin -nostats -v warning -re -i [file:my film.mp4] -map 0:v:0 -map 0:a:0? "
	       "-c copy -flvflags no_duration_filesize -rw_timeout 15000000 -f flv rtmp://192.0.2.1:1935/ingest/j");
	expect(media_ffprobe_packets(NULL, &programs, "rtmp://127.0.0.1:2100/ingest/j", 8),
	       "ffprobe -v error -read_intervals %+8 -show_entries "
	       "packet=stream_index,pts_time,size,flags:stream=index,codec_name,codec_type,width,height "
	       "-of csv=nk=0 rtmp://127.0.0.1:2100/ingest/j");
}

static void keys_in_files(void **state)
{
	char folder[] = "/tmp/dsn-keys-XXXXXX";
	struct api_target targets[] = {
		{.ip = "192.0.2.1", .failover_ip = "192.0.2.2", .port = 1935, .stream = "j_4k", .key = "secret2"},
		{.ip = "192.0.2.3", .port = 1935, .stream = "j"}, /* asks for none */
	};
	struct api_task task = {.job = "j", .key = "secret1", .outputs = targets, .output_count = 2};
	struct media_programs hidden = programs;
	struct media_relay r = {.rtmp_port = 2100, .job = "j", .key = "secret1", .offset_ms = 10000};
	void *scope = mem_new(NULL, char);
	char **argv, *name, *text;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	hidden.keys = folder;
	assert_null(media_keys_write(folder, &task, 2100, "live", (gid_t)-1));
	argv = media_ffmpeg_copy(scope, &hidden, 2100, "j", &targets[0], true, "live", NULL);
	assert_null(strstr(joined(argv), "secret"));
	name = mem_printf(scope, " -fpre %s/%s -f flv rtmp://192.0.2.2:1935/live", folder,
			  media_key_name(scope, "192.0.2.2", 1935, "live", "j_4k"));
	assert_non_null(strstr(joined(argv), name));
	name = file_join(scope, folder, media_key_name(scope, "192.0.2.2", 1935, "live", "j_4k"));
	assert_null(file_read(scope, name, 1000, &text, NULL));
	assert_string_equal(text, "rtmp_playpath=j_4k?key=secret2\n");
	assert_true(stat(name, &st) == 0 && (st.st_mode & 0777) == 0600);
	argv = media_ffmpeg_relay(scope, &hidden, &r);
	assert_null(strstr(joined(argv), "secret"));
	name = file_join(scope, folder, media_key_name(scope, "127.0.0.1", 2100, "live", "j"));
	assert_true(file_exists(name));
	argv = media_ffmpeg_copy(scope, &hidden, 2100, "j", &targets[1], false, "live", NULL);
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
		cmocka_unit_test(offsets),
		cmocka_unit_test(copy),
		cmocka_unit_test(failover_without_one),
		cmocka_unit_test(transcode_one),
		cmocka_unit_test(transcode_ladder),
		cmocka_unit_test(transcode_vaapi),
		cmocka_unit_test(others),
		cmocka_unit_test(keys_in_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
