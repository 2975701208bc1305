/* dsn-hls: stores one RTMP stream as HLS segments. Started by the agent for each rendition of a storage. */
#include <fcntl.h>
#include <inttypes.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "hls/report.h"
#include "hls/segmenter.h"
#include "hls/source.h"

struct settings {
	char *input;
	char *folder;
	int64_t fragment;
	int64_t window;
	char *progress;
	char *log_level;
	char *log_target;
};

static struct error *check_level(const char *text)
{
	enum log_level level;

	return log_parse_level(text, &level);
}

#define AT(field) offsetof(struct settings, field)
static const struct config_row rows[] = {
	{.name = "input",
	 .type = CONFIG_STRING,
	 .offset = AT(input),
	 .arg = "URL",
	 .help = "stream to store, rtmp://..."},
	{.name = "folder",
	 .type = CONFIG_STRING,
	 .offset = AT(folder),
	 .arg = "DIR",
	 .help = "where segments and index.m3u8 go; made when missing"},
	{.name = "fragment",
	 .type = CONFIG_INT,
	 .offset = AT(fragment),
	 .value = "5",
	 .min = 1,
	 .max = 60,
	 .arg = "SECONDS",
	 .help = "length of a segment; it is cut at the first IDR picture of each multiple"},
	{.name = "window",
	 .type = CONFIG_INT,
	 .offset = AT(window),
	 .value = "0",
	 .min = 0,
	 .max = 31622400,
	 .arg = "SECONDS",
	 .help = "how much the playlist lists, three target durations at least; older files are removed; 0 keeps everything"},
	{.name = "progress",
	 .type = CONFIG_STRING,
	 .offset = AT(progress),
	 .arg = "URL",
	 .help = "where progress goes twice a second: pipe:DESCRIPTOR or file:PATH"},
	{.name = "log-level",
	 .type = CONFIG_STRING,
	 .offset = AT(log_level),
	 .value = "info",
	 .arg = "LEVEL",
	 .check = check_level,
	 .help = "error, warn, info or debug"},
	{.name = "log-target",
	 .type = CONFIG_CHOICE,
	 .offset = AT(log_target),
	 .value = "auto",
	 .choices = "auto|stderr|journald",
	 .arg = "TARGET",
	 .help = "form of log lines"},
};

static const struct config_program program = {
	.name = "dsn-hls",
	.synopsis = "dsn-hls --input=URL --folder=DIR [options]",
	.about =
		"Waits for an RTMP stream (H.264, AAC) and stores it as HLS: MPEG-TS segments, cut at IDR pictures on the stream's own time line, and a playlist; what is damaged is left out. Started again it goes on where it ended. SIGINT and SIGTERM end it with the last segment kept.\n"
		"Exit codes: 0 the stream ended or a signal asked to stop; 1 segments cannot be written; 2 wrong settings, or a stream that cannot be stored; 4 another dsn-hls works in the folder; 5 the server cannot be reached or the connection broke.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

static volatile sig_atomic_t stop;

static void on_signal(int signum)
{
	stop = signum;
}

static void watch_signals(void)
{
	struct sigaction ask = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &ask, NULL);
	sigaction(SIGTERM, &ask, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* libavformat's own messages, as log lines. Its reports of a wait that we interrupted are of no interest. */
static void library_log(void *object, int level, const char *fmt, va_list ap)
{
	static int continues = 1;
	char line[400];

	if (level > AV_LOG_WARNING || stop)
		return;
	av_log_format_line2(object, level, fmt, ap, line, sizeof(line), &continues);
	line[strcspn(line, "\n")] = '\0';
	if (line[0])
		log_warn("hls.library", "text=%s", log_q(line));
}

static struct error *read_settings(void *scope, int argc, char **argv, struct settings *settings, bool *ret_done)
{
	enum log_level level;
	char **words;

	TRY(config_load(scope, &program, argc, argv, settings, &words, ret_done));
	if (*ret_done)
		return NULL;
	if (words[0])
		return error_new(ERROR_INVALID, "%s: there is no such argument; see --help", words[0]);
	if (!settings->input || !settings->input[0])
		return error_new(ERROR_INVALID, "--input: which stream? See --help");
	if (!settings->folder || !settings->folder[0])
		return error_new(ERROR_INVALID, "--folder: store where? See --help");
	TRY(log_parse_level(settings->log_level, &level));
	log_set_level(level);
	return log_set_target(settings->log_target);
}

static struct error *store(struct segmenter *segmenter, struct source *source)
{
	for (;;) {
		enum source_event event;
		struct hls_frame frame;
		struct error *e = source_read(source, &event, &frame), *at_end;

		if (!e && event == SOURCE_FRAME) {
			TRY(segmenter_frame(segmenter, source, &frame));
			continue;
		}
		at_end = segmenter_flush(segmenter);
		if (e && at_end)
			error_free(at_end);
		return e ? e : at_end;
	}
}

static struct error *run(void *scope, const struct settings *settings)
{
	struct segmenter *segmenter;
	struct source *source;
	struct hls_report *report = mem_new(scope, struct hls_report);
	struct error *e;
	int lock;

	TRY(hls_report_open(report, settings->progress));
	TRY(file_mkdirs(settings->folder, 0755));
	TRY(file_lock(file_join(scope, settings->folder, ".lock"), &lock));
	TRY(segmenter_new(scope, settings->folder, (int)settings->fragment, (int)settings->window, report, &segmenter));
	TRY(source_open(scope, settings->input, &stop, &source));
	if (!source)
		return NULL;
	log_info("hls.joined", "folder=%s video=%dx%d audio=%s", log_q(settings->folder), source_video(source)->width,
		 source_video(source)->height,
		 source_audio(source) ? avcodec_get_name(source_audio(source)->codec_id) : "none");
	e = store(segmenter, source);
	hls_report_end(report);
	log_info("hls.end", "frames=%" PRId64 " dropped=%" PRId64 " last=%" PRId64 " signal=%d", report->frames,
		 report->dropped, report->segment, (int)stop);
	return e;
}

int main(int argc, char **argv)
{
	struct settings settings = {0};
	bool done = false;
	struct error *e;
	void *scope;
	int code = 0;

	mem_init();
	scope = mem_new(NULL, char);
	watch_signals();
	av_log_set_callback(library_log);
	e = read_settings(scope, argc, argv, &settings, &done);
	if (!e && !done)
		e = run(scope, &settings);
	if (e) {
		log_error("hls.failed", "error=%s", log_q(e->message));
		code = error_exit_code(e);
		error_free(e);
	}
	mem_free(scope);
	return code;
}
