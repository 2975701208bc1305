#include "manager/mail/mail_rows.h"

#include <string.h>

#include "base/mem.h"

#define CLOCKS_MS INT64_C(600000) /* that another clock may be behind ours */
#define NOT_KEPT "-"              /* in the place of an answer that is too large; no JSON text is that */

static const char *const first[] = {
	"create table mail_call(id text primary key, void_ms bigint not null, answer text)",
	"create index mail_call_void on mail_call(void_ms)",
	NULL,
};
const struct db_migration mail_migrations[MAIL_MIGRATIONS] = {{first}};

/* Nobody takes another's place by using his message's id. */
static char *id_of(const void *ctx, const struct message *command)
{
	return mem_printf(ctx, "%s:%s", command->signer, command->id);
}

struct accepting {
	const void *ctx;
	const char *id;
	int64_t void_ms;
	bool *fresh;
	char **answer;
};

static struct error *on_answer(const struct db_row *row, void *arg)
{
	const struct accepting *a = arg;

	if (db_text(row, 0))
		*a->answer = mem_strdup(a->ctx, db_text(row, 0));
	return NULL;
}

static struct error *accept(struct db *db, const void *arg)
{
	const struct accepting *a = arg;

	*a->answer = NULL;
	TRY(db_exec(db, "insert into mail_call(id, void_ms) values(?,?) on conflict(id) do nothing", "si", a->id,
		    a->void_ms));
	*a->fresh = db_changes(db) > 0;
	return *a->fresh ? NULL
			 : db_query(db, on_answer, (void *)a, "select answer from mail_call where id=?", "s", a->id);
}

struct error *mail_rows_accept(const void *ctx, struct db *db, const struct message *command, bool *ret_new,
			       char **ret_answer)
{
	char *id = id_of(NULL, command);
	const struct accepting a = {ctx, id, command->time_ms + command->ttl_ms, ret_new, ret_answer};
	struct error *e = db_together(db, accept, &a);

	mem_free(id);
	TRY(e);
	if (*ret_new || !*ret_answer || strcmp(*ret_answer, NOT_KEPT) != 0)
		return NULL;
	*ret_answer = NULL;
	return error_new(
		ERROR_UNAVAILABLE,
		"this call was made and answered, and its answer was not kept: it has more than %zu KiB; what only tells can be asked with a new call",
		MAIL_ROWS_ANSWER_BYTES >> 10);
}

struct error *mail_rows_answered(struct db *db, const struct message *command, const char *answer)
{
	char *id = id_of(NULL, command);
	struct error *e = db_exec(db, "update mail_call set answer=? where id=?", "ss",
				  strlen(answer) > MAIL_ROWS_ANSWER_BYTES ? NOT_KEPT : answer, id);

	mem_free(id);
	return e;
}

struct error *mail_rows_expire(struct db *db, int64_t now_ms)
{
	return db_exec(db, "delete from mail_call where void_ms<?", "i", now_ms - CLOCKS_MS);
}
