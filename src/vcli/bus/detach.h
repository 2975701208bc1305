/* --detach: commands that are safe on disk before the program ends, and are sent by the broker's earliest leave. */
#ifndef DSN_VCLI_BUS_DETACH_H
#define DSN_VCLI_BUS_DETACH_H

#include "vcli/bus/request.h"

/* Keep the list's commands in the outbox, try to send them for a moment, leave the rest to a background process; say on
 * standard output or in the answer what became of each. Fails when a node is unknown or the commands could not be kept.
 */
struct error *detach_run(struct vcli *v, struct client_request_list *l, const char *what) MUST_CHECK;

/* Put the commands of those nodes of a lasting list that are away (vcli/bus/request.h) into the outbox too: over
 * Whisper somebody has to go on sending, and the broker may be lost before it has confirmed. */
struct error *detach_away(struct vcli *v, const struct client_request_list *l, const char *what) MUST_CHECK;
#endif
