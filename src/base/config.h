/* One typed table per program describes its settings; file, environment, flags, --help, --print-config and the
 * manual page come from it.
 *
 * Precedence: flag, then environment (DSN_<NAME>, upper case, '-' as '_'), then file (`name = value` lines, '#'
 * comments), then the default. Every refusal names its place: "--port: ...", "$DSN_PORT: ...", "/etc/dsn/agent.conf:12:
 * ...". Secrets are never values here: a secret's setting names a file or an environment variable.
 */
#ifndef DSN_BASE_CONFIG_H
#define DSN_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum config_type {
	CONFIG_STRING,   /* char * */
	CONFIG_BOOL,     /* bool; flag without value, or =yes|no */
	CONFIG_INT,      /* int64_t within min..max */
	CONFIG_DURATION, /* int64_t milliseconds; "500ms", "5s", "2m", "1h" */
	CONFIG_BYTES,    /* int64_t; "64k", "10M", "2G" */
	CONFIG_LIST,     /* char ** NULL-terminated; flag repeatable, in file and environment separated by commas */
	CONFIG_CHOICE,   /* char *, one of `choices` separated by '|' */
};

struct config_row {
	const char *name; /* "state-dir": flag --state-dir, $DSN_STATE_DIR, key state-dir */
	enum config_type type;
	size_t offset;       /* offsetof(struct ..., field) in the program's settings */
	const char *value;   /* default as text, NULL: unset */
	const char *choices; /* CONFIG_CHOICE */
	int64_t min, max;    /* CONFIG_INT; both 0: any */
	const char *arg;     /* placeholder in --help, e.g. "DIR" */
	const char *help;    /* one sentence */
	/* Further check of the value; NULL: none. */
	struct error *(*check)(const char *text);
};

struct config_program {
	const char *name;     /* "dsn-agent" */
	const char *synopsis; /* "dsn-agent [options]" */
	const char *about;    /* paragraph for --help; its first words, up to ':' or the first sentence's end, are the
				 manual page's summary */
	const struct config_row *rows;
	size_t row_count;
	const char *default_file; /* read when it exists and --config names no other; may be NULL */
};

/* Fill `settings` (owned strings are children of ctx). Words that are not flags are returned in ret_words
 * (NULL-terminated, ctx's). --help, --version, --print-config and --print-manual print and set *ret_done. */
struct error *config_load(const void *ctx, const struct config_program *program, int argc, char **argv, void *settings,
			  char ***ret_words, bool *ret_done) MUST_CHECK;
/* The table as help text, as manual page (roff), and as commented configuration file. */
char *config_help(const void *ctx, const struct config_program *program);
char *config_manual(const void *ctx, const struct config_program *program);
char *config_print(const void *ctx, const struct config_program *program, const void *settings);

/* "5s", "500ms", "2m", "1h" */
struct error *config_parse_duration(const char *text, int64_t *ret_ms) MUST_CHECK;
struct error *config_parse_bytes(const char *text, int64_t *ret_bytes) MUST_CHECK;

#endif
