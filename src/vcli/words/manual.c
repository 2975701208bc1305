/* vcli manual: vcli(1) as roff, made from the tables. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/roff.h"
#include "vcli/commands.h"
#include "vcli/words/examples.h"
#include "vcli/words/help.h"

static char *add_flag(char *out, const struct config_row *row)
{
	char *name = mem_strdup(out, row->name);

	for (char *p = name; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	out = talloc_asprintf_append_buffer(out, ".TP\n.B %s\n%s\nEnvironment: DSN_%s.\n",
					    roff_text(out, help_flag(out, row)), roff_text(out, row->help), name);
	if (row->value)
		out = talloc_asprintf_append_buffer(out, "Default: %s.\n", roff_text(out, row->value));
	return out;
}

static char *add_command(char *out, const struct vcli_command *c)
{
	char *own = mem_strdup(out, "");

	out = talloc_asprintf_append_buffer(out, ".SS vcli %s %s\n%s.\n", roff_text(out, c->words),
					    roff_text(out, c->args ? c->args : ""), roff_text(out, c->summary));
	if (c->details)
		out = talloc_asprintf_append_buffer(out, ".PP\n%s\n", roff_text(out, c->details));
	if (example_of(c->words))
		out = talloc_asprintf_append_buffer(out, ".PP\nExample:\n.B %s\n",
						    roff_text(out, example_of(c->words)));
	for (const char *const *f = c->flags; f && *f; f++)
		own = talloc_asprintf_append_buffer(own, "%s\\-\\-%s", *own ? ", " : "", roff_text(own, *f));
	if (*own)
		out = talloc_asprintf_append_buffer(out, ".PP\nFlags: %s.\n", own);
	if (c->timeout_ms)
		out = talloc_asprintf_append_buffer(out,
						    ".PP\nWaits %lld s unless told otherwise with \\-\\-timeout.\n",
						    (long long)(c->timeout_ms / 1000));
	return out;
}

static char *manual(const void *ctx)
{
	char *out = mem_printf(
		ctx,
		".TH VCLI 1 \"\" \"dsn %s\" \"dsn\"\n.SH NAME\nvcli \\- command line of a video network\n"
		".SH SYNOPSIS\n.B vcli\n.I COMMAND\n.RI [ ARGUMENTS ]\n.RI [ \\-\\-flags ]\n"
		".SH DESCRIPTION\nvcli talks to the nodes of a network over its broker. Every command waits for a result from every node it concerns.\n.SH COMMANDS\n",
		DSN_VERSION);

	for (const struct vcli_command *c = vcli_commands; c->words; c++)
		out = add_command(out, c);
	out = talloc_strdup_append_buffer(
		out,
		".SH OPTIONS\nA flag wins over the environment, that over the configuration file (lines of name = value).\n");
	for (size_t i = 0; i < vcli_flag_count; i++)
		out = add_flag(out, &vcli_flags[i]);
	out = talloc_strdup_append_buffer(out, ".SH EXIT STATUS\n");
	for (const struct help_exit *x = help_exits; x->meaning; x++)
		out = talloc_asprintf_append_buffer(out, ".TP\n.B %d\n%s\n", x->code, roff_text(out, x->meaning));
	return talloc_strdup_append_buffer(
		out,
		".SH FILES\n.TP\n.I ${XDG_CONFIG_HOME:\\-\\(ti/.config}/dsn/vcli.conf\nSettings.\n.TP\n"
		".I ${XDG_STATE_HOME:\\-\\(ti/.local/state}/dsn/jobs/JOB.json\nNodes, documents and publisher's key of a job, mode 0600.\n.TP\n.I ${XDG_STATE_HOME:\\-\\(ti/.local/state}/dsn/outbox/\nDetached commands.\n"
		".SH SEE ALSO\n.BR dsn\\-agent (1),\n.BR dsn\\-hls (1)\n");
}

struct error *cmd_manual(struct vcli *v)
{
	char *text = manual(v);

	if (v->set.json) {
		vcli_answer(v, json_object());
		json_put(v->answer, "manual", text);
	} else {
		fputs(text, stdout);
	}
	return NULL;
}
