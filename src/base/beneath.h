/* Files below a folder that somebody else may write: reached by descriptor, never through a link.
 *
 * A process with more rights than the one that writes a folder must not take a path there at its word: each part may
 * have been replaced by a symbolic link, each file by a FIFO that blocks whoever opens it, or by another name (a hard
 * link) of a file that is not the writer's. So all that the agent does there goes through these functions:
 *
 *  - `top` is a folder that only we can move or replace; its path is taken as it stands.
 *  - `name` is a relative path below it, without "..". It is resolved beneath `top` without following any link
 *    (openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; part by part with O_NOFOLLOW where the kernel has no
 *    openat2). A file system mounted below is fine.
 *  - Files are opened only if they are regular and have a single name, and never block.
 *  - Owner and mode are set by descriptor.
 *
 * Errors name the path: ERROR_NOT_FOUND when it is missing, ERROR_REFUSED when it is a link, no regular file, has
 * several names, or is another's. Threads: safe; they block on the disk only.
 */
#ifndef DSN_BASE_BENEATH_H
#define DSN_BASE_BENEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"

/* Whom a file or folder is given to. */
struct beneath_owner {
	uid_t uid; /* (uid_t)-1: left as it is */
	gid_t gid; /* (gid_t)-1: left as it is */
};
#define BENEATH_KEEP ((struct beneath_owner){(uid_t)-1, (gid_t)-1})

/* A regular file with a single name. `flags` as for open(2); with O_CREAT the file gets `mode`. `ret_fd` is the
 * caller's to close. O_TRUNC takes effect only once it is known what was opened. */
struct error *beneath_open(const char *top, const char *name, int flags, mode_t mode, int *ret_fd) MUST_CHECK;
/* The same for the last part of a path, in a folder that only we can move or replace. */
struct error *beneath_open_in(const char *path, int flags, mode_t mode, int *ret_fd) MUST_CHECK;
/* What is there, a link itself if it is one. */
struct error *beneath_stat(const char *top, const char *name, struct stat *ret_stat) MUST_CHECK;
bool beneath_exists(const char *top, const char *name);
/* Whole file as a NUL-terminated text of ctx's; ERROR_LIMIT when longer than `limit` bytes. `ret_len` may be NULL. */
struct error *beneath_read(const void *ctx, const char *top, const char *name, size_t limit, char **ret_text,
			   size_t *ret_len) MUST_CHECK;
/* Put a new file in the place of what is there (not of a folder): whoever opens the name sees the old or the new one.
 * `synced`: it is on disk when this returns. On a failure nothing has changed. */
struct error *beneath_write(const char *top, const char *name, const void *bytes, size_t len, mode_t mode,
			    struct beneath_owner owner, bool synced) MUST_CHECK;
/* The folder and those above it, made where missing; the last one has this mode and owner afterwards. Those made on the
 * way get them too, those that were there are left alone. */
struct error *beneath_mkdirs(const char *top, const char *name, mode_t mode, struct beneath_owner owner) MUST_CHECK;
/* Remove one name, whatever but a folder it stands for; a missing one is success. */
struct error *beneath_remove(const char *top, const char *name) MUST_CHECK;
/* Remove a folder and all below it. Each folder is taken from its owner before it is emptied, so that nobody can go on
 * filling it; how deep they lie in each other does not matter. A missing one is success, a file is removed. */
struct error *beneath_remove_tree(const char *top, const char *name) MUST_CHECK;
/* Take a folder back from whom it was given to: the folder and the files in it get this owner, the folder `mode`. What
 * is neither a folder nor a regular file with a single name is removed. Folders in it are left as they are. */
struct error *beneath_take_back(const char *top, const char *name, mode_t mode, struct beneath_owner owner) MUST_CHECK;
/* Give a tree to another user: what belongs to `from` in it, nothing else; a regular file only if it has one name. */
struct error *beneath_hand_over(const char *top, const char *name, uid_t from, struct beneath_owner to) MUST_CHECK;
/* The unix socket of that name, if it belongs to `uid`: `ret_fd` is a descriptor (O_PATH, the caller's to close) that
 * stays this very socket whatever becomes of the name. connect(2) takes it as "/proc/self/fd/<ret_fd>". */
struct error *beneath_socket(const char *top, const char *name, uid_t uid, int *ret_fd) MUST_CHECK;

#endif
