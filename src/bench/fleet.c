#include "bench/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "bus/keyring.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"

#define FIRST_PORT 23000
#define PORTS_PER_AGENT 100
#define UP_MS 30000
#define LOG_LIMIT (1 << 20)
#define VCLI_MS 90000
#define VCLI_OUTPUT ((size_t)1 << 22)
#define PROGRAM_LIMIT ((size_t)64 << 20)
#define END_GRACE_MS 20000

/* A person who is tired of waiting shall not leave agents behind. */
static volatile sig_atomic_t interrupted;

static void on_signal(int signum)
{
	interrupted = signum;
}

char *fleet_program(struct fleet *f, const char *name)
{
	return file_join(f, f->bin, name);
}

static struct error *find_bin(struct fleet *f)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return error_sys(errno, "/proc/self/exe");
	path[n] = '\0';
	f->bin = mem_strdup(f, dirname(path));
	return NULL;
}

/* Units run as another user when we are root: the programs they run must be where that user can reach them. */
static struct error *copy_program(struct fleet *f, const char *name)
{
	char *from = fleet_program(f, name), *bytes = NULL;
	size_t len = 0;

	TRY(file_read(f, from, PROGRAM_LIMIT, &bytes, &len));
	TRY(file_write_atomic(file_join(f, f->folder, name), bytes, len, 0755));
	mem_free(bytes);
	return NULL;
}

static struct error *make_folder(struct fleet *f)
{
	const char *tmp = getenv("TMPDIR");
	char *folder = mem_printf(f, "%s/dsnb.XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (!mkdtemp(folder))
		return error_sys(errno, "%s", folder);
	f->folder = folder;
	if (chmod(folder, 0755) != 0)
		return error_sys(errno, "%s", folder);
	return NULL;
}

struct error *fleet_new(const struct fleet_options *options, struct fleet **ret_fleet)
{
	struct fleet *f = mem_new(NULL, struct fleet);
	struct error *e = NULL;

	if (!options->bus) {
		mem_free(f);
		return error_new(ERROR_INVALID, "--bus: name a broker to measure with, such as amqp://127.0.0.1/");
	}
	f->options = *options;
	uv_loop_init(&f->loop);
	f->network = mem_printf(f, "bench-%s", hex_random(f, 4));
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	e = find_bin(f);
	if (!e)
		e = make_folder(f);
	if (!e)
		e = copy_program(f, "dsn-hls");
	if (!e)
		e = copy_program(f, "dsn-relay");
	if (e) {
		fleet_end(f);
		return e;
	}
	*ret_fleet = f;
	return NULL;
}

static void on_ended(const struct child_exit *ex, void *arg)
{
	struct fleet *f = arg;

	(void)ex;
	uv_stop(&f->loop);
}

void fleet_end(struct fleet *f)
{
	for (size_t i = 0; i < f->agent_count; i++)
		child_stop(f->agents[i], SIGTERM, END_GRACE_MS);
	for (size_t i = 0; i < f->agent_count; i++) {
		while (child_alive(f->agents[i]))
			uv_run(&f->loop, UV_RUN_ONCE);
		mem_free(f->agents[i]);
	}
	uv_run(&f->loop, UV_RUN_DEFAULT);
	uv_loop_close(&f->loop);
	if (f->folder)
		error_free(file_remove_tree(f->folder));
	mem_free(f);
}

/* --- vcli --- */

static size_t add_common(const struct fleet *f, const char **argv, size_t n)
{
	const char *const pairs[][2] = {{"--bus", f->options.bus},
					{"--network", f->network},
					{"--password-file", f->options.password_file},
					{"--ca-file", f->options.ca_file}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (!pairs[i][1])
			continue;
		argv[n++] = pairs[i][0];
		argv[n++] = pairs[i][1];
	}
	return n;
}

static struct error *vcli_verdict(const void *ctx, const struct child_result *r, json_t **ret_answer)
{
	json_t *answer = NULL;
	struct error *e = NULL;

	(void)ctx;
	if (r->error)
		return error_copy(r->error);
	e = json_parse(r->out, r->out_len, VCLI_OUTPUT, &answer);
	if (e || r->code != 0) {
		error_free(e);
		json_decref(answer);
		return error_new(ERROR_FAILED, "vcli ended with %d: %.600s", r->code, r->err);
	}
	*ret_answer = answer;
	return NULL;
}

struct error *fleet_vcli(struct fleet *f, const char *const *words, int64_t *ret_us, json_t **ret_answer)
{
	void *scope = mem_new(NULL, char);
	const char *argv[40] = {fleet_program(f, "vcli")};
	struct child_spec spec = {.argv = argv,
				  .env = (const char *const *)environ,
				  .stdin_fd = -1,
				  .stdout_fd = -1,
				  .stderr_fd = -1,
				  .extra_fd = -1};
	struct child_result *r = NULL;
	struct error *e = NULL;
	int64_t began_us = 0;
	size_t n = 1;

