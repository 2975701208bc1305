#include "vcli/whisper/whisper_action.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/json.h"
#include "base/mem.h"

#define ARGV_BYTES 65536
#define HOOK_OUTPUT 65536

static const char *const words[] = {"stop", "start"}; /* by bool */

struct whisper_actions {
	uv_loop_t *loop;
	char *const *start, *const *hook;
	char **hook_argv; /* the hook and room for the word */
	size_t hook_count;
	whisper_event_fn *told;
	void *arg;
	struct child *child;
	bool stopping, again; /* start it when it has ended */
	bool over;
	bool queue[WHISPER_HOOK_QUEUE];
	size_t queue_first, queue_count;
	void *hook_run; /* owner of the hook that runs; NULL: none */
	bool hook_word;
};

struct error *whisper_argv(const void *ctx, const char *flag, const char *text, char ***ret_argv)
{
	json_t *list = NULL, *word;
	size_t i, n = 1;
	char **argv;
	struct error *e = NULL;

	if (*text != '[') {
		list = json_pack("[s]", text);
		e = *text ? NULL : error_new(ERROR_INVALID, "--%s: is empty", flag);
	} else {
		e = json_parse(text, strlen(text), ARGV_BYTES, &list);
		e = e ? error_wrap(e, "--%s", flag) : NULL;
	}
	n = json_array_size(list);
	if (!e && (n == 0 || n > WHISPER_ARGV_MAX))
		e = error_new(ERROR_INVALID, "--%s: wants 1 to %d texts in its array", flag, WHISPER_ARGV_MAX);
	argv = mem_array(ctx, char *, n + 1);
	json_array_foreach (list, i, word) {
		if (!json_is_string(word) || (i == 0 && !*json_string_value(word)))
			e = e ? e
			      : error_new(ERROR_INVALID, "--%s: element %zu of its array is %s", flag, i,
					  json_is_string(word) ? "empty" : "no text");
		else
			argv[i] = mem_strdup(argv, json_string_value(word));
	}
	json_decref(list);
	if (e) {
		mem_free(argv);
		return e;
	}
	*ret_argv = argv;
	return NULL;
}

/* Takes `about`. */
static void tell(struct whisper_actions *a, const char *event, json_t *about)
{
	a->told(event, about, a->arg);
	json_decref(about);
}

/* --- the program --- */

static void start(struct whisper_actions *a);

static void on_ended(const struct child_exit *ex, void *arg)
{
	struct whisper_actions *a = arg;
	json_t *about = json_object();
	bool again = a->again && !a->over;

	mem_free(a->child);
	a->child = NULL;
	a->stopping = a->again = false;
	json_put_decimal(about, ex->signal ? "signal" : "code", ex->signal ? ex->signal : ex->code);
	json_put_decimal(about, "ran_ms", ex->ran_ms);
	tell(a, "ended", about);
	if (again)
		start(a);
}

static void start(struct whisper_actions *a)
{
	const struct child_spec spec = {.argv = (const char *const *)a->start,
					.stdin_fd = -1,
					.stdout_fd = STDERR_FILENO,
					.stderr_fd = STDERR_FILENO,
					.extra_fd = -1};
	struct error *e = child_start(a, a->loop, &spec, on_ended, a, &a->child);
	json_t *about = json_object();

	if (e)
		json_put(about, "why", e->message);
	else
		json_put_decimal(about, "pid", child_identity(a->child).pid);
	tell(a, e ? "failed" : "started", about);
	error_free(e);
}

static void stop(struct whisper_actions *a)
{
	if (!a->stopping)
		child_stop(a->child, SIGTERM, WHISPER_STOP_GRACE_MS);
	a->stopping = true;
	a->again = false;
}

static void act(struct whisper_actions *a, bool to_start)
{
	if (!a->start)
		return;
	if (to_start && a->child && a->stopping) {
		a->again = true;
	} else if (to_start && a->child) {
		json_t *about = json_object();

		json_put_decimal(about, "pid", child_identity(a->child).pid);
		tell(a, "runs", about);
	} else if (to_start) {
		start(a);
	} else if (a->child) {
		stop(a);
		tell(a, "stopping", json_object());
	} else {
		tell(a, "idle", json_object());
	}
}

