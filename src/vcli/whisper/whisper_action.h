/* The words "start" and "stop" turned into deeds: a program that runs between them, and a hook for each word.
 *
 * Programs are argument vectors, no shell. The program runs in a session of its own with PATH, HOME and LANG of this
 * one as its environment, its output goes to our standard error; it is not started again when it ends by itself. A
 * start while it runs changes nothing; after a stop it has STOP_GRACE to end before it is killed, and a start meanwhile
 * starts it afterwards. The hook is run once for every word, one after the other, with the word as last argument, for
 * at most a minute each. Threads: loop thread.
 */
#ifndef DSN_VCLI_WHISPER_WHISPER_ACTION_H
#define DSN_VCLI_WHISPER_WHISPER_ACTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

#define WHISPER_STOP_GRACE_MS 10000
#define WHISPER_HOOK_MS 60000
#define WHISPER_HOOK_QUEUE 64 /* words that wait for the hook; more are told as "hook-lost" */
#define WHISPER_ARGV_MAX 256

/* A setting's text as an argument vector, ctx's, NULL-terminated: a JSON array of texts, or the name of a program
 * alone. `flag` is for the error. */
struct error *whisper_argv(const void *ctx, const char *flag, const char *text, char ***ret_argv) MUST_CHECK;

/* What happened, for a person and as members for --json (borrowed): "started" (pid), "runs" (a second start),
 * "stopping", "ended" (code or signal), "idle" (a stop without a program), "failed" (why), "hook" (word, code),
 * "hook-lost" (word). */
typedef void whisper_event_fn(const char *event, const json_t *about, void *arg);

struct whisper_actions;
/* Either vector may be NULL; both must outlive it. Freeing it kills what runs. */
struct whisper_actions *whisper_actions_new(const void *ctx, uv_loop_t *loop, char *const *start, char *const *hook,
					    whisper_event_fn *told, void *arg);
/* Is the text one of the words, blanks around it aside? Then it is acted upon. */
bool whisper_actions_take(struct whisper_actions *a, const char *text);
/* No more words: the program is stopped; what waits for the hook is still done. */
void whisper_actions_end(struct whisper_actions *a);
/* Nothing runs and nothing waits. */
bool whisper_actions_idle(const struct whisper_actions *a);

#endif
