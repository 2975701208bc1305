/* vcli completion: scripts for bash and zsh, made from the tables. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api/task.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/known_nodes.h"
#include "vcli/commands.h"
#include "vcli/render.h"

#define ROLE(value, name) " " #name
static const char roles[] = API_ROLES(ROLE);

/* What may stand for a placeholder of a command's arguments. */
static const struct kind {
	const char *placeholder;
	const char *words; /* choices; NULL: none */
	bool files, jobs, ids;
} kinds[] = {
	{"ROLE", &roles[1], false, false, false}, {"FILE", NULL, true, false, false},
	{"[FILE]", NULL, true, false, false},     {"KEY_FILE", NULL, true, false, false},
	{"DOCUMENT", NULL, true, false, false},   {"[PROFILE]", NULL, true, false, false},
	{"LIST", NULL, true, false, false},       {"[LIST]", NULL, true, false, false},
	{"DIR", NULL, true, false, false},        {"INPUT", NULL, true, false, false},
	{"JOB|FILE", NULL, true, true, false},    {"NODE_ID", NULL, false, false, true},
	{"NODE_ID...", NULL, false, false, true}, {"[NODE_ID", NULL, false, false, true},
	{"SUBJECT", NULL, false, false, true},
};

static const struct kind *kind_of(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].placeholder) == len && strncmp(kinds[i].placeholder, word, len) == 0)
			return &kinds[i];
	}
	return NULL;
}

/* "on|off", "[customers|suppliers|nodes]": the words themselves. NULL: they are placeholders. */
static char *choices_of(const void *ctx, const char *word, size_t len)
{
	char *list;

	if (*word == '[') {
		word++;
		len -= 2;
	}
	if (!islower((unsigned char)*word) || !memchr(word, '|', len))
		return NULL;
	list = mem_strndup(ctx, word, len);
	for (char *p = list; *p; p++)
		*p = *p == '|' ? ' ' : *p;
	return list;
}

static char *append(char *text, const char *more)
{
	return talloc_asprintf_append_buffer(text, "%s%s", *text ? " " : "", more);
}

/* All flags of a command. */
static char *flags_of(const void *ctx, const struct vcli_command *c)
{
	char *list = mem_strdup(ctx, "");

	for (size_t i = 0; i < vcli_flag_count; i++) {
		if (vcli_takes(c, &vcli_flags[i]))
			list = append(list, mem_printf(ctx, "--%s", vcli_flags[i].name));
	}
	return append(list, "--help");
}

/* Words, "@files", "@jobs" and "@ids" that may stand as an argument of the command. Placeholders are taken all
 * together: an argument too many is refused by the program, one missing in a list is worse. */
static char *arguments_of(const void *ctx, const struct vcli_command *c)
{
	char *list = mem_strdup(ctx, "");

	for (const char *at = c->args ? c->args : ""; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		const struct kind *k = kind_of(at, len);
		const char *choices = choices_of(ctx, at, len);

		at += len;
		if (choices)
			list = append(list, choices);
		if (k && k->words)
			list = append(list, k->words);
		if (k && k->files)
			list = append(list, "@files");
		if (k && k->jobs)
			list = append(list, "@jobs");
		if (k && k->ids)
			list = append(list, "@ids");
	}
	return list;
}

/* Is this the first command that begins with so many characters of its words? */
static bool is_first(const struct vcli_command *c, size_t len)
{
	for (const struct vcli_command *other = vcli_commands; other != c; other++) {
		if (strncmp(other->words, c->words, len) == 0)
			return false;
	}
	return true;
}

/* The words that may follow `front` ("" or "node "). */
static char *next_words(const void *ctx, const char *front)
{
	char *list = mem_strdup(ctx, "");

	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		size_t n = strlen(front), len;

		if (strncmp(c->words, front, n) != 0)
			continue;
		len = strcspn(c->words + n, " ");
		/* with what comes behind the word: "log" is not the beginning of "login" */
		if (is_first(c, n + len + 1))
			list = append(list, mem_strndup(ctx, c->words + n, len));
	}
	return list;
}

