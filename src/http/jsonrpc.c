#include "http/jsonrpc.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/turns.h"
#include "http/jsonrpc_params.h"

#define BATCH_LIMIT 1024
#define CALL_LIMIT 4096
#define REPLY_LIMIT ((size_t)128 << 20)
#define TABLES 8
#define SLICE_CALLS 32

const double rpc_bucket_seconds[RPC_BUCKETS] = {0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1, 10};

struct table {
	const struct rpc_method *rows;
	size_t count;
	void *arg;
};

struct rpc {
	struct rpc_limits limits;
	struct table tables[TABLES];
	size_t table_count;
	rpc_fallback_fn *fallback;
	void *fallback_arg;
	char **namespaces;
	struct document *documents; /* that wait for answers */
	struct turns *turns;        /* NULL: a batch is begun at once */
	size_t beginning;           /* calls of documents that are being begun; counted as open too */
	struct rpc_counters counters;
};

struct rpc_session {
	struct rpc *rpc;
	void *arg;
	void (*begun)(void *arg);
};

struct hook {
	struct hook *next;
	void (*fn)(void *arg);
	void *arg;
};

/* What one rpc_serve() has taken: its calls belong to it. */
struct document {
	struct document *next, **link; /* link: what points here */
	struct rpc *rpc;
	struct rpc_session *session;
	rpc_reply_fn *reply; /* NULL: nobody waits any more */
	void *arg;
	bool batch;
	bool dropped; /* who sent it has gone: what is not begun stays so */
	struct json_slice value;
	size_t offset; /* of the next call in a batch */
	struct rpc_call **calls;
	size_t count, begun;
	size_t open;      /* begun and not answered; one more until all are begun */
	size_t beginning; /* its share of the rpc's */
	size_t counted;   /* its share of the calls under way */
	bool waited;      /* rpc_serve() has returned before all were begun */
	struct hook *hooks, **last_hook;
};

struct rpc_call {
	struct document *document;
	char *text; /* of the request: method, params and id point into it */
	struct json_slice id, params;
	char *method; /* NUL-terminated */
	size_t method_n;
	bool notification, done;
	struct rpc_value values[RPC_PARAMS_MAX];
	struct json_writer out; /* the answer */
	int64_t started_us;
};

struct rpc *rpc_new(const void *ctx, const struct rpc_limits *limits)
{
	struct rpc *rpc = mem_new(ctx, struct rpc);

	rpc->limits.batch_limit = limits->batch_limit ? limits->batch_limit : BATCH_LIMIT;
	rpc->limits.call_limit = limits->call_limit ? limits->call_limit : CALL_LIMIT;
	rpc->limits.reply_limit = limits->reply_limit ? limits->reply_limit : REPLY_LIMIT;
	return rpc;
}

void rpc_add(struct rpc *rpc, const struct rpc_method *rows, size_t count, void *arg)
{
	if (rpc->table_count < TABLES)
		rpc->tables[rpc->table_count++] = (struct table){rows, count, arg};
}

void rpc_set_fallback(struct rpc *rpc, rpc_fallback_fn *fn, void *arg)
{
	rpc->fallback = fn;
	rpc->fallback_arg = arg;
}

void rpc_set_turns(struct rpc *rpc, struct turns *turns)
{
	rpc->turns = turns;
}

void rpc_set_namespaces(struct rpc *rpc, char **names)
{
	rpc->namespaces = names;
}

static bool served(const struct rpc *rpc, const char *name, size_t n)
{
	if (!rpc->namespaces || !n)
		return true;
	for (char **p = rpc->namespaces; *p; p++)
		if (strlen(*p) == n && !memcmp(*p, name, n))
			return true;
	return false;
}

static size_t namespace_length(const char *method)
{
	const char *end = strchr(method, '_');

	return end ? (size_t)(end - method) : 0;
}

