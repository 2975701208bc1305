/* Listening to the status messages of a network (client/watch.h), waited for. */
#ifndef DSN_VCLI_PIPELINE_WATCH_H
#define DSN_VCLI_PIPELINE_WATCH_H

#include "client/watch.h"
#include "vcli/vcli.h"

/* For each status; false ends the watch. */
typedef bool watch_fn(const struct message *m, void *arg);
/* Watch for v->timeout_ms (0: until Ctrl-C, which is a success). `what` is for the progress line. Once the watch
 * stands, the commands of `ask` (may be NULL) are sent; a refused one ends the watch with its error. Fails when the
 * broker is not reached. */
struct error *watch_asking(struct vcli *v, const char *what, const struct client_request_list *ask, watch_fn *fn,
			   void *arg) MUST_CHECK;

#endif
