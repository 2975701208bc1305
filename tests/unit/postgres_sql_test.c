/* Placeholders of a statement, numbered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "postgres/postgres_impl.h"

static void becomes(const char *sql, size_t count, const char *wanted)
{
	char *text = NULL;
	struct error *e = postgres_sql(NULL, sql, count, &text);

	if (e)
		fail_msg("%s", e->message);
	assert_string_equal(text, wanted);
	mem_free(text);
}

static void is_refused(const char *sql, size_t count, const char *part)
{
	char *text = NULL;
	struct error *e = postgres_sql(NULL, sql, count, &text);

	assert_non_null(e);
	assert_null(text);
	assert_int_equal(e->code, ERROR_INVALID);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" does not hold \"%s\"", e->message, part);
	error_free(e);
}

static void places(void **state)
{
	(void)state;
	becomes("", 0, "");
	becomes("select 1", 0, "select 1");
	becomes("?", 1, "$1");
	becomes("insert into t values(?,?,?)", 3, "insert into t values($1,$2,$3)");
	becomes("?????????? ??", 12, "$1$2$3$4$5$6$7$8$9$10 $11$12");
	becomes("select a - ? / ? * ?", 3, "select a - $1 / $2 * $3");
}

static void what_is_no_place(void **state)
{
	(void)state;
	becomes("select '?' || ?", 1, "select '?' || $1");
	becomes("select 'it''s ?' || ?", 1, "select 'it''s ?' || $1");
	becomes("select '\\' || ?", 1, "select '\\' || $1");
	becomes("select \"a?\"\"?\" from t where b = ?", 1, "select \"a?\"\"?\" from t where b = $1");
	becomes("select ? -- why?\n, ?", 2, "select $1 -- why?\n, $2");
	becomes("select 1 -- to the end?", 0, "select 1 -- to the end?");
	becomes("select ? /* ? /* ? */ ' ? */, ?", 2, "select $1 /* ? /* ? */ ' ? */, $2");
}

static void what_is_refused(void **state)
{
	char *big = mem_array(NULL, char, 65538);

	(void)state;
	is_refused("select ?", 0, "0 values for 1 places");
	is_refused("select ?", 2, "2 values for 1 places");
	is_refused("select '?", 0, "does not end");
	is_refused("select \"a", 0, "does not end");
	is_refused("select /* /* */", 0, "does not end");
	is_refused("select ?", DB_VALUES + 1, "65536 and 32 at most");
	memset(big, ' ', 65537);
	is_refused(big, 0, "65536 and 32 at most");
	big[65536] = '\0';
	becomes(big, 0, big);
	mem_free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(what_is_no_place),
		cmocka_unit_test(what_is_refused),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
