/* For tests in Python: prints what the media room builds, argument vectors as JSON arrays, texts as they are.
 * Usage: media_argv [--keys FOLDER] WHAT ARGUMENT...; the table at the end lists them. "-" is "none". */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "media/ffmpeg.h"
#include "media/hls.h"
#include "media/nginx.h"
#include "media/probe.h"
#include "media/progress.h"
#include "media/stat.h"

#define READ_LIMIT (64u << 20)

static struct media_programs programs = {
	.ffmpeg = "ffmpeg", .ffprobe = "ffprobe", .segmenter = "dsn-hls", .relay = "dsn-relay"};

static char *some(char *arg)
{
	return strcmp(arg, "-") == 0 ? NULL : arg;
}

static void print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(value);
}

static void print_argv(char **argv)
{
	json_t *array = json_array();

	for (; *argv; argv++)
		json_array_append_new(array, json_string(*argv));
	print_json(array);
}

static enum api_role role_of(const char *word)
{
	return word[0] == 'd' ? API_DISTRIBUTOR : word[0] == 't' ? API_TRANSCODER : API_STORAGE;
}

static struct error *folders(void *scope, char **a)
{
	(void)scope;
	return media_nginx_folders(a[0], BENEATH_KEEP);
}

static struct error *conf(void *scope, char **a)
{
	struct media_nginx_node n = {.role = role_of(a[0]),
				     .path = a[1],
				     .module_path = a[2],
				     .rtmp_port = atoi(a[3]),
				     .http_port = atoi(a[4]),
				     .control_port = atoi(a[5]),
				     .agent_socket = a[6],
				     .node_id = some(a[7]),
				     .listen_ip = "127.0.0.1"};

	fputs(media_nginx_managed(scope, &n), stdout);
	return NULL;
}

static struct error *classic(void *scope, char **a)
{
	struct media_nginx_node n = {
		.path = a[1], .module_path = a[2], .rtmp_port = atoi(a[3]), .listen_ip = "127.0.0.1"};
	char *text = NULL;

	if (strcmp(a[0], "conf") == 0)
		text = media_nginx_classic_conf(scope);
	else if (strcmp(a[0], "mime") == 0)
		text = media_nginx_classic_mime(scope);
	else if (strcmp(a[0], "site") == 0)
		text = media_nginx_classic_site(scope, atoi(a[4]));
	else
		TRY(file_read(scope, a[0], READ_LIMIT, &text, NULL));
	fputs(media_nginx_classic_derived(scope, &n, text), stdout);
	return NULL;
}

static struct error *nginx(void *scope, char **a)
{
	print_argv(media_nginx_argv(scope, "nginx", a[0], a[1], some(a[2]), a[3][0] == 't'));
	return NULL;
}

static struct error *relay(void *scope, char **a)
{
	struct media_relay r = {.rtmp_port = atoi(a[0]),
				.job = a[1],
				.key = some(a[2]),
				.offset_ms = atoll(a[3]),
				.normalise = a[4][0] == 'n',
				.fragment_s = atoi(a[5]),
				.progress_url = some(a[6])};

	print_argv(media_relay(scope, &programs, &r));
	return NULL;
}

static struct error *normalise(void *scope, char **a)
{
	struct media_normalise how = {.bitrate_bps = 500000, .fragment_s = atoi(a[3]), .live = true};

	print_argv(media_ffmpeg_normalise(scope, &programs, atoi(a[0]), a[1], some(a[2]), &how, some(a[4])));
	return NULL;
}

static struct api_target target_of(char *port, char *stream, char *key)
{
	return (struct api_target){.ip = "127.0.0.1", .port = atoi(port), .stream = stream, .key = some(key)};
}

static struct error *copy(void *scope, char **a)
{
	struct api_target t = target_of(a[2], a[3], a[4]);

	print_argv(media_copy(scope, &programs, atoi(a[0]), a[1], &t, false, MEDIA_LIVE, some(a[5])));
	return NULL;
}

/* port job progress target-port, then width height bit-rate stream key for each rendition */
static struct error *transcode(void *scope, char **a)
{
	struct api_rendition renditions[8] = {0};
	size_t count = 0;

	for (char **r = a + 4; *r && count < 8; r += 5) {
		renditions[count++] = (struct api_rendition){.target = target_of(a[3], r[3], r[4]),
							     .codec = "libx264",
							     .bitrate_bps = atoll(r[2]),
							     .size = {atoi(r[0]), atoi(r[1])}};
	}
	print_argv(media_ffmpeg_transcode(scope, &programs, atoi(a[0]), a[1], renditions, count, false, MEDIA_LIVE,
					  "ultrafast", some(a[2])));
	return NULL;
}

static struct error *segmenter(void *scope, char **a)
{
	print_argv(media_segmenter(scope, &programs, atoi(a[0]), a[1], a[2], atoi(a[3]), atoi(a[4]), some(a[5])));
	return NULL;
}

static struct error *push(void *scope, char **a)
{
	struct media_verdict v = {.fits = a[2][0] != 'n', .video_index = -1, .audio_index = -1};
	struct media_push how = {
		.film = a[0], .url = a[1], .verdict = &v, .how = {.bitrate_bps = 500000, .fragment_s = 4}};

	print_argv(media_ffmpeg_push(scope, &programs, &how));
	return NULL;
}

