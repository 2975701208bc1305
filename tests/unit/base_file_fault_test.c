/* A file that is written whole or not at all, when the disk, memory or the process ends in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "fault/fault.h"

static const char old[] = "the old text", fresh[] = "the new text, which is longer";

static struct error *put(struct fault_world *w, const char *name, const char *text)
{
	return file_write_atomic(file_join(w->ctx, w->folder, name), text, strlen(text), 0600);
}

static struct error *prepare(struct fault_world *w)
{
	return put(w, "text", old);
}

static struct error *run_over(struct fault_world *w)
{
	return put(w, "text", fresh);
}

static struct error *run_new(struct fault_world *w)
{
	return put(w, "text2", fresh);
}

static struct error *run_replace(struct fault_world *w)
{
	return file_replace(file_join(w->ctx, w->folder, "text"), fresh, strlen(fresh), 0600);
}

static struct error *run_remove(struct fault_world *w)
{
	return file_remove(file_join(w->ctx, w->folder, "text"));
}

static const struct fault_case writes[] = {
	{.name = "over an old file", .run = run_over},
	{.name = "a new file", .run = run_new},
	{.name = "replaced", .run = run_replace, .fleeting = true},
	{.name = "removed", .run = run_remove, .fleeting = true},
};

static void files(void **state)
{
	const struct fault_suite suite = {
		.prepare = prepare, .place = "/work", .cases = writes, .count = sizeof(writes) / sizeof(writes[0])};

	(void)state;
	fault_run(&suite);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(files)};

	mem_init();
	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
