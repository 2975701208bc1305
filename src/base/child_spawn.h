/* Inside base/: fork and exec of a child_spec. For others there is base/child.h. */
#ifndef DSN_BASE_CHILD_SPAWN_H
#define DSN_BASE_CHILD_SPAWN_H

#include "base/child.h"

/* Start the program in a session of its own. Returns after exec has succeeded, so a missing program is an error here.
 * `ret_pidfd` becomes readable when the process ends; it is the caller's to close, as the process is to wait for. */
struct error *child_spawn(const struct child_spec *spec, pid_t *ret_pid, int *ret_pidfd) MUST_CHECK;

/* Is the process our own child, so that we must reap it? */
bool child_is_ours(int pidfd);

/* Reap our own child through its pidfd; false: not ours or not ended. */
bool child_reap(int pidfd, struct child_exit *ex);

/* Signal the group led by `pid`, or the process alone when it leads none. */
void child_kill_group(pid_t pid, int signum);

#endif
