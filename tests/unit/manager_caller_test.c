/* The file of callers: whose it has to be, and who is found by a token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "manager/caller.h"

#define SELF "5e1f000000000000000000000000000000000000"
#define ALICE "a11ce00000000000000000000000000000000000"
#define TOKEN "tttttttttttttttt"

struct world {
	char folder[32], *own, *others;
};

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static int setup(void **state)
{
	static const char line[] = ALICE " customer " TOKEN "\n";
	struct world *w = mem_new(NULL, struct world);

	strcpy(w->folder, "/tmp/dsn-callers-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	w->own = file_join(w, w->folder, "operator.token");
	w->others = file_join(w, w->folder, "callers");
	must(file_write_atomic(w->others, line, strlen(line), 0600));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	must(file_remove_tree(w->folder));
	mem_free(w);
	return 0;
}

static void test_who_is_found(void **state)
{
	struct world *w = *state;
	struct callers *all = NULL;
	struct caller found;
	struct error *e;

	must(callers_open(w, w->own, SELF, w->others, &all));
	must(callers_find(all, TOKEN, &found));
	assert_string_equal(found.address, ALICE);
	assert_int_equal(found.roles, CALLER_ANYONE | CALLER_CUSTOMER);
	must(callers_find(all, NULL, &found));
	assert_int_equal(found.roles, CALLER_ANYONE);
	e = callers_find(all, "", &found);
	assert_int_equal(e->code, ERROR_REFUSED);
	error_free(e);
}

/* Who can write it makes himself an operator. */
static void test_file_of_another(void **state)
{
	struct world *w = *state;
	struct callers *all = NULL;
	struct error *e;

	if (geteuid() != 0)
		skip(); /* nobody else gives files away */
	assert_int_equal(chown(w->others, 65534, 65534), 0);
	e = callers_open(w, w->own, SELF, w->others, &all);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_REFUSED);
	assert_non_null(strstr(e->message, "belongs to another user"));
	error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_of_another, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
