#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "node/runtime/runtime_process.h"

#define RECORD_LIMIT 4096
#define GROUPS_LIMIT 16384
#define SUFFIX ".json"
#define MOVED_MAX 1024 /* a unit could make any number */

static char *record_path(const void *ctx, const struct runtime_process *self, const char *unit)
{
	return mem_printf(ctx, "%s/%s.json", self->records, unit);
}

/* A record that somebody else made could have us kill anybody: only files of our own are believed. */
static struct error *read_own_file(const char *path, char *text, size_t size, size_t *ret_len)
{
	int fd = -1;
	TRY(beneath_open_in(path, O_RDONLY, 0, &fd));
	struct stat st;
	struct error *e = NULL;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid()) {
		e = error_new(ERROR_NOT_FOUND, "%s: is no record of ours", path);
	} else {
		ssize_t n = read(fd, text, size);
		if (n < 0)
			e = error_sys(errno, "%s", path);
		else
			*ret_len = (size_t)n;
	}
	close(fd);
	return e;
}

/* A unit that runs as another user than it should now is to be replaced just as one with other arguments. */
static char *full_fingerprint(const void *ctx, const struct runtime_process *self, const char *fingerprint)
{
	return self->options.set_user ? mem_printf(ctx, "%s/%u:%u", fingerprint, self->options.uid, self->options.gid)
				      : mem_strdup(ctx, fingerprint);
}

/* The kernel's word against the record's: a process of root, or of another user than the record tells, is no unit. One
 * that is gone may have left others of its session. */