/* Cases for the words that commands begin with: "register", "register add". */
static char *fronts(const void *ctx, char *out, const struct vcli_command *c)
{
	for (const char *space = strchr(c->words, ' '); space; space = strchr(space + 1, ' ')) {
		size_t len = (size_t)(space - c->words);
		char *front = mem_strndup(ctx, c->words, len + 1);

		if (is_first(c, len + 1))
			out = talloc_asprintf_append_buffer(out, "\t'%.*s') list='%s' flags='--help' ;;\n", (int)len,
							    front, next_words(ctx, front));
	}
	return out;
}

/* The part both shells share: a function that fills the variable `list` from the words typed before in `typed`. */
static char *tables(const void *ctx)
{
	char *out = mem_strdup(ctx, "_vcli_list() {\n\tcase \"$1\" in\n");
	char *valued = mem_strdup(ctx, "");

	out = talloc_asprintf_append_buffer(out, "\t'') list='%s' flags='--help --version' ;;\n", next_words(ctx, ""));
	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		out = fronts(ctx, out, c);
		out = talloc_asprintf_append_buffer(out, "\t'%s') list='%s' flags='%s' ;;\n", c->words,
						    arguments_of(ctx, c), flags_of(ctx, c));
	}
	out = talloc_strdup_append_buffer(out, "\t*) return 1 ;;\n\tesac\n}\n\n");
	for (size_t i = 0; i < vcli_flag_count; i++) {
		if (vcli_flags[i].type != CONFIG_BOOL)
			valued =
				talloc_asprintf_append_buffer(valued, "%s--%s", *valued ? "|" : "", vcli_flags[i].name);
	}
	out = talloc_asprintf_append_buffer(
		out, "# The value of a flag: choices, or a file.\n_vcli_value() {\n\tcase \"$1\" in\n");
	for (size_t i = 0; i < vcli_flag_count; i++) {
		char *choices = vcli_flags[i].choices ? mem_strdup(ctx, vcli_flags[i].choices) : NULL;

		for (char *p = choices; p && *p; p++)
			*p = *p == '|' ? ' ' : *p;
		if (choices)
			out = talloc_asprintf_append_buffer(out, "\t--%s) list='%s' ;;\n", vcli_flags[i].name, choices);
	}
	return talloc_asprintf_append_buffer(
		out,
		"\t--agent) list='@agents' ;;\n"
		"\t%s|--config) list='@files' ;;\n\t*) return 1 ;;\n\tesac\n}\n\n"
		"_vcli_jobs() {\n\tlocal f\n"
		"\tfor f in \"${XDG_STATE_HOME:-$HOME/.local/state}\"/dsn/jobs/*.json; do\n"
		"\t\t[ -e \"$f\" ] || continue\n\t\tf=${f##*/}\n\t\tprintf '%%s\\n' \"${f%%.json}\"\n\tdone\n}\n\n"
		"# The command among the words before the cursor: up to three words that are no flags.\n"
		"_vcli_command() {\n\tlocal word skip= first= second= third=\n\tfor word in \"$@\"; do\n"
		"\t\tif [ -n \"$skip\" ]; then skip=; continue; fi\n"
		"\t\tcase \"$word\" in\n\t\t%s|--config) skip=1 ;;\n\t\t-*) ;;\n"
		"\t\t*) if [ -z \"$first\" ]; then first=$word; elif [ -z \"$second\" ]; then second=$word\n"
		"\t\t\telif [ -z \"$third\" ]; then third=$word; fi ;;\n"
		"\t\tesac\n\tdone\n"
		"\tif [ -n \"$third\" ] && _vcli_list \"$first $second $third\"; then return; fi\n"
		"\tif [ -n \"$second\" ] && _vcli_list \"$first $second\"; then return; fi\n"
		"\t_vcli_list \"$first\"\n}\n\n",
		valued, valued);
}

