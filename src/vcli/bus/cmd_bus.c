/* vcli bus send, receive: plain texts through any queue of any broker. */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "bus/amqp_raw.h"
#include "client/patience.h"
#include "vcli/bus/patience.h"
#include "vcli/commands.h"

#define LEAST_ENTER_MS 2000

static struct error *open_raw(struct vcli *v, int64_t timeout_ms, struct amqp_raw **ret_raw)
{
	const struct bus_options options = client_link_options(&v->set.client);
	struct error *e = amqp_raw_open(v, &options, timeout_ms, ret_raw);
	int64_t within_ms = client_patience_ms(v->timeout_ms, vcli_patience_ms(v));
	struct error *told = e ? client_patience_away(&v->set.client, within_ms, e) : NULL;

	error_free(e);
	return told;
}

/* A queue named by a node id is its agent's to make, with properties that ours would stand in the way of. */
static struct error *declare(struct amqp_raw *r, const char *queue)
{
	return hex_id_valid(queue) ? NULL : amqp_raw_declare(r, queue);
}

struct error *cmd_bus_send(struct vcli *v)
{
	struct amqp_raw *r = NULL;
	struct error *e = NULL;

	TRY(open_raw(v, v->timeout_ms, &r));
	e = declare(r, v->args[0]);
	if (!e)
		e = amqp_raw_send(r, v->args[0], v->args[1], strlen(v->args[1]));
	mem_free(r);
	TRY(e);
	vcli_answer(v, json_object());
	json_put(v->answer, "queue", v->args[0]);
	json_put(v->answer, "state", "sent");
	if (!v->set.json)
		printf("sent\n");
	return NULL;
}

struct receiver {
	struct vcli *v;
	json_t *texts;
};

/* Returning an error leaves the message in the queue: so it does when it could not be written. */
static struct error *on_text(const char *text, size_t len, void *arg)
{
	struct receiver *r = arg;

	if (r->v->set.json) {
		json_t *value = json_stringn(text, len);

		if (!value)
			return error_new(ERROR_INVALID,
					 "the message is no UTF-8 text; without --json it is printed as it is");
		json_array_append_new(r->texts, value);
		return NULL;
	}
	fwrite(text, 1, len, stdout);
	fputc('\n', stdout);
	if (fflush(stdout) != 0)
		return error_new(ERROR_IO, "standard output cannot be written");
	return NULL;
}

/* --timeout is that of the silence between messages, which may be shorter than a broker takes to let us in. */
static int64_t enter_ms(const struct vcli *v)
{
	return v->timeout_ms > 0 && v->timeout_ms < LEAST_ENTER_MS ? LEAST_ENTER_MS : v->timeout_ms;
}

struct error *cmd_bus_receive(struct vcli *v)
{
	struct receiver receiver = {v, json_array()};
	struct amqp_raw *r = NULL;
	struct error *e = NULL;

	if (v->set.count < 0)
		v->set.count = 1;
	vcli_answer(v, json_object());
	json_put(v->answer, "queue", v->args[0]);
	json_object_set_new(v->answer, "messages", receiver.texts);
	TRY(open_raw(v, enter_ms(v), &r));
	e = declare(r, v->args[0]);
	if (!e)
		e = amqp_raw_receive(r, v->args[0], (unsigned long)v->set.count, v->timeout_ms, on_text, &receiver);
	mem_free(r);
	/* "All that come" ends with a silence. */
	if (e && e->code == ERROR_TIMEOUT && v->set.count == 0) {
		error_free(e);
		e = NULL;
	}
	return e;
}
