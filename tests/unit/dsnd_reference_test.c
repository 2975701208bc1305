/* docs/rpc.md, and what rpc.discover answers, are what the services' tables say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "dsnd/dsnd.h"
#include "manager/describe.h"

static void test_page(void **state)
{
	void *scope = mem_strdup(NULL, "");
	char *page = NULL;

	(void)state;
	assert_null(file_read(scope, TEST_SOURCE_DIR "/docs/rpc.md", 1 << 20, &page, NULL));
	/* dsnd --print-reference > docs/rpc.md */
	assert_string_equal(page, describe_reference(scope, dsnd_services));
	mem_free(scope);
}

static void test_openrpc(void **state)
{
	struct methods *all = methods_new(NULL);
	json_t *document, *method = NULL;
	size_t i = 0, rows = 0;

	(void)state;
	for (const struct service_ops *const *s = dsnd_services; *s; s++) {
		methods_add(all, (*s)->methods, (*s)->method_count, NULL);
		for (size_t k = 0; k < (*s)->method_count; k++)
			rows += (*s)->methods[k].may != CALLER_SERVICE; /* those are the services' own */
	}
	document = describe_openrpc(all);
	assert_int_equal(json_array_size(json_object_get(document, "methods")), rows);
	json_array_foreach (json_object_get(document, "methods"), i, method) {
		const struct method *m = methods_find(all, json_string_value(json_object_get(method, "name")));

		assert_non_null(m);
		for (size_t k = 0; k < METHOD_PARAMS && m->params[k].name; k++) {
			json_t *p = json_array_get(json_object_get(method, "params"), k);

			assert_string_equal(json_string_value(json_object_get(p, "name")), m->params[k].name);
			assert_int_equal(json_is_true(json_object_get(p, "required")), !m->params[k].optional);
			assert_non_null(json_object_get(p, "schema"));
		}
	}
	json_decref(document);
	mem_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_openrpc),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
