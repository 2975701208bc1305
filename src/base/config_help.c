#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/config_value.h"
#include "base/mem.h"

#define WIDTH 100

static char *add(char *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static char *add(char *text, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	text = talloc_vasprintf_append_buffer(text, fmt, ap);
	va_end(ap);
	if (!text)
		abort();
	return text;
}

/* `words` broken into lines of WIDTH, each after `indent`. */
static char *add_wrapped(char *text, const char *indent, const char *words)
{
	size_t column = 0;
	while (*words) {
		size_t n = strcspn(words, " \n");
		if (column > 0 && column + 1 + n > WIDTH) {
			text = add(text, "\n");
			column = 0;
		}
		text = add(text, "%s%.*s", column ? " " : indent, (int)n, words);
		column += n + (column ? 1 : strlen(indent));
		words += n;
		words += strspn(words, " \n");
	}
	return add(text, "\n");
}

const char *config_placeholder(const struct config_row *row)
{
	if (row->type == CONFIG_CHOICE)
		return row->choices;
	return row->arg ? row->arg : "VALUE";
}

char *config_environment_name(const void *ctx, const char *name)
{
	char *text = mem_printf(ctx, "DSN_%s", name);
	for (char *c = text; *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	return text;
}

static char *add_row(char *text, const struct config_row *row)
{
	text = add(text, "  --%s", row->name);
	if (row->type != CONFIG_BOOL)
		text = add(text, " %s", config_placeholder(row));
	char *environment = config_environment_name(text, row->name);
	char *words = mem_printf(text, "%s%s [$%s]", row->help ? row->help : "",
				 row->type == CONFIG_LIST ? " May be repeated." : "", environment);
	if (row->value && *row->value)
		words = add(words, " [default: %s]", row->value);
	text = add(text, "\n");
	text = add_wrapped(text, "        ", words);
	return text;
}

char *config_help(const void *ctx, const struct config_program *program)
{
	char *text = mem_printf(ctx, "%s %s\nusage: %s\n\n", program->name, DSN_VERSION, program->synopsis);
	if (program->about)
		text = add(add_wrapped(text, "", program->about), "\n");
	text = add(text, "Settings (a flag wins over the environment, that over the file):\n");
	for (size_t i = 0; i < program->row_count; i++)
		text = add_row(text, &program->rows[i]);
	text = add(text, "  --config FILE\n        Read settings from FILE, lines of \"name = value\". [$DSN_CONFIG]");
	if (program->default_file)
		text = add(text, " [default: %s, if it exists]", program->default_file);
	text = add(text,
		   "\n  --print-config\n        Print the settings in effect as a configuration file and exit.\n");
	text = add(text, "  --print-manual\n        Print the manual page as roff and exit.\n");
	text = add(text, "  --help\n        Print this and exit.\n  --version\n        Print the version and exit.\n");
	return text;
}

char *config_print(const void *ctx, const struct config_program *program, const void *settings)
{
	char *text = mem_printf(ctx, "# Settings of %s %s\n", program->name, DSN_VERSION);
	for (size_t i = 0; i < program->row_count; i++) {
		const struct config_row *row = &program->rows[i];
		char *value = config_value_text(text, row, settings);
		text = add(text, "\n");
		if (row->help)
			text = add_wrapped(text, "# ", row->help);
		if (row->type == CONFIG_CHOICE)
			text = add(text, "# One of %s.\n", row->choices);
		if (value && *value)
			text = add(text, "%s = %s\n", row->name, value);
		else
			text = add(text, "# %s =\n", row->name);
	}
	return text;
}
