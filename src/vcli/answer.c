#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "vcli/vcli.h"

void vcli_answer(struct vcli *v, json_t *value)
{
	json_decref(v->answer);
	v->answer = value;
}

void vcli_answer_print(const struct vcli *v, const struct error *e)
{
	void *scope = mem_new(NULL, char);
	json_t *o = v->answer ? json_incref(v->answer) : json_object();

	if (e && json_is_object(o)) {
		json_t *error = json_object();

		json_put(error, "code", error_code_name(e->code));
		json_put(error, "message", e->message);
		json_put(o, "state", "failed");
		json_object_set_new(o, "error", error);
	} else if (!v->answer) {
		json_put(o, "state", "done");
	}
	printf("%s\n", json_text(scope, o));
	json_decref(o);
	mem_free(scope);
}
