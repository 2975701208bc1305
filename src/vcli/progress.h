/* One line on a terminal that tells what is being waited for; nothing where standard error is no terminal, with
 * --quiet, or in the first second. */
#ifndef DSN_VCLI_PROGRESS_H
#define DSN_VCLI_PROGRESS_H

#include "vcli/vcli.h"

struct progress;
/* Freed with mem_free(), which wipes the line. */
struct progress *progress_new(const void *ctx, struct vcli *v);
/* What to show from now on; the seconds are added. */
void progress_say(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Wipe the line before something else is printed; it comes back by itself. */
void progress_wipe(struct progress *p);

#endif
