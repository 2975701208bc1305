/* Inside node/: files of control groups (cgroups(7), version 2) and what the kernel writes about them.
 *
 * Files are opened relative to a descriptor of their group. The text is the kernel's own; readers are bounded all the
 * same. Threads: any.
 */
#ifndef DSN_NODE_RUNTIME_CGROUP_FILE_H
#define DSN_NODE_RUNTIME_CGROUP_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* /proc/self/cgroup: our group in the hierarchy of version 2, "/" and its path; ctx's. ERROR_NOT_FOUND: there is none,
 * or it lies outside of what this process may see. */
struct error *cgroup_file_own(const void *ctx, const char *text, char **ret_group) MUST_CHECK;
/* /proc/self/mountinfo: where a group is found among files; ctx's. ERROR_NOT_FOUND: it is mounted nowhere. */
struct error *cgroup_file_place(const void *ctx, const char *text, const char *group, char **ret_path) MUST_CHECK;
/* cgroup.events, memory.events: the number behind `key`. ERROR_NOT_FOUND: there is no such key. */
struct error *cgroup_file_number(const char *text, const char *key, uint64_t *ret_number) MUST_CHECK;
/* cgroup.controllers: is the word in it? */
bool cgroup_file_word(const char *text, const char *word);
/* cgroup.procs: process numbers; ctx's. A 0 (a process that is invisible from here) is left out. */
struct error *cgroup_file_pids(const void *ctx, const char *text, pid_t **ret_pids, size_t *ret_count) MUST_CHECK;

/* A whole file of the group as a NUL-terminated text; ctx's. Errors name the file, not the group. */
struct error *cgroup_file_read(const void *ctx, int group_fd, const char *name, char **ret_text) MUST_CHECK;
/* ERROR_NOT_FOUND: there is no such file, or the process named by the text has ended. */
struct error *cgroup_file_write(int group_fd, const char *name, const char *text) MUST_CHECK;
/* The same where kernels may lack the file: then nothing is done. */
struct error *cgroup_file_write_if(int group_fd, const char *name, const char *text) MUST_CHECK;

#endif
