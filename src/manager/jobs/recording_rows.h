/* What orders have stored, after their end, on disk: it stays for `retain_days`, then the storages are told to delete
 * it.
 *
 * A day before (or as soon as its time is known to have come) the event recording.expiring is written, and nothing is
 * deleted within an hour of it: a clock that was wrong for a moment deletes nothing. Then come recording.deleting, with
 * the list of the storages that have to be told, in one transaction, and recording.deleted when all of them have done
 * it. One that is away is told again every day, for RECORDING_PATIENCE_MS; recording.left says that it was in vain.
 *
 * Times: wall clock. Threads: as the database.
 */
#ifndef DSN_MANAGER_JOBS_RECORDING_ROWS_H
#define DSN_MANAGER_JOBS_RECORDING_ROWS_H

#include "store/db.h"

#define RECORDING_NOTICE_MS (INT64_C(24) * 3600 * 1000)
#define RECORDING_LEAST_MS (INT64_C(3600) * 1000)
#define RECORDING_AGAIN_MS (INT64_C(24) * 3600 * 1000)
#define RECORDING_PATIENCE_MS (INT64_C(90) * 24 * 3600 * 1000)
#define RECORDING_AT_ONCE 64

extern const char *const recording_rows_tables[]; /* a migration of the jobs' tables: terms of orders too */

struct recording_row {
	char *job, *node_id;
};

/* Writes what follows from the time: notices, and lists of storages, of RECORDING_AT_ONCE orders each. */
struct error *recording_rows_look(struct db *db, int64_t now_ms) MUST_CHECK;
/* Storages that are to be told now, at most RECORDING_AT_ONCE. Belongs to ctx. */
struct error *recording_rows_due(const void *ctx, struct db *db, int64_t now_ms, struct recording_row **ret_list,
				 size_t *ret_count) MUST_CHECK;
/* It was told, and may be away: it is told again after RECORDING_AGAIN_MS. */
struct error *recording_rows_told(struct db *db, const struct recording_row *r, int64_t now_ms) MUST_CHECK;
/* It has deleted it. */
struct error *recording_rows_gone(struct db *db, const struct recording_row *r) MUST_CHECK;
/* Its owner wants it deleted now: `now_ms` is its time, and nobody has to be told before. */
struct error *recording_rows_ask(struct db *db, const char *job, int64_t now_ms) MUST_CHECK;
/* The order starts again: nothing of it is deleted. Of a transaction under way, or as its own. */
struct error *recording_rows_drop(struct db *db, const char *job) MUST_CHECK;

#endif
