#include "base/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_value.h"
#include "base/file.h"
#include "base/mem.h"

#define FILE_LIMIT (1 << 20)

/* Flags that every program has. */
enum builtin { NOT_BUILTIN, BUILTIN_CONFIG, BUILTIN_PRINT, BUILTIN_MANUAL, BUILTIN_HELP, BUILTIN_VERSION };
static const struct {
	const char *word;
	enum builtin builtin;
} builtins[] = {
	{"config", BUILTIN_CONFIG}, {"print-config", BUILTIN_PRINT}, {"print-manual", BUILTIN_MANUAL},
	{"help", BUILTIN_HELP},     {"version", BUILTIN_VERSION},
};

struct config_load {
	const struct config_program *program;
	void *settings;
	const void *ctx;     /* owner of the settings' strings */
	const char **flags;  /* by row: the flag's last value, or NULL */
	char ***lists;       /* by row: a list flag's elements */
	size_t *list_counts; /* by row */
	int *lines;          /* by row: where the file set it, 0: nowhere */
	const char *file;    /* --config */
	char **words;
	size_t word_count;
	bool asked[BUILTIN_VERSION + 1];
};

static struct config_load *load_new(const struct config_program *program, const void *ctx, void *settings, int argc)
{
	struct config_load *l = mem_new(NULL, struct config_load);
	l->program = program;
	l->ctx = ctx;
	l->settings = settings;
	l->flags = mem_array(l, const char *, program->row_count + 1);
	l->lists = mem_array(l, char **, program->row_count + 1);
	l->list_counts = mem_array(l, size_t, program->row_count + 1);
	l->lines = mem_array(l, int, program->row_count + 1);
	l->words = mem_array(l, char *, (size_t)argc + 1);
	return l;
}

static const struct config_row *find_row(const struct config_program *program, const char *name, size_t len)
{
	for (size_t i = 0; i < program->row_count; i++)
		if (strlen(program->rows[i].name) == len && memcmp(program->rows[i].name, name, len) == 0)
			return &program->rows[i];
	return NULL;
}

static enum builtin find_builtin(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
		if (strlen(builtins[i].word) == len && memcmp(builtins[i].word, name, len) == 0)
			return builtins[i].builtin;
	return NOT_BUILTIN;
}

static void keep_flag(struct config_load *l, const struct config_row *row, const char *value, int argc)
{
	size_t i = (size_t)(row - l->program->rows);
	l->flags[i] = value;
	if (row->type != CONFIG_LIST)
		return;
	if (!l->lists[i])
		l->lists[i] = mem_array(l, char *, (size_t)argc + 1);
	l->lists[i][l->list_counts[i]++] = (char *)value;
}

/* One argument that starts with "--"; moves *at over its value. */
static struct error *read_flag(struct config_load *l, int argc, char **argv, int *at)
{
	const char *name = argv[*at] + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	const struct config_row *row = find_row(l->program, name, len);
	enum builtin builtin = row ? NOT_BUILTIN : find_builtin(name, len);
	if (!row && builtin == NOT_BUILTIN)
		return error_new(ERROR_INVALID, "--%.*s: no such setting; %s --help lists them",
				 (int)(len > 80 ? 80 : len), name, l->program->name);
	bool takes_value = row ? row->type != CONFIG_BOOL : builtin == BUILTIN_CONFIG;
	if (builtin != NOT_BUILTIN && builtin != BUILTIN_CONFIG && value)
		return error_new(ERROR_INVALID, "--%.*s: takes no value", (int)len, name);
	if (takes_value && !value) {
		if (*at + 1 >= argc)
			return error_new(ERROR_INVALID, "--%s: a value is missing", name);
		value = argv[++*at];
	}
	if (row)
		keep_flag(l, row, value ? value : "yes", argc);
	else if (builtin == BUILTIN_CONFIG)
		l->file = value;
	else
		l->asked[builtin] = true;
	return NULL;
}

static struct error *read_arguments(struct config_load *l, int argc, char **argv)
{
	bool flags_over = false;
	for (int i = 1; i < argc; i++) {
		if (!flags_over && strcmp(argv[i], "--") == 0)
			flags_over = true;
		else if (!flags_over && strcmp(argv[i], "-h") == 0)
			l->asked[BUILTIN_HELP] = true;
		else if (!flags_over && strncmp(argv[i], "--", 2) == 0)
			TRY(read_flag(l, argc, argv, &i));
		else if (!flags_over && argv[i][0] == '-' && argv[i][1])
			return error_new(ERROR_INVALID, "%.80s: no such setting; %s --help lists them", argv[i],
					 l->program->name);
		else
			l->words[l->word_count++] = argv[i];
	}
	return NULL;
}

