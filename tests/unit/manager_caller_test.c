/* Who calls: the operator's token, which is made, the file of others, each of its refusals; none of them repeats a
 * token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "manager/caller.h"

#define SELF "5e1f000000000000000000000000000000000000"
#define ALICE "a11ce00000000000000000000000000000000000"
#define TOKEN "0123456789abcdef"

struct world {
	char folder[32];
	char *own, *file;
	struct callers *all;
};

static void must(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	strcpy(w->folder, "/tmp/dsn-callers-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	w->own = file_join(w, w->folder, "operator.token");
	w->file = file_join(w, w->folder, "callers");
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

static struct error *open_with(struct world *w, const char *lines)
{
	must(file_write_atomic(w->file, lines, strlen(lines), 0600));
	return callers_open(w, w->own, SELF, w->file, &w->all);
}

static void refused(struct error *e, const char *said)
{
	assert_non_null(e);
	if (!strstr(e->message, said))
		fail_msg("%s\nis not: %s", e->message, said);
	assert_null(strstr(e->message, TOKEN));
	error_free(e);
}

static void test_the_operators_own(void **state)
{
	struct world *w = *state;
	struct caller c;
	struct stat st;
	char *token = NULL;

	must(callers_open(w, w->own, SELF, NULL, &w->all));
	assert_int_equal(stat(w->own, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	must(file_read_secret(w, w->own, &token));
	must(callers_find(w->all, token, &c));
	assert_string_equal(c.address, SELF);
	assert_int_equal(c.roles, CALLER_ANYONE | CALLER_CUSTOMER | CALLER_OPERATOR);
	must(callers_find(w->all, NULL, &c));
	assert_int_equal(c.roles, CALLER_ANYONE);
	assert_string_equal(c.address, "");
	token[0] ^= 1;
	refused(callers_find(w->all, token, &c), "this token is nobody's");
	refused(callers_find(w->all, "", &c), "this token is nobody's");
	token[0] ^= 1;
	mem_free(w->all);
	must(callers_open(w, w->own, SELF, NULL, &w->all)); /* it is kept */
	must(callers_find(w->all, token, &c));
}

static void test_others(void **state)
{
	struct world *w = *state;
	struct caller c;

	must(open_with(w, "# who may\n\n  A11CE00000000000000000000000000000000000\tcustomer,supplier  " TOKEN "\n"));
	must(callers_find(w->all, TOKEN, &c));
	assert_string_equal(c.address, ALICE);
	assert_int_equal(c.roles, CALLER_ANYONE | CALLER_CUSTOMER | CALLER_SUPPLIER);
}

static struct error *find_by_source(const char *token, struct caller *ret_caller, void *arg)
{
	(void)arg;
	if (strcmp(token, "of a session") != 0)
		return error_new(ERROR_REFUSED, "is over");
	*ret_caller = (struct caller){.address = ALICE, .roles = CALLER_CUSTOMER};
	return NULL;
}

static unsigned roles_by_source(const char *address, void *arg)
{
	(void)arg;
	return strcmp(address, SELF) == 0 ? CALLER_SUPPLIER : 0;
}

/* Who has a key, and no token; and what a service knows beside the files. */
static void test_keys_and_source(void **state)
{
	static const struct callers_source source = {find_by_source, roles_by_source, NULL};
	struct world *w = *state;
	struct caller c;

	must(open_with(w, ALICE " customer -\n" ALICE " supplier " TOKEN "\n" SELF " customer -\n"));
	refused(callers_find(w->all, "-", &c), "this token is nobody's");
	callers_known(w->all, "A11CE00000000000000000000000000000000000", &c);
	assert_string_equal(c.address, ALICE);
	assert_int_equal(c.roles, CALLER_ANYONE | CALLER_CUSTOMER | CALLER_SUPPLIER);
	callers_known(w->all, "b0b0000000000000000000000000000000000000", &c);
	assert_int_equal(c.roles, CALLER_ANYONE);
	assert_true(callers_listed(w->all, ALICE));
	assert_false(callers_listed(w->all, "b0b0000000000000000000000000000000000000"));

	callers_join(w->all, &source);
	must(callers_find(w->all, "of a session", &c));
	assert_string_equal(c.address, ALICE);
	must(callers_find(w->all, TOKEN, &c));
	refused(callers_find(w->all, "of nobody", &c), "is over");
	callers_known(w->all, SELF, &c);
	assert_int_equal(c.roles, CALLER_ANYONE | CALLER_CUSTOMER | CALLER_OPERATOR | CALLER_SUPPLIER);
	callers_join(w->all, NULL);
	refused(callers_find(w->all, "of a session", &c), "cannot be looked up now");
	must(callers_find(w->all, TOKEN, &c));
}

static void test_each_refusal(void **state)
{
	static const struct {
		const char *lines, *said;
	} cases[] = {
		{"alice customer " TOKEN "\n", ":1: begins with no address: 40 hex digits"},
		{"\n" ALICE " customer\n", ":2: is not ADDRESS ROLE[,ROLE...] TOKEN"},
		{ALICE " customer " TOKEN " more\n", ":1: is not ADDRESS ROLE[,ROLE...] TOKEN"},
		{ALICE " cook " TOKEN "\n", ":1: \"cook\" is none of customer, supplier, operator"},
		{ALICE " service " TOKEN "\n", ":1: \"service\" is none of"},
		{ALICE " customer short\n", ":1: the token has 5 letters; 16 to 128, please"},
		{ALICE " customer 0123456789\xc3\xa9\xc3\xa9\xc3\xa9\n", "more than printable ASCII"},
		{ALICE " customer " TOKEN "\n" SELF " customer " TOKEN "\n",
		 ":2: has a token that is another caller's already"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(open_with(w, cases[i].lines), cases[i].said);
	must(file_write_atomic(w->file, "", 0, 0640));
	refused(callers_open(w, w->own, SELF, w->file, &w->all), "others may read it");
	must(file_write_atomic(w->own, TOKEN "\n", strlen(TOKEN) + 1, 0644));
	refused(callers_open(w, w->own, SELF, NULL, &w->all), "operator.token");
}

/* Who can write it makes himself an operator. */
static void test_file_of_another(void **state)
{
	struct world *w = *state;

	if (geteuid() != 0)
		skip(); /* nobody else gives files away */
	must(file_write_atomic(w->file, "", 0, 0600));
	assert_int_equal(chown(w->file, 65534, 65534), 0);
	refused(callers_open(w, w->own, SELF, w->file, &w->all), "belongs to another user");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_operators_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_and_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_refusal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_of_another, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
