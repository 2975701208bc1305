/* What came as one text, a call or a batch: begun in slices, answered as one. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rpc/jsonrpc_impl.h"

#define SLICE_CALLS 32
#define VALUES_MOST 131072 /* of a document: 128 for each call of the largest batch */

static int document_destroy(struct jsonrpc_document *d)
{
	d->rpc->counters.open -= d->counted;
	d->rpc->beginning -= d->beginning;
	*d->link = d->next;
	if (d->next)
		d->next->link = d->link;
	return 0;
}

static struct jsonrpc_document *new_document(struct jsonrpc *rpc, struct jsonrpc_session *session,
					     jsonrpc_reply_fn *reply, void *arg)
{
	struct jsonrpc_document *d = mem_new(rpc, struct jsonrpc_document);

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

void jsonrpc_finish(struct jsonrpc_document *d)
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
		text = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"the batch's answers are too large\"}}\n";
		n = strlen(text);
	} else if (w.to->len) {
		json_write_raw(&w, "]\n");
		text = w.to->data;
		n = w.to->len;
	}
	if (d->reply) {
		jsonrpc_reply_fn *reply = d->reply;

		d->reply = NULL;
		reply(text, n, d->arg);
	}
	/* The session may have gone in the reply: then session_destroy() has cleared it. */
	for (struct jsonrpc_hook *h = d->hooks, *next; h; h = next) {
		next = h->next;
		if (d->session)
			h->fn(h->arg);
	}
	mem_free(d);
}

void jsonrpc_after_reply(struct jsonrpc_call *c, void (*fn)(void *arg), void *arg)
{
	struct jsonrpc_document *d = c->document;
	struct jsonrpc_hook *h = mem_new(d, struct jsonrpc_hook);

	h->fn = fn;
	h->arg = arg;
	*d->last_hook = h;
	d->last_hook = &h->next;
}

static struct jsonrpc_call *new_call(struct jsonrpc_document *d)
{
	struct jsonrpc_call *c = mem_new(d, struct jsonrpc_call);

	c->document = d;
	c->out.to = buf_new(c, d->rpc->limits.reply_limit);
	c->started_us = clock_mono_us();
	return c;
}

/* The document is refused as a whole. */
static void refuse(struct jsonrpc_document *d, int code, const char *text)
{
	d->batch = false;
	d->calls = mem_array(d, struct jsonrpc_call *, 1);
	d->calls[0] = new_call(d);
	d->count = d->begun = d->open = d->counted = 1;
	d->rpc->counters.open++;
	jsonrpc_fail_code(d->calls[0], code, text, strlen(text));
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
static enum room room_for(const struct jsonrpc_document *d)
{
	const struct jsonrpc *rpc = d->rpc;
	size_t open = rpc->counters.open, limit = rpc->limits.call_limit;
	bool may_wait = d->batch && rpc->turns;

	if (open + d->count > limit)
		return may_wait && open - rpc->beginning + d->count <= limit ? ROOM_LATER : NO_ROOM;
	return may_wait && rpc->beginning && rpc->beginning + d->count > limit / 2 ? ROOM_LATER : ROOM;
}

static void take_room(struct jsonrpc_document *d)
{
	d->calls = mem_array(d, struct jsonrpc_call *, d->count);
	d->beginning = d->counted = d->count;
	d->rpc->beginning += d->count;
	d->rpc->counters.open += d->count;
}

static bool all_begun(const struct jsonrpc_document *d)
{
	return d->begun == d->count || d->dropped;
}

/* Handlers may keep parameters while they work: the text must stay for as long as the document. */
static void begin_slice(struct jsonrpc_document *d)
{
	int64_t end_us = clock_mono_us() + TURNS_SLICE_US;
	size_t end = d->rpc->turns && d->count - d->begun > SLICE_CALLS ? d->begun + SLICE_CALLS : d->count;

	do {
		struct json_slice element = d->value;

		if (d->batch)
			json_slice_next(d->value, &d->offset, NULL, &element);
		d->calls[d->begun] = new_call(d);
		d->open++;
		jsonrpc_begin_call(d->calls[d->begun++], element);
	} while (d->begun < end && !d->dropped && (!d->rpc->turns || clock_mono_us() < end_us));
}

/* d may be gone afterwards. */
static void end_beginning(struct jsonrpc_document *d)
{
	struct jsonrpc_session *s = d->session;

	d->rpc->beginning -= d->beginning;
	d->beginning = 0;
	if (s && s->begun && d->waited)
		s->begun(s->arg);
	d->open--;
	if (!d->open)
		jsonrpc_finish(d);
}

static const char no_room[] = "too many requests under way";

static bool on_turn(void *arg)
{
	struct jsonrpc_document *d = arg;

	if (!d->calls && !d->dropped) {
		enum room room = room_for(d);

		if (room == ROOM_LATER)
			return true;
		if (room == NO_ROOM) {
			if (d->session && d->session->begun)
				d->session->begun(d->session->arg);
			refuse(d, JSONRPC_FAILED, no_room);
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

static bool serve_value(struct jsonrpc_document *d, struct json_slice value)
{
	struct jsonrpc *rpc = d->rpc;
	enum room room;

	d->value = value;
	d->count = d->open = 1;
	d->batch = json_slice_kind(value) == SLICE_ARRAY;
	if (d->batch)
		d->count = count_elements(value, rpc->limits.batch_limit);
	room = room_for(d);
	if (!d->count) {
		refuse(d, JSONRPC_INVALID_REQUEST, "empty batch");
	} else if (d->count > rpc->limits.batch_limit) {
		refuse(d, JSONRPC_INVALID_REQUEST, "batch too large");
	} else if (room == NO_ROOM) {
		refuse(d, JSONRPC_FAILED, no_room);
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

bool jsonrpc_serve(struct jsonrpc *rpc, struct jsonrpc_session *session, const char *text, size_t n,
		   jsonrpc_reply_fn *reply, void *arg)
{
	struct jsonrpc_document *d = new_document(rpc, session, reply, arg);
	char *copy = mem_memdup(d, text, n ? n : 1);
	struct json_slice value;
	struct error *e = json_slice_read_some(copy, n, VALUES_MOST, &value);
	bool begun = true;

	if (e && e->code == ERROR_NOT_FOUND)
		jsonrpc_finish(d); /* nothing was said, so is nothing answered */
	else if (e && e->code == ERROR_REFUSED)
		refuse(d, JSONRPC_INVALID_REQUEST, e->message);
	else if (e)
		refuse(d, JSONRPC_PARSE, "parse error");
	else
		begun = serve_value(d, value);
	error_free(e);
	return begun;
}