/* --- the hook --- */

static void next_hook(struct whisper_actions *a);

static void tell_hook(struct whisper_actions *a, const char *event, bool word, const struct child_result *r)
{
	json_t *about = json_object();

	json_put(about, "word", words[word]);
	if (r && r->error)
		json_put(about, "why", r->error->message);
	else if (r)
		json_put_decimal(about, "code", r->code);
	if (r && r->code && r->err && *r->err) {
		char *line = mem_strndup(NULL, r->err, strcspn(r->err, "\n"));

		json_put(about, "said", line);
		mem_free(line);
	}
	tell(a, event, about);
}

static void on_hooked(const struct child_result *r, void *arg)
{
	struct whisper_actions *a = arg;

	mem_free(a->hook_run);
	a->hook_run = NULL;
	tell_hook(a, "hook", a->hook_word, r);
	next_hook(a);
}

static void next_hook(struct whisper_actions *a)
{
	const struct child_spec spec = {.argv = (const char *const *)a->hook_argv,
					.stdin_fd = -1,
					.stdout_fd = -1,
					.stderr_fd = -1,
					.extra_fd = -1};

	while (!a->hook_run && a->queue_count > 0) {
		struct error *e;

		a->hook_word = a->queue[a->queue_first];
		a->queue_first = (a->queue_first + 1) % WHISPER_HOOK_QUEUE;
		a->queue_count--;
		a->hook_argv[a->hook_count] = (char *)words[a->hook_word];
		a->hook_run = mem_new(a, char);
		e = child_run(a->hook_run, a->loop, &spec, WHISPER_HOOK_MS, HOOK_OUTPUT, on_hooked, a);
		if (e) {
			mem_free(a->hook_run);
			a->hook_run = NULL;
			tell_hook(a, "hook", a->hook_word, &(struct child_result){.error = e});
			error_free(e);
		}
	}
}

static void hook(struct whisper_actions *a, bool word)
{
	if (!a->hook)
		return;
	if (a->queue_count == WHISPER_HOOK_QUEUE) {
		tell_hook(a, "hook-lost", word, NULL);
		return;
	}
	a->queue[(a->queue_first + a->queue_count++) % WHISPER_HOOK_QUEUE] = word;
	next_hook(a);
}

/* --- for the command --- */

static int actions_destroy(struct whisper_actions *a)
{
	if (a->child)
		child_stop(a->child, SIGKILL, 0);
	return 0;
}

struct whisper_actions *whisper_actions_new(const void *ctx, uv_loop_t *loop, char *const *start_argv,
					    char *const *hook_argv, whisper_event_fn *told, void *arg)
{
	struct whisper_actions *a = mem_new(ctx, struct whisper_actions);

	*a = (struct whisper_actions){.loop = loop, .start = start_argv, .hook = hook_argv, .told = told, .arg = arg};
	while (hook_argv && hook_argv[a->hook_count])
		a->hook_count++;
	a->hook_argv = mem_array(a, char *, a->hook_count + 2);
	for (size_t i = 0; i < a->hook_count; i++)
		a->hook_argv[i] = hook_argv[i];
	talloc_set_destructor(a, actions_destroy);
	return a;
}

bool whisper_actions_take(struct whisper_actions *a, const char *text)
{
	size_t from = strspn(text, " \t\r\n"), n = strcspn(text + from, " \t\r\n");
	bool alone = text[from + n + strspn(text + from + n, " \t\r\n")] == '\0';
	bool known = false, word = false;

	for (int i = 0; alone && i < 2; i++) {
		if (strlen(words[i]) == n && strncmp(words[i], text + from, n) == 0) {
			known = true;
			word = i == 1;
		}
	}
	if (!known || a->over)
		return known;
	hook(a, word);
	act(a, word);
	return true;
}

void whisper_actions_end(struct whisper_actions *a)
{
	a->over = true;
	if (a->child)
		stop(a);
}

bool whisper_actions_idle(const struct whisper_actions *a)
{
	return !a->child && !a->hook_run && a->queue_count == 0;
}
