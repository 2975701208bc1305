/* Where a program of ours writes progress blocks (media/progress.h reads them): a descriptor or a file, appended.
 * Threads: none of its own. */
#ifndef DSN_MEDIA_PROGRESS_WRITE_H
#define DSN_MEDIA_PROGRESS_WRITE_H

#include <stddef.h>

#include "base/error.h"

/* "pipe:<descriptor>" or "file:<path>"; NULL: nowhere, *ret_fd is -1. */
struct error *media_progress_open(const char *url, int *ret_fd) MUST_CHECK;
/* A reader that is gone is no reason to stop working. fd -1: nothing is written. */
void media_progress_write(int fd, const char *block, size_t len);

#endif
