/* Calls over the bus, once: in a file and on a server. */
#include "store/world.h"

#include <string.h>

#include "base/mem.h"
#include "manager/mail/mail_rows.h"

#define ALICE "a11ce00000000000000000000000000000000000"
#define BOB "b0b0000000000000000000000000000000000000"
#define NOW INT64_C(1800000000000)

static struct db *open_db(void)
{
	static const struct db_schema schema = {.application_id = DB_APPLICATION_ID('t'),
						.name = "a test's database",
						.migrations = mail_migrations,
						.count = MAIL_MIGRATIONS};
	struct db *db = NULL;

	world_ok(world_open(world.ctx, world.where, &schema, &db));
	return db;
}

static struct message call(char *signer, char *id)
{
	return (struct message){.id = id, .signer = signer, .time_ms = NOW, .ttl_ms = 60000};
}

static bool is_new(struct db *db, const struct message *command, char **ret_answer)
{
	bool fresh = false;

	world_ok(mail_rows_accept(world.ctx, db, command, &fresh, ret_answer));
	return fresh;
}

static void test_once(void **state)
{
	struct message first = call(ALICE, "0123456789abcdef0123456789abcdef"), same_id = first;
	struct db *db = open_db();
	char *answer = NULL;

	(void)state;
	same_id.signer = BOB;
	assert_true(is_new(db, &first, &answer));
	assert_null(answer);
	/* It comes again while it is made, then when it is answered. */
	assert_false(is_new(db, &first, &answer));
	assert_null(answer);
	world_ok(mail_rows_answered(db, &first, "{\"result\":1}"));
	assert_false(is_new(db, &first, &answer));
	assert_string_equal(answer, "{\"result\":1}");
	/* Another's message of the same id is another's. */
	assert_true(is_new(db, &same_id, &answer));
	assert_null(answer);

	/* Until it is void by any clock. */
	world_ok(mail_rows_expire(db, NOW + 60000 + 600000));
	assert_false(is_new(db, &first, &answer));
	world_ok(mail_rows_expire(db, NOW + 60000 + 600001));
	assert_true(is_new(db, &first, &answer));
}

/* It is made once, and whoever asks again hears why there is no answer. */
static void test_large_answers(void **state)
{
	struct message first = call(ALICE, "0123456789abcdef0123456789abcdef"),
		       second = call(ALICE, "1123456789abcdef0123456789abcdef");
	char text[MAIL_ROWS_ANSWER_BYTES + 2], *answer = NULL;
	struct db *db = open_db();
	bool fresh = false;

	(void)state;
	memset(text, '1', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_true(is_new(db, &first, &answer));
	world_ok(mail_rows_answered(db, &first, text));
	world_refused(mail_rows_accept(world.ctx, db, &first, &fresh, &answer), ERROR_UNAVAILABLE,
		      "its answer was not kept: it has more than 16 KiB");
	assert_false(fresh);
	assert_null(answer);
	assert_true(world_number(db, "select max(length(answer)) from mail_call") < 16);
	text[sizeof(text) - 2] = '\0';
	assert_true(is_new(db, &second, &answer));
	world_ok(mail_rows_answered(db, &second, text));
	assert_false(is_new(db, &second, &answer));
	assert_string_equal(answer, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {WORLD_BOTH(test_once), WORLD_BOTH(test_large_answers)};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
