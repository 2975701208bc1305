#include "vcli/drill/victims.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/process.h"

#define LIST_NAME "processes.json"
#define LIST_BYTES ((size_t)1 << 16)
#define RECORD_BYTES ((size_t)1 << 16)

struct error *victims_read(const char *folder, json_t **ret_all)
{
	char *path = file_join(NULL, folder, LIST_NAME), *text = NULL;
	struct error *e = file_read_secret(path, path, &text);

	if (!e)
		e = json_parse(text, strlen(text), LIST_BYTES, ret_all);
	if (e)
		e = error_wrap(e, "--demo %s: the list of a development network's processes", folder);
	mem_free(path);
	return e;
}

/* --- who --- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static bool has_node(const json_t *machine, const char *id)
{
	const json_t *nodes = json_object_get(machine, "nodes");

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const char *own = json_string_value(json_array_get(nodes, i));

		if (own && strcmp(own, id) == 0)
			return true;
	}
	return false;
}

/* How many nodes of the job it has, of this role or (`others`) of the others. */
static size_t count_nodes(const json_t *machine, const json_t *nodes, const char *role, bool others)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);

		if ((strcmp(text_of(node, "role"), role) != 0) == others && has_node(machine, text_of(node, "node_id")))
			count++;
	}
	return count;
}

struct error *victims_choose(const json_t *all, const char *what, const json_t *nodes, struct victim *ret)
{
	const json_t *machines = json_object_get(all, "machines"), *process = json_object_get(all, what), *best = NULL;

	if (process && !json_is_array(process)) {
		*ret = (struct victim){what, process, false};
		return NULL;
	}
	for (size_t i = 0; i < json_array_size(machines); i++) {
		const json_t *m = json_array_get(machines, i);

		if (!count_nodes(m, nodes, what, false))
			continue;
		if (!best || count_nodes(m, nodes, what, true) < count_nodes(best, nodes, what, true))
			best = m;
	}
	if (!best)
		return error_new(ERROR_NOT_FOUND, "this network has no %s that works for the job", what);
	*ret = (struct victim){text_of(best, "name"), best, true};
	return NULL;
}

/* --- the kill --- */

static int64_t number_of(const json_t *o, const char *key)
{
	const json_t *value = json_object_get(o, key);

	return json_is_string(value) ? strtoll(json_string_value(value), NULL, 10) : json_integer_value(value);
}

/* `group`: what it has started, too; it leads a session of its own. */
static struct error *kill_one(const json_t *process, const char *name, bool group)
{
	pid_t pid = (pid_t)number_of(process, "pid");
	struct process_stat stat;

	if (pid <= 1)
		return error_new(ERROR_INVALID, "%s: the list has no process id of it", name);
	TRY(process_stat_read(pid, &stat));
	if (stat.ended)
		return error_new(ERROR_NOT_FOUND, "%s (process %d) has ended already", name, (int)pid);
	if (stat.start_time != (uint64_t)number_of(process, "start_time") || (group && stat.session != pid))
		return error_new(ERROR_REFUSED, "%s: process %d is not the one that was started for it", name,
				 (int)pid);
	if (kill(group ? -pid : pid, SIGKILL) != 0)
		return error_sys(errno, "%s (process %d)", name, (int)pid);
	return NULL;
}

/* A record that is a regular file of our own: a link or another user's file names whom we are to kill, and we may be
 * root. */
static struct error *read_record(const char *path, json_t **ret_record)
{
	char text[RECORD_BYTES];
	struct stat st = {0};
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct error *e = fd < 0 || fstat(fd, &st) != 0 ? error_sys(errno, "%s", path) : NULL;

	if (!e && (!S_ISREG(st.st_mode) || st.st_uid != geteuid()))
		e = error_new(ERROR_REFUSED, "%s: is no regular file of ours", path);
	if (!e && (n = read(fd, text, sizeof(text))) < 0)
		e = error_sys(errno, "%s", path);
	if (!e)
		e = json_parse(text, (size_t)n, RECORD_BYTES, ret_record);
	if (fd >= 0)
		close(fd);
	return e;
}

/* What its agent has written down of the programs that it runs (node/runtime/runtime_process.c). */
static size_t kill_programs(const json_t *machine)
{
	char *pattern = mem_printf(NULL, "%s/nodes/*/agent/*.json", text_of(machine, "state_dir"));
	glob_t found = {.gl_pathc = 0};
	size_t count = 0;

	if (*text_of(machine, "state_dir") == '/' && glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			json_t *record = NULL;
			struct error *e = read_record(found.gl_pathv[i], &record);

			if (!e)
				e = kill_one(record, found.gl_pathv[i], true);
			count += !e;
			error_free(e); /* it has ended by itself, or is none of ours */
			json_decref(record);
		}
	}
	globfree(&found);
	mem_free(pattern);
	return count;
}

struct error *victims_kill(const struct victim *v, size_t *ret_count)
{
	size_t programs = 0;

	TRY(kill_one(v->process, v->name, false)); /* first, so that it starts nothing again */
	if (v->is_machine)
		programs = kill_programs(v->process);
	*ret_count = 1 + programs;
	return NULL;
}
