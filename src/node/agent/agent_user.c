#include "node/agent/agent_user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* May the user go through (a folder) or run (a file) it? By mode bits alone: an ACL that grants more is not seen. */
static bool allows(const struct stat *st, uid_t uid, gid_t gid)
{
	if (uid == 0 || st->st_uid == uid)
		return uid == 0 || st->st_mode & S_IXUSR;
	return st->st_gid == gid ? st->st_mode & S_IXGRP : st->st_mode & S_IXOTH;
}

static struct error *check_part(const char *setting, const char *path, const char *part, uid_t uid, gid_t gid,
				const char *user)
{
	struct stat st;

	if (stat(part, &st) < 0)
		return error_sys(errno, "%s: %s", setting, part);
	if (allows(&st, uid, gid))
		return NULL;
	return error_new(
		ERROR_REFUSED,
		"%s: user %s, as whom nginx and ffmpeg run, cannot reach %s: %s %s; `chmod o+x %s`, choose another place, or another user with --run-as",
		setting, user, path, part,
		S_ISDIR(st.st_mode) ? "may not be passed by others" : "may not be run by others", part);
}

/* Every folder on the way, and the end. */
static struct error *check_reach(const char *setting, const char *path, uid_t uid, gid_t gid, const char *user)
{
	char *part = mem_strdup(NULL, path);
	struct error *e = check_part(setting, path, "/", uid, gid, user);

	for (char *at = part + 1; !e && (at = strchr(at, '/')); at++) {
		*at = '\0';
		e = check_part(setting, path, part, uid, gid, user);
		*at = '/';
	}
	if (!e)
		e = check_part(setting, path, part, uid, gid, user);
	mem_free(part);
	return e;
}

/* /etc/passwd first: the name service's libraries would stay in memory for good. */
static const struct passwd *find_user(const char *name)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;

	while (f && (user = fgetpwent(f)) && strcmp(user->pw_name, name))
		;
	if (f)
		fclose(f);
	return user ? user : getpwnam(name);
}

static struct error *check_all(const struct agent_settings *s, uid_t uid, gid_t gid, const char *user)
{
	TRY(check_reach("--state-dir", s->state_dir, uid, gid, user));
	if (strchr(s->segmenter, '/'))
		TRY(check_reach("--segmenter", s->segmenter, uid, gid, user));
	return strchr(s->relay, '/') ? check_reach("--relay", s->relay, uid, gid, user) : NULL;
}

struct error *agent_user(struct agent *a)
{
	struct runtime_options *o = &a->host.runtime_options;
	const struct agent_settings *s = &a->host.settings;
	const struct passwd *user;
	char *name;

	o->docker_socket = s->docker_socket;
	o->tasks = s->unit_tasks;
	o->memory_bytes = s->unit_memory_mib << 20;
	if (geteuid() != 0)
		return NULL;
	TRY(uids_parse(s->unit_uids, &a->host.uids));
	user = find_user(s->run_as);
	if (!user)
		return error_new(ERROR_INVALID, "--run-as: there is no user \"%s\" on this machine", s->run_as);
	o->set_user = true;
	o->uid = user->pw_uid;
	o->gid = user->pw_gid;
	o->account = s->run_as;
	if (!a->host.uids.first)
		return check_all(s, o->uid, o->gid, s->run_as);
	name = mem_printf(a, "%u (of --unit-uids)", (unsigned)a->host.uids.first);
	return check_all(s, a->host.uids.first, a->host.uids.first, name);
}
