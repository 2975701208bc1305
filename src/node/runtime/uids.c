#include "node/runtime/uids.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"

#define LOCKS "/run/dsn/uids"

static bool read_number(const char **at, uid_t *ret_uid)
{
	char *end;
	unsigned long value;

	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	value = strtoul(*at, &end, 10);
	if (errno || value > INT_MAX)
		return false;
	*at = end;
	*ret_uid = (uid_t)value;
	return true;
}

/* In a user namespace only mapped numbers exist (user_namespaces(7)): "inside outside length" on each line. */
static bool is_mapped(const char *map, const struct uid_range *range)
{
	FILE *f = fopen(map, "re");
	bool mapped = !f;
	char line[128];

	while (f && !mapped && fgets(line, sizeof(line), f)) {
		char *at = line;
		unsigned long inside = strtoul(at, &at, 10), count;

		(void)strtoul(at, &at, 10); /* outside */
		count = strtoul(at, &at, 10);
		mapped = range->first >= inside && range->last < inside + count;
	}
	if (f)
		fclose(f);
	return mapped;
}

struct error *uids_parse(const char *text, struct uid_range *ret_range)
{
	struct uid_range range = {0, 0};
	const char *at = text;

	if (!text || !*text || strcmp(text, "none") == 0) {
		*ret_range = range;
		return NULL;
	}
	if (!read_number(&at, &range.first) || *at++ != '-' || !read_number(&at, &range.last) || *at)
		return error_new(ERROR_INVALID,
				 "--unit-uids: \"%.80s\" is no range of user ids such as 70000-70999, or none", text);
	if (range.first < 1000 || range.first > range.last)
		return error_new(
			ERROR_INVALID,
			"--unit-uids: %s: the first must not be above the last, nor below 1000, where the system's users are",
			text);
	if (!is_mapped("/proc/self/uid_map", &range) || !is_mapped("/proc/self/gid_map", &range))
		return error_new(
			ERROR_INVALID,
			"--unit-uids: %s: this container's user namespace does not know these ids; name ids that /proc/self/uid_map lists, or none to run all nodes as --run-as",
			text);
	*ret_range = range;
	return NULL;
}

/* --- which are taken --- */

struct taken {
	struct uid_range range;
	bool *flags; /* by number less range.first */
};

static void take(struct taken *t, uid_t uid)
{
	if (uid >= t->range.first && uid <= t->range.last)
		t->flags[uid - t->range.first] = true;
}

static struct error *take_row(const struct db_row *r, void *arg)
{
	take(arg, (uid_t)db_int(r, 0));
	return NULL;
}

static struct error *take_accounts(struct taken *t)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *user;

	if (!f)
		return errno == ENOENT ? NULL : error_sys(errno, "/etc/passwd");
	while ((user = fgetpwent(f)))
		take(t, user->pw_uid);
	fclose(f);
	return NULL;
}

static struct error *take_users_process(struct taken *t, pid_t pid)
{
	struct process_stat stat;
	uid_t uid = 0;
	struct error *e = process_stat_read(pid, &stat);

	if (!e && !stat.ended)
		e = process_user(pid, &uid);
	take(t, uid);
	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e); /* it has ended meanwhile */
	return NULL;
}

static struct error *take_running(struct taken *t)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	struct error *e = NULL;

	if (!proc)
		return error_sys(errno, "/proc");
	while (!e && (entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			e = take_users_process(t, (pid_t)strtol(entry->d_name, NULL, 10));
	}
	closedir(proc);
	return e;
}

/* --- claims --- */

static int claim_destroy(struct uid_claim *c)
{
	if (c->lock_fd >= 0)
		close(c->lock_fd);
	return 0;
}

/* ERROR_EXISTS: another agent has it. */
static struct error *lock(uid_t uid, int *ret_fd)
{
	char *path = mem_printf(NULL, LOCKS "/%u", (unsigned)uid);
	struct error *e = file_mkdirs(LOCKS, 0755);

	if (!e)
		e = file_lock(path, ret_fd);
	mem_free(path);
	return e;
}

static struct error *read_uid(const struct db_row *r, void *arg)
{
	*(uid_t *)arg = (uid_t)db_int(r, 0);
	return NULL;
}

/* The one it has had, unless another agent has taken it meanwhile. */
static struct error *claim_former(struct db *db, const char *node_id, struct uid_claim *c)
{
	uid_t uid = 0;
	struct error *e;

	TRY(db_query(db, read_uid, &uid, "select uid from node_user where node=?", "s", node_id));
	if (!uid)
		return NULL;
	e = lock(uid, &c->lock_fd);
	if (!e)
		c->uid = uid;
	if (e && e->code == ERROR_EXISTS) {
		log_warn("node.user", "node=%s uid=%u reason=%s", node_id, (unsigned)uid, log_q(e->message));
		error_free(e);
		e = NULL;
	}
	return e;
}

static struct error *claim_free(struct db *db, const struct uid_range *range, struct uid_claim *c)
{
	size_t count = (size_t)range->last - range->first + 1;
	struct taken t = {.range = *range, .flags = mem_array(c, bool, count)};

	TRY(db_query(db, take_row, &t, "select uid from node_user", ""));
	TRY(take_accounts(&t));
	TRY(take_running(&t));
	for (size_t i = 0; i < count; i++) {
		struct error *e = t.flags[i] ? NULL : lock(range->first + (uid_t)i, &c->lock_fd);

		if (e && e->code != ERROR_EXISTS)
			return e;
		error_free(e);
		if (c->lock_fd >= 0) {
			c->uid = range->first + (uid_t)i;
			return NULL;
		}
	}
	return error_new(ERROR_UNAVAILABLE,
			 "--unit-uids: all of %u-%u are taken; widen the range, or purge nodes that are not needed",
			 (unsigned)range->first, (unsigned)range->last);
}

struct error *uids_claim(const void *ctx, struct db *db, const struct uid_range *range, const char *node_id,
			 struct uid_claim **ret_claim)
{
	struct uid_claim *c = mem_new(ctx, struct uid_claim);
	struct error *e;

	c->lock_fd = -1;
	talloc_set_destructor(c, claim_destroy);
	e = claim_former(db, node_id, c);
	if (!e && !c->uid) {
		e = claim_free(db, range, c);
		if (!e)
			e = db_exec(db, "insert or replace into node_user values(?,?)", "si", node_id, (int64_t)c->uid);
	}
	if (e) {
		mem_free(c);
		return e;
	}
	*ret_claim = c;
	return NULL;
}

struct error *uids_give_back(struct db *db, const char *node_id)
{
	return db_exec(db, "delete from node_user where node=?", "s", node_id);
}