	while (*words && n < 20)
		argv[n++] = *words++;
	n = add_common(f, argv, n);
	argv[n++] = "--json";
	argv[n++] = "--quiet";
	argv[n++] = "--state-dir";
	argv[n++] = file_join(scope, f->folder, "vcli");
	began_us = clock_mono_us();
	r = child_run_sync(scope, &spec, VCLI_MS, VCLI_OUTPUT);
	if (ret_us)
		*ret_us = clock_mono_us() - began_us;
	e = interrupted ? error_new(ERROR_FAILED, "interrupted") : vcli_verdict(scope, r, ret_answer);
	mem_free(scope);
	return e;
}

/* --- agents --- */

/* In the agent's own words: the last line of its log. */
static struct error *failed_start(struct fleet *f, const char *state)
{
	char *text = NULL, *end, *line;
	struct error *e = file_read(f, mem_printf(f, "%s.log", state), LOG_LIMIT, &text, NULL);

	if (e)
		return error_wrap(e, "dsn-agent does not start");
	for (end = text + strlen(text); end > text && end[-1] == '\n'; end--)
		end[-1] = '\0';
	line = strrchr(text, '\n');
	return error_new(ERROR_FAILED, "dsn-agent does not start: %s", line ? line + 1 : text);
}

static struct error *await(struct fleet *f, struct child *agent, const char *state)
{
	char *path = file_join(f, state, "agent.id"), *id = NULL;
	int64_t until_ms = clock_mono_ms() + UP_MS;
	struct error *e = NULL;

	while (!file_exists(path) && child_alive(agent) && clock_mono_ms() < until_ms && !interrupted) {
		usleep(20000);
		uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	if (!file_exists(path) && !interrupted)
		return failed_start(f, state);
	TRY(file_read(f, path, 100, &id, NULL));
	id[strcspn(id, "\n")] = '\0';
	do {
		json_t *answer = NULL;

		error_free(e);
		e = fleet_vcli(f, (const char *const[]){"node", "list", "--agent", id, "--timeout", "5s", NULL}, NULL,
			       &answer);
		json_decref(answer);
	} while (e && clock_mono_ms() < until_ms && !interrupted);
	return e ? error_wrap(e, "the agent does not answer") : NULL;
}

/* --- keys --- */

struct error *fleet_new_id(struct fleet *f, const char **ret_id)
{
	char *folder = file_join(f, f->folder, "keys"), *id = mem_array(f, char, KEYRING_ID_SIZE);
	struct secp_key key;
	struct error *e;

	secp_key_new(&key);
	keyring_id(key.public, id);
	e = file_mkdirs(folder, 0700);
	if (!e)
		e = keyfile_write(file_join(folder, folder, id), &key);
	secret_wipe(&key, sizeof(key));
	TRY(e);
	*ret_id = id;
	return NULL;
}

static struct error *give_key(struct fleet *f, const char *state, const char *id)
{
	char *folder = file_join(f, state, "keys"), *from = mem_printf(folder, "%s/keys/%s", f->folder, id);
	struct secp_key key;
	struct error *e;

	/* The agent's folder itself is passed by the user its programs run as. */
	TRY(file_mkdirs(state, 0711));
	TRY(file_mkdirs(folder, 0700));
	TRY(keyfile_read(from, NULL, &key));
	e = keyfile_write(file_join(folder, folder, id), &key);
	secret_wipe(&key, sizeof(key));
	mem_free(folder);
	return e;
}

static struct error *find_owner(struct fleet *f)
{
	json_t *answer = NULL;

	if (f->owner)
		return NULL;
	TRY(fleet_vcli(f, (const char *const[]){"key", "show", NULL}, NULL, &answer));
	f->owner = mem_strdup(f, json_string_value(json_object_get(answer, "id")));
	json_decref(answer);
	return NULL;
}

struct error *fleet_start_agent(struct fleet *f, const char *const *ids, pid_t *ret_pid)
{
	char *state = mem_printf(f, "%s/a%zu", f->folder, f->agent_count);
	int first = FIRST_PORT + (int)f->agent_count * PORTS_PER_AGENT;
	const char *argv[80] = {fleet_program(f, "dsn-agent"),
				"--state-dir",
				state,
				"--stop-units",
				"--segmenter",
				file_join(f, f->folder, "dsn-hls"),
				"--port-range",
				mem_printf(f, "%d-%d", first, first + PORTS_PER_AGENT - 1)};
	struct child_spec spec = {
		.argv = argv, .env = (const char *const *)environ, .stdin_fd = -1, .stdout_fd = -1, .extra_fd = -1};
	struct child *child = NULL;
	struct error *e = NULL;
	size_t n = add_common(f, argv, 8);

	TRY(find_owner(f));
	argv[n++] = "--owner";
	argv[n++] = f->owner;

	for (; *ids && n < 70; ids++) {
		TRY(give_key(f, state, *ids));
		argv[n++] = "--node";
		argv[n++] = *ids;
	}
	spec.stderr_fd = open(mem_printf(f, "%s.log", state), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	e = child_start(f, &f->loop, &spec, on_ended, f, &child);
	if (spec.stderr_fd >= 0)
		close(spec.stderr_fd);
	TRY(e);
	f->agents = f->agents ? mem_resize(f, f->agents, struct child *, f->agent_count + 1)
			      : mem_array(f, struct child *, 1);
	f->agents[f->agent_count++] = child;
	*ret_pid = child_identity(child).pid;
	return await(f, child, state);
}
