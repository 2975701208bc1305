/* One run of the command line: its settings, its words, and what it will answer.
 *
 * A command is a row of the table in vcli/words/table.c. Its handler returns NULL or the error that decides the exit
 * code (error_exit_code()). In text mode the handler prints its result on stdout; with --json it only fills `answer`,
 * which main() prints as the one JSON value of the run. Progress and complaints go to stderr.
 */
#ifndef DSN_VCLI_VCLI_H
#define DSN_VCLI_VCLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/config.h"
#include "base/error.h"
#include "vcli/options.h"

/* Every flag of every command, in one typed table (vcli_flags[]). */
struct vcli_settings {
	struct client_options client;
	struct vcli_detached_options detached;
	struct vcli_node_options node;
	struct vcli_pipeline_options pipeline;
	struct vcli_order_options order;
	struct vcli_broker_options broker;
	struct vcli_whisper_options whisper;
	struct vcli_chain_options chain;
	struct vcli_devnet_options devnet;
	struct vcli_account_options account;
	struct vcli_load_options load;
	struct vcli_market_options market;
	/* of many commands */
	char *log_level;
	bool json, quiet, force;
	int64_t timeout_ms; /* -1: the command's own */
	int64_t count;      /* -1: the command's own */
};

struct vcli;
typedef struct error *command_fn(struct vcli *v);

struct vcli_command {
	const char *words; /* "node create" */
	const char *args;  /* "ROLE NODE_ID"; NULL: none */
	size_t min_args, max_args;
	const char *const *flags; /* names of its own flags, NULL-terminated; NULL: none */
	int64_t timeout_ms;       /* without --timeout; 0: as long as it takes */
	const char *summary;      /* one line, no full stop */
	const char *details;      /* paragraphs for --help and the manual; may be NULL */
	command_fn *run;
};

struct client_link;

struct vcli {
	struct vcli_settings set;
	const struct vcli_command *command;
	char **args; /* the words after the command's own, NULL-terminated */
	size_t arg_count;
	uv_loop_t loop;
	int64_t timeout_ms;       /* in effect; 0: none */
	json_t *answer;           /* owned; NULL: nothing but state and error */
	struct client_link *link; /* to the bus (vcli/bus/link.h); NULL: not wanted so far */
	bool printed;             /* the handler has printed its JSON values already */
};

/* The tables (table.c); the commands end with a row without words. */
extern const struct vcli_command vcli_commands[];
extern const struct config_row vcli_flags[];
extern const size_t vcli_flag_count;
/* The first vcli_global_count rows of vcli_flags belong to every command. */
extern const size_t vcli_global_count;
extern const struct config_program vcli_program;

/* The row of a flag by its name without dashes, or NULL. */
const struct config_row *vcli_flag(const char *name, size_t len);
bool vcli_takes(const struct vcli_command *c, const struct config_row *flag);

/* Take over the reference as the answer. */
void vcli_answer(struct vcli *v, json_t *value);
/* The one JSON value of a run: the answer, with state and error when it failed. */
void vcli_answer_print(const struct vcli *v, const struct error *e);

#endif