static struct error *check_user(const struct runtime_process *self, const struct runtime_process_record *r,
				const char *path)
{
	struct process_stat stat;
	uid_t uid = r->uid;
	struct error *e = process_stat_read(r->id.pid, &stat);
	if (!e && stat.start_time == r->id.start_time)
		e = process_user(r->id.pid, &uid);
	if (e && e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	if (uid != r->uid || (self->options.set_user && uid == 0))
		return error_new(ERROR_NOT_FOUND, "%s: process %d is user %u's and no unit", path, (int)r->id.pid,
				 (unsigned)uid);
	return NULL;
}

static struct error *parse_record(const void *ctx, const struct runtime_process *self, const char *path,
				  const json_t *document, struct runtime_process_record **ret_record)
{
	const struct json_place at = {.key = path};
	int64_t pid = 0, start_time = 0;
	const char *boot_id = NULL, *fingerprint = NULL;
	TRY(json_read_decimal(document, &at, "pid", 2, INT32_MAX, &pid));
	TRY(json_read_decimal(document, &at, "start_time", 0, INT64_MAX, &start_time));
	TRY(json_read_string(document, &at, "boot_id", &boot_id));
	TRY(json_read_string(document, &at, "fingerprint", &fingerprint));
	if (strcmp(boot_id, self->boot_id) != 0)
		return error_new(ERROR_NOT_FOUND, "%s: is of an earlier boot", path);
	struct runtime_process_record *r = mem_new(ctx, struct runtime_process_record);
	r->id.pid = (pid_t)pid;
	r->id.start_time = (uint64_t)start_time;
	char *tail = strchr(fingerprint, '/');
	char *expected_tail = strchr(full_fingerprint(r, self, ""), '/');
	bool same_user = (!tail && !expected_tail) || (tail && expected_tail && strcmp(tail, expected_tail) == 0);
	r->fingerprint = same_user ? mem_strndup(r, fingerprint, strcspn(fingerprint, "/")) : mem_strdup(r, "");
	r->uid = tail ? (uid_t)strtoul(tail + 1, NULL, 10) : geteuid();
	struct error *e = check_user(self, r, path);
	if (e) {
		mem_free(r);
		return e;
	}
	*ret_record = r;
	return NULL;
}

bool runtime_process_record_withheld(const struct error *e)
{
	return e->code == ERROR_IO || e->code == ERROR_LIMIT;
}

struct error *runtime_process_record_read(const void *ctx, const struct runtime_process *self, const char *unit,
					  struct runtime_process_record **ret_record)
{
	char text[RECORD_LIMIT];
	size_t len = 0;
	char *path = record_path(NULL, self, unit);
	json_t *document = NULL;
	struct error *e = read_own_file(path, text, sizeof text, &len);
	if (!e)
		e = json_parse(text, len, RECORD_LIMIT, &document);
	if (!e)
		e = parse_record(ctx, self, path, document, ret_record);
	json_decref(document);
	mem_free(path);
	if (e && e->code != ERROR_NOT_FOUND && !runtime_process_record_withheld(e)) {
		/* Unreadable is as good as none: what it told of cannot be found. */
		log_warn("unit.record", "node=%s unit=%s error=%s", self->node_id, unit, log_q(e->message));
		e->code = ERROR_NOT_FOUND;
	}
	return e;
}

/* Renamed into place, but not synced: after a crash of the machine the record is void anyway, and a sync for each unit
 * would be most of the time a pipeline takes to start. */
static struct error *write_file(const char *path, const char *text)
{
	char *temporary = mem_printf(NULL, "%s.new", path);
	unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t len = (ssize_t)strlen(text), n = 0;
	int err = fd < 0 ? errno : 0;
	if (fd >= 0) {
		n = write(fd, text, (size_t)len);
		if (n != len)
			err = n < 0 ? errno : ENOSPC;
		if (close(fd) < 0 && !err)
			err = errno;
		if (!err && rename(temporary, path) < 0)
			err = errno;
		if (err)
			unlink(temporary);
	}
	mem_free(temporary);
	return err ? error_sys(err, "%s: cannot write", path) : NULL;
}

struct error *runtime_process_record_write(const struct runtime_process *self, const char *unit,
					   struct child_identity id, const char *fingerprint)
{
	char *path = record_path(NULL, self, unit);
	json_t *document = json_object();
	json_put_decimal(document, "pid", id.pid);
	json_put_decimal(document, "start_time", (int64_t)id.start_time);
	json_put(document, "boot_id", self->boot_id);
	json_put(document, "fingerprint", full_fingerprint(path, self, fingerprint));
	struct error *e = write_file(path, json_text(path, document));
	json_decref(document);
	mem_free(path);
	return e;
}

void runtime_process_record_remove(const struct runtime_process *self, const char *unit)
{
	char *path = record_path(NULL, self, unit);
	struct error *e = file_remove(path);
	if (e)
		log_warn("unit.record", "node=%s unit=%s error=%s", self->node_id, unit, log_q(e->message));
	error_free(e);
	mem_free(path);
}

void runtime_process_record_forget(const struct runtime_process *self, const char *unit, struct child_identity id)
{
	struct runtime_process_record *record = NULL;
	struct error *e = runtime_process_record_read(NULL, self, unit, &record);
	if (!e && record->id.pid == id.pid && record->id.start_time == id.start_time)
		runtime_process_record_remove(self, unit);
	error_free(e);
	mem_free(record);
}

struct error *runtime_process_record_list(const void *ctx, const struct runtime_process *self, char ***ret_names)
{
	DIR *folder = opendir(self->records);
	if (!folder)
		return error_sys(errno, "%s", self->records);
	size_t count = 0, room = 16;
	char **names = mem_array(ctx, char *, room);
	const struct dirent *entry;
	while ((entry = readdir(folder))) {
		size_t len = strlen(entry->d_name), tail = sizeof SUFFIX - 1;
		if (len <= tail || strcmp(entry->d_name + len - tail, SUFFIX) != 0)
			continue;
		if (count + 1 == room)
			names = mem_resize(ctx, names, char *, room *= 2);
		names[count++] = mem_strndup(names, entry->d_name, len - tail);
	}
	names[count] = NULL;
	closedir(folder);
	*ret_names = names;
	return NULL;
}

/* --- those of an earlier release --- */

static bool is_of_our_group(pid_t pid)
{
	void *ctx = talloc_new(NULL);
	char *ours = NULL, *theirs = NULL;
	struct error *e = file_read(ctx, "/proc/self/cgroup", GROUPS_LIMIT, &ours, NULL);
	if (!e)
		e = file_read(ctx, mem_printf(ctx, "/proc/%d/cgroup", (int)pid), GROUPS_LIMIT, &theirs, NULL);
	bool same = !e && strcmp(ours, theirs) == 0;
	error_free(e);
	mem_free(ctx);
	return same;
}

bool runtime_process_works_here(const struct runtime_process *self, pid_t pid)
{
	char path[64], folder[4096];
	snprintf(path, sizeof path, "/proc/%d/cwd", (int)pid);
	ssize_t n = readlink(path, folder, sizeof folder - 1);
	if (n < 0)
		return errno == EACCES && is_of_our_group(pid);
	folder[n] = '\0';
	return strcmp(folder, self->real_folder) == 0;
}

bool runtime_process_is_users(pid_t pid, uid_t uid)
{
	uid_t found = 0;
	struct error *e = process_user(pid, &found);
	bool is = !e && found == uid;
	error_free(e);
	return is;
}

static struct error *move_record(const struct runtime_process *self, const char *name)
{
	char text[RECORD_LIMIT];
	size_t len = 0;
	char *old = mem_printf(NULL, "run/%s", name), *path = file_join(old, self->folder, old);
	char *new = mem_printf(old, "agent/%s", name);
	json_t *document = NULL;
	struct runtime_process_record *record = NULL;
	struct error *e = read_own_file(path, text, sizeof text, &len);
	if (!e)
		e = json_parse(text, len, RECORD_LIMIT, &document);
	if (!e)
		e = parse_record(old, self, path, document, &record);
	if (!e && !(record && runtime_process_works_here(self, record->id.pid)))
		e = error_new(ERROR_NOT_FOUND, "%s: its process is no unit of this node", path);
	if (!e && !beneath_exists(self->folder, new))
		e = beneath_write(self->folder, new, text, len, 0600, BENEATH_KEEP, false);
	if (e)
		log_warn("unit.record", "node=%s file=%s error=%s", self->node_id, log_q(name), log_q(e->message));
	error_free(e);
	e = beneath_remove(self->folder, old);
	json_decref(document);
	mem_free(old);
	return e;
}

struct error *runtime_process_records_move(const struct runtime_process *self)
{
	char *path = file_join(NULL, self->folder, "run");
	DIR *folder = opendir(path);
	const struct dirent *entry;
	struct error *e = NULL;
	unsigned moved = 0;
	mem_free(path);
	while (!e && folder && moved < MOVED_MAX && (entry = readdir(folder))) {
		size_t len = strlen(entry->d_name), tail = sizeof SUFFIX - 1;
		if (len > tail && strcmp(entry->d_name + len - tail, SUFFIX) == 0) {
			moved++;
			e = move_record(self, entry->d_name);
		}
	}
	if (folder)
		closedir(folder);
	return e;
}
