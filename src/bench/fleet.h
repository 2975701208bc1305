/* Agents for measurements: real dsn-agent processes with real nginx, in a folder of their own, beside a given broker;
 * and vcli to order them about. The programs are those beside dsn-bench. */
#ifndef DSN_BENCH_FLEET_H
#define DSN_BENCH_FLEET_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"

struct fleet_options {
	const char *bus;
	const char *password_file; /* or NULL */
	const char *ca_file;       /* or NULL */
};

struct fleet {
	struct fleet_options options;
	uv_loop_t loop;
	char *folder;  /* removed at the end */
	char *bin;     /* where the programs are */
	char *network; /* a fresh one, so that nobody else is disturbed */
	char *owner;   /* address of the vcli that orders them about */
	struct child **agents;
	size_t agent_count;
};

/* Make the folder. Freed with fleet_end(), which ends what was started. */
struct error *fleet_new(const struct fleet_options *options, struct fleet **ret_fleet) MUST_CHECK;
void fleet_end(struct fleet *f);
/* A fresh node id with a key, which fleet_start_agent() gives to its agent. It belongs to the fleet. */
struct error *fleet_new_id(struct fleet *f, const char **ret_id) MUST_CHECK;
/* Start an agent that serves these ids (NULL-terminated, of fleet_new_id()) and wait until it answers on the bus. */
struct error *fleet_start_agent(struct fleet *f, const char *const *ids, pid_t *ret_pid) MUST_CHECK;
/* Run vcli with these words (NULL-terminated) and --json; *ret_us (may be NULL) is its whole run, start to exit. New
 * reference. A failure carries vcli's words. */
struct error *fleet_vcli(struct fleet *f, const char *const *words, int64_t *ret_us, json_t **ret_answer) MUST_CHECK;
/* The path of a program. */
char *fleet_program(struct fleet *f, const char *name);

#endif
