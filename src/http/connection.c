#include "http/connection.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"
#include "http/body.h"
#include "http/form.h"
#include "http/head.h"

#define ONE_READ 16384
#define LINGER_MS 1000

enum state {
	READING_HEAD,
	READING_BODY,
	ANSWERING, /* the handler has the request */
	WRITING,
	LINGERING, /* answer sent, not another request: wait until the client has read it */
};

struct connection {
	struct connection *previous, *next; /* in settings->crowd */
	const void *owner;
	const struct http_settings *settings;
	void (*gone)(void *arg);
	void *gone_arg;
	enum state state;
	struct wire *wire;
	struct timer *deadline;
	struct buf *in;
	struct http_request *request;
	struct http_body body;
	size_t held;      /* of the answers' budget */
	unsigned interim; /* writes in flight that are no final answer */
	bool keep;
};

struct http_request {
	struct connection *connection; /* NULL: the client has gone */
	struct http_head head;
	char *path;
	struct http_field *query, *form;
	struct buf *body;
	struct http_budget *budget;
	size_t held;          /* of the budget */
	char *answer_headers; /* lines to be added to the answer, or NULL */
};

/* What a refused request is told. */
struct refusal {
	int status;
	const char *text;
	enum http_breach breach; /* HTTP_BREACHES: none */
};
static const struct refusal malformed = {400, "malformed request\n", HTTP_MALFORMED},
			    slow = {408, "request took too long\n", HTTP_SLOW},
			    too_large = {413, "request body is too large\n", HTTP_BODY},
			    head_too_large = {431, "request head is too large\n", HTTP_HEAD},
			    unknown_coding = {501, "unknown transfer coding\n", HTTP_CODING},
			    busy = {503, "too many large requests at a time\n", HTTP_BUSY},
			    too_much = {503, "too many large answers are waiting to be read\n", HTTP_BUSY};

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{302, "Found"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
};

static const char *reason_of(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Status";
}

static void leave_crowd(struct connection *c)
{
	struct http_crowd *all = c->settings->crowd;

	*(c->previous ? &c->previous->next : &all->first) = c->next;
	*(c->next ? &c->next->previous : &all->last) = c->previous;
}

static void join_crowd(struct connection *c)
{
	struct http_crowd *all = c->settings->crowd;

	c->next = NULL;
	c->previous = all->last;
	*(all->last ? &all->last->next : &all->first) = c;
	all->last = c;
}

/* The connection that has been waiting longest makes room. False: every one is being answered. */
static bool give_way(struct http_crowd *all)
{
	struct connection *c = all->first;

	while (c && (c->state == ANSWERING || c->state == WRITING))
		c = c->next;
	if (!c)
		return false;
	all->breaches[HTTP_CROWDED]++;
	mem_free(c);
	return true;
}

static int connection_destroy(struct connection *c)
{
	leave_crowd(c);
	http_budget_hold(c->settings->answer_budget, &c->held, 0);
	if (c->request)
		c->request->connection = NULL;
	c->gone(c->gone_arg);
	return 0;
}

static int request_destroy(struct http_request *r)
{
	http_budget_hold(r->budget, &r->held, 0);
	if (r->connection)
		r->connection->request = NULL;
	return 0;
}

