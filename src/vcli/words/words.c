#include "vcli/words/words.h"

#include <string.h>

#include "base/mem.h"
#include "vcli/suggest.h"
#include "vcli/words/synonyms.h"

/* Does the command's next word equal `word`? Moves *at over it. */
static bool next_word_is(const char **at, const char *word)
{
	size_t len = strcspn(*at, " ");

	if (len == 0 || strlen(word) != len || strncmp(*at, word, len) != 0)
		return false;
	*at += len;
	*at += strspn(*at, " ");
	return true;
}

/* Number of leading words that agree with the command's; *ret_whole: the command has no more. */
static size_t agreeing(const struct vcli_command *c, char **words, size_t count, bool *ret_whole)
{
	const char *at = c->words;
	size_t n = 0;

	while (n < count && next_word_is(&at, words[n]))
		n++;
	*ret_whole = *at == '\0';
	return n;
}

const struct vcli_command *words_command(char **words, size_t count, size_t *ret_used)
{
	const struct vcli_command *found = NULL;

	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		bool whole;
		size_t n = agreeing(c, words, count, &whole);

		if (whole && (!found || n > *ret_used)) {
			found = c;
			*ret_used = n;
		}
	}
	return found;
}

bool words_is_group(char **words, size_t count)
{
	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		bool whole;

		if (agreeing(c, words, count, &whole) == count)
			return true;
	}
	return false;
}

/* All words that may stand after the first `used` of `words`; the nearest to `s->word` is suggested. */
static char *followers(const void *ctx, char **words, size_t used, struct suggest_word *s)
{
	char *list = mem_strdup(ctx, ""), *last = NULL;

	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		bool whole;
		const char *at = c->words;

		if (agreeing(c, words, used, &whole) != used || whole)
			continue;
		for (size_t i = 0; i < used; i++)
			at += strcspn(at, " ") + 1;
		char *word = mem_strndup(ctx, at, strcspn(at, " "));
		if (last && strcmp(last, word) == 0)
			continue;
		list = mem_printf(ctx, "%s%s%s", list, *list ? ", " : "", word);
		suggest_try(s, word);
		last = word;
	}
	return list;
}

struct error *words_unknown(char **words, size_t count)
{
	void *scope = mem_new(NULL, char);
	char *front = mem_strdup(scope, ""), *list = NULL, *near;
	size_t used = 0;
	struct suggest_word s = {0};
	struct error *e = NULL;

	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		bool whole;
		size_t n = agreeing(c, words, count, &whole);

		used = n > used ? n : used;
	}
	for (size_t i = 0; i < used; i++)
		front = mem_printf(scope, "%s%s ", front, words[i]);
	s.word = used < count ? mem_strndup(scope, words[used], 60) : "";
	list = followers(scope, words, used, &s);
	near = synonym_command(scope, words, count);
	if (used < count && near)
		e = error_new(ERROR_INVALID, "\"%s%s\" is no command; did you mean %s?", front, s.word, near);
	else if (used == count)
		e = error_new(ERROR_INVALID, "\"vcli %.*s\" wants one more word: %s", (int)strlen(front) - 1, front,
			      list);
	else if (s.best)
		e = error_new(ERROR_INVALID, "\"%s%s\" is no command; did you mean \"%s%s\"?", front, s.word, front,
			      s.best);
	else
		e = error_new(ERROR_INVALID, "\"%s%s\" is no command; after \"vcli%s%.*s\" comes one of: %s", front,
			      s.word, used ? " " : "", (int)(used ? strlen(front) - 1 : 0), front, list);
	mem_free(scope);
	return e;
}

struct error *words_check_args(const struct vcli_command *c, size_t count)
{
	const char *args = c->args ? c->args : "";

	if (count < c->min_args)
		return error_new(ERROR_INVALID, "%s: an argument is missing; usage: vcli %s %s", c->words, c->words,
				 args);
	if (count > c->max_args)
		return error_new(ERROR_INVALID, "%s: too many arguments; usage: vcli %s%s%s", c->words, c->words,
				 *args ? " " : "", args);
	return NULL;
}

static bool is_builtin(struct words *w, const char *name, size_t len)
{
	const struct {
		const char *name;
		bool *flag;
	} builtins[] = {{"help", &w->help}, {"version", &w->version}, {"print-config", &w->print_config}};

	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (strlen(builtins[i].name) == len && strncmp(builtins[i].name, name, len) == 0) {
			*builtins[i].flag = true;
			return true;
		}
	}
	return false;
}

