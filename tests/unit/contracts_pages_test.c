/* Lists of rows from an endpoint: how long a page, and how much in all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "contracts/pages.h"

static void fails(struct error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" has no \"%s\"", e->message, part);
	error_free(e);
}

static void a_page_has_no_more_than_a_page(void **state)
{
	struct pages p = {0};

	(void)state;
	assert_null(pages_take(&p, "nodes", 0));
	assert_null(pages_take(&p, "nodes", PAGES_PAGE));
	fails(pages_take(&p, "nodes", PAGES_PAGE + 1), ERROR_INVALID, "nodes: the endpoint tells 101 rows on a page");
	fails(pages_take(&p, "nodes", SIZE_MAX), ERROR_INVALID, "on a page");
	assert_int_equal(p.rows, PAGES_PAGE);
}

static void a_list_without_end_ends(void **state)
{
	struct pages p = {0};
	size_t pages = 0;
	struct error *e;

	(void)state;
	while (!(e = pages_take(&p, "accounts", PAGES_PAGE)))
		assert_true(++pages <= PAGES_ROWS_MOST);
	fails(e, ERROR_LIMIT, "accounts: the endpoint tells more than 65536 rows");
	assert_int_equal(p.rows, PAGES_ROWS_MOST / PAGES_PAGE * PAGES_PAGE);
	assert_null(pages_take(&p, "accounts", PAGES_ROWS_MOST % PAGES_PAGE));
	fails(pages_take(&p, "accounts", 1), ERROR_LIMIT, "--chain-rpc");
}

static void rows_say_so_much_and_no_more(void **state)
{
	struct pages p = {0};

	(void)state;
	assert_null(pages_take_bytes(&p, "nodes", PAGES_BYTES_MOST - 1));
	fails(pages_take_bytes(&p, "nodes", 2), ERROR_LIMIT, "nodes: the endpoint tells more than 67108864 bytes");
	fails(pages_take_bytes(&p, "nodes", SIZE_MAX), ERROR_LIMIT, "bytes");
	assert_null(pages_take_bytes(&p, "nodes", 1));
	fails(pages_take_bytes(&p, "nodes", 1), ERROR_LIMIT, "bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_page_has_no_more_than_a_page),
					   cmocka_unit_test(a_list_without_end_ends),
					   cmocka_unit_test(rows_say_so_much_and_no_more)};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
