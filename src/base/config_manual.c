/* The manual page of a program, made from its table. */
#include <ctype.h>
#include <string.h>

#include "base/config.h"
#include "base/config_value.h"
#include "base/mem.h"
#include "base/roff.h"

static char *add_row(char *out, const struct config_row *row)
{
	char *scope = mem_new(out, char), *environment = config_environment_name(scope, row->name);

	out = talloc_asprintf_append_buffer(out, ".TP\n.B \\-\\-%s", roff_text(scope, row->name));
	if (row->type != CONFIG_BOOL)
		out = talloc_asprintf_append_buffer(out, " %s", roff_text(scope, config_placeholder(row)));
	out = talloc_asprintf_append_buffer(out, "\n%s\nEnvironment: %s.\n",
					    roff_text(scope, row->help ? row->help : ""), environment);
	if (row->type == CONFIG_LIST)
		out = talloc_strdup_append_buffer(out, "May be repeated.\n");
	if (row->value && *row->value)
		out = talloc_asprintf_append_buffer(out, "Default: %s.\n", roff_text(scope, row->value));
	mem_free(scope);
	return out;
}

/* The first words of `about`: "Hosts nodes". */
static char *summary(const void *ctx, const char *about)
{
	const char *end = about;

	while (*end && *end != ':' && strncmp(end, ". ", 2) != 0 && strcmp(end, ".") != 0)
		end++;
	return roff_text(ctx, mem_printf(ctx, "%.*s", (int)(end - about), about));
}

char *config_manual(const void *ctx, const struct config_program *program)
{
	char *out = mem_strdup(ctx, ""), *scope = mem_new(ctx, char), *title = mem_strdup(scope, program->name);

	for (char *c = title; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	out = talloc_asprintf_append_buffer(
		out,
		".TH %s 1 \"\" \"dsn %s\" \"dsn\"\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n%s\n.SH DESCRIPTION\n%s\n"
		".SH OPTIONS\nA flag wins over the environment, that over the configuration file.\n",
		roff_text(scope, title), DSN_VERSION, roff_text(scope, program->name),
		summary(scope, program->about ? program->about : program->synopsis),
		roff_text(scope, program->synopsis), roff_text(scope, program->about ? program->about : ""));
	for (size_t i = 0; i < program->row_count; i++)
		out = add_row(out, &program->rows[i]);
	out = talloc_strdup_append_buffer(
		out,
		".TP\n.B \\-\\-config FILE\nRead settings from FILE, lines of \"name = value\"; lines that begin with # are comments.\nEnvironment: DSN_CONFIG.\n"
		".TP\n.B \\-\\-print\\-config\nPrint the settings in effect as a configuration file and exit.\n"
		".TP\n.B \\-\\-print\\-manual\nPrint this page as roff and exit.\n"
		".TP\n.B \\-\\-help\nPrint the settings and exit.\n"
		".TP\n.B \\-\\-version\nPrint the version and exit.\n");
	if (program->default_file)
		out = talloc_asprintf_append_buffer(out, ".SH FILES\n.TP\n.I %s\nSettings, read when it exists.\n",
						    roff_text(scope, program->default_file));
	out = talloc_strdup_append_buffer(out, ".SH SEE ALSO\n.BR vcli (1)\n");
	mem_free(scope);
	return out;
}
