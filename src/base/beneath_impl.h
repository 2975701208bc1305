/* Inside base/: what beneath.c and beneath_tree.c share. For others there is base/beneath.h. */
#ifndef DSN_BASE_BENEATH_IMPL_H
#define DSN_BASE_BENEATH_IMPL_H

#include "base/beneath.h"

/* Any file beneath `top`, by openat2() or the walk that stands in for it; -1 and errno. */
int beneath_resolve(int top_fd, const char *name, int flags, mode_t mode);
/* The same part by part, as on kernels without openat2(). */
int beneath_walk(int top_fd, const char *name, int flags, mode_t mode);
/* The folder that holds the last part of `name` as a descriptor, and that part (within `name`). */
struct error *beneath_parent(const char *top, const char *name, int *ret_fd, const char **ret_last) MUST_CHECK;
/* What errno says of a path below `top`, in words. */
struct error *beneath_failure(int err, const char *top, const char *name, const char *what) MUST_CHECK;

#endif
