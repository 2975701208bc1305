#include "vcli/confirm.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "vcli/render.h"

#define ANSWER_BYTES 16

struct error *confirm(const struct vcli *v, const char *what)
{
	char answer[ANSWER_BYTES] = "";

	if (v->set.force)
		return NULL;
	if (v->set.json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return error_new(ERROR_REFUSED, "%s; --force does it all the same", what);
	render_text(stderr, what);
	fputs(". Go on? [y/N] ", stderr);
	fflush(stderr);
	if (fgets(answer, sizeof(answer), stdin) && (!strcasecmp(answer, "y\n") || !strcasecmp(answer, "yes\n")))
		return NULL;
	return error_new(ERROR_REFUSED, "nothing was done");
}
