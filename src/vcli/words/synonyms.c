#include "vcli/words/synonyms.h"

#include <string.h>

#include "base/mem.h"
#include "vcli/vcli.h"

/* Whole lines first; then single words, each in the place of the word it stands for. */
static const struct {
	const char *word, *here;
} lines[] =
	{
		{"order", "pipeline start"},
		{"orders", "pipeline list"},
		{"run", "pipeline start"},
		{"new", "pipeline init"},
		{"publish", "pipeline push"},
		{"upload", "pipeline push"},
		{"stream", "pipeline push"},
		{"watch", "pipeline monitor"},
		{"ls", "node list"},
		{"ps", "node list"},
		{"nodes", "node list"},
		{"agents", "node list"},
		{"agent", "node list"},
		{"jobs", "pipeline list"},
		{"pipelines", "pipeline list"},
		{"setup", "broker setup"},
		{"install", "broker setup"},
		{"id", "key show"},
		{"identity", "key show"},
		{"keys", "key show"},
		{"keygen", "key new"},
		{"balance", "payment balance"},
		{"wallet", "payment balance"},
		{"pay", "payment transfer"},
		{"ban", "bar add"},
		{"block", "bar add"},
		{"man", "manual"},
		{"verbose", "help"},
		{"queue", "bus receive"},
		{"pipeline order", "pipeline start"},
		{"pipeline new", "pipeline init"},
},
  singles[] = {
	  {"ls", "list"},        {"show", "status"},        {"info", "status"},  {"rm", "remove"},
	  {"delete", "remove"},  {"del", "remove"},         {"make", "create"},  {"add", "create"},
	  {"new", "create"},     {"run", "start"},          {"create", "start"}, {"begin", "start"},
	  {"up", "start"},       {"end", "stop"},           {"down", "stop"},    {"kill", "stop"},
	  {"publish", "push"},   {"upload", "push"},        {"send", "push"},    {"watch", "monitor"},
	  {"follow", "monitor"}, {"drain", "maintenance"},  {"name", "rename"},  {"rm", "close"},
	  {"delete", "close"},   {"remove", "close"},       {"dry-run", "plan"}, {"check", "plan"},
	  {"template", "init"},  {"start", "up"},           {"stop", "down"},    {"init", "setup"},
	  {"generate", "new"},   {"pipelines", "pipeline"}, {"nodes", "node"},   {"jobs", "pipeline"},
	  {"order", "pipeline"}, {"queue", "bus"},          {"keys", "key"},
};

static const struct vcli_command *command(const char *words)
{
	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		if (strcmp(c->words, words) == 0)
			return c;
	}
	return NULL;
}

static char *joined(const void *ctx, char **words, size_t count)
{
	char *text = mem_strdup(ctx, "");

	for (size_t i = 0; i < count; i++)
		text = mem_printf(ctx, "%s%s%.60s", text, i ? " " : "", words[i]);
	return text;
}

/* The line with one of its words replaced. */
static const struct vcli_command *with_single(const void *ctx, char **words, size_t count)
{
	char *changed[2];

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < sizeof(singles) / sizeof(singles[0]); k++) {
			const struct vcli_command *c;

			if (strcmp(words[i], singles[k].word) != 0)
				continue;
			memcpy(changed, words, count * sizeof(*words));
			changed[i] = (char *)singles[k].here;
			c = command(joined(ctx, changed, count));
			if (c)
				return c;
		}
	}
	return NULL;
}

/* Commands of two words whose second is this one: "start" is "pipeline start". */
static char *with_front(const void *ctx, const char *word)
{
	char *list = NULL;

	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		const char *space = strchr(c->words, ' ');

		/* Of a word that begins commands the other words are wrong. */
		if (space && strlen(word) == (size_t)(space - c->words) && strncmp(c->words, word, strlen(word)) == 0)
			return NULL;
		if (!space || strcmp(space + 1, word) != 0)
			continue;
		list = list ? mem_printf(ctx, "%s, \"%s\"", list, c->words) : mem_printf(ctx, "\"%s\"", c->words);
	}
	return list;
}

char *synonym_command(const void *ctx, char **words, size_t count)
{
	for (size_t n = count < 2 ? count : 2; n > 0; n--) {
		const char *line = joined(ctx, words, n);
		const struct vcli_command *c;

		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
			if (strcmp(line, lines[i].word) == 0)
				return mem_printf(ctx, "\"%s\"", lines[i].here);
		}
		c = with_single(ctx, words, n);
		if (c)
			return mem_printf(ctx, "\"%s\"", c->words);
	}
	return count ? with_front(ctx, words[0]) : NULL;
}

const char *synonym_flag(const char *flag, size_t len)
{
	static const struct {
		const char *flag, *here;
	} flags[] = {
		{"-v", "--log-level debug, or --version"},
		{"-V", "--version"},
		{"--verbose", "--log-level debug"},
		{"--debug", "--log-level debug"},
		{"-q", "--quiet"},
		{"--silent", "--quiet"},
		{"-j", "--json"},
		{"-t", "--timeout"},
		{"--wait", "--timeout"},
		{"-f", "--force"},
		{"-y", "--force"},
		{"--yes", "--force"},
		{"-d", "--detach"},
		{"--background", "--detach"},
		{"-c", "--config"},
		{"-n", "--network"},
		{"-b", "--bus"},
		{"--broker", "--bus"},
		{"--url", "--bus"},
		{"--host", "--bus"},
		{"-p", "--password-file"},
		{"--password", "--password-file"},
		{"--key", "--identity"},
		{"-i", "--identity"},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strlen(flags[i].flag) == len && strncmp(flags[i].flag, flag, len) == 0)
			return flags[i].here;
	}
	return NULL;
}
