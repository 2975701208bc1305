/* Decisions about nodes on disk: for each job the last PLACEMENTS_MOST records of why it got which (place_plan_json()).
 * Threads: as the database. */
#ifndef DSN_MANAGER_JOBS_PLACEMENTS_H
#define DSN_MANAGER_JOBS_PLACEMENTS_H

#include <jansson.h>

#include "store/db.h"

#define PLACEMENTS_MOST 16
#define PLACEMENTS_ORDER "order"             /* kinds: a whole order */
#define PLACEMENTS_REPLACEMENT "replacement" /* one node instead of a lost one */

extern const char *const placements_tables[];

/* Of a transaction under way, or as its own; older ones of the job than the last PLACEMENTS_MOST go. */
struct error *placements_add(struct db *db, const char *job, const char *kind, const json_t *record) MUST_CHECK;
/* Of a job, the oldest first: `at`, `kind`, `record`. New reference. */
struct error *placements_list(struct db *db, const char *job, json_t **ret_list) MUST_CHECK;

#endif