static void send_answer(struct connection *c, const struct http_request *r, int status, const char *type,
			const char *body, size_t len)
{
	bool to_head = r && r->head.method && !strcmp(r->head.method, "HEAD");
	char *text = mem_printf(c, "HTTP/1.1 %d %s\r\n", status, reason_of(status));

	if (type)
		text = talloc_asprintf_append_buffer(text, "Content-Type: %s\r\n", type);
	if (status != 204 && status != 304)
		text = talloc_asprintf_append_buffer(text, "Content-Length: %zu\r\n", len);
	else
		len = 0;
	text = talloc_asprintf_append_buffer(
		text, "%sCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: %s\r\n\r\n",
		r && r->answer_headers ? r->answer_headers : "", c->keep ? "keep-alive" : "close");
	size_t head_len = strlen(text), body_len = to_head ? 0 : len;

	text = mem_resize(c, text, char, head_len + body_len + 1);
	if (body_len)
		memcpy(text + head_len, body, body_len);
	c->state = WRITING;
	timer_again(c->deadline, c->settings->request_ms, 0);
	struct error *e = wire_write(c->wire, text, head_len + body_len);
	mem_free(text);
	if (e) {
		error_free(e);
		timer_again(c->deadline, 0, 0); /* closes: state WRITING has run out of time */
	}
}

static void refuse(struct connection *c, const struct refusal *why)
{
	struct http_request *r = c->request;

	c->keep = false;
	if (why->breach < HTTP_BREACHES)
		c->settings->crowd->breaches[why->breach]++;
	wire_pause(c->wire);
	send_answer(c, r, why->status, "text/plain", why->text, strlen(why->text));
	c->request = NULL;
	if (r)
		r->connection = NULL;
	mem_free(r);
}

static void on_deadline(void *arg)
{
	struct connection *c = arg;

	/* Silence between requests is no mistake of the client; half a request is. */
	if (c->state == READING_BODY || (c->state == READING_HEAD && c->in->len))
		refuse(c, &slow);
	else
		mem_free(c);
}

/* Segments ".." could climb out of a folder that a handler serves. */
static bool climbs(const char *path)
{
	for (const char *p = path; (p = strchr(p, '/')); p++)
		if (!strncmp(p, "/..", 3) && (!p[3] || p[3] == '/'))
			return true;
	return false;
}

static struct error *read_target(struct http_request *r)
{
	const char *target = r->head.target, *query = strchr(target, '?');
	size_t len = query ? (size_t)(query - target) : strlen(target);

	TRY(http_decode(r, target, len, false, &r->path));
	for (const char *p = r->path; *p; p++)
		if ((unsigned char)*p < 0x20)
			return error_new(ERROR_INVALID, "control byte in an HTTP path");
	if (climbs(r->path))
		return error_new(ERROR_INVALID, "HTTP path climbs");
	return query ? http_form_parse(r, query + 1, strlen(query + 1), &r->query) : NULL;
}

static struct error *read_form(struct http_request *r)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const char *type = http_head_find(&r->head, "Content-Type");

	if (!type || strncasecmp(type, form, strlen(form)) != 0 || !r->body->len)
		return NULL;
	return http_form_parse(r, r->body->data, r->body->len, &r->form);
}

static void hand_out(struct connection *c)
{
	struct error *e = read_form(c->request);

	if (e) {
		error_free(e);
		refuse(c, &malformed);
		return;
	}
	wire_pause(c->wire);
	c->state = ANSWERING;
	timer_again(c->deadline, c->settings->answer_ms, 0);
	c->settings->fn(c->request, c->settings->arg);
}

static const struct refusal *refusal_of(const struct error *e)
{
	switch (e->code) {
	case ERROR_LIMIT:
		return &too_large;
	case ERROR_REFUSED:
		return &unknown_coding;
	default:
		return &malformed;
	}
}

/* *ret_refused: it has been answered already. */
static struct error *begin_request(struct connection *c, size_t head_len, bool *ret_refused)
{
	struct refusal why = {0, "", HTTP_BREACHES};
	struct http_request *r = mem_new(c->owner, struct http_request);
	enum http_framing framing;
	uint64_t length;
	char *text = mem_memdup(r, c->in->data, head_len);