void rpc_namespaces(const struct rpc *rpc, void (*fn)(const char *name, void *arg), void *arg)
{
	char last[32] = "";

	for (;;) {
		char next[32] = "";

		for (size_t t = 0; t < rpc->table_count; t++)
			for (size_t i = 0; i < rpc->tables[t].count; i++) {
				const char *name = rpc->tables[t].rows[i].name;
				size_t n = namespace_length(name);
				char one[32] = "";

				if (!n || n >= sizeof(one) || !served(rpc, name, n))
					continue;
				memcpy(one, name, n);
				if (strcmp(one, last) > 0 && (!next[0] || strcmp(one, next) < 0))
					memcpy(next, one, sizeof(next));
			}
		if (!next[0])
			return;
		fn(next, arg);
		memcpy(last, next, sizeof(last));
	}
}

static int session_destroy(struct rpc_session *s)
{
	for (struct document *d = s->rpc->documents; d; d = d->next)
		if (d->session == s) {
			d->session = NULL;
			d->reply = NULL;
			d->dropped = true;
		}
	return 0;
}

struct rpc_session *rpc_session_new(const void *ctx, struct rpc *rpc, void *arg)
{
	struct rpc_session *s = mem_new(ctx, struct rpc_session);

	s->rpc = rpc;
	s->arg = arg;
	talloc_set_destructor(s, session_destroy);
	return s;
}

void rpc_session_on_begun(struct rpc_session *s, void (*fn)(void *arg))
{
	s->begun = fn;
}

void *rpc_session_arg(const struct rpc_session *s)
{
	return s->arg;
}

static int document_destroy(struct document *d)
{
	d->rpc->counters.open -= d->counted;
	d->rpc->beginning -= d->beginning;
	*d->link = d->next;
	if (d->next)
		d->next->link = d->link;
	return 0;
}

static struct document *new_document(struct rpc *rpc, struct rpc_session *session, rpc_reply_fn *reply, void *arg)
{
	struct document *d = mem_new(rpc, struct document);

	d->rpc = rpc;
	d->session = session;
	d->reply = reply;
	d->arg = arg;
	d->last_hook = &d->hooks;
	d->next = rpc->documents;
	d->link = &rpc->documents;
	if (d->next)
		d->next->link = &d->next;
	rpc->documents = d;
	talloc_set_destructor(d, document_destroy);
	return d;
}

/* All is answered: the reply goes out, then the hooks run. */
static void finish(struct document *d)
{
	struct json_writer w = {.to = buf_new(d, d->rpc->limits.reply_limit)};
	const char *text = "";
	size_t n = 0;
	struct buf *only = NULL;

	for (size_t i = 0; i < d->begun; i++) {
		struct buf *out = d->calls[i]->out.to;

		if (!out || !out->len || !d->reply)
			continue;
		if (!d->batch) {
			only = out;
			continue;
		}
		json_write_raw(&w, w.to->len ? "," : "[");
		json_write_bytes(&w, out->data, out->len);
	}
	if (only) {
		error_free(buf_puts(only, "\n")); /* its limit has room for it */
		text = only->data;
		n = only->len;
	} else if (w.full) {
		text = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,"
		       "\"message\":\"the batch's answers are too large\"}}\n";
		n = strlen(text);
	} else if (w.to->len) {
		json_write_raw(&w, "]\n");
		text = w.to->data;
		n = w.to->len;
	}
	if (d->reply) {
		rpc_reply_fn *reply = d->reply;

		d->reply = NULL;
		reply(text, n, d->arg);
	}
	/* The session may have gone in the reply: then session_destroy() has cleared it. */
	for (struct hook *h = d->hooks, *next; h; h = next) {
		next = h->next;
		if (d->session)
			h->fn(h->arg);
	}
	mem_free(d);
}

static void end_call(struct rpc_call *c)
{
	struct document *d = c->document;
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
		finish(d);
}