static struct error *packets(void *scope, char **a)
{
	print_argv(media_ffprobe_packets(scope, &programs, a[0], atoi(a[1])));
	return NULL;
}

static struct error *judge(void *scope, char **a)
{
	struct media_verdict *v;
	json_t *o = json_object();

	TRY(media_probe_file(scope, "ffmpeg", "ffprobe", a[0], 0, atoi(a[1]), &v));
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {
		{"video_index", v->video_index},
		{"audio_index", v->audio_index},
		{"width", v->width},
		{"height", v->height},
		{"sar_num", v->sar_num},
		{"sar_den", v->sar_den},
		{"rotation", v->rotation_deg},
		{"frames", v->frames},
		{"keys", v->keys},
		{"open_keys", v->open_keys},
		{"duration_ms", v->duration_ms},
		{"missing_ms", media_verdict_missing_ms(v)},
		{"turn_ms", v->turn_ms},
		{"audio_start_ms", v->audio_start_ms},
		{"bitrate_bps", v->bitrate_bps},
		{"max_key_ms", v->max_key_interval_ms},
		{"fps", v->how.fps},
		{"min_key_ms", v->min_key_interval_ms},
	};
	json_object_set_new(o, "fits", json_boolean(v->fits));
	json_object_set_new(o, "refused", json_boolean(v->refused));
	json_object_set_new(o, "interlaced", json_boolean(v->interlaced));
	json_object_set_new(o, "copy_video", json_boolean(v->how.copy_video));
	json_put(o, "reason", v->reason ? v->reason : "");
	json_put(o, "video", v->video_codec);
	json_put(o, "audio", v->audio_codec);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(o, numbers[i].key, json_integer(numbers[i].value));
	print_json(o);
	return NULL;
}

static struct error *status(void *scope, char **a)
{
	struct media_stream *streams;
	json_t *array = json_array();
	size_t count, len;
	char *xml;

	TRY(file_read(scope, a[0], READ_LIMIT, &xml, &len));
	TRY(media_stat_parse(scope, xml, len, &streams, &count));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array,
				      json_pack("{s:s,s:s,s:b,s:I,s:i}", "application", streams[i].application, "name",
						streams[i].name, "publishing", streams[i].publishing, "bytes_in",
						(json_int_t)streams[i].bytes_in, "clients", streams[i].clients));
	print_json(array);
	return NULL;
}

static struct error *progress(void *scope, char **a)
{
	struct media_progress p;

	(void)scope;
	TRY(media_progress_read(a[0], (size_t)atoll(a[1]), &p));
	print_json(json_pack("{s:I,s:I,s:f,s:f,s:I,s:I,s:b}", "frames", (json_int_t)p.frames, "out_time_ms",
			     (json_int_t)p.out_time_ms, "fps", p.fps, "speed", p.speed, "bitrate_bps",
			     (json_int_t)p.bitrate_bps, "total_bytes", (json_int_t)p.total_bytes, "ended", p.ended));
	return NULL;
}

static struct error *offset(void *scope, char **a)
{
	(void)scope;
	printf("%lld\n", (long long)media_relay_offset_ms(atoll(a[0]), atoi(a[1])));
	return NULL;
}

static struct error *finish(void *scope, char **a)
{
	(void)scope;
	return hls_finish(a[0], ".", BENEATH_KEEP);
}

/* folder rtmp-port job relay-key target-port stream key */
static struct error *keys(void *scope, char **a)
{
	struct api_target t = target_of(a[4], a[5], a[6]);
	struct api_task task = {
		.role = API_DISTRIBUTOR, .job = a[2], .key = some(a[3]), .outputs = &t, .output_count = 1};

	(void)scope;
	return media_keys_write(a[0], &task, atoi(a[1]), MEDIA_LIVE, (gid_t)-1);
}

static const struct {
	const char *name;
	int least;
	struct error *(*run)(void *scope, char **args);
} rows[] = {
	{"folders", 1, folders},     {"conf", 8, conf},       {"classic", 5, classic},     {"nginx", 4, nginx},
	{"relay", 7, relay},         {"copy", 6, copy},       {"transcode", 9, transcode}, {"segmenter", 6, segmenter},
	{"push", 3, push},           {"packets", 2, packets}, {"judge", 2, judge},         {"status", 1, status},
	{"progress", 2, progress},   {"finish", 1, finish},   {"offset", 2, offset},       {"keys", 7, keys},
	{"normalise", 5, normalise},
};

int main(int argc, char **argv)
{
	void *scope;
	struct error *e = NULL;

	mem_init();
	if (argc > 3 && strcmp(argv[1], "--keys") == 0) {
		programs.keys = argv[2];
		argv += 2;
		argc -= 2;
	}
	scope = mem_new(NULL, char);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (argc < 2 || strcmp(argv[1], rows[i].name) != 0 || argc - 2 < rows[i].least)
			continue;
		e = rows[i].run(scope, argv + 2);
		if (e)
			fprintf(stderr, "%s\n", e->message);
		argc = e ? error_exit_code(e) : 0;
		error_free(e);
		mem_free(scope);
		return argc;
	}
	fprintf(stderr, "media_argv: no such thing, or arguments are missing\n");
	mem_free(scope);
	return 2;
}
