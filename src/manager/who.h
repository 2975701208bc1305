/* Who calls, wherever logins are kept: the files tell at once, the service sessions may be another process's.
 *
 * `fn` comes exactly once, maybe before this returns; not when ctx is freed before. One of `caller` and `e` is there;
 * both borrowed. Threads: loop thread.
 */
#ifndef DSN_MANAGER_WHO_H
#define DSN_MANAGER_WHO_H

#include "manager/caller.h"
#include "manager/method.h"

typedef void who_fn(const struct caller *caller, const struct error *e, void *arg);

/* As callers_find(). */
void who_token(const void *ctx, const struct callers *callers, struct methods *methods, const char *token, who_fn *fn,
	       void *arg);
/* As callers_known(); ERROR_UNAVAILABLE: of one whom the files do not name it cannot be told now. */
void who_address(const void *ctx, const struct callers *callers, struct methods *methods, const char *address,
		 who_fn *fn, void *arg);

#endif
