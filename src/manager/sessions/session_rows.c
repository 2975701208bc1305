#include "manager/sessions/session_rows.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "store/events.h"

#define TOKEN_BYTES 32
#define USED_EVERY_MS 60000
#define AT_ONCE 1000 /* that end in one transaction */

static const char *const first[] = {
	("create table sessions_login(id text primary key, hash text not null unique, address text not null, "
	 "made_ms bigint not null, used_ms bigint not null, expires_ms bigint not null, standing bigint not null)"),
	"create index sessions_login_address on sessions_login(address, used_ms)",
	"create index sessions_login_used on sessions_login(standing, used_ms)",
	"create index sessions_login_expires on sessions_login(expires_ms)",
	NULL,
};
const struct db_migration session_migrations[SESSION_MIGRATIONS] = {{first}};

/* The token has 256 random bits: a hash that is quick is as good as a slow one. */
static char *hash_of(const void *ctx, const char *token)
{
	uint8_t digest[32];

	sha256(token, strlen(token), digest);
	return hex_encode(ctx, digest, sizeof(digest));
}

static struct error *told(struct db *db, const char *type, const char *id, const char *address)
{
	json_t *body = json_pack("{s:s}", "owner", address);
	int64_t event = 0;
	struct error *e = events_append(db, type, id, body, 0, &event);

	json_decref(body);
	return e;
}

/* --- making --- */

