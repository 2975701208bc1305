/* Which process leads a service: its lease (store/lease.h) by the service's name, asked for and renewed as time goes.
 *
 * Terms are at least the wall clock's seconds, so that they go on rising when a database is lost or set back to an
 * older copy: agents refuse what bears a lower term than they have seen (node/agent/rights.c).
 * Threads: loop thread.
 */
#ifndef DSN_MANAGER_LEAD_H
#define DSN_MANAGER_LEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/db.h"

#define LEAD_LEAST_MS 1500 /* until a lease is expired */
#define LEAD_MOST_MS 300000

struct lead_options {
	const char *holder; /* who leads, as others are told: a URL of 64 printable characters at most */
	int64_t expire_ms;  /* after which a silent leader is replaced; it stops by itself after two thirds of that */
	bool alone;         /* nobody else can have the database open: it leads at once and for good */
};

struct lead;
/* Nothing is asked yet. `db` outlives it. */
struct error *lead_new(const void *ctx, struct db *db, const char *service, const struct lead_options *options,
		       struct lead **ret_lead) MUST_CHECK;
/* Asks for the lease, or renews it, when that is due; a failed try is repeated each second. With `wanted` false it is
 * given back instead. */
void lead_tick(struct lead *l, bool wanted);
/* Gives it back, so that the next one need not wait. */
void lead_end(struct lead *l);

/* The term that is held now; 0: none, so nothing is begun and nothing is written. */
int64_t lead_term(const struct lead *l);
/* Who leads, as far as is known; "": nobody. */
const char *lead_holder(const struct lead *l);
/* Why the lease could not be asked for; borrowed. NULL: it could. */
const struct error *lead_trouble(const struct lead *l);
/* A db_fence_fn whose arg is the lead: ERROR_UNAVAILABLE, another one leads or will. */
struct error *lead_fence(struct db *db, const void *lead) MUST_CHECK;

#endif
