#include "vcli/words/help.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/words/examples.h"
#include "vcli/words/words.h"

#define WIDTH 100

const struct help_exit help_exits[] = {
	{0, "done"},
	{1, "failed"},
	{2, "wrong use, or a malformed document"},
	{3, "no such node, job or file"},
	{4, "refused: rights, maintenance, or somebody else holds it"},
	{5, "broker or node cannot be reached"},
	{6, "no answer in time"},
	{0, NULL},
};

char *help_wrap(const void *ctx, const char *text, int indent, int width)
{
	char *out = mem_strdup(ctx, "");
	int column = 0;

	while (*text) {
		int n = (int)strcspn(text, " ");

		if (column && column + 1 + n > width) {
			out = talloc_strdup_append_buffer(out, "\n");
			column = 0;
		}
		out = talloc_asprintf_append_buffer(out, "%*s%.*s", column ? 1 : indent, "", n, text);
		column += n + (column ? 1 : indent);
		text += n;
		text += strspn(text, " ");
	}
	return talloc_strdup_append_buffer(out, "\n");
}

char *help_flag(const void *ctx, const struct config_row *row)
{
	if (row->type == CONFIG_BOOL)
		return mem_printf(ctx, "--%s", row->name);
	return mem_printf(ctx, "--%s %s", row->name, row->choices ? row->choices : row->arg);
}

static char *add_flag(char *out, const struct config_row *row)
{
	char *words = mem_printf(out, "%s%s%s%s", row->help, row->value ? " [default: " : "",
				 row->value ? row->value : "", row->value ? "]" : "");

	return talloc_asprintf_append_buffer(out, "  %s\n%s", help_flag(out, row), help_wrap(out, words, 8, WIDTH));
}

static char *add_flags(char *out, const struct vcli_command *c)
{
	bool any = false;

	for (size_t i = vcli_global_count; i < vcli_flag_count; i++) {
		if (!c || !vcli_takes(c, &vcli_flags[i]))
			continue;
		if (!any)
			out = talloc_strdup_append_buffer(out, "\nFlags:\n");
		any = true;
		out = add_flag(out, &vcli_flags[i]);
	}
	out = talloc_strdup_append_buffer(out, "\nFlags of all commands:\n");
	for (size_t i = 0; i < vcli_global_count; i++)
		out = add_flag(out, &vcli_flags[i]);
	return talloc_strdup_append_buffer(
		out, "  --config FILE\n        Read settings from FILE, lines of \"name = value\".\n"
		     "  --print-config\n        Print the settings in effect.\n");
}

/* A blank line between groups ("node ...", "pipeline ...", commands of one word). */
static bool same_group(const struct vcli_command *a, const struct vcli_command *b)
{
	size_t len = strcspn(a->words, " ");

	if (!a->words[len] || !strchr(b->words, ' '))
		return !a->words[len] && !strchr(b->words, ' ');
	return strncmp(a->words, b->words, len + 1) == 0;
}

char *help_overview(const void *ctx, char **words, size_t count)
{
	char *out = mem_strdup(ctx, count ? "" : "vcli: command line of a video network\n\n");
	const struct vcli_command *last = NULL;

	out = talloc_strdup_append_buffer(out, "usage: vcli COMMAND [ARGUMENTS] [--flags]\n");
	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		size_t len = strcspn(c->words, " ");
		char *head = NULL;

		if (count && (strlen(words[0]) != len || strncmp(words[0], c->words, len) != 0))
			continue;
		if (!last || !same_group(last, c))
			out = talloc_strdup_append_buffer(out, "\n");
		last = c;
		head = mem_printf(out, "%s%s%s", c->words, c->args ? " " : "", c->args ? c->args : "");
		out = talloc_asprintf_append_buffer(out, "  %-35s  %s\n", head, c->summary);
	}
	return talloc_strdup_append_buffer(
		out,
		"\n\"vcli help COMMAND\" explains one. A flag may also stand in the environment (--bus as $DSN_BUS) or\n"
		"in ${XDG_CONFIG_HOME:-~/.config}/dsn/vcli.conf (\"bus = URL\").\n");
}

char *help_command(const void *ctx, const struct vcli_command *c)
{
	char *out = mem_printf(ctx, "usage: vcli %s%s%s [--flags]\n\n%s.\n", c->words, c->args ? " " : "",
			       c->args ? c->args : "", c->summary);

	if (c->details)
		out = talloc_asprintf_append_buffer(out, "\n%s", help_wrap(out, c->details, 0, WIDTH));
	if (example_of(c->words))
		out = talloc_asprintf_append_buffer(out, "\nExample:\n  %s\n", example_of(c->words));
	if (c->timeout_ms)
		out = talloc_asprintf_append_buffer(out, "\nWithout --timeout it waits %lld s.\n",
						    (long long)(c->timeout_ms / 1000));
	out = add_flags(out, c);
	out = talloc_strdup_append_buffer(out, "\nExit codes:\n");
	for (const struct help_exit *x = help_exits; x->meaning; x++)
		out = talloc_asprintf_append_buffer(out, "  %d  %s\n", x->code, x->meaning);
	return out;
}

struct error *cmd_help(struct vcli *v)
{
	size_t used = 0;
	const struct vcli_command *c = words_command(v->args, v->arg_count, &used);
	char *text = NULL;

	if (v->arg_count && !(c && used == v->arg_count) && !words_is_group(v->args, v->arg_count))
		return words_unknown(v->args, v->arg_count);
	if (c && used == v->arg_count)
		text = help_command(v, c);
	else
		text = help_overview(v, v->args, v->arg_count);
	if (v->set.json) {
		json_t *answer = json_object();

		json_put(answer, "help", text);
		vcli_answer(v, answer);
	} else {
		fputs(text, stdout);
	}
	return NULL;
}

struct error *cmd_version(struct vcli *v)
{
	if (v->set.json) {
		json_t *answer = json_object();

		json_put(answer, "program", "vcli");
		json_put(answer, "version", DSN_VERSION);
		vcli_answer(v, answer);
	} else {
		printf("vcli %s\n", DSN_VERSION);
	}
	return NULL;
}
