/* Calls that came over the bus, and what was answered, until their messages are void by any clock: a message that comes
 * again, also after a restart, gets the same answer and has no second effect. Threads: loop thread. */
#ifndef DSN_MANAGER_MAIL_MAIL_ROWS_H
#define DSN_MANAGER_MAIL_MAIL_ROWS_H

#include <stdbool.h>

#include "bus/message.h"
#include "store/db.h"

#define MAIL_ROWS_ANSWER_BYTES ((size_t)16 << 10) /* of an answer that is kept */

#define MAIL_MIGRATIONS 1
extern const struct db_migration mail_migrations[MAIL_MIGRATIONS];

/* *ret_new: it was not there, and is now. Else *ret_answer is what was answered, ctx's; NULL: nothing yet.
 * ERROR_UNAVAILABLE: it was answered with more than MAIL_ROWS_ANSWER_BYTES, which are not kept. */
struct error *mail_rows_accept(const void *ctx, struct db *db, const struct message *command, bool *ret_new,
			       char **ret_answer) MUST_CHECK;
struct error *mail_rows_answered(struct db *db, const struct message *command, const char *answer) MUST_CHECK;
struct error *mail_rows_expire(struct db *db, int64_t now_ms) MUST_CHECK;

#endif
