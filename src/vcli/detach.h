/* --detach: commands that are safe on disk before the program ends, and are sent by the broker's earliest leave. */
#ifndef DSN_VCLI_DETACH_H
#define DSN_VCLI_DETACH_H

#include "vcli/request.h"

/* Keep the list's commands in the outbox, try to send them for a moment, leave the rest to a background process; say on
 * standard output or in the answer what became of each. Fails when a node is unknown or the commands could not be kept.
 */
struct error *detach_run(struct vcli *v, struct request_list *l, const char *what) MUST_CHECK;

#endif
