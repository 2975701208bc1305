/* Files and folders: atomic writes, bounded reads, locks.
 *
 * Errors name the path and the operating system's reason. Threads: safe, they block; call from a worker for big files.
 */
#ifndef DSN_BASE_FILE_H
#define DSN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* Whole file as a NUL-terminated text; ERROR_LIMIT when longer than `limit` bytes. `ret_len` may be NULL. */
struct error *file_read(const void *ctx, const char *path, size_t limit, char **ret_text, size_t *ret_len) MUST_CHECK;
/* Write to a temporary name in the same folder, fsync, rename over `path`, fsync the folder.
 * On any failure (a full disk) the old file is untouched and no temporary stays; only when it is the folder that cannot
 * be written to disk, the last step, the new file is in its place already. */
struct error *file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode) MUST_CHECK;
/* The same without waiting for the disk: whoever opens it sees the old or the new file, but after a power cut there may
 * be neither. For what is made anew from other files before it is used. */
struct error *file_replace(const char *path, const void *bytes, size_t len, mode_t mode) MUST_CHECK;
/* Write the file's folder to disk: only then a new name survives a power cut. */
struct error *file_sync_name(const char *path) MUST_CHECK;
/* mkdir -p; existing folders are left as they are. */
struct error *file_mkdirs(const char *path, mode_t mode) MUST_CHECK;
/* Remove a folder and all below it without following links; a missing folder is success. */
struct error *file_remove_tree(const char *path) MUST_CHECK;
/* Remove a file; a missing one is success. */
struct error *file_remove(const char *path) MUST_CHECK;
bool file_exists(const char *path);
/* chown -R without following links. */
struct error *file_chown_tree(const char *path, uid_t uid, gid_t gid) MUST_CHECK;
/* Exclusive advisory lock (flock) on `path`, held by the returned descriptor until it is closed or the process ends.
 * ERROR_EXISTS when another process holds it. */
struct error *file_lock(const char *path, int *ret_fd) MUST_CHECK;
/* A secret (password, token) from a file: first line; refused unless owned by us and mode 0600 or stricter. */
struct error *file_read_secret(const void *ctx, const char *path, char **ret_secret) MUST_CHECK;
/* Free bytes on the file system that holds `path`. */
struct error *file_free_bytes(const char *path, unsigned long long *ret_bytes) MUST_CHECK;
/* "a/b" from folder and name. */
char *file_join(const void *ctx, const char *folder, const char *name);

#endif
