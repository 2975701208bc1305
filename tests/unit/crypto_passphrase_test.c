/* Where passphrases come from, and talking to an agent: one that a child process plays by a script. The real gpg-agent
 * is in tests/e2e/passphrase_agent_test.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "crypto/passphrase.h"
#include "crypto/passphrase_agent.h"

#define ADDRESS "7ef5a6135f1fd6a02593eedc869c6d41d934aef8"
#define NAME "dsn:" ADDRESS
#define NOBODY 65534

static const struct passphrase_question known = {.prompt = "Passphrase of 0x12", .address = ADDRESS};
static const struct passphrase_question fresh = {.prompt = "A new one", .address = ADDRESS, .twice = true};

/* --- an agent by a script: what it says at first, and to each line it hears but OPTION --- */

enum ending { HANGS_UP, STAYS_SILENT, TALKS_ON };

struct script {
	const char *says[6];
	enum ending ending;
	uid_t user;
};

struct player {
	char *folder, *socket;
	pid_t pid;
	int heard;
};

static void speak(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		_exit(1);
}

static void play(int listener, int heard, const struct script *script)
{
	int fd = accept(listener, NULL, NULL);
	FILE *in = fdopen(fd, "r");
	char line[1100];

	for (size_t i = 0; script->says[i];) {
		speak(fd, script->says[i++]);
		do {
			if (!script->says[i])
				break;
			if (!fgets(line, sizeof(line), in))
				_exit(0);
			if (write(heard, line, strlen(line)) < 0)
				_exit(1);
			if (strncmp(line, "OPTION ", 7) == 0)
				speak(fd, "ERR 67109038 unknown option\n");
		} while (strncmp(line, "OPTION ", 7) == 0);
	}
	while (script->ending == STAYS_SILENT)
		pause();
	while (script->ending == TALKS_ON) {
		speak(fd, "S PROGRESS tick\n");
		usleep(1000);
	}
	_exit(0);
}

static struct player player_start(const struct script *script)
{
	char name[] = "/tmp/dsn-agent-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct player p = {.folder = mem_strdup(NULL, mkdtemp(name))};
	int pipes[2], listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	p.socket = file_join(p.folder, p.folder, "S");
	strcpy(address.sun_path, p.socket);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	/* Who listens is who the peer is. */
	if (script->user)
		assert_int_equal(seteuid(script->user), 0);
	assert_int_equal(listen(listener, 1), 0);
	if (script->user)
		assert_int_equal(seteuid(0), 0);
	p.pid = fork();
	if (p.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		play(listener, pipes[1], script);
	}
	close(listener);
	close(pipes[1]);
	p.heard = pipes[0];
	return p;
}

/* What it has heard, but for OPTION; text of ctx. */
static char *player_stop(const void *ctx, struct player *p)
{
	char *text = mem_strdup(ctx, ""), line[1100];
	FILE *in;

	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	in = fdopen(p->heard, "r");
	while (fgets(line, sizeof(line), in)) {
		if (strncmp(line, "OPTION ", 7) != 0)
			text = talloc_strdup_append(text, line);
	}
	fclose(in);
	assert_null(file_remove_tree(p->folder));
	mem_free(p->folder);
	return text;
}

/* --- */

static void assert_refused(struct error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	if (!strstr(e->message, part) || strstr(e->message, "geheim"))
		fail_msg("%s", e->message);
	assert_int_equal(e->code, code);
	error_free(e);
}

static void expect(const struct script *script, const struct passphrase_question *q, bool person, const char *requests)
{
	struct player p = player_start(script);
	char *text = NULL, *heard;

	assert_null(passphrase_agent_get(NULL, p.socket, q, person, &text));
	assert_string_equal(text, "geheim %");
	mem_free(text);
	heard = player_stop(NULL, &p);
	assert_string_equal(heard, requests);
	mem_free(heard);
}

static void asked(void **state)
{
	static const struct passphrase_question nameless = {.prompt = "100%"};
	const struct script one = {.says = {"OK hello\n", "S x\nD gehe\nD im %25\nOK\n"}},
			    two = {.says = {"OK\n", "OK\n", "D geheim %25\nOK\n"}};

	(void)state;
	expect(&one, &known, false, "GET_PASSPHRASE --data --no-ask " NAME " X X Passphrase+of+0x12\n");
	expect(&one, &known, true, "GET_PASSPHRASE --data " NAME " X X Passphrase+of+0x12\n");
	expect(&one, &nameless, true, "GET_PASSPHRASE --data X X X 100%25\n");
	expect(&two, &fresh, true,
	       "CLEAR_PASSPHRASE " NAME "\nGET_PASSPHRASE --data --repeat=1 " NAME " X X A+new+one\n");
}