static const char bash_end[] =
	"_vcli() {\n\tlocal list= flags= word cur= previous= typed\n"
	"\t# Not COMP_WORDS: it parts a URL at its colons.\n"
	"\tread -ra typed <<<\"${COMP_LINE:0:COMP_POINT}\"\n"
	"\tcase \"${COMP_LINE:0:COMP_POINT}\" in *[[:space:]]) typed+=('') ;; esac\n"
	"\tcur=${typed[-1]} previous=${typed[-2]}\n"
	"\tCOMPREPLY=()\n"
	"\tif ! _vcli_value \"$previous\"; then\n"
	"\t\t_vcli_command \"${typed[@]:1:${#typed[@]}-2}\"\n"
	"\t\tcase \"$cur\" in -*) list=$flags ;; esac\n"
	"\tfi\n"
	"\tfor word in $list; do\n"
	"\t\tcase \"$word\" in\n"
	"\t\t@files) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- \"$cur\")) ;;\n"
	"\t\t@jobs) COMPREPLY+=($(compgen -W \"$(_vcli_jobs)\" -- \"$cur\")) ;;\n"
	"\t\t@ids) COMPREPLY+=($(compgen -W \"$(\"${typed[0]}\" completion ids 2>/dev/null)\" -- \"$cur\")) ;;\n"
	"\t\t@agents) COMPREPLY+=($(compgen -W \"$(\"${typed[0]}\" completion agents 2>/dev/null)\" -- \"$cur\")) ;;\n"
	"\t\t*) COMPREPLY+=($(compgen -W \"$word\" -- \"$cur\")) ;;\n"
	"\t\tesac\n\tdone\n}\ncomplete -F _vcli vcli\n";

static const char zsh_end[] =
	"_vcli() {\n\tlocal list= flags= word cur=${words[CURRENT]} previous=${words[CURRENT-1]}\n"
	"\tif ! _vcli_value \"$previous\"; then\n"
	"\t\t_vcli_command \"${(@)words[2,CURRENT-1]}\"\n"
	"\t\tcase \"$cur\" in -*) list=$flags ;; esac\n"
	"\tfi\n"
	"\tfor word in ${=list}; do\n"
	"\t\tcase \"$word\" in\n"
	"\t\t@files) _files ;;\n"
	"\t\t@jobs) compadd -- ${(f)\"$(_vcli_jobs)\"} ;;\n"
	"\t\t@ids) compadd -- ${(f)\"$(\"${words[1]}\" completion ids 2>/dev/null)\"} ;;\n"
	"\t\t@agents) compadd -- ${(f)\"$(\"${words[1]}\" completion agents 2>/dev/null)\"} ;;\n"
	"\t\t*) compadd -- \"$word\" ;;\n"
	"\t\tesac\n\tdone\n}\n"
	"if [ \"$funcstack[1]\" = _vcli ]; then _vcli \"$@\"; else compdef _vcli vcli; fi\n";

static const struct shell {
	const char *name, *head, *end;
} shells[] = {
	{"bash", "# bash completion for vcli\n", bash_end},
	{"zsh", "#compdef vcli\n", zsh_end},
};

static void print_word(struct vcli *v, const char *word)
{
	if (word && v->set.json) {
		json_array_append_new(v->answer, json_string(word));
	} else if (word) {
		render_text(stdout, word);
		fputc('\n', stdout);
	}
}

/* For the scripts: ids and names of the nodes, or agents, that are known here, a line each. Asks nobody. */
static struct error *print_known(struct vcli *v, bool agents)
{
	struct client_known *k = NULL;

	TRY(client_known_open(v, &v->set.client, &k));
	vcli_answer(v, json_array());
	for (size_t i = 0; i < k->count; i++) {
		print_word(v, agents ? k->nodes[i]->agent_id : k->nodes[i]->id);
		print_word(v, agents ? k->nodes[i]->agent_name : k->nodes[i]->name);
	}
	return NULL;
}

struct error *cmd_completion(struct vcli *v)
{
	bool ids = strcmp(v->args[0], "ids") == 0, agents = strcmp(v->args[0], "agents") == 0;

	if (ids || agents)
		return print_known(v, agents);

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		char *text = NULL;

		if (strcmp(shells[i].name, v->args[0]) != 0)
			continue;
		text = mem_printf(v, "%s%s%s", shells[i].head, tables(v), shells[i].end);
		if (v->set.json) {
			vcli_answer(v, json_object());
			json_put(v->answer, "completion", text);
		} else {
			fputs(text, stdout);
		}
		return NULL;
	}
	return error_new(ERROR_INVALID, "completion: \"%.40s\" is neither bash nor zsh", v->args[0]);
}
