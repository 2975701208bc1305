/* Leases: which one of several processes does a thing, as long as it can say so to the database.
 *
 * A lease is a row by a name. Who holds it renews it every 5 s; when it was not renewed for 15 s of the database's
 * clock (db_now(): no machine's clock is compared with another's), another one may take it. Each taking has a term,
 * greater than all before it. A holder that could not renew for 10 s of its own clock, counted from before it asked,
 * holds it no more: lease_term() says so before another one can have it, also when the process was stopped or the
 * machine slept.
 *
 * Between asking lease_term() and acting, a process may be stopped again. So every act carries the term: what goes into
 * the same database begins its transaction with lease_fence(), everybody else refuses a term that is lower than one it
 * has seen.
 *
 * Instants given here are of lease_clock_ms(), or a test's own. Tables: lease_tables is a migration of the database's
 * schema. Threads: one thread per struct db.
 */
#ifndef DSN_STORE_LEASE_H
#define DSN_STORE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/db.h"

#define LEASE_EXPIRE_MS 15000
#define LEASE_STOP_MS 10000
#define LEASE_RENEW_MS 5000
#define LEASE_NAME_MAX 64

extern const char *const lease_tables[];

/* All who use a lease have the same. renew < stop < expire; zeroes are the times above. */
struct lease_times {
	int64_t expire_ms, stop_ms, renew_ms;
};

struct lease;

/* `holder` says who it is, to people; each struct lease is a holder of its own. Nothing is asked yet. The db outlives
 * it. ERROR_INVALID: a name that is none (1 to LEASE_NAME_MAX printable characters without blanks), times in another
 * order. */
struct error *lease_new(const void *ctx, struct db *db, const char *name, const char *holder,
			const struct lease_times *times, struct lease **ret_lease) MUST_CHECK;

/* The machine's clock that goes on while it sleeps, and that nobody sets. */
int64_t lease_clock_ms(void);

/* Terms are at least this high from the next taking on, so that a database that was lost, or is an older copy, does not
 * begin with terms that others have seen: the wall clock in seconds, for instance. */
void lease_least_term(struct lease *lease, int64_t term);
/* Takes it from whoever has it, once and for good: for who knows by other means that nobody else is there, as by a lock
 * of the file's folder. Neither asked nor renewed from then on. */
struct error *lease_take(struct lease *lease) MUST_CHECK;

/* Takes the lease when nobody has it, renews it when it is held; `now_ms`: read just before. To be called when
 * lease_due_ms() has come, by holders and by who waits. Not to have it is no error: see lease_term(). */
struct error *lease_ask(struct lease *lease, int64_t now_ms) MUST_CHECK;
/* When to ask again: LEASE_RENEW_MS after the last time, failed or not. */
int64_t lease_due_ms(const struct lease *lease);
/* The term that is held at that instant; 0: not held, so do nothing of it. */
int64_t lease_term(const struct lease *lease, int64_t now_ms);
/* Who has it by what was seen last, for messages; belongs to the lease, valid until it is asked again. "": nobody. */
const char *lease_holder(const struct lease *lease);

/* As the first of a transaction: that its term is still the newest when the transaction is committed. ERROR_REFUSED:
 * another one has taken the lease since, undo what was begun. */
struct error *lease_fence(const struct lease *lease) MUST_CHECK;
/* Gives it back, so that the next one need not wait. The term is over, whatever this returns. */
struct error *lease_release(struct lease *lease) MUST_CHECK;

#endif
