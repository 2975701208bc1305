/* One line on a terminal that tells what is being waited for; nothing where standard error is no terminal, with
 * --quiet, or in the first second. */
#ifndef DSN_VCLI_PROGRESS_H
#define DSN_VCLI_PROGRESS_H

#include "client/waiting.h"
#include "vcli/vcli.h"

struct progress;
/* Freed with mem_free(), which wipes the line. */
struct progress *progress_new(const void *ctx, struct vcli *v);
/* What to show from now on; the seconds are added. */
void progress_say(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same of what keeps the client waiting: CLIENT_WAITING_ANSWERS is the caller's to word. */
void progress_waits(struct progress *p, enum client_waiting what, const char *why);
/* Wipe the line before something else is printed; it comes back by itself. */
void progress_wipe(struct progress *p);

#endif
