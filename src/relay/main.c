/* dsn-relay: passes one RTMP stream on. Started by the agent of a distributor: for the job's entry, and for each
 * target. */
#include <libavformat/avformat.h>
#include <string.h>

#include "base/config.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "relay/relay.h"

#define PLAYPATH_BYTES 4096

struct settings {
	char *input, *output, *key_file;
	int64_t offset, fragment, mended;
	char *carried, *progress, *log_level, *log_target;
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
	 .help = "stream to take, rtmp://..."},
	{.name = "output",
	 .type = CONFIG_STRING,
	 .offset = AT(output),
	 .arg = "URL",
	 .help = "where it goes, rtmp://...; with a key-file only up to the application"},
	{.name = "key-file",
	 .type = CONFIG_STRING,
	 .offset = AT(key_file),
	 .arg = "FILE",
	 .help = "0600 file with the line rtmp_playpath=STREAM?key=KEY, so that no process list shows the key"},
	{.name = "fragment",
	 .type = CONFIG_INT,
	 .offset = AT(fragment),
	 .value = "0",
	 .min = 0,
	 .max = 60,
	 .arg = "SECONDS",
	 .help = "put the stream onto a job's time line with fragments of this length; 0 passes it on as it is"},
	{.name = "offset",
	 .type = CONFIG_INT,
	 .offset = AT(offset),
	 .value = "10000",
	 .min = 10000,
	 .max = 2000000000,
	 .arg = "MS",
	 .help = "where that time line begins"},
	{.name = "carried",
	 .type = CONFIG_STRING,
	 .offset = AT(carried),
	 .arg = "TEXT",
	 .help = "what the job's last relay reported as carried; a stream of other codecs or settings begins behind a discontinuity"},
	{.name = "mended",
	 .type = CONFIG_INT,
	 .offset = AT(mended),
	 .value = "0",
	 .min = 0,
	 .max = 1000000,
	 .arg = "NUMBER",
	 .help = "how the stream is encoded anew behind this relay; another number is a change of settings"},
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
	.name = "dsn-relay",
	.synopsis = "dsn-relay --input=URL --output=URL [options]",
	.about =
		"Waits for an RTMP stream and passes it on, as it is or on a continuous time line. SIGINT and SIGTERM end it with what it has read sent.\n"
		"Exit codes: 0 the stream ended or a signal asked to stop; 2 wrong settings; 5 one of the servers cannot be reached, refuses, stalls, or its connection broke.",
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
		log_warn("relay.library", "text=%s", log_q(line));
}

static struct error *read_playpath(void *scope, const char *path, const char **ret_playpath)
{
	static const char name[] = "rtmp_playpath=";
	char *text;
	size_t len;

	TRY(file_read(scope, path, PLAYPATH_BYTES, &text, &len));
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, name, sizeof(name) - 1) != 0 || !text[sizeof(name) - 1])
		return error_new(ERROR_INVALID, "--key-file: %s does not begin with %sSTREAM", path, name);
	*ret_playpath = text + sizeof(name) - 1;
	return NULL;
}

static struct error *read_settings(void *scope, int argc, char **argv, struct settings *s, struct relay_settings *ret,
				   bool *ret_done)
{
	enum log_level level;
	char **words;

	TRY(config_load(scope, &program, argc, argv, s, &words, ret_done));
	if (*ret_done)
		return NULL;
	if (words[0])
		return error_new(ERROR_INVALID, "%s: there is no such argument; see --help", words[0]);
	if (!s->input || !s->input[0])
		return error_new(ERROR_INVALID, "--input: which stream? See --help");
	if (!s->output || !s->output[0])
		return error_new(ERROR_INVALID, "--output: where to? See --help");
	TRY(log_parse_level(s->log_level, &level));
	log_set_level(level);
	TRY(log_set_target(s->log_target));
	*ret = (struct relay_settings){.input = s->input,
				       .output = s->output,
				       .offset_ms = s->offset,
				       .fragment_ms = s->fragment * 1000,
				       .mended = s->mended};
	if (s->carried && s->carried[0]) {
		struct carried *carried = mem_new(scope, struct carried);

		TRY(carried_parse(s->carried, carried));
		ret->carried = carried;
	}
	return s->key_file ? read_playpath(scope, s->key_file, &ret->playpath) : NULL;
}

int main(int argc, char **argv)
{
	struct settings settings = {0};
	struct relay_settings relay = {0};
	struct relay_report report = {.fd = -1};
	bool done = false;
	struct error *e;
	void *scope;
	int code = 0;

	mem_init();
	scope = mem_new(NULL, char);
	watch_signals();
	av_log_set_callback(library_log);
	e = read_settings(scope, argc, argv, &settings, &relay, &done);
	if (!e && !done)
		e = relay_report_open(&report, settings.progress);
	if (!e && !done)
		e = relay_run(scope, &relay, &stop, &report);
	if (e) {
		log_error("relay.failed", "error=%s", log_q(e->message));
		code = error_exit_code(e);
		error_free(e);
	}
	mem_free(scope);
	return code;
}
