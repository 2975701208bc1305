/* The answer of a call. */
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rpc/jsonrpc_impl.h"

const double jsonrpc_bucket_seconds[JSONRPC_BUCKETS] = {0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1, 10};

void jsonrpc_end_call(struct jsonrpc_call *c)
{
	struct jsonrpc_document *d = c->document;
	struct jsonrpc_counters *n = &d->rpc->counters;
	int64_t took_us = clock_mono_us() - c->started_us;

	if (c->done)
		return;
	c->done = true;
	if (c->method) {
		n->calls++;
		n->took_us += (uint64_t)took_us;
		for (size_t i = 0; i < JSONRPC_BUCKETS; i++)
			if ((double)took_us <= jsonrpc_bucket_seconds[i] * 1e6) {
				n->within[i]++;
				break;
			}
	}
	if (c->notification)
		buf_clear(c->out.to);
	d->open--;
	if (!d->open)
		jsonrpc_finish(d);
}

static void begin_answer(struct jsonrpc_call *c, const char *member)
{
	/* One byte is left for the newline, see jsonrpc_finish(). */
	buf_clear(c->out.to);
	c->out.full = false;
	json_write_raw(&c->out, "{\"jsonrpc\":\"2.0\",\"id\":");
	json_write_bytes(&c->out, c->id.n ? c->id.at : "null", c->id.n ? c->id.n : 4);
	json_write_raw(&c->out, member);
}

struct json_writer *jsonrpc_result(struct jsonrpc_call *c)
{
	begin_answer(c, ",\"result\":");
	return &c->out;
}

void jsonrpc_done(struct jsonrpc_call *c)
{
	json_write_raw(&c->out, "}");
	if (c->out.full) {
		jsonrpc_fail(c, "the answer is too large");
		return;
	}
	c->out.to->limit++;
	jsonrpc_end_call(c);
}

void jsonrpc_answer_bool(struct jsonrpc_call *c, bool b)
{
	json_write_bool(jsonrpc_result(c), b);
	jsonrpc_done(c);
}

void jsonrpc_answer_text(struct jsonrpc_call *c, const char *text)
{
	json_write_text(jsonrpc_result(c), text);
	jsonrpc_done(c);
}

void jsonrpc_answer_hex(struct jsonrpc_call *c, const uint8_t *bytes, size_t n)
{
	json_write_hex(jsonrpc_result(c), bytes, n);
	jsonrpc_done(c);
}

static void end_failed(struct jsonrpc_call *c)
{
	if (c->out.full) { /* an id or a text of megabytes */
		c->id.n = 0;
		begin_answer(c, ",\"error\":{\"code\":-32000,\"message\":\"the answer is too large\"}}");
	}
	c->document->rpc->counters.failed++;
	c->out.to->limit++;
	jsonrpc_end_call(c);
}

void jsonrpc_fail_code(struct jsonrpc_call *c, int code, const char *text, size_t n)
{
	begin_answer(c, ",\"error\":{\"code\":");
	json_write_integer(&c->out, code);
	json_write_raw(&c->out, ",\"message\":");
	json_write_string(&c->out, text, n);
	json_write_raw(&c->out, "}}");
	end_failed(c);
}

void jsonrpc_fail_raw(struct jsonrpc_call *c, struct json_slice object)
{
	begin_answer(c, ",\"error\":");
	json_write_bytes(&c->out, object.at, object.n);
	json_write_raw(&c->out, "}");
	end_failed(c);
}

void jsonrpc_fail(struct jsonrpc_call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = mem_vprintf(NULL, fmt, ap);
	va_end(ap);
	jsonrpc_fail_code(c, JSONRPC_FAILED, text, strlen(text));
	mem_free(text);
}

void jsonrpc_fail_error(struct jsonrpc_call *c, struct error *e)
{
	jsonrpc_fail_code(c, JSONRPC_FAILED, e->message, strlen(e->message));
	error_free(e);
}

void jsonrpc_fail_params(struct jsonrpc_call *c, struct error *e)
{
	jsonrpc_fail_code(c, JSONRPC_INVALID_PARAMS, e->message, strlen(e->message));
	error_free(e);
}