static struct error *set_defaults(struct config_load *l)
{
	for (size_t i = 0; i < l->program->row_count; i++) {
		const struct config_row *row = &l->program->rows[i];
		if (row->value) {
			struct error *e = config_value_set(l->ctx, row, row->value, l->settings);
			if (e)
				return error_wrap(e, "default of --%s", row->name);
		}
	}
	return NULL;
}

/* Cuts blanks at both ends, in place. */
static char *trim(char *s)
{
	s += strspn(s, " \t\r");
	char *end = s + strlen(s);
	while (end > s && strchr(" \t\r", end[-1]))
		end--;
	*end = '\0';
	return s;
}

static struct error *set_line(struct config_load *l, char *line, int number)
{
	line = trim(line);
	if (!*line || *line == '#')
		return NULL;
	char *equals = strchr(line, '=');
	if (!equals)
		return error_new(ERROR_INVALID, "\"%.80s\" is not of the form name = value", line);
	*equals = '\0';
	const char *name = trim(line), *value = trim(equals + 1);
	const struct config_row *row = find_row(l->program, name, strlen(name));
	if (!row)
		return error_new(ERROR_INVALID, "\"%.80s\": no such setting; %s --help lists them", name,
				 l->program->name);
	int *seen = &l->lines[row - l->program->rows];
	if (*seen)
		return error_new(ERROR_INVALID, "%s: given twice, first in line %d", name, *seen);
	*seen = number;
	struct error *e = config_value_set(l->ctx, row, value, l->settings);
	return e ? error_wrap(e, "%s", name) : NULL;
}

static struct error *set_file(struct config_load *l)
{
	const char *path = l->file ? l->file : getenv("DSN_CONFIG");
	if (!path || !*path) {
		path = l->program->default_file;
		if (!path || !file_exists(path))
			return NULL;
	}
	char *text = NULL;
	size_t len = 0;
	struct error *e = file_read(l, path, FILE_LIMIT, &text, &len);
	if (e)
		return error_wrap(e, "settings");
	if (strlen(text) != len)
		return error_new(ERROR_INVALID, "%s: is not a text file", path);
	int number = 0;
	for (char *line = text; line;) {
		char *next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		e = set_line(l, line, ++number);
		if (e)
			return error_wrap(e, "%s:%d", path, number);
		line = next;
	}
	return NULL;
}

static struct error *set_environment(struct config_load *l)
{
	for (size_t i = 0; i < l->program->row_count; i++) {
		const char *name = config_environment_name(l, l->program->rows[i].name);
		const char *value = getenv(name);
		if (!value || !*value)
			continue;
		struct error *e = config_value_set(l->ctx, &l->program->rows[i], value, l->settings);
		if (e)
			return error_wrap(e, "$%s", name);
	}
	return NULL;
}

static struct error *set_flags(struct config_load *l)
{
	for (size_t i = 0; i < l->program->row_count; i++) {
		const struct config_row *row = &l->program->rows[i];
		struct error *e = NULL;
		if (l->lists[i])
			e = config_value_set_list(l->ctx, row, l->lists[i], l->list_counts[i], l->settings);
		else if (l->flags[i])
			e = config_value_set(l->ctx, row, l->flags[i], l->settings);
		if (e)
			return error_wrap(e, "--%s", row->name);
	}
	return NULL;
}

static struct error *load_all(struct config_load *l, int argc, char **argv, bool *ret_done)
{
	TRY(read_arguments(l, argc, argv));
	if (l->asked[BUILTIN_HELP]) {
		fputs(config_help(l, l->program), stdout);
		*ret_done = true;
		return NULL;
	}
	if (l->asked[BUILTIN_MANUAL]) {
		fputs(config_manual(l, l->program), stdout);
		*ret_done = true;
		return NULL;
	}
	if (l->asked[BUILTIN_VERSION]) {
		printf("%s %s\n", l->program->name, DSN_VERSION);
		*ret_done = true;
		return NULL;
	}
	TRY(set_defaults(l));
	TRY(set_file(l));
	TRY(set_environment(l));
	TRY(set_flags(l));
	if (l->asked[BUILTIN_PRINT]) {
		fputs(config_print(l, l->program, l->settings), stdout);
		*ret_done = true;
	}
	return NULL;
}

struct error *config_load(const void *ctx, const struct config_program *program, int argc, char **argv, void *settings,
			  char ***ret_words, bool *ret_done)
{
	struct config_load *l = load_new(program, ctx, settings, argc);
	bool done = false;
	struct error *e = load_all(l, argc, argv, &done);
	if (!e) {
		char **words = mem_array(ctx, char *, l->word_count + 1);
		for (size_t i = 0; i < l->word_count; i++)
			words[i] = mem_strdup(words, l->words[i]);
		*ret_words = words;
		*ret_done = done;
	}
	mem_free(l);
	return e;
}
