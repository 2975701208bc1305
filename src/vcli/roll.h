/* Roll call: asks all nodes that are known here for a sign of life, and listens to those that report.
 *
 * A node's answer lists all nodes of its agent, so one that was made elsewhere is found too. What is heard goes into
 * `known`. Threads: loop thread.
 */
#ifndef DSN_VCLI_ROLL_H
#define DSN_VCLI_ROLL_H

#include "vcli/known.h"

/* Ends when all have answered, and at the latest ROLL_MS after the start or, where the broker is far, twice the time
 * that connecting took after that (3 s over Whisper). With `listen_ms` it goes on that long for nodes that only report.
 * Fails when the broker was not reached: known is what it was. */
#define ROLL_MS 280
struct error *roll_call(struct vcli *v, struct known *k, int64_t listen_ms) MUST_CHECK;

#endif
