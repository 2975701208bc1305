#include "store/lease.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "base/mem.h"

#define KEY_BYTES 16

/* `until_ms` and `clock` are of db_now(); an instant of another clock is long gone, as whoever wrote it is. `key` tells
 * holders apart, also of equal names. */
const char *const lease_tables[] = {
	"create table lease(name text primary key, term bigint not null, key text not null, holder text not null, "
	"until_ms bigint not null, clock text not null)",
	NULL,
};

struct lease {
	struct db *db;
	char *name, *holder, *key;
	struct lease_times times;
	int64_t term;    /* 0: not held */
	int64_t stop_ms; /* of the term, unless renewed */
	int64_t due_ms;
	int64_t least_term; /* of a taking */
	char *other;        /* who has it, where it is not this one */
};

static bool is_name(const char *text, size_t max)
{
	for (const char *c = text; *c; c++) {
		if (*c <= ' ' || *c > '~')
			return false;
	}
	return *text && strlen(text) <= max;
}

struct error *lease_new(const void *ctx, struct db *db, const char *name, const char *holder,
			const struct lease_times *times, struct lease **ret_lease)
{
	static const struct lease_times usual = {LEASE_EXPIRE_MS, LEASE_STOP_MS, LEASE_RENEW_MS};
	struct lease *lease;

	if (!is_name(name, LEASE_NAME_MAX) || !is_name(holder, LEASE_NAME_MAX))
		return error_new(ERROR_INVALID,
				 "lease \"%.80s\" of \"%.80s\": both are 1 to %d printable characters without blanks",
				 name, holder, LEASE_NAME_MAX);
	if (!times || !times->expire_ms)
		times = &usual;
	if (times->renew_ms <= 0 || times->renew_ms >= times->stop_ms || times->stop_ms >= times->expire_ms)
		return error_new(ERROR_INVALID,
				 "lease \"%s\": renewed every %" PRId64 " ms, given up after %" PRId64
				 " ms, expired after %" PRId64 " ms: each is longer than the one before",
				 name, times->renew_ms, times->stop_ms, times->expire_ms);
	lease = mem_new(ctx, struct lease);
	lease->db = db;
	lease->name = mem_strdup(lease, name);
	lease->holder = mem_strdup(lease, holder);
	lease->key = hex_random(lease, KEY_BYTES);
	lease->times = *times;
	*ret_lease = lease;
	return NULL;
}

int64_t lease_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void lease_least_term(struct lease *lease, int64_t term)
{
	lease->least_term = term;
}

/* --- in the database --- */

struct seen {
	bool found;
	int64_t term;
	char key[2 * KEY_BYTES + 1], holder[LEASE_NAME_MAX + 1];
};

static struct error *on_seen(const struct db_row *row, void *arg)
{
	struct seen *seen = arg;

	seen->found = true;
	seen->term = db_int(row, 0);
	snprintf(seen->key, sizeof(seen->key), "%s", db_text(row, 1));
	snprintf(seen->holder, sizeof(seen->holder), "%s", db_text(row, 2));
	return NULL;
}

static struct error *look(const struct lease *lease, struct seen *ret)
{
	*ret = (struct seen){0};
	return db_query(lease->db, on_seen, ret, "select term, key, holder from lease where name = ?", "s",
			lease->name);
}

struct asking {
	const struct lease *lease;
	struct seen *seen;
	bool alone; /* whoever has it is gone */
};

static struct error *ask(struct db *db, const void *arg)
{
	const struct asking *a = arg;
	const struct lease *lease = a->lease;
	struct db_time now;
	int64_t until_ms;

	TRY(db_now(db, &now));
	until_ms = now.ms + lease->times.expire_ms;
	TRY(db_exec(db, "insert into lease values(?, 0, '', '', ?, ?) on conflict do nothing", "sis", lease->name,
		    now.ms, now.clock));
	/* Its own, as long as nobody has taken it: late is late only when another one has come. */
	TRY(db_exec(db, "update lease set until_ms = ?, clock = ? where name = ? and key = ? and term = ?", "isssi",
		    until_ms, now.clock, lease->name, lease->key, lease->term));
	if (db_changes(db) == 0)
		TRY(db_exec(
			db,
			"update lease set term = case when term < ? then ? else term + 1 end, key = ?, holder = ?, "
			"until_ms = ?, clock = ? where name = ? and (until_ms <= ? or clock <> ? or key = ? or ? = 1)",
			"iissississi", lease->least_term, lease->least_term, lease->key, lease->holder, until_ms,
			now.clock, lease->name, now.ms, now.clock, lease->key, (int64_t)a->alone));
	return look(lease, a->seen);
}

/* --- here --- */

static void lose(struct lease *lease, const char *other)
{
	lease->term = 0;
	mem_free(lease->other);
	lease->other = other ? mem_strdup(lease, other) : NULL;
}

struct error *lease_ask(struct lease *lease, int64_t now_ms)
{
	struct seen seen;

	lease->due_ms = now_ms + lease->times.renew_ms;
	/* A term that was given up is not taken up again: what it had begun was given up with it. */
	if (!lease_term(lease, now_ms))
		lease->term = 0;
	TRY(db_together(lease->db, ask, &(struct asking){lease, &seen, false}));
	if (strcmp(seen.key, lease->key) != 0) {
		lose(lease, seen.holder);
		return NULL;
	}
	lease->term = seen.term;
	lease->stop_ms = now_ms + lease->times.stop_ms;
	return NULL;
}

struct error *lease_take(struct lease *lease)
{
	struct seen seen;

	lease->term = 0;
	TRY(db_together(lease->db, ask, &(struct asking){lease, &seen, true}));
	lease->term = seen.term;
	lease->stop_ms = lease->due_ms = INT64_MAX;
	return NULL;
}

int64_t lease_due_ms(const struct lease *lease)
{
	return lease->due_ms;
}

int64_t lease_term(const struct lease *lease, int64_t now_ms)
{
	return now_ms < lease->stop_ms ? lease->term : 0;
}

const char *lease_holder(const struct lease *lease)
{
	if (lease->term)
		return lease->holder;
	return lease->other ? lease->other : "";
}

struct error *lease_fence(const struct lease *lease)
{
	struct seen seen;

	/* Written, so that who takes it waits for the transaction's end. */
	TRY(db_exec(lease->db, "update lease set term = term where name = ? and key = ? and term = ?", "ssi",
		    lease->name, lease->key, lease->term));
	if (lease->term && db_changes(lease->db) == 1)
		return NULL;
	TRY(look(lease, &seen));
	return error_new(ERROR_REFUSED,
			 "lease \"%s\": \"%s\" has it since term %" PRId64
			 ", and what is begun here is of term %" PRId64,
			 lease->name, seen.holder, seen.term, lease->term);
}

struct error *lease_release(struct lease *lease)
{
	int64_t term = lease->term;

	lose(lease, NULL);
	if (!term)
		return NULL;
	return db_exec(lease->db,
		       "update lease set key = '', holder = '', until_ms = 0 where name = ? and key = ? and term = ?",
		       "ssi", lease->name, lease->key, term);
}