static struct error *unknown_flag(const struct vcli_command *c, const char *name, size_t len)
{
	void *scope = mem_new(NULL, char);
	struct suggest_word s = {.word = mem_strndup(scope, name, len < 60 ? len : 60)};
	const char *near = synonym_flag(name - 2, len + 2);
	struct error *e = NULL;

	for (size_t i = 0; !near && i < vcli_flag_count; i++) {
		if (!c || vcli_takes(c, &vcli_flags[i]))
			suggest_try(&s, vcli_flags[i].name);
	}
	if (near)
		e = error_new(ERROR_INVALID, "--%s: no such flag; did you mean %s?", s.word, near);
	else if (s.best)
		e = error_new(ERROR_INVALID, "--%s: no such flag; did you mean --%s?", s.word, s.best);
	else
		e = error_new(ERROR_INVALID, "--%s: no such flag; \"vcli %s%s--help\" lists them", s.word,
			      c ? c->words : "", c ? " " : "");
	mem_free(scope);
	return e;
}

static struct error *short_flag(const char *arg)
{
	const char *near = synonym_flag(arg, strlen(arg));

	if (near)
		return error_new(ERROR_INVALID, "%.40s: no such flag; did you mean %s?", arg, near);
	return error_new(ERROR_INVALID, "%.40s: flags have two dashes and a name; vcli --help lists them", arg);
}

/* Flags that meant two things, and what one of them is called now. The old name goes on in the commands that had it. */
static const struct {
	const char *command, *was, *now;
} renamed[] = {
	{"whisper send", "password-file", "whisper-password-file"},
	{"whisper receive", "password-file", "whisper-password-file"},
	{"whisper ping", "count", "pings"},
};

static void rename_flag(const void *ctx, const struct vcli_command *c, char **arg)
{
	size_t len = strcspn(*arg + 2, "=");

	for (size_t i = 0; c && i < sizeof(renamed) / sizeof(renamed[0]); i++) {
		if (strcmp(c->words, renamed[i].command) == 0 && strlen(renamed[i].was) == len &&
		    strncmp(*arg + 2, renamed[i].was, len) == 0) {
			*arg = mem_printf(ctx, "--%s%s", renamed[i].now, *arg + 2 + len);
			return;
		}
	}
}

/* Go over the arguments once: collect words, and call check() for flags once the command is known. */
static struct error *scan(int argc, char **argv, struct words *w, bool check)
{
	bool flags_over = false;

	for (int i = 1; i < argc; i++) {
		const char *arg;

		if (check && !flags_over && strncmp(argv[i], "--", 2) == 0)
			rename_flag(w->words, w->command, &argv[i]);
		arg = argv[i];
		if (!flags_over && strcmp(arg, "--") == 0) {
			flags_over = true;
		} else if (!flags_over && strcmp(arg, "-h") == 0) {
			w->help = true;
		} else if (!flags_over && argc == 2 && (strcmp(arg, "-v") == 0 || strcmp(arg, "-V") == 0)) {
			argv[i] = "--version"; /* as most programs take it when it stands alone */
			w->version = true;
		} else if (!flags_over && strcmp(arg, "-f") == 0 && !check) {
			static char follow[] = "--follow"; /* as people know it from tail */

			argv[i] = follow;
		} else if (!flags_over && strncmp(arg, "--", 2) == 0) {
			size_t len = strcspn(arg + 2, "=");
			const struct config_row *row = vcli_flag(arg + 2, len);
			bool config = len == 6 && strncmp(arg + 2, "config", 6) == 0;

			if ((config || (row && row->type != CONFIG_BOOL)) && arg[2 + len] != '=')
				i++;
			if (!check || config || is_builtin(w, arg + 2, len))
				continue;
			if (!row)
				return unknown_flag(w->command, arg + 2, len);
			if (w->command && !vcli_takes(w->command, row))
				return error_new(ERROR_INVALID,
						 "--%s: \"vcli %s\" takes no such flag; see vcli %s --help", row->name,
						 w->command->words, w->command->words);
		} else if (!flags_over && arg[0] == '-' && arg[1]) {
			return short_flag(arg);
		} else if (!check) {
			w->words[w->count++] = argv[i];
		}
	}
	return NULL;
}

struct error *words_find(const void *ctx, int argc, char **argv, struct words *ret_words)
{
	struct words w = {.words = mem_array(ctx, char *, (size_t)argc + 1)};

	TRY(scan(argc, argv, &w, false));
	w.command = words_command(w.words, w.count, &w.used);
	TRY(scan(argc, argv, &w, true));
	/* "vcli node --help" is a question about a group. */
	if (!w.command && w.count > 0 && !(w.help && words_is_group(w.words, w.count)))
		return words_unknown(w.words, w.count);
	*ret_words = w;
	return NULL;
}
