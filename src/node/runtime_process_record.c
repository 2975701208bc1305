#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/runtime_process.h"

#define RECORD_LIMIT 4096

static char *record_path(const void *ctx, const struct process *self, const char *unit)
{
	return mem_printf(ctx, "%s/%s.json", self->run_folder, unit);
}

/* The folder belongs to the units' user. A record that one of them made could have us kill anybody: only files of our
 * own are believed. */
static struct error *read_own_file(const char *path, char *text, size_t size, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return error_sys(errno, "%s", path);
	struct stat st;
	struct error *e = NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
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
static char *full_fingerprint(const void *ctx, const struct process *self, const char *fingerprint)
{
	return self->options.set_user ? mem_printf(ctx, "%s/%u:%u", fingerprint, self->options.uid, self->options.gid)
				      : mem_strdup(ctx, fingerprint);
}

static struct error *parse_record(const void *ctx, const struct process *self, const char *path, const json_t *document,
				  struct process_record **ret_record)
{
	const struct place at = {.key = path};
	int64_t pid = 0, start_time = 0;
	const char *boot_id = NULL, *fingerprint = NULL;
	TRY(json_read_decimal(document, &at, "pid", 2, INT32_MAX, &pid));
	TRY(json_read_decimal(document, &at, "start_time", 0, INT64_MAX, &start_time));
	TRY(json_read_string(document, &at, "boot_id", &boot_id));
	TRY(json_read_string(document, &at, "fingerprint", &fingerprint));
	if (strcmp(boot_id, self->boot_id) != 0)
		return error_new(ERROR_NOT_FOUND, "%s: is of an earlier boot", path);
	struct process_record *r = mem_new(ctx, struct process_record);
	r->id.pid = (pid_t)pid;
	r->id.start_time = (uint64_t)start_time;
	char *tail = strchr(fingerprint, '/');
	char *expected_tail = strchr(full_fingerprint(r, self, ""), '/');
	bool same_user = (!tail && !expected_tail) || (tail && expected_tail && strcmp(tail, expected_tail) == 0);
	r->fingerprint = same_user ? mem_strndup(r, fingerprint, strcspn(fingerprint, "/")) : mem_strdup(r, "");
	*ret_record = r;
	return NULL;
}

struct error *process_record_read(const void *ctx, const struct process *self, const char *unit,
				  struct process_record **ret_record)
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
	if (e && e->code != ERROR_NOT_FOUND) {
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

struct error *process_record_write(const struct process *self, const char *unit, struct child_identity id,
				   const char *fingerprint)
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

void process_record_remove(const struct process *self, const char *unit)
{
	char *path = record_path(NULL, self, unit);
	struct error *e = file_remove(path);
	if (e)
		log_warn("unit.record", "node=%s unit=%s error=%s", self->node_id, unit, log_q(e->message));
	error_free(e);
	mem_free(path);
}

void process_record_forget(const struct process *self, const char *unit, struct child_identity id)
{
	struct process_record *record = NULL;
	struct error *e = process_record_read(NULL, self, unit, &record);
	if (!e && record->id.pid == id.pid && record->id.start_time == id.start_time)
		process_record_remove(self, unit);
	error_free(e);
	mem_free(record);
}

struct error *process_record_list(const void *ctx, const struct process *self, char ***ret_names)
{
	static const char suffix[] = ".json";
	DIR *folder = opendir(self->run_folder);
	if (!folder)
		return error_sys(errno, "%s", self->run_folder);
	size_t count = 0, room = 16;
	char **names = mem_array(ctx, char *, room);
	const struct dirent *entry;
	while ((entry = readdir(folder))) {
		size_t len = strlen(entry->d_name), tail = sizeof suffix - 1;
		if (len <= tail || strcmp(entry->d_name + len - tail, suffix) != 0)
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
