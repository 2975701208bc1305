#include "vcli/whisper/whisper_password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define VARIABLE "DSN_WHISPER_PASSWORD"
#define LIMIT 1024 /* bytes */

/* A typed line. The terminal does nothing by itself meanwhile, so that Ctrl-C cannot leave it silent. */
static struct error *read_line(int fd, const struct termios *keys, char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		unsigned char c;
		ssize_t got = read(fd, &c, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || c == '\n' || c == '\r' || c == keys->c_cc[VEOF])
			break;
		if (c == keys->c_cc[VINTR] || c == keys->c_cc[VQUIT])
			return error_new(ERROR_FAILED, "interrupted");
		if (c == keys->c_cc[VKILL])
			n = 0;
		else if (c == keys->c_cc[VERASE])
			n -= n > 0;
		else if (n + 1 < size)
			line[n++] = (char)c;
		else
			return error_new(ERROR_LIMIT, "a password has at most %zu bytes", size - 1);
	}
	line[n] = '\0';
	return n ? NULL : error_new(ERROR_INVALID, "no password was typed");
}

static struct error *ask(const void *ctx, char **ret_password)
{
	static const char prompt[] = "Password of the Whisper key: ";
	struct termios before, silent;
	char line[LIMIT + 1];
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	struct error *e = NULL;

	if (fd < 0 || tcgetattr(fd, &before) < 0) {
		if (fd >= 0)
			close(fd);
		return error_new(
			ERROR_INVALID,
			"no password: name its file with --whisper-password-file (mode 0600), or put it into $" VARIABLE);
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG | ICANON);
	if (tcsetattr(fd, TCSAFLUSH, &silent) < 0 || write(fd, prompt, sizeof(prompt) - 1) < 0)
		e = error_sys(errno, "/dev/tty");
	if (!e)
		e = read_line(fd, &before, line, sizeof(line));
	tcsetattr(fd, TCSAFLUSH, &before);
	if (write(fd, "\n", 1) < 0 && !e)
		e = error_sys(errno, "/dev/tty");
	close(fd);
	if (!e)
		*ret_password = mem_strdup(ctx, line);
	explicit_bzero(line, sizeof(line));
	return e;
}

struct error *whisper_password(const void *ctx, const struct vcli_whisper_options *o, char **ret_password)
{
	const char *variable = getenv(VARIABLE);
	bool given = variable && *variable;

	if (o->password_file && given)
		return error_new(ERROR_INVALID, "--whisper-password-file and $" VARIABLE ": say one of them");
	if (o->password_file)
		return file_read_secret(ctx, o->password_file, ret_password);
	if (!given)
		return ask(ctx, ret_password);
	if (strlen(variable) > LIMIT)
		return error_new(ERROR_LIMIT, "$" VARIABLE ": a password has at most %d bytes", LIMIT);
	*ret_password = mem_strdup(ctx, variable);
	return NULL;
}

void whisper_password_wipe(char *password)
{
	if (password)
		explicit_bzero(password, strlen(password));
	mem_free(password);
}