static struct error *on_number(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

struct error *session_rows_count(struct db *db, int64_t *ret_count)
{
	return db_query(db, on_number, ret_count, "select count(*) from sessions_login", "");
}

struct making {
	const struct session_row *row;
	const char *hash;
};

/* The standing that does not give way to this one. */
static int64_t below(const struct session_row *row)
{
	if (row->always)
		return SESSION_LISTED + 1;
	return row->standing > SESSION_STRANGER ? (int64_t)row->standing : SESSION_STRANGER + 1;
}

static struct error *make_room(struct db *db, const struct session_row *row)
{
	int64_t own = 0, all = 0;

	TRY(db_query(db, on_number, &own, "select count(*) from sessions_login where address=?", "s", row->address));
	if (own >= SESSION_ROWS_EACH)
		return db_exec(
			db,
			"delete from sessions_login where id=(select id from sessions_login where address=? order by used_ms, id limit 1)",
			"s", row->address);
	TRY(session_rows_count(db, &all));
	if (all < SESSION_ROWS_MOST)
		return NULL;
	TRY(db_exec(
		db,
		"delete from sessions_login where id=(select id from sessions_login where standing<? order by standing, "
		"used_ms, id limit 1)",
		"i", below(row)));
	return db_changes(db) ? NULL
			      : error_new(ERROR_LIMIT, "%d logins hold, of addresses that all have standing",
					  SESSION_ROWS_MOST);
}

static struct error *make(struct db *db, const void *arg)
{
	const struct making *m = arg;
	const struct session_row *r = m->row;

	TRY(make_room(db, r));
	TRY(db_exec(db, "insert into sessions_login values(?,?,?,?,?,?,?)", "sssiiii", r->id, m->hash, r->address,
		    r->made_ms, r->used_ms, r->expires_ms, (int64_t)r->standing));
	return told(db, "session.begun", r->id, r->address);
}

struct error *session_rows_add(struct db *db, struct session_row *row, char ret_token[SESSION_TOKEN_BYTES])
{
	void *scope = mem_strdup(NULL, "");
	char *digits = hex_random(scope, TOKEN_BYTES);
	struct making m = {.row = row};
	struct error *e;

	snprintf(ret_token, SESSION_TOKEN_BYTES, SESSION_TOKEN_PREFIX "%s", digits);
	secret_wipe(digits, strlen(digits));
	m.hash = hash_of(scope, ret_token);
	snprintf(row->id, sizeof(row->id), "%.*s", CALLER_SESSION_DIGITS, m.hash);
	e = db_together(db, make, &m);
	if (e)
		secret_wipe(ret_token, SESSION_TOKEN_BYTES);
	mem_free(scope);
	return e;
}

/* --- reading --- */

#define COLUMNS "id,address,made_ms,used_ms,expires_ms,standing"

static void read_row(const struct db_row *row, struct session_row *ret)
{
	snprintf(ret->id, sizeof(ret->id), "%s", db_text(row, 0));
	snprintf(ret->address, sizeof(ret->address), "%s", db_text(row, 1));
	ret->made_ms = db_int(row, 2);
	ret->used_ms = db_int(row, 3);
	ret->expires_ms = db_int(row, 4);
	ret->standing = (enum session_standing)db_int(row, 5);
}

static struct error *on_row(const struct db_row *row, void *arg)
{
	read_row(row, arg);
	return NULL;
}

struct error *session_rows_find(struct db *db, const char *token, int64_t now_ms, struct session_row *ret_row)
{
	struct session_row found = {.id = ""};
	char *hash;
	struct error *e;

	if (strncmp(token, SESSION_TOKEN_PREFIX, strlen(SESSION_TOKEN_PREFIX)) != 0 ||
	    strlen(token) != SESSION_TOKEN_BYTES - 1)
		return error_new(ERROR_REFUSED, "this token is nobody's: log in, or ask the operator for one");
	hash = hash_of(NULL, token);
	e = db_query(db, on_row, &found, "select " COLUMNS " from sessions_login where hash=?", "s", hash);
	mem_free(hash);
	TRY(e);
	if (!*found.id || found.expires_ms <= now_ms)
		return error_new(ERROR_REFUSED, "this login is over: log in again");
	/* A standby cannot write it down; that keeps nobody out. */
	if (now_ms - found.used_ms >= USED_EVERY_MS)
		error_free(db_exec(db, "update sessions_login set used_ms=? where id=?", "is", now_ms, found.id));
	*ret_row = found;
	return NULL;
}

static struct error *on_listed(const struct db_row *row, void *arg)
{
	struct session_row r;
	char *made, *used, *expires;

	read_row(row, &r);
	made = clock_format(NULL, r.made_ms);
	used = clock_format(NULL, r.used_ms);
	expires = clock_format(NULL, r.expires_ms);
	json_array_append_new(arg, json_pack("{s:s,s:s,s:s,s:s,s:s}", "session", r.id, "address", r.address, "made",
					     made, "used", used, "expires", expires));
	mem_free(made);
	mem_free(used);
	mem_free(expires);
	return NULL;
}

struct error *session_rows_list(struct db *db, const char *address, int64_t now_ms, json_t **ret_list)
{
	json_t *list = json_array();
	struct error *e;

	if (address)
		e = db_query(db, on_listed, list,
			     "select " COLUMNS
			     " from sessions_login where address=? and expires_ms>? order by used_ms desc, id limit ?",
			     "sii", address, now_ms, (int64_t)SESSION_ROWS_MOST);
	else
		e = db_query(db, on_listed, list,
			     "select " COLUMNS
			     " from sessions_login where expires_ms>? order by used_ms desc, id limit ?",
			     "ii", now_ms, (int64_t)SESSION_ROWS_MOST);
	if (e) {
		json_decref(list);
		return e;
	}
	*ret_list = list;
	return NULL;
}

/* --- ending --- */

struct ending {
	const char *id, *address;
	int64_t *count;
};

static struct error *end_all(struct db *db, const void *arg)
{
	const struct ending *d = arg;
	json_t *list = json_array(), *o;
	struct error *e = db_query(
		db, on_listed, list,
		"select " COLUMNS " from sessions_login where (?=1 or id=?) and (?=1 or address=?) order by id limit ?",
		"isisi", (int64_t)!d->id, d->id ? d->id : "", (int64_t)!d->address, d->address ? d->address : "",
		(int64_t)AT_ONCE);
	size_t i;

	*d->count = (int64_t)json_array_size(list);
	json_array_foreach (list, i, o) {
		const char *id = json_string_value(json_object_get(o, "session"));

		if (!e)
			e = db_exec(db, "delete from sessions_login where id=?", "s", id);
		if (!e)
			e = told(db, "session.ended", id, json_string_value(json_object_get(o, "address")));
	}
	json_decref(list);
	return e;
}

struct error *session_rows_end(struct db *db, const char *id, const char *address, int64_t *ret_count)
{
	const struct ending d = {id, address, ret_count};

	return db_together(db, end_all, &d);
}

struct error *session_rows_made(struct db *db, bool continues)
{
	return continues ? db_exec(db, "delete from sessions_login", "") : NULL;
}

struct error *session_rows_expire(struct db *db, int64_t now_ms)
{
	return db_exec(db, "delete from sessions_login where expires_ms<=?", "i", now_ms);
}
