/* Help texts made from the tables. Texts belong to ctx. */
#ifndef DSN_VCLI_WORDS_HELP_H
#define DSN_VCLI_WORDS_HELP_H

#include "vcli/vcli.h"

/* All commands whose words begin with `words` (count 0: all). */
char *help_overview(const void *ctx, char **words, size_t count);
char *help_command(const void *ctx, const struct vcli_command *c);
/* "--timeout TIME", "--mode managed|classic", "--json" */
char *help_flag(const void *ctx, const struct config_row *row);
/* What the exit codes mean, a row each; ends with a NULL meaning. */
struct help_exit {
	int code;
	const char *meaning;
};
extern const struct help_exit help_exits[];
/* `text` broken into lines of `width`, each after `indent` blanks. */
char *help_wrap(const void *ctx, const char *text, int indent, int width);

#endif
