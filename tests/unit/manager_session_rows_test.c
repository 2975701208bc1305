/* Logins in the database, a file's and a server's: whose a token is, what ends them, who gives way. */
#include "store/world.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "manager/sessions/session_rows.h"
#include "store/events.h"

#define ALICE "a11ce00000000000000000000000000000000000"
#define BOB "b0b0000000000000000000000000000000000000"
#define NOW INT64_C(1800000000000)

static const struct db_migration *migrations(void)
{
	static struct db_migration both[2];

	both[0] = (struct db_migration){events_tables};
	both[1] = session_migrations[0];
	return both;
}

static struct db *open_db(void)
{
	static struct db_schema schema = {
		.application_id = DB_APPLICATION_ID('t'), .name = "a test's database", .count = 2};
	struct db *db = NULL;

	schema.migrations = migrations();
	world_ok(world_open(world.ctx, world.where, &schema, &db));
	return db;
}

static struct session_row row_of(const char *address, int64_t at_ms, enum session_standing standing)
{
	struct session_row row = {
		.made_ms = at_ms, .used_ms = at_ms, .expires_ms = at_ms + 3600000, .standing = standing};

	snprintf(row.address, sizeof(row.address), "%s", address);
	return row;
}

static struct session_row add(struct db *db, const char *address, int64_t at_ms, char token[SESSION_TOKEN_BYTES])
{
	struct session_row row = row_of(address, at_ms, SESSION_LISTED);

	world_ok(session_rows_add(db, &row, token));
	return row;
}

static void test_tokens(void **state)
{
	char token[SESSION_TOKEN_BYTES], other[SESSION_TOKEN_BYTES];
	struct db *db = open_db();
	struct session_row made = add(db, ALICE, NOW, token), found;

	(void)state;
	add(db, BOB, NOW, other);
	world_ok(session_rows_find(db, token, NOW + 5, &found));
	assert_string_equal(found.address, ALICE);
	assert_string_equal(found.id, made.id);
	/* The database does not tell it. */
	assert_int_equal(world_number(db, "select count(*) from sessions_login where hash like 'dsns%'"), 0);
	assert_null(strstr(world_ask(db, "select hash from sessions_login"), token + 5));
	/* Used, once a minute. */
	assert_int_equal(world_number(db, "select max(used_ms) from sessions_login"), NOW);
	world_ok(session_rows_find(db, token, NOW + 60000, &found));
	assert_int_equal(world_number(db, "select max(used_ms) from sessions_login"), NOW + 60000);

	token[10] = token[10] == 'a' ? 'b' : 'a';
	world_refused(session_rows_find(db, token, NOW, &found), ERROR_REFUSED, "is over");
	world_refused(session_rows_find(db, "guessed", NOW, &found), ERROR_REFUSED, "nobody's");
	world_refused(session_rows_find(db, other, NOW + 3600000, &found), ERROR_REFUSED, "is over");
	world_ok(session_rows_expire(db, NOW + 3600000));
	assert_int_equal(world_number(db, "select count(*) from sessions_login"), 0);
	assert_string_equal(world_ask(db, "select type from event order by id limit 1"), "session.begun");
}

static void test_ends(void **state)
{
	char token[SESSION_TOKEN_BYTES];
	struct db *db = open_db();
	struct session_row alice = add(db, ALICE, NOW, token), found;
	int64_t count = -1;
	json_t *list = NULL;

	(void)state;
	add(db, ALICE, NOW + 1, token);
	add(db, BOB, NOW, token);
	world_ok(session_rows_list(db, ALICE, NOW, &list));
	assert_int_equal(json_array_size(list), 2);
	json_decref(list);
	world_ok(session_rows_list(db, NULL, NOW, &list));
	assert_int_equal(json_array_size(list), 3);
	json_decref(list);

	world_ok(session_rows_end(db, alice.id, BOB, &count));
	assert_int_equal(count, 0);
	world_ok(session_rows_end(db, alice.id, ALICE, &count));
	assert_int_equal(count, 1);
	world_ok(session_rows_end(db, NULL, ALICE, &count));
	assert_int_equal(count, 1);
	world_ok(session_rows_find(db, token, NOW, &found));
	world_ok(session_rows_end(db, NULL, NULL, &count));
	assert_int_equal(count, 1);
	assert_int_equal(world_number(db, "select count(*) from event where type='session.ended'"), 3);
}

