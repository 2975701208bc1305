/* Who owns nodes: what nodes.changes tells, from one epoch to the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "manager/sessions/owners.h"

#define A "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"
#define B "b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0"

static void take(struct owners *o, const char *text)
{
	json_t *answer = NULL;

	assert_null(json_parse(text, strlen(text), 4096, &answer));
	owners_take(o, answer);
	json_decref(answer);
}

static void test_changes(void **state)
{
	struct owners *o = owners_new(NULL, NULL);

	(void)state;
	take(o, "{\"epoch\":\"1\",\"version\":4,\"gone\":[],\"nodes\":["
		"{\"node_id\":\"1\",\"owner\":\"A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0\",\"obeys\":true},"
		"{\"node_id\":\"2\",\"owner\":\"" A "\",\"obeys\":true},"
		"{\"node_id\":\"3\",\"owner\":\"" B "\",\"obeys\":false},"
		"{\"node_id\":\"4\",\"owner\":\"\",\"obeys\":true},{\"owner\":1},5]}");
	assert_true(owners_has(o, A));
	assert_false(owners_has(o, B));
	assert_false(owners_has(o, ""));
	/* It obeys now; of two nodes one is gone, then the other is another's. */
	take(o, "{\"epoch\":\"1\",\"version\":5,\"gone\":[\"1\",7],\"nodes\":["
		"{\"node_id\":\"3\",\"owner\":\"" B "\",\"obeys\":true}]}");
	assert_true(owners_has(o, A));
	assert_true(owners_has(o, B));
	take(o, "{\"epoch\":\"1\",\"version\":6,\"gone\":[],\"nodes\":["
		"{\"node_id\":\"2\",\"owner\":\"" B "\",\"obeys\":true}]}");
	assert_false(owners_has(o, A));
	/* Another registry: all that was known is forgotten. */
	take(o, "{\"epoch\":\"2\",\"version\":1,\"gone\":[],\"nodes\":[]}");
	assert_false(owners_has(o, B));
	take(o, "{}");
	mem_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_changes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
