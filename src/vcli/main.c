/* vcli: the command line of a video network. Finds the command, reads the settings, runs its handler, prints the
 * answer. */
#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/printable.h"
#include "client/folders.h"
#include "vcli/terminal.h"
#include "vcli/words/help.h"
#include "vcli/words/words.h"

/* Are we to answer in JSON? Needed before the settings are read, for their refusals. */
static bool asked_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			return true;
	}
	return false;
}

/* The background sender runs in another folder. */
static char *absolute(const void *ctx, const char *path)
{
	char here[PATH_MAX];

	if (*path == '/' || !getcwd(here, sizeof(here)))
		return mem_strdup(ctx, path);
	return mem_printf(ctx, "%s/%s", here, path);
}

static struct error *load(struct vcli *v, int argc, char **argv, char ***ret_words, bool *ret_done)
{
	struct config_program program = vcli_program;
	enum log_level level;
	char *config;

	v->set.timeout_ms = v->set.count = v->set.order.after = -1;
	config = client_config_folder(v);
	program.default_file = config ? file_join(v, config, "vcli.conf") : NULL;
	TRY(config_load(v, &program, argc, argv, &v->set, ret_words, ret_done));
	if (*ret_done)
		return NULL;
	if (v->set.client.state.folder)
		v->set.client.state.folder = absolute(v, v->set.client.state.folder);
	TRY(log_parse_level(v->set.log_level, &level));
	log_set_level(level);
	return NULL;
}

static struct error *run(struct vcli *v, int argc, char **argv, bool *ret_said)
{
	struct words w = {0};
	char **words = NULL;
	bool done = false;

	TRY(words_find(v, argc, argv, &w));
	if (w.help || (!w.command && !w.version && !w.print_config)) {
		bool lost = !w.help;
		char *text = w.command ? help_command(v, w.command) : help_overview(v, w.words, w.count);

		fputs(text, lost ? stderr : stdout);
		*ret_said = true;
		return lost ? error_new(ERROR_INVALID, "no command was given") : NULL;
	}
	TRY(load(v, argc, argv, &words, &done));
	*ret_said = done;
	if (done)
		return NULL;
	assert(w.command); /* --version and --print-config have ended the run */
	terminal_json(v->set.json);
	v->command = w.command;
	v->args = words + w.used;
	v->arg_count = w.count - w.used;
	v->timeout_ms = v->set.timeout_ms >= 0 ? v->set.timeout_ms : w.command->timeout_ms;
	TRY(words_check_args(w.command, v->arg_count));
	return w.command->run(v);
}

int main(int argc, char **argv)
{
	struct vcli *v = NULL;
	struct error *e = NULL;
	bool said = false;
	int code = 0;

	mem_init();
	terminal_guard();
	signal(SIGPIPE, SIG_IGN);
	v = mem_new(NULL, struct vcli);
	uv_loop_init(&v->loop);
	v->set.json = asked_json(argc, argv);
	terminal_json(v->set.json);
	log_set_level(LOG_LEVEL_ERROR);
	e = run(v, argc, argv, &said);
	if (v->set.json && !said && (e || !v->printed))
		vcli_answer_print(v, e);
	if (fflush(stdout) != 0 && !e)
		e = error_new(ERROR_IO, "standard output cannot be written");
	if (e)
		fprintf(stderr, "vcli: %s\n", printable_line(v, e->message));
	code = error_exit_code(e);
	error_free(e);
	json_decref(v->answer);
	mem_free(v->link);
	loop_drain(&v->loop);
	uv_loop_close(&v->loop);
	mem_free(v);
	return code;
}
