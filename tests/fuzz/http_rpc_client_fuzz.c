/* What a JSON-RPC server may send to the client: answers, notifications and everything else, while calls are under way.
 */
#include <string.h>

#include "base/mem.h"

#include "http/rpc_client.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_fuzz_answer(const json_t *result, const struct error *e, void *arg)
{
	if (!result == !e)
		abort();
	(*(unsigned *)arg)++;
}

static void on_fuzz_note(struct rpc_client *c, const char *method, const char *subscription, const json_t *result,
			 void *arg)
{
	(void)c;
	(void)arg;
	if (!method || !subscription || !result)
		abort();
}

/* The first byte tells how many calls are under way; each is answered at most once, and when it is over, exactly once.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uv_loop_t *loop;
	struct rpc_client *c;
	unsigned answered = 0, calls;

	if (!loop) {
		mem_init();
		loop = uv_default_loop();
	}
	if (size == 0)
		return 0;
	calls = data[0] % 8;
	c = mem_new(NULL, struct rpc_client);
	talloc_set_destructor(c, rpc_client_destroy);
	c->loop = loop;
	c->answer_ms = ANSWER_MS;
	c->message_limit = MESSAGE_LIMIT;
	c->events.notified = on_fuzz_note;
	c->opened = true;
	c->deadline = timer_start(c, loop, ANSWER_MS, 0, on_deadline, c);
	for (unsigned i = 0; i < calls; i++) {
		struct call *call = mem_new(c, struct call);

		*call = (struct call){.id = ++c->last_id, .fn = on_fuzz_answer, .arg = &answered};
		add_call(c, call);
	}
	on_message(NULL, (const char *)data + 1, size - 1, true, c);
	if (answered + c->count != calls || (c->broken && c->count))
		abort();
	mem_free(c);
	uv_run(loop, UV_RUN_NOWAIT);
	return 0;
}