	talloc_set_destructor(r, request_destroy);
	r->connection = c;
	c->request = r;
	r->budget = c->settings->budget;
	r->body = buf_new(r, c->settings->body_limit);
	buf_consume(c->in, head_len);
	TRY(http_head_request(text, head_len, &r->head));
	TRY(read_target(r));
	TRY(http_head_framing(&r->head, &framing, &length));
	if (c->settings->admit) {
		why.status = c->settings->admit(r, &why.text, c->settings->arg);
		if (why.status) {
			refuse(c, &why);
			*ret_refused = true;
			return NULL;
		}
	}
	TRY(http_body_begin(&c->body, framing, length, r->body));
	c->keep = http_head_keep_alive(&r->head);
	c->state = READING_BODY;
	const char *expect = http_head_find(&r->head, "Expect");
	if (expect && !strcasecmp(expect, "100-continue") && !http_body_done(&c->body) && !c->in->len) {
		static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

		TRY(wire_write(c->wire, go_on, strlen(go_on)));
		c->interim++;
	}
	return NULL;
}

/* One step with what has arrived; false when more bytes are needed or the request is on its way. */
static bool step(struct connection *c)
{
	struct error *e = NULL;
	bool refused = false;
	size_t n;

	if (c->state == READING_HEAD) {
		n = c->in->len ? http_head_length(c->in->data, c->in->len) : 0;
		if (n > HTTP_HEAD_BYTES || (!n && c->in->len > HTTP_HEAD_BYTES)) {
			refuse(c, &head_too_large);
			return false;
		}
		if (!n)
			return false;
		e = begin_request(c, n, &refused);
	} else if (c->state == READING_BODY) {
		if (!http_body_done(&c->body) && c->in->len) {
			e = http_body_feed(&c->body, c->in->data, c->in->len, &n);
			if (!e)
				buf_consume(c->in, n);
			if (!e && !http_budget_hold(c->request->budget, &c->request->held, c->request->body->len)) {
				refuse(c, &busy);
				return false;
			}
		}
		if (!e && http_body_done(&c->body)) {
			hand_out(c);
			return false; /* c may be gone */
		}
		if (!e)
			return false;
	} else {
		return false;
	}
	if (e) {
		refuse(c, refusal_of(e));
		error_free(e);
		return false;
	}
	return !refused;
}

static void advance(struct connection *c)
{
	while (step(c))
		;
}

static void on_data(const char *bytes, ssize_t len, void *arg)
{
	struct connection *c = arg;

	if (len <= 0) {
		mem_free(c);
		return;
	}
	if (c->state == LINGERING)
		return;
	/* The time for a request counts from its first byte. */
	if (c->state == READING_HEAD && !c->in->len)
		timer_again(c->deadline, c->settings->request_ms, 0);
	struct error *e = buf_append(c->in, bytes, (size_t)len);
	if (e) {
		error_free(e);
		refuse(c, &head_too_large);
		return;
	}
	advance(c);
}

static void on_written(int status, void *arg)
{
	struct connection *c = arg;
	struct error *e;

	if (status < 0) {
		mem_free(c);
		return;
	}
	if (c->interim) {
		c->interim--;
		return;
	}
	http_budget_hold(c->settings->answer_budget, &c->held, 0);
	c->state = c->keep ? READING_HEAD : LINGERING;
	leave_crowd(c);
	join_crowd(c);
	timer_again(c->deadline, c->keep ? c->settings->request_ms : LINGER_MS, 0);
	/* Closing with unread bytes would reset the connection and take the answer from the client. */
	if (!c->keep)
		wire_shutdown(c->wire);
	e = wire_read(c->wire);
	if (e) {
		error_free(e);
		mem_free(c);
		return;
	}
	if (c->keep)
		advance(c);
}

static const struct wire_events events = {.data = on_data, .written = on_written};

