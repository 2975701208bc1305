#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "base/utf8.h"

static const struct {
	const char *name;
	enum error_code code;
	int exit_code;
} codes[] = {
	{"invalid", ERROR_INVALID, 2},
	{"not-found", ERROR_NOT_FOUND, 3},
	{"exists", ERROR_EXISTS, 4},
	{"refused", ERROR_REFUSED, 4},
	{"unavailable", ERROR_UNAVAILABLE, 5},
	{"timeout", ERROR_TIMEOUT, 6},
	{"limit", ERROR_LIMIT, 1},
	{"io", ERROR_IO, 1},
	{"failed", ERROR_FAILED, 1},
};
#define CODE_COUNT (sizeof(codes) / sizeof(codes[0]))

/* Reasons of the operating system that say more than "io". */
static const struct {
	int err;
	enum error_code code;
} nearer[] = {
	{ENOENT, ERROR_NOT_FOUND},
	{EEXIST, ERROR_EXISTS},
	{EADDRINUSE, ERROR_EXISTS},
	{EACCES, ERROR_REFUSED},
	{EPERM, ERROR_REFUSED},
	{ETIMEDOUT, ERROR_TIMEOUT},
	{ENOSPC, ERROR_LIMIT},
	{EDQUOT, ERROR_LIMIT},
	{EFBIG, ERROR_LIMIT},
	{EMFILE, ERROR_LIMIT},
	{ENFILE, ERROR_LIMIT},
	{ECONNREFUSED, ERROR_UNAVAILABLE},
	{ECONNRESET, ERROR_UNAVAILABLE},
	{EPIPE, ERROR_UNAVAILABLE},
	{EHOSTUNREACH, ERROR_UNAVAILABLE},
	{ENETUNREACH, ERROR_UNAVAILABLE},
	{ECONNABORTED, ERROR_UNAVAILABLE},
};

/* Messages are one line of UTF-8: a quoted value may neither bring a line of its own into a log nor make a result
 * unwritable as JSON. */
static void flatten(char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t n = utf8_length(text, left);

		if (n == 0)
			*text = '?'; /* a value cut in its middle, or a peer's garbage */
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
		text += n ? n : 1;
		left -= n ? n : 1;
	}
}

static struct error *error_make(enum error_code code, char *message)
{
	struct error *e = mem_new(NULL, struct error);

	e->code = code;
	e->message = talloc_steal(e, message);
	flatten(e->message);
	return e;
}

struct error *error_vnew(enum error_code code, const char *fmt, va_list ap)
{
	return error_make(code, mem_vprintf(NULL, fmt, ap));
}

struct error *error_new(enum error_code code, const char *fmt, ...)
{
	va_list ap;
	struct error *e = NULL;

	va_start(ap, fmt);
	e = error_vnew(code, fmt, ap);
	va_end(ap);
	return e;
}

static enum error_code code_of_errno(int err)
{
	for (size_t i = 0; i < sizeof(nearer) / sizeof(nearer[0]); i++) {
		if (nearer[i].err == err)
			return nearer[i].code;
	}
	return ERROR_IO;
}

static struct error *error_reason(enum error_code code, char *what, const char *reason)
{
	char *message = mem_printf(NULL, "%s: %s", what, reason);

	mem_free(what);
	return error_make(code, message);
}

struct error *error_sys(int err, const char *fmt, ...)
{
	va_list ap;
	char *what = NULL;
	char reason[128];

	va_start(ap, fmt);
	what = mem_vprintf(NULL, fmt, ap);
	va_end(ap);
	return error_reason(code_of_errno(err), what, strerror_r(err, reason, sizeof(reason)));
}

struct error *error_uv(int status, const char *fmt, ...)
{
	va_list ap;
	char *what = NULL;
	char reason[128];
	/* On Unix a libuv status is a negated errno; its own codes (UV_EAI_..., UV_EOF) lie beyond -3000. */
	enum error_code code = status > -3000 ? code_of_errno(-status) : ERROR_UNAVAILABLE;

	va_start(ap, fmt);
	what = mem_vprintf(NULL, fmt, ap);
	va_end(ap);
	return error_reason(code, what, uv_strerror_r(status, reason, sizeof(reason)));
}

struct error *error_wrap(struct error *e, const char *fmt, ...)
{
	va_list ap;
	char *context = NULL;
	char *message = NULL;

	va_start(ap, fmt);
	context = mem_vprintf(e, fmt, ap);
	va_end(ap);
	message = mem_printf(e, "%s: %s", context, e->message);
	flatten(message);
	mem_free(context);
	mem_free(e->message);
	e->message = message;
	return e;
}

struct error *error_copy(const struct error *e)
{
	return e ? error_make(e->code, mem_strdup(NULL, e->message)) : NULL;
}

void error_free(struct error *e)
{
	mem_free(e);
}

const char *error_code_name(enum error_code code)
{
	for (size_t i = 0; i < CODE_COUNT; i++) {
		if (codes[i].code == code)
			return codes[i].name;
	}
	return "failed";
}

enum error_code error_code_from_name(const char *name)
{
	for (size_t i = 0; name && i < CODE_COUNT; i++) {
		if (strcmp(codes[i].name, name) == 0)
			return codes[i].code;
	}
	return ERROR_FAILED;
}

int error_exit_code(const struct error *e)
{
	for (size_t i = 0; e && i < CODE_COUNT; i++) {
		if (codes[i].code == e->code)
			return codes[i].exit_code;
	}
	return e ? 1 : 0;
}