/* The agent is told where the person is, and only what fits into a line. */
static void placed(void **state)
{
	const struct script script = {.says = {"OK\n", "OK\n"}};
	struct player p = player_start(&script);
	char heard[4096] = "", *text = NULL;
	size_t n = 0;
	ssize_t got;

	(void)state;
	setenv("GPG_TTY", "/dev/pts/4711", 1);
	setenv("DISPLAY", ":7", 1);
	setenv("XAUTHORITY", "/x\nGETINFO pid", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	assert_null(passphrase_agent_get(NULL, p.socket, &known, true, &text));
	mem_free(text);
	waitpid(p.pid, NULL, 0);
	while ((got = read(p.heard, heard + n, sizeof(heard) - 1 - n)) > 0)
		n += (size_t)got;
	assert_non_null(strstr(heard, "OPTION ttyname=/dev/pts/4711\n"));
	assert_non_null(strstr(heard, "OPTION display=:7\n"));
	assert_non_null(strstr(heard, "OPTION lc-ctype=C.UTF-8\n"));
	assert_null(strstr(heard, "GETINFO"));
	mem_free(player_stop(NULL, &p));
}

static void refuse(const struct script *script, const struct passphrase_question *q, bool person, enum error_code code,
		   const char *part)
{
	struct player p = player_start(script);
	char *text = NULL;

	assert_refused(passphrase_agent_get(NULL, p.socket, q, person, &text), code, part);
	assert_null(text);
	mem_free(player_stop(NULL, &p));
}

static void refusals(void **state)
{
	static const struct passphrase_question nameless = {.prompt = "x"};
	static const struct {
		const char *says;
		enum error_code code;
		const char *part;
	} rows[] = {
		{"ERR 67108922 No data <GPG Agent>\n", ERROR_UNAVAILABLE, "gpg-preset-passphrase --preset " NAME},
		{"ERR 83886179 Operation cancelled <Pinentry>\n", ERROR_REFUSED, "no passphrase was given"},
		{"ERR 83886278 Operation fully cancelled\n", ERROR_REFUSED, "no passphrase was given"},
		{"ERR 83886142 Timeout <Pinentry>\n", ERROR_TIMEOUT, "nobody gave"},
		{"ERR 67108949 No pinentry <GPG Agent>\n", ERROR_UNAVAILABLE, "it cannot ask (No pinentry"},
		{"ERR 67108950 Error <Pinentry>\n", ERROR_UNAVAILABLE, "GPG_TTY"},
		{"ERR 67109115 Forbidden <GPG Agent>\n", ERROR_FAILED, "it says: Forbidden <GPG Agent> (67109115)"},
		{"ERR 7\n", ERROR_FAILED, "it says: an error (7)"},
		{"D geheim\nINQUIRE PASSPHRASE\n", ERROR_INVALID, "it asks back"},
		{"D geheim\n", ERROR_UNAVAILABLE, "has hung up"},
		{"D geheim%\nOK\n", ERROR_INVALID, "two hexadecimal digits"},
	};
	struct script script = {.says = {"OK\n", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		script.says[1] = rows[i].says;
		refuse(&script, &known, i > 0, rows[i].code, rows[i].part);
	}
	script = (struct script){.says = {"HTTP/1.1 200 OK\r\n"}};
	refuse(&script, &known, true, ERROR_INVALID, "none of OK");
	script = (struct script){.says = {"ERR 1 go away\n"}};
	refuse(&script, &known, true, ERROR_FAILED, "it says: go away");
	script = (struct script){.says = {NULL}};
	refuse(&script, &known, true, ERROR_UNAVAILABLE, "has hung up");
	refuse(&script, &nameless, false, ERROR_UNAVAILABLE, "names no address");
	script = (struct script){.says = {"OK\n", "ERR 5 no clearing\n"}};
	refuse(&script, &fresh, true, ERROR_FAILED, "it says: no clearing");
	if (geteuid() != 0)
		return;
	script = (struct script){.says = {"OK\n", "D x\nOK\n"}, .user = NOBODY};
	refuse(&script, &known, true, ERROR_REFUSED, "it runs as user 65534");
}

static void nobody_there(void **state)
{
	const struct script script = {.says = {"OK\n"}};
	struct player p = player_start(&script);
	char long_path[200], *text = NULL;

	(void)state;
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_refused(passphrase_agent_get(NULL, "/nowhere/S.gpg-agent", &known, true, &text), ERROR_UNAVAILABLE,
		       "/nowhere/S.gpg-agent: no agent listens there");
	assert_refused(passphrase_agent_get(NULL, long_path, &known, true, &text), ERROR_INVALID, "at most 107 bytes");
	assert_refused(passphrase_agent_get(NULL, "/etc/passwd", &known, true, &text), ERROR_UNAVAILABLE,
		       "no agent listens");
	kill(p.pid, SIGKILL);
	waitpid(p.pid, NULL, 0);
	assert_refused(passphrase_agent_get(NULL, p.socket, &known, true, &text), ERROR_UNAVAILABLE,
		       "no agent listens");
	mem_free(player_stop(NULL, &p));
}

/* Never a greeting; never an answer; talk without end. */
static void silence(void **state)
{
	const struct script scripts[] = {
		{.says = {NULL}, .ending = STAYS_SILENT},
		{.says = {"OK\n", "D geheim\n"}, .ending = STAYS_SILENT},
		{.says = {"OK\n", "D geheim\n"}, .ending = TALKS_ON},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int64_t begun_ms = clock_mono_ms(), took_ms;

		refuse(&scripts[i], &known, i == 0, ERROR_TIMEOUT, "no answer in time");
		took_ms = clock_mono_ms() - begun_ms;
		assert_true(took_ms >= 2900 && took_ms < 30000);
	}
}

/* --- where it comes from --- */

static void precedence(void **state)
{
	const struct script script = {.says = {"OK\n", "D of the agent\nOK\n"}};
	struct player p = player_start(&script);
	struct passphrase_source source = {.agent = p.socket, .unattended = true};
	char *text = NULL;

	(void)state;
	source.file = file_join(p.folder, p.folder, "passphrase");
	assert_null(file_write_atomic(source.file, "of the file\n", 12, 0600));
	prctl(PR_SET_DUMPABLE, 1);
	assert_null(passphrase_read(NULL, &source, &known, &text));
	assert_string_equal(text, "of the file");
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	mem_free(text);
	source.file = NULL;
	assert_null(passphrase_read(NULL, &source, &known, &text));
	assert_string_equal(text, "of the agent");
	mem_free(text);
	source.agent = NULL;
	assert_refused(passphrase_read(NULL, &source, &known, &text), ERROR_INVALID, "or the socket of an agent");
	mem_free(player_stop(NULL, &p));
}

/* An agent that goes away after the first conversation cannot forget, and that is said. */
static void wrong_ones(void **state)
{
	const struct script script = {.says = {"OK\n", "OK\n"}};
	struct player p = player_start(&script);
	struct passphrase_source source = {.agent = p.socket};
	char *heard;

	(void)state;
	assert_refused(passphrase_was_wrong(&source, &known, error_new(ERROR_REFUSED, "wrong")), ERROR_REFUSED,
		       "the agent has forgotten what it gave: wrong");
	waitpid(p.pid, NULL, 0);
	assert_refused(passphrase_was_wrong(&source, &known, error_new(ERROR_REFUSED, "wrong")), ERROR_REFUSED,
		       "no agent listens");
	source.file = source.agent;
	assert_refused(passphrase_was_wrong(&source, &known, error_new(ERROR_REFUSED, "wrong")), ERROR_REFUSED,
		       "wrong");
	heard = player_stop(NULL, &p);
	assert_string_equal(heard, "CLEAR_PASSPHRASE " NAME "\n");
	mem_free(heard);
}

static void empty_new_one(void **state)
{
	const struct script script = {.says = {"OK\n", "OK\n", "OK\n"}};
	struct player p = player_start(&script);
	struct passphrase_source source = {.agent = p.socket};
	char *text = NULL;

	(void)state;
	assert_refused(passphrase_read(NULL, &source, &fresh, &text), ERROR_INVALID, "the passphrase is empty");
	mem_free(player_stop(NULL, &p));
}

static void files_that_hold_none(void **state)
{
	char name[] = "/tmp/dsn-passphrase-XXXXXX", *folder = mem_strdup(NULL, mkdtemp(name)), *text = NULL, *longer;
	struct passphrase_source source = {.file = file_join(folder, folder, "passphrase")};

	(void)state;
	assert_null(file_write_atomic(source.file, "\nsecond line\n", 13, 0600));
	assert_refused(passphrase_read(NULL, &source, &fresh, &text), ERROR_INVALID, "its first line is empty");
	longer = mem_array(folder, char, PASSPHRASE_BYTES + 2);
	memset(longer, 'a', PASSPHRASE_BYTES + 1);
	assert_null(file_write_atomic(source.file, longer, PASSPHRASE_BYTES + 1, 0600));
	assert_refused(passphrase_read(NULL, &source, &known, &text), ERROR_INVALID, "must have 0 to 1024 bytes");
	assert_null(file_write_atomic(source.file, longer, PASSPHRASE_BYTES, 0600));
	assert_null(passphrase_read(NULL, &source, &known, &text));
	assert_int_equal(strlen(text), PASSPHRASE_BYTES);
	mem_free(text);
	assert_null(file_remove_tree(folder));
	mem_free(folder);
}

/* A line of Assuan is bounded; so is what we ask. */
static void long_question(void **state)
{
	const struct script script = {.says = {"OK\n"}, .ending = STAYS_SILENT};
	struct player p = player_start(&script);
	char *prompt = mem_array(NULL, char, 1001), *text = NULL;
	const struct passphrase_question q = {.prompt = memset(prompt, 'a', 1000), .address = ADDRESS};

	(void)state;
	assert_refused(passphrase_agent_get(NULL, p.socket, &q, false, &text), ERROR_LIMIT,
		       "a request would have more than 1000 bytes");
	mem_free(prompt);
	mem_free(player_stop(NULL, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked),
		cmocka_unit_test(placed),
		cmocka_unit_test(refusals),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(silence),
		cmocka_unit_test(precedence),
		cmocka_unit_test(wrong_ones),
		cmocka_unit_test(empty_new_one),
		cmocka_unit_test(files_that_hold_none),
		cmocka_unit_test(long_question),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