struct error *http_connection_accept(const void *owner, const struct http_settings *settings, uv_stream_t *listener,
				     bool unix_socket, bool full, void (*gone)(void *arg), void *gone_arg)
{
	struct connection *c;
	struct error *e;

	if (full && give_way(settings->crowd))
		full = false;
	c = mem_new(owner, struct connection);
	c->owner = owner;
	c->settings = settings;
	c->gone = gone;
	c->gone_arg = gone_arg;
	join_crowd(c);
	talloc_set_destructor(c, connection_destroy);
	c->wire = wire_new(c, settings->loop, unix_socket, &events, c);
	c->in = buf_new(c, HTTP_HEAD_BYTES + ONE_READ);
	c->deadline = timer_start(c, settings->loop, settings->request_ms, 0, on_deadline, c);
	if (full)
		settings->crowd->breaches[HTTP_CROWDED]++;
	e = wire_accept(c->wire, listener);
	if (!e && !full)
		e = wire_read(c->wire);
	if (e || full)
		mem_free(c);
	return e;
}

const char *http_request_method(const struct http_request *r)
{
	return r->head.method;
}

const char *http_request_path(const struct http_request *r)
{
	return r->path;
}

const char *http_request_field(const struct http_request *r, const char *name)
{
	const char *value = http_form_find(r->query, name);

	return value ? value : http_form_find(r->form, name);
}

const char *http_request_body(const struct http_request *r, size_t *ret_len)
{
	if (ret_len)
		*ret_len = r->body->len;
	return r->body->data ? r->body->data : "";
}

void http_respond(struct http_request *r, int status, const char *content_type, const char *body, size_t len)
{
	struct connection *c = r->connection;

	if (c) {
		if (!http_budget_hold(c->settings->answer_budget, &c->held, len)) {
			http_budget_hold(c->settings->answer_budget, &c->held, 0);
			refuse(c, &too_much); /* the request goes with it */
			return;
		}
		c->request = NULL;
		r->connection = NULL;
		send_answer(c, r, status, content_type, body, len);
	}
	mem_free(r);
}

const char *http_request_header(const struct http_request *r, const char *name)
{
	return http_head_find(&r->head, name);
}

bool http_request_lists(const struct http_request *r, const char *name, const char *word)
{
	return http_head_lists(&r->head, name, word);
}

void http_answer_header(struct http_request *r, const char *name, const char *value)
{
	if (!r->answer_headers)
		r->answer_headers = mem_strdup(r, "");
	r->answer_headers = talloc_asprintf_append_buffer(r->answer_headers, "%s: %s\r\n", name, value);
}

/* `head`: the status line behind HTTP/1.1, and the headers. */
static struct error *hand_over(struct http_request *r, const void *ctx, const char *head, const struct wire_events *to,
			       void *arg, struct wire **ret_wire)
{
	struct connection *c = r->connection;
	char *text;

	if (!c)
		return error_new(ERROR_UNAVAILABLE, "the client has gone");
	if (r->body->len || c->in->len || c->interim)
		return error_new(ERROR_INVALID, "bytes after a request that takes the connection");
	text = mem_printf(r, "HTTP/1.1 %s\r\n", head);
	TRY(wire_write(c->wire, text, strlen(text)));
	TRY(wire_read(c->wire));
	wire_hand_over(c->wire, ctx, to, arg);
	*ret_wire = c->wire;
	mem_free(c);
	mem_free(r);
	return NULL;
}

struct error *http_request_upgrade(struct http_request *r, const void *ctx, const char *headers,
				   const struct wire_events *to, void *arg, struct wire **ret_wire)
{
	return hand_over(r, ctx, mem_printf(r, "101 Switching Protocols\r\n%s", headers), to, arg, ret_wire);
}

struct error *http_request_stream(struct http_request *r, const void *ctx, const char *content_type,
				  const struct wire_events *to, void *arg, struct wire **ret_wire)
{
	char *head = mem_printf(r,
				"200 OK\r\nContent-Type: %s\r\n%sCache-Control: no-store\r\n"
				"X-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\nConnection: close\r\n",
				content_type, r->answer_headers ? r->answer_headers : "");

	return hand_over(r, ctx, head, to, arg, ret_wire);
}
