#include "crypto/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "crypto/passphrase_agent.h"
#include "crypto/secret.h"

#define CTRL_C 3
#define CTRL_D 4

static int secret_destroy(char *text)
{
	secret_wipe(text, talloc_get_size(text));
	return 0;
}

char *secret_text(const void *ctx, const char *text, size_t n)
{
	char *copy = mem_strndup(ctx, text, n);

	talloc_set_destructor(copy, secret_destroy);
	return copy;
}

/* --- the terminal --- */

struct terminal {
	int fd;
	struct termios shown;
	sigset_t unblocked;
};

static struct error *terminal_open(struct terminal *t)
{
	struct termios hidden;
	sigset_t block;

	t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (t->fd < 0 || tcgetattr(t->fd, &t->shown) != 0) {
		if (t->fd >= 0)
			close(t->fd);
		return error_new(
			ERROR_UNAVAILABLE,
			"there is no terminal to ask for the passphrase at: put it into a file of mode 0600 and name that with --passphrase-file");
	}
	/* A terminal left silent would be of no use to anybody: nothing may end us until it shows again. */
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigaddset(&block, SIGQUIT);
	sigaddset(&block, SIGTSTP);
	sigprocmask(SIG_BLOCK, &block, &t->unblocked);
	hidden = t->shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
	hidden.c_cc[VMIN] = 1;
	hidden.c_cc[VTIME] = 0;
	tcsetattr(t->fd, TCSAFLUSH, &hidden);
	return NULL;
}

static void terminal_close(struct terminal *t)
{
	tcsetattr(t->fd, TCSAFLUSH, &t->shown);
	close(t->fd);
	sigprocmask(SIG_SETMASK, &t->unblocked, NULL);
}

static void show(const struct terminal *t, const char *text)
{
	ssize_t written = write(t->fd, text, strlen(text));

	(void)written; /* a terminal that cannot be written to can still be read */
}

/* One line; keys that erase do. */
static struct error *read_line(const struct terminal *t, const char *prompt, char text[PASSPHRASE_BYTES + 1])
{
	size_t n = 0;
	char c = 0;

	show(t, prompt);
	show(t, ": ");
	for (;;) {
		ssize_t got = read(t->fd, &c, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1 || c == CTRL_C || (c == CTRL_D && n == 0)) {
			show(t, "\n");
			return error_new(ERROR_REFUSED, "no passphrase was given");
		}
		if (c == '\n' || c == '\r')
			break;
		if (c == (char)t->shown.c_cc[VERASE] || c == '\b' || c == 0x7f) {
			/* A character may have several bytes (UTF-8). */
			while (n > 0 && (text[--n] & 0xc0) == 0x80)
				continue;
		} else if (c == (char)t->shown.c_cc[VKILL]) {
			n = 0;
		} else if (n < PASSPHRASE_BYTES) {
			text[n++] = c;
		} else {
			show(t, "\n");
			return error_new(ERROR_INVALID, "the passphrase is longer than %d bytes", PASSPHRASE_BYTES);
		}
	}
	text[n] = '\0';
	show(t, "\n");
	return NULL;
}

static struct error *ask(const struct terminal *t, const char *prompt, bool twice, char text[PASSPHRASE_BYTES + 1])
{
	char again[PASSPHRASE_BYTES + 1] = "";
	struct error *e;

	TRY(read_line(t, prompt, text));
	if (!twice)
		return NULL;
	if (!*text)
		return error_new(ERROR_INVALID, "the passphrase is empty");
	e = read_line(t, "Once more", again);
	if (!e && strcmp(text, again) != 0)
		e = error_new(ERROR_INVALID, "the two passphrases differ");
	secret_wipe(again, sizeof(again));
	return e;
}

static struct error *from_terminal(const void *ctx, const char *prompt, bool twice, char **ret_passphrase)
{
	char text[PASSPHRASE_BYTES + 1] = "";
	struct terminal t = {.fd = -1};
	struct error *e;

	TRY(terminal_open(&t));
	e = ask(&t, prompt, twice, text);
	terminal_close(&t);
	if (!e)
		*ret_passphrase = secret_text(ctx, text, strlen(text));
	secret_wipe(text, sizeof(text));
	return e;
}

static struct error *from_file(const void *ctx, const char *file, bool twice, char **ret_passphrase)
{
	char *text = NULL;
	struct error *e = NULL;
	size_t n;

	TRY(file_read_secret(NULL, file, &text));
	n = strlen(text);
	if (n > PASSPHRASE_BYTES || (twice && n == 0))
		e = error_new(ERROR_INVALID, "%s: the passphrase must have %d to %d bytes", file, twice ? 1 : 0,
			      PASSPHRASE_BYTES);
	else
		*ret_passphrase = secret_text(ctx, text, n);
	secret_wipe(text, n);
	mem_free(text);
	return e;
}

static struct error *from_agent(const void *ctx, const struct passphrase_source *source,
				const struct passphrase_question *q, char **ret_passphrase)
{
	char *text = NULL;

	TRY(passphrase_agent_get(ctx, source->agent, q, !source->unattended, &text));
	if (q->twice && !*text) {
		mem_free(text);
		return passphrase_was_wrong(source, q, error_new(ERROR_INVALID, "the passphrase is empty"));
	}
	*ret_passphrase = text;
	return NULL;
}

struct error *passphrase_read(const void *ctx, const struct passphrase_source *source,
			      const struct passphrase_question *q, char **ret_passphrase)
{
	/* What is decrypted with it is as secret, and stays as long. */
	prctl(PR_SET_DUMPABLE, 0);
	if (source->file)
		return from_file(ctx, source->file, q->twice, ret_passphrase);
	if (source->agent)
		return from_agent(ctx, source, q, ret_passphrase);
	if (source->unattended)
		return error_new(
			ERROR_INVALID,
			"a keystore file needs its passphrase: name a file of mode 0600 that holds it, or the socket of an agent");
	return from_terminal(ctx, q->prompt, q->twice, ret_passphrase);
}

struct error *passphrase_was_wrong(const struct passphrase_source *source, const struct passphrase_question *q,
				   struct error *e)
{
	struct error *failed;

	if (source->file || !source->agent || !q->address)
		return e;
	failed = passphrase_agent_forget(source->agent, q);
	if (!failed)
		return error_wrap(e, "the agent has forgotten what it gave");
	e = error_wrap(e, "%s; what it gave", failed->message);
	error_free(failed);
	return e;
}
