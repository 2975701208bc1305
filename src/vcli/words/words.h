/* Finding the command in the argument vector, and refusing flags it does not take, before the settings are read. */
#ifndef DSN_VCLI_WORDS_WORDS_H
#define DSN_VCLI_WORDS_WORDS_H

#include "vcli/vcli.h"

struct words {
	const struct vcli_command *command; /* NULL: none was named */
	char **words;                       /* all that are not flags, NULL-terminated */
	size_t count;
	size_t used; /* words that name the command */
	bool help, version, print_config;
};

/* Refusals name what was typed and what was probably meant. */
struct error *words_find(const void *ctx, int argc, char **argv, struct words *ret_words) MUST_CHECK;
/* The longest command that `words` begin with; *ret_used is the number of words. NULL: none. */
const struct vcli_command *words_command(char **words, size_t count, size_t *ret_used);
/* Do commands begin with these words? */
bool words_is_group(char **words, size_t count);
/* ERROR_INVALID for words that name no command: lists what could follow, or what was meant. */
struct error *words_unknown(char **words, size_t count) MUST_CHECK;
/* ERROR_INVALID when the number of arguments does not fit. */
struct error *words_check_args(const struct vcli_command *c, size_t count) MUST_CHECK;

#endif
