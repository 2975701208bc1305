/* The answer of a call. */
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/jsonrpc_impl.h"

const double rpc_bucket_seconds[RPC_BUCKETS] = {0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1, 10};

void rpc_end_call(struct rpc_call *c)
{
	struct rpc_document *d = c->document;
	struct rpc_counters *n = &d->rpc->counters;
	int64_t took_us = clock_mono_us() - c->started_us;

	if (c->done)
		return;
	c->done = true;
	if (c->method) {
		n->calls++;
		n->took_us += (uint64_t)took_us;
		for (size_t i = 0; i < RPC_BUCKETS; i++)
			if ((double)took_us <= rpc_bucket_seconds[i] * 1e6) {
				n->within[i]++;
				break;
			}
	}
	if (c->notification)
		buf_clear(c->out.to);
	d->open--;
	if (!d->open)
		rpc_finish(d);
}

static void begin_answer(struct rpc_call *c, const char *member)
{
	/* One byte is left for the newline, see rpc_finish(). */
	buf_clear(c->out.to);
	c->out.full = false;
	json_write_raw(&c->out, "{\"jsonrpc\":\"2.0\",\"id\":");
	json_write_bytes(&c->out, c->id.n ? c->id.at : "null", c->id.n ? c->id.n : 4);
	json_write_raw(&c->out, member);
}

struct json_writer *rpc_result(struct rpc_call *c)
{
	begin_answer(c, ",\"result\":");
	return &c->out;
}

void rpc_done(struct rpc_call *c)
{
	json_write_raw(&c->out, "}");
	if (c->out.full) {
		rpc_fail(c, "the answer is too large");
		return;
	}
	c->out.to->limit++;
	rpc_end_call(c);
}

void rpc_answer_bool(struct rpc_call *c, bool b)
{
	json_write_bool(rpc_result(c), b);
	rpc_done(c);
}

void rpc_answer_text(struct rpc_call *c, const char *text)
{
	json_write_text(rpc_result(c), text);
	rpc_done(c);
}

void rpc_answer_hex(struct rpc_call *c, const uint8_t *bytes, size_t n)
{
	json_write_hex(rpc_result(c), bytes, n);
	rpc_done(c);
}

static void end_failed(struct rpc_call *c)
{
	if (c->out.full) { /* an id or a text of megabytes */
		c->id.n = 0;
		begin_answer(c, ",\"error\":{\"code\":-32000,\"message\":\"the answer is too large\"}}");
	}
	c->document->rpc->counters.failed++;
	c->out.to->limit++;
	rpc_end_call(c);
}

void rpc_fail_code(struct rpc_call *c, int code, const char *text, size_t n)
{
	begin_answer(c, ",\"error\":{\"code\":");
	json_write_integer(&c->out, code);
	json_write_raw(&c->out, ",\"message\":");
	json_write_string(&c->out, text, n);
	json_write_raw(&c->out, "}}");
	end_failed(c);
}

void rpc_fail_raw(struct rpc_call *c, struct json_slice object)
{
	begin_answer(c, ",\"error\":");
	json_write_bytes(&c->out, object.at, object.n);
	json_write_raw(&c->out, "}");
	end_failed(c);
}

void rpc_fail(struct rpc_call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = mem_vprintf(NULL, fmt, ap);
	va_end(ap);
	rpc_fail_code(c, RPC_FAILED, text, strlen(text));
	mem_free(text);
}

void rpc_fail_error(struct rpc_call *c, struct error *e)
{
	rpc_fail_code(c, RPC_FAILED, e->message, strlen(e->message));
	error_free(e);
}

void rpc_fail_params(struct rpc_call *c, struct error *e)
{
	rpc_fail_code(c, RPC_INVALID_PARAMS, e->message, strlen(e->message));
	error_free(e);
}
