/* What one dsnd may say to another one, as a question and as an answer: what is taken of a question is a caller who can
 * be told again, and a call. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manager/remote_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void question(const void *scope, const char *text, size_t n)
{
	struct caller caller, again;
	char *call = NULL, *second;
	struct error *e = remote_question_read(scope, text, n, &caller, &call);

	if (!e) {
		second = remote_question(scope, &caller, "a", NULL);
		e = remote_question_read(scope, second, strlen(second), &again, &call);
		if (e || strcmp(caller.address, again.address) != 0 || caller.roles != again.roles ||
		    strcmp(caller.session, again.session) != 0)
			abort();
	}
	error_free(e);
}

static void answer(const char *text, size_t n)
{
	json_t *result = NULL;
	struct error *refusal = NULL, *e = remote_answer_read(text, n, &result, &refusal);

	if (!e + !refusal + !result != 2)
		abort();
	json_decref(result);
	error_free(refusal);
	error_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scope = mem_strdup(NULL, "");

	question(scope, (const char *)data, size);
	answer((const char *)data, size);
	mem_free(scope);
	return 0;
}