static void begin_answer(struct rpc_call *c, const char *member)
{
	/* One byte is left for the newline, see finish(). */
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
	end_call(c);
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
	end_call(c);
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

static void fail_params(struct rpc_call *c, struct error *e)
{
	rpc_fail_code(c, RPC_INVALID_PARAMS, e->message, strlen(e->message));
	error_free(e);
}

const struct rpc_value *rpc_param(const struct rpc_call *c, unsigned i)
{
	return &c->values[i];
}

struct rpc_session *rpc_call_session(const struct rpc_call *c)
{
	return c->document->session;
}

void rpc_after_reply(struct rpc_call *c, void (*fn)(void *arg), void *arg)
{
	struct document *d = c->document;
	struct hook *h = mem_new(d, struct hook);

	h->fn = fn;
	h->arg = arg;
	*d->last_hook = h;
	d->last_hook = &h->next;
}

static bool ends_with(const struct rpc_call *c, const char *suffix)
{
	size_t n = strlen(suffix);

	return c->method_n >= n && !memcmp(c->method + c->method_n - n, suffix, n);
}

/* `subscription` NULL: a method. */
static const struct rpc_method *find(const struct rpc *rpc, const char *name, const char *subscription, void **ret_arg)
{
	if (!served(rpc, name, namespace_length(name)))
		return NULL;
	for (size_t t = 0; t < rpc->table_count; t++)
		for (size_t i = 0; i < rpc->tables[t].count; i++) {
			const struct rpc_method *m = &rpc->tables[t].rows[i];

			if (!strcmp(m->name, name) && !m->subscription == !subscription &&
			    (!subscription || !strcmp(m->subscription, subscription))) {
				*ret_arg = rpc->tables[t].arg;
				return m;
			}
		}
	return NULL;
}

static void no_method(struct rpc_call *c)
{
	/* The name may hold anything, NULs too. */
	struct buf *text = buf_new(NULL, c->method_n + 64);
	struct error *e = buf_puts(text, "the method ");

	if (!e)
		e = buf_append(text, c->method, c->method_n);
	if (!e)
		e = buf_puts(text, " does not exist/is not available");
	error_free(e); /* it fits */
	rpc_fail_code(c, RPC_NO_METHOD, text->data, text->len);
	mem_free(text);
}

static void call_subscribe(struct rpc_call *c)
{
	struct rpc *rpc = c->document->rpc;
	struct rpc_param types[RPC_PARAMS_MAX + 1] = {{RPC_STRING, NULL}};
	struct rpc_value values[RPC_PARAMS_MAX + 1];
	const struct rpc_method *m;
	struct json_slice first = {NULL, 0};
	size_t offset = 0, n;
	void *arg = NULL;
	char *name;

	if (!c->document->session) {
		rpc_fail(c, "notifications not supported");
		return;
	}
	if (json_slice_kind(c->params) != SLICE_ARRAY) {
		fail_params(c, error_new(ERROR_INVALID, "non-array args"));
		return;
	}
	json_slice_next(c->params, &offset, NULL, &first);
	if (json_slice_kind(first) != SLICE_STRING) {
		fail_params(c, error_new(ERROR_INVALID, "expected subscription name as first argument"));
		return;
	}
	name = json_slice_string(c, first, &n);
	m = strlen(c->method) == c->method_n && strlen(name) == n ? find(rpc, c->method, name, &arg) : NULL;
	if (!m) {
		char *text = mem_printf(c, "no \"%s\" subscription in %.*s namespace", name,
					(int)namespace_length(c->method), c->method);

		rpc_fail_code(c, RPC_NO_METHOD, text, strlen(text));
		return;
	}
	memcpy(types + 1, m->params, sizeof(m->params));
	struct error *e = rpc_params_read(c, c->params, types, m->count + 1, values);
	if (e) {
		fail_params(c, e);
		return;
	}
	memcpy(c->values, values + 1, m->count * sizeof(values[0]));
	m->handle(c, arg);
}

static void call_method(struct rpc_call *c)
{
	struct rpc *rpc = c->document->rpc;
	const struct rpc_method *m = NULL;
	void *arg = NULL;

	if (ends_with(c, "_subscribe")) {
		call_subscribe(c);
		return;
	}
	if (strlen(c->method) == c->method_n)
		m = find(rpc, ends_with(c, "_unsubscribe") ? "_unsubscribe" : c->method, NULL, &arg);
	if (!m) {
		if (!rpc->fallback || strlen(c->method) != c->method_n ||
		    !served(rpc, c->method, namespace_length(c->method)) ||
		    !rpc->fallback(c, c->method, c->params, rpc->fallback_arg))
			no_method(c);
		return;
	}
	struct error *e = rpc_params_read(c, c->params, m->params, m->count, c->values);
	if (e)
		fail_params(c, e);
	else
		m->handle(c, arg);
}

static void invalid_request(struct rpc_call *c)
{
	static const char text[] = "invalid request";

	rpc_fail_code(c, RPC_INVALID_REQUEST, text, strlen(text));
}

/* What the message is, and what is done with it. */
static void begin_call(struct rpc_call *c, struct json_slice message)
{
	struct json_slice key, value, method = {NULL, 0}, result = {NULL, 0};
	size_t offset = 0;

	if (json_slice_kind(message) == SLICE_OBJECT)
		while (json_slice_next(message, &offset, &key, &value)) {
			if (json_slice_is(key, "id", true))
				c->id = value;
			else if (json_slice_is(key, "params", true))
				c->params = value;
			else if (json_slice_is(key, "method", true) && json_slice_kind(value) == SLICE_STRING)
				method = value;
			else if (json_slice_is(key, "result", true) ||
				 (json_slice_is(key, "error", true) && json_slice_kind(value) == SLICE_OBJECT))
				result = value;
		}
	bool has_id = c->id.n && json_slice_kind(c->id) != SLICE_OBJECT && json_slice_kind(c->id) != SLICE_ARRAY;
	bool has_method = method.n > 2; /* "" is none */
	if (has_method)
		c->method = json_slice_string(c, method, &c->method_n);
	c->notification = (!c->id.n && has_method) || (has_id && !has_method && !c->params.n && result.n);
	if (has_method && (has_id || !c->id.n)) {
		if (c->notification && ends_with(c, "_subscription"))
			end_call(c);
		else
			call_method(c);
	} else if (c->notification) { /* an answer to something that was never asked */
		end_call(c);
	} else {
		if (!has_id)
			c->id.n = 0;
		invalid_request(c);
	}
}

static struct rpc_call *new_call(struct document *d)
{
	struct rpc_call *c = mem_new(d, struct rpc_call);

	c->document = d;
	c->out.to = buf_new(c, d->rpc->limits.reply_limit);
	c->started_us = clock_mono_us();
	return c;
}

/* The document is refused as a whole. */
static void refuse(struct document *d, int code, const char *text)
{
	d->batch = false;
	d->calls = mem_array(d, struct rpc_call *, 1);
	d->calls[0] = new_call(d);
	d->count = d->begun = d->open = d->counted = 1;
	d->rpc->counters.open++;
	rpc_fail_code(d->calls[0], code, text, strlen(text));
}

static size_t count_elements(struct json_slice array, size_t limit)
{
	struct json_slice element;
	size_t n = 0, offset = 0;

	while (n <= limit && json_slice_next(array, &offset, NULL, &element))
		n++;
	return n;
}

/* --- beginning --- */

enum room { ROOM, ROOM_LATER, NO_ROOM };

/* What is in the way of a batch may be batches that are being begun: those pass, so it waits for them. They leave half
 * of all room to single calls. */
static enum room room_for(const struct document *d)
{
	const struct rpc *rpc = d->rpc;
	size_t open = rpc->counters.open, limit = rpc->limits.call_limit;
	bool may_wait = d->batch && rpc->turns;

	if (open + d->count > limit)
		return may_wait && open - rpc->beginning + d->count <= limit ? ROOM_LATER : NO_ROOM;
	return may_wait && rpc->beginning && rpc->beginning + d->count > limit / 2 ? ROOM_LATER : ROOM;
}

static void take_room(struct document *d)
{
	d->calls = mem_array(d, struct rpc_call *, d->count);
	d->beginning = d->counted = d->count;
	d->rpc->beginning += d->count;
	d->rpc->counters.open += d->count;
}

static bool all_begun(const struct document *d)
{
	return d->begun == d->count || d->dropped;
}

/* Handlers may keep parameters while they work: the text must stay for as long as the document. */
static void begin_slice(struct document *d)
{
	int64_t end_us = clock_mono_us() + TURNS_SLICE_US;
	size_t end = d->rpc->turns && d->count - d->begun > SLICE_CALLS ? d->begun + SLICE_CALLS : d->count;

	do {
		struct json_slice element = d->value;

		if (d->batch)
			json_slice_next(d->value, &d->offset, NULL, &element);
		d->calls[d->begun] = new_call(d);
		d->open++;
		begin_call(d->calls[d->begun++], element);
	} while (d->begun < end && !d->dropped && (!d->rpc->turns || clock_mono_us() < end_us));
}

/* d may be gone afterwards. */
static void end_beginning(struct document *d)
{
	struct rpc_session *s = d->session;

	d->rpc->beginning -= d->beginning;
	d->beginning = 0;
	if (s && s->begun && d->waited)
		s->begun(s->arg);
	d->open--;
	if (!d->open)
		finish(d);
}

static const char no_room[] = "too many requests under way";

static bool on_turn(void *arg)
{
	struct document *d = arg;

	if (!d->calls && !d->dropped) {
		enum room room = room_for(d);

		if (room == ROOM_LATER)
			return true;
		if (room == NO_ROOM) {
			if (d->session && d->session->begun)
				d->session->begun(d->session->arg);
			refuse(d, RPC_FAILED, no_room);
			return false;
		}
		take_room(d);
	}
	if (!d->dropped)
		begin_slice(d);
	if (!all_begun(d))
		return true;
	end_beginning(d);
	return false;
}

static bool serve_value(struct document *d, struct json_slice value)
{
	struct rpc *rpc = d->rpc;
	enum room room;

	d->value = value;
	d->count = d->open = 1;
	d->batch = json_slice_kind(value) == SLICE_ARRAY;
	if (d->batch)
		d->count = count_elements(value, rpc->limits.batch_limit);
	room = room_for(d);
	if (!d->count) {
		refuse(d, RPC_INVALID_REQUEST, "empty batch");
	} else if (d->count > rpc->limits.batch_limit) {
		refuse(d, RPC_INVALID_REQUEST, "batch too large");
	} else if (room == NO_ROOM) {
		refuse(d, RPC_FAILED, no_room);
	} else {
		if (room == ROOM) {
			take_room(d);
			begin_slice(d);
		}
		if (room == ROOM_LATER || !all_begun(d)) {
			d->waited = true;
			turns_add(d, rpc->turns, on_turn, d);
			return false;
		}
		end_beginning(d);
	}
	return true;
}

bool rpc_serve(struct rpc *rpc, struct rpc_session *session, const char *text, size_t n, rpc_reply_fn *reply, void *arg)
{
	struct document *d = new_document(rpc, session, reply, arg);
	char *copy = mem_memdup(d, text, n ? n : 1);
	struct json_slice value;
	struct error *e = json_slice_read(copy, n, &value);
	bool begun = true;

	if (e && e->code == ERROR_NOT_FOUND)
		finish(d); /* nothing was said, so is nothing answered */
	else if (e)
		refuse(d, RPC_PARSE, "parse error");
	else
		begun = serve_value(d, value);
	error_free(e);
	return begun;
}

void rpc_count(const struct rpc *rpc, struct rpc_counters *ret_counters)
{
	*ret_counters = rpc->counters;
}
