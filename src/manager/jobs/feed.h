/* The fleet as the registry tells it: answers of its method nodes.changes become facts, states and heartbeats.
 *
 * What a node says of itself is taken as it is where it is in range, and as unknown where it is not; one that does not
 * obey this dsnd counts as a machine of its own, so that it takes nothing from those whose agent it claims to have.
 * Threads: as the fleet.
 */
#ifndef DSN_MANAGER_JOBS_FEED_H
#define DSN_MANAGER_JOBS_FEED_H

#include <jansson.h>

#include "manager/jobs/place_fleet.h"

struct feed;
/* `fleet` outlives it. */
struct feed *feed_new(const void *ctx, struct place_fleet *fleet);
/* What to ask nodes.changes for. New reference. */
json_t *feed_question(const struct feed *f);
/* Its answer, borrowed. Of another epoch than before: what it does not name is gone. A node that is gone while jobs are
 * promised on it is offline until they are not. */
void feed_answer(struct feed *f, const json_t *answer);

#endif
