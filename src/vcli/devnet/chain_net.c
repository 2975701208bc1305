#include "vcli/devnet/chain_net.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/process.h"
#include "client/folders.h"
#include "vcli/wait.h"

#define FILE_BYTES 65536
#define GRACE_MS 15000 /* geth writes its state down */
#define LOOK_MS 200

static int net_destroy(struct chain_net *n)
{
	json_decref(n->document);
	return 0;
}

static struct error *net_make(struct vcli *v, struct chain_net **ret_net)
{
	struct chain_net *n = mem_new(v, struct chain_net);
	char *chain = NULL;

	n->v = v;
	talloc_set_destructor(n, net_destroy);
	TRY(client_state_make(v, &v->set.client.state, "chain", &chain));
	n->folder = file_join(n, chain, "net");
	TRY(file_mkdirs(n->folder, 0700));
	*ret_net = n;
	return NULL;
}

struct error *chain_net_read(struct vcli *v, struct chain_net **ret_net)
{
	struct chain_net *n = NULL;
	char *path;
	json_t *processes = NULL;
	const struct json_place root = {NULL, "net.json", 0};

	TRY(net_make(v, &n));
	path = file_join(n, n->folder, "net.json");
	if (!file_exists(path))
		return error_new(ERROR_NOT_FOUND, "no chain was started: see vcli chain up");
	TRY(json_parse_file(path, FILE_BYTES, &n->document));
	TRY(json_read_array(n->document, &root, "processes", 0, 64, &processes));
	*ret_net = n;
	return NULL;
}

struct error *chain_net_new(struct vcli *v, const char *kind, struct chain_net **ret_net)
{
	struct chain_net *n = NULL;

	TRY(net_make(v, &n));
	n->document = json_pack("{s:s,s:[],s:[]}", "kind", kind, "rpc", "processes");
	*ret_net = n;
	return NULL;
}

struct error *chain_net_write(const struct chain_net *n)
{
	char *text = json_text(NULL, n->document), *path = file_join(NULL, n->folder, "net.json");
	struct error *e = file_write_atomic(path, text, strlen(text), 0600);

	mem_free(text);
	mem_free(path);
	return e;
}

/* --- processes --- */

static void on_exit_ignored(const struct child_exit *ex, void *arg)
{
	(void)ex;
	(void)arg;
}

struct error *chain_net_start(struct chain_net *n, const char *name, const char *const *argv)
{
	char *file = mem_printf(n, "%s.log", name), *path = file_join(n, n->folder, file);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	const struct child_spec spec = {.argv = argv, .stdin_fd = -1, .stdout_fd = fd, .stderr_fd = fd, .extra_fd = -1};
	struct child *child = NULL;
	struct child_identity id;
	struct error *e;

	if (fd < 0)
		return error_sys(errno, "%s", path);
	e = child_start(n, &n->v->loop, &spec, on_exit_ignored, NULL, &child);
	close(fd);
	if (e)
		return e;
	id = child_identity(child);
	json_array_append_new(json_object_get(n->document, "processes"),
			      json_pack("{s:s,s:o,s:o,s:s}", "name", name, "pid", json_sprintf("%d", (int)id.pid),
					"start_time", json_sprintf("%" PRIu64, id.start_time), "log", path));
	return chain_net_write(n); /* so that it can be ended also when this process dies now */
}

static struct child_identity identity_at(const struct chain_net *n, size_t i)
{
	const json_t *p = json_array_get(json_object_get(n->document, "processes"), i);
	const char *pid = json_string_value(json_object_get(p, "pid")),
		   *start = json_string_value(json_object_get(p, "start_time"));

	return (struct child_identity){.pid = pid ? (pid_t)strtol(pid, NULL, 10) : 0,
				       .start_time = start ? strtoull(start, NULL, 10) : 0};
}

bool chain_net_alive(const struct chain_net *n, size_t i)
{
	struct child *child = NULL;
	struct error *e = child_adopt(n, &n->v->loop, identity_at(n, i), on_exit_ignored, NULL, &child);
	bool alive = !e && child_alive(child);

	error_free(e);
	mem_free(child);
	return alive;
}

static void on_ended(const struct child_exit *ex, void *arg)
{
	(void)ex;
	(*(size_t *)arg)--;
}

static void end_one(struct chain_net *n, struct child_identity id, size_t *left)
{
	struct child *child = NULL;
	struct error *e = child_adopt(n, &n->v->loop, id, on_ended, left, &child);

	if (!e) {
		(*left)++;
		child_stop(child, SIGTERM, GRACE_MS);
	}
	error_free(e);
}

static void end_started_by(struct chain_net *n, pid_t pid, size_t *left)
{
	struct process_stat stat;
	pid_t *pids = NULL;
	size_t count = 0;
	struct error *e = process_children(n, pid, &pids, &count);

	for (size_t i = 0; !e && i < count; i++) {
		e = process_stat_read(pids[i], &stat);
		if (!e)
			end_one(n, (struct child_identity){pids[i], stat.start_time}, left);
	}
	error_free(e);
	mem_free(pids);
}

static bool none_left(const void *arg)
{
	return *(const size_t *)arg == 0;
}

static void wait_until_ended(struct chain_net *n, const size_t *left)
{
	vcli_wait_until(&n->v->loop, none_left, left, VCLI_WAIT_FOREVER);
}

void chain_net_stop(struct chain_net *n)
{
	size_t count = json_array_size(json_object_get(n->document, "processes")), left = 0;

	/* What npm installs as anvil is a script that ends at once and leaves the program no time to write its state.
	 */
	for (size_t i = 0; i < count; i++) {
		if (chain_net_alive(n, i))
			end_started_by(n, identity_at(n, i).pid, &left);
	}
	wait_until_ended(n, &left);
	/* Sealers before the bootnode: the last started first. */
	for (size_t i = count; i-- > 0;)
		end_one(n, identity_at(n, i), &left);
	wait_until_ended(n, &left);
	json_array_clear(json_object_get(n->document, "processes"));
}

struct error *chain_net_check(const struct chain_net *n)
{
	const json_t *processes = json_object_get(n->document, "processes");

	if (n->interrupted)
		return error_new(ERROR_FAILED, "interrupted");
	for (size_t i = 0; i < json_array_size(processes); i++) {
		const json_t *p = json_array_get(processes, i);

		if (!chain_net_alive(n, i))
			return error_new(ERROR_FAILED, "%s has ended; see %s (vcli chain up --force begins anew)",
					 json_string_value(json_object_get(p, "name")),
					 json_string_value(json_object_get(p, "log")));
	}
	return NULL;
}

void chain_net_pause(struct chain_net *n)
{
	const bool over = false;

	vcli_wait(&n->v->loop, &over, clock_mono_ms() + LOOK_MS);
}
