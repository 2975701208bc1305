/* One row of nodes.changes, as what a fleet keeps of a node. Threads: as the fleet. */
#ifndef DSN_MANAGER_JOBS_FEED_ROW_H
#define DSN_MANAGER_JOBS_FEED_ROW_H

#include <jansson.h>

#include "manager/jobs/place_fleet.h"

/* ERROR_INVALID: what a node cannot be without is missing or out of range; ERROR_REFUSED: it has jobs, and now says
 * another agent or role. */
struct error *feed_row_apply(struct place_fleet *fleet, const json_t *row) MUST_CHECK;

#endif
