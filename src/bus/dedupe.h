/* Command ids seen, with the result given: effects happen once, a repeated command gets the recorded result again.
 *
 * An entry is needed until its message is void, by any clock that the receiver may have until then: entries are removed
 * by that instant and not by when they came, with a margin that is the caller's. Threads: the db's thread.
 */
#ifndef DSN_BUS_DEDUPE_H
#define DSN_BUS_DEDUPE_H

#include <stdbool.h>

#include "bus/message.h"
#include "store/db.h"

extern const char dedupe_schema[];

/* Record a command as accepted. *ret_new is false when it was there already; then *ret_result is the encoded result
 * message recorded for it, or NULL when none was yet (ctx owns it). Joins a transaction the caller has begun. */
struct error *dedupe_accept(const void *ctx, struct db *db, const struct message *command, int64_t now_ms,
			    bool *ret_new, char **ret_result) MUST_CHECK;
/* Record the result of a command. */
struct error *dedupe_finish(struct db *db, const char *command_id, const char *encoded_result) MUST_CHECK;
/* Forget what was void before. */
struct error *dedupe_expire(struct db *db, int64_t void_before_ms) MUST_CHECK;

#endif
