#include "bus/dedupe.h"

#include "base/mem.h"

const char dedupe_schema[] =
	"create table if not exists seen( id text primary key, time integer not null," /* when it is void */
	" result text) without rowid;create index if not exists seen_by_time on seen(time);";

struct found {
	const void *ctx;
	char *result;
};

static struct error *on_row(const struct db_row *row, void *arg)
{
	struct found *f = arg;

	f->result = mem_strdup(f->ctx, db_text(row, 0));
	return NULL;
}

struct error *dedupe_accept(const void *ctx, struct db *db, const struct message *command, int64_t now_ms,
			    bool *ret_new, char **ret_result)
{
	struct found f = {.ctx = ctx};
	int64_t void_ms = command->time_ms + command->ttl_ms;

	TRY(db_exec(db, "insert or ignore into seen(id, time) values(?, ?)", "si", command->id,
		    void_ms > now_ms ? void_ms : now_ms));
	if (db_changes(db) > 0) {
		*ret_new = true;
		*ret_result = NULL;
		return NULL;
	}
	TRY(db_query(db, on_row, &f, "select result from seen where id = ?", "s", command->id));
	*ret_new = false;
	*ret_result = f.result;
	return NULL;
}

struct error *dedupe_finish(struct db *db, const char *command_id, const char *encoded_result)
{
	return db_exec(db, "update seen set result = ? where id = ?", "ss", encoded_result, command_id);
}

struct error *dedupe_expire(struct db *db, int64_t void_before_ms)
{
	return db_exec(db, "delete from seen where time < ?", "i", void_before_ms);
}