/* An older copy has logins that were ended since. */
static void test_restored(void **state)
{
	char token[SESSION_TOKEN_BYTES];
	struct db *db = open_db();
	struct session_row found;

	(void)state;
	add(db, ALICE, NOW, token);
	world_ok(session_rows_made(db, false));
	world_ok(session_rows_find(db, token, NOW, &found));
	world_ok(session_rows_made(db, true));
	world_refused(session_rows_find(db, token, NOW, &found), ERROR_REFUSED, "is over");
}

static void test_of_one_address(void **state)
{
	char token[SESSION_TOKEN_BYTES], first[SESSION_TOKEN_BYTES], bobs[SESSION_TOKEN_BYTES];
	struct db *db = open_db();
	struct session_row found;

	(void)state;
	add(db, BOB, NOW - 5, bobs);
	add(db, ALICE, NOW, first);
	for (int i = 1; i <= SESSION_ROWS_EACH; i++)
		add(db, ALICE, NOW + i, token);
	assert_int_equal(world_number(db, "select count(*) from sessions_login"), SESSION_ROWS_EACH + 1);
	world_refused(session_rows_find(db, first, NOW, &found), ERROR_REFUSED, "is over");
	world_ok(session_rows_find(db, bobs, NOW, &found));
}

static void fill(struct db *db, int64_t standing)
{
	world_ok(db_begin(db));
	for (int i = 0; i < SESSION_ROWS_MOST; i++) {
		char id[17], address[41];

		snprintf(id, sizeof(id), "%016d", i);
		snprintf(address, sizeof(address), "%040d", i);
		world_ok(db_exec(db, "insert into sessions_login values(?,?,?,?,?,?,?)", "sssiiii", id, id, address,
				 NOW + i, NOW + i, NOW * 2, standing));
	}
	world_ok(db_commit(db));
}

static void test_all_taken(void **state)
{
	char token[SESSION_TOKEN_BYTES];
	struct db *db = open_db();
	struct session_row stranger = row_of(BOB, NOW, SESSION_STRANGER);

	(void)state;
	fill(db, 0);
	world_ok(session_rows_add(db, &stranger, token));
	assert_int_equal(world_number(db, "select count(*) from sessions_login"), SESSION_ROWS_MOST);
	assert_int_equal(world_number(db, "select count(*) from sessions_login where id='0000000000000000'"), 0);
	world_ok(db_exec(db, "update sessions_login set standing=1", ""));
	world_refused(session_rows_add(db, &stranger, token), ERROR_LIMIT, "all have standing");
	assert_int_equal(world_number(db, "select count(*) from sessions_login"), SESSION_ROWS_MOST);
}

/* 10,000 logins of invented owners: each of them is gone before one of those whom somebody has named. */
static void test_who_gives_way(void **state)
{
	static const char all[] = "select count(*) from sessions_login";
	char token[SESSION_TOKEN_BYTES];
	struct db *db = open_db();
	struct session_row stranger = row_of(BOB, NOW, SESSION_STRANGER), owner = row_of(BOB, NOW, SESSION_OWNER),
			   listed = row_of(ALICE, NOW, SESSION_LISTED), head = row_of(BOB, NOW, SESSION_LISTED);

	(void)state;
	head.always = true;
	fill(db, SESSION_OWNER);
	world_refused(session_rows_add(db, &stranger, token), ERROR_LIMIT, "all have standing");
	world_refused(session_rows_add(db, &owner, token), ERROR_LIMIT, "all have standing");
	world_ok(session_rows_add(db, &listed, token));
	assert_int_equal(world_number(db, "select count(*) from sessions_login where id='0000000000000000'"), 0);

	/* A stranger goes first, whenever he was here. */
	world_ok(db_exec(db, "update sessions_login set standing=0 where id='0000000000009999'", ""));
	world_ok(session_rows_add(db, &owner, token));
	assert_int_equal(world_number(db, "select count(*) from sessions_login where id='0000000000009999'"), 0);
	assert_int_equal(world_number(db, "select count(*) from sessions_login where id='0000000000000001'"), 1);

	world_ok(db_exec(db, "update sessions_login set standing=2", ""));
	world_refused(session_rows_add(db, &owner, token), ERROR_LIMIT, "all have standing");
	world_refused(session_rows_add(db, &listed, token), ERROR_LIMIT, "all have standing");
	world_ok(session_rows_add(db, &head, token));
	assert_int_equal(world_number(db, all), SESSION_ROWS_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_BOTH(test_tokens),         WORLD_BOTH(test_ends),      WORLD_BOTH(test_restored),
		WORLD_BOTH(test_of_one_address), WORLD_FILE(test_all_taken), WORLD_FILE(test_who_gives_way),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
