/* Listening to the status messages of a network. */
#ifndef DSN_VCLI_WATCH_H
#define DSN_VCLI_WATCH_H

#include "bus/bus.h"
#include "vcli/request.h"
#include "vcli/vcli.h"

/* For each status; false ends the watch. */
typedef bool watch_fn(const struct message *m, void *arg);
/* Watch for v->timeout_ms (0: until Ctrl-C, which is a success). `what` is for the progress line. Fails when the broker
 * is not reached. */
struct error *watch_status(struct vcli *v, const char *what, watch_fn *fn, void *arg) MUST_CHECK;
/* The same, and once the watch stands, send the commands of `ask` (may be NULL); a refused one ends the watch with its
 * error. */
struct error *watch_asking(struct vcli *v, const char *what, struct request_list *ask, watch_fn *fn,
			   void *arg) MUST_CHECK;

#endif
