#include "http/websocket.h"

#include <assert.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/turns.h"
#include "http/connection.h"
#include "http/dial.h"
#include "http/head.h"
#include "http/websocket_handshake.h"

#define MESSAGE_LIMIT ((size_t)1 << 20)
#define QUEUE_LIMIT ((size_t)16 << 20)
#define PING_MS 60000
#define DEADLINE_MS 10000
#define CLOSE_MS 2000
#define ONE_READ 16384

enum state {
	DIALING, /* connecting, or waiting for the answer to the handshake */
	OPEN,
	CLOSING,  /* our close frame is out, the peer's has not come */
	FLUSHING, /* both are done, or the peer has erred: what is written goes out, what comes is dropped */
	OVER,
};

struct websocket {
	uv_loop_t *loop;
	struct websocket_events events;
	void *arg;
	enum state state;
	bool client;
	struct wire *wire;
	struct websocket_reader *reader;
	struct timer *timer; /* the deadline when not OPEN, the next ping when OPEN */
	size_t queue_limit;
	struct http_budget *budget, *queue_budget;
	struct turns *turns;
	struct turn *turn;                    /* it goes on with `rest` */
	bool waits;                           /* for websocket_go_on() */
	struct buf *rest;                     /* read, and not yet looked at; or NULL */
	size_t held, queued;                  /* of them */
	int64_t ping_ms, read_ms, written_ms; /* monotonic clock: when something last came and went */
	bool pinged;                          /* and nothing has come since */
	unsigned code;                        /* for `closed` */
	char *reason;
	bool *gone; /* set when freed: a callback is under way */
	/* of the handshake, when dialed */
	char *request;
	char accept[WEBSOCKET_ACCEPT_TEXT + 1];
	struct buf *answer;
	int refusal; /* status that was not 101 */
};

static int websocket_destroy(struct websocket *ws)
{
	http_budget_hold(ws->budget, &ws->held, 0);
	http_budget_hold(ws->queue_budget, &ws->queued, 0);
	if (ws->gone)
		*ws->gone = true;
	return 0;
}

/* Ends it; ws may be gone afterwards. */
static void over(struct websocket *ws, unsigned code, const char *reason)
{
	if (ws->state == OVER)
		return;
	ws->state = OVER;
	mem_free(ws->timer);
	ws->timer = NULL;
	mem_free(ws->wire);
	ws->wire = NULL;
	http_budget_hold(ws->queue_budget, &ws->queued, 0);
	ws->events.closed(ws, ws->code ? ws->code : code, ws->code ? ws->reason : reason, ws->arg);
}

static void keep_reason(struct websocket *ws, unsigned code, const char *reason)
{
	if (ws->code)
		return;
	ws->code = code;
	ws->reason = mem_strdup(ws, reason);
}

static struct error *write_frame(struct websocket *ws, enum websocket_opcode opcode, const char *bytes, size_t n)
{
	uint8_t header[WEBSOCKET_HEADER_BYTES], mask[4];
	char small[1024], *frame = small;
	struct error *e;

	/* Masks need not be secret from the peer, only not guessable by who wrote the payload. */
	if (ws->client && getrandom(mask, sizeof(mask), 0) != sizeof(mask))
		return error_new(ERROR_IO, "no random bytes");
	size_t head = websocket_header(opcode, n, ws->client ? mask : NULL, header);
	if (head + n > sizeof(small))
		frame = mem_array(ws, char, head + n);
	memcpy(frame, header, head);
	if (n)
		memcpy(frame + head, bytes, n);
	if (ws->client)
		websocket_mask(frame + head, n, mask, 0);
	e = wire_write(ws->wire, frame, head + n);
	if (frame != small)
		mem_free(frame);
	ws->written_ms = clock_mono_ms();
	return e;
}

static void on_timer(void *arg);

static void send_close(struct websocket *ws, unsigned code, const char *reason)
{
	char text[WEBSOCKET_CONTROL_BYTES];
	size_t n = strlen(reason);

	if (n > sizeof(text) - 2)
		n = 0; /* cutting could break a character */
	text[0] = (char)(code >> 8);
	text[1] = (char)code;
	memcpy(text + 2, reason, n); /* NOLINT(bugprone-not-null-terminated-result): a frame, no text */
	error_free(write_frame(ws, WEBSOCKET_CLOSE, text, code == WEBSOCKET_NO_STATUS ? 0 : n + 2));
}

/* Everything is said: the system sends what is left, the peer closes, or time runs out. */
static void flush(struct websocket *ws)
{
	ws->state = FLUSHING;
	timer_again(ws->timer, CLOSE_MS, 0);
	wire_shutdown(ws->wire);
}

static void fail(struct websocket *ws, unsigned code, const char *reason)
{
	keep_reason(ws, code, reason);
	if (ws->state == OPEN)
		send_close(ws, code, reason);
	/* Nothing more is read: what has come of a message goes at once. */
	mem_free(ws->reader);
	ws->reader = NULL;
	http_budget_hold(ws->budget, &ws->held, 0);
	flush(ws);
}

static const char *refusal(unsigned code)
{
	switch (code) {
	case WEBSOCKET_TOO_LARGE:
		return "message is too large";
	case WEBSOCKET_NOT_UTF8:
		return "text is not UTF-8";
	case WEBSOCKET_TRY_LATER:
		return "too many large messages at a time";
	case WEBSOCKET_UNSUPPORTED:
		return "binary messages are not taken";
	default:
		return "malformed frame";
	}
}

static void take_event(struct websocket *ws, const struct websocket_event *event)
{
	switch (event->opcode) {
	case WEBSOCKET_PING:
		/* A peer that pings but does not read must not pile up pongs. */
		if (ws->state == OPEN && wire_backlog(ws->wire) <= ws->queue_limit)
			error_free(write_frame(ws, WEBSOCKET_PONG, event->bytes, event->n));
		break;
	case WEBSOCKET_CLOSE:
		keep_reason(ws, event->code, event->bytes);
		if (ws->state == OPEN)
			send_close(ws, event->code, "");
		flush(ws);
		break;
	case WEBSOCKET_TEXT:
	case WEBSOCKET_BINARY:
		if (ws->state == OPEN)
			ws->events.message(ws, event->bytes, event->n, event->opcode == WEBSOCKET_TEXT, ws->arg);
		break;
	default:
		break;
	}
}

static bool on_turn(void *arg);

/* Nothing more is read until the next turn of the loop, or until websocket_go_on(). */
static void put_off(struct websocket *ws, const char *bytes, size_t n)
{
	wire_pause(ws->wire);
	if (n) {
		ws->rest = buf_new(ws, n);
		error_free(buf_append(ws->rest, bytes, n)); /* its limit has room for it */
	}
	if (!ws->waits && !ws->turn)
		ws->turn = turns_add(ws, ws->turns, on_turn, ws);
}

/* False: ws is gone. */
static bool take(struct websocket *ws, const char *bytes, size_t n)
{
	int64_t end_us = clock_mono_us() + TURNS_SLICE_US;
	struct websocket_event event = {.complete = true};
	bool gone = false;

	/* cppcheck-suppress autoVariables ; taken back before this returns */
	ws->gone = &gone;
	while (event.complete && (ws->state == OPEN || ws->state == CLOSING)) {
		size_t used;
		unsigned code;

		if (ws->waits || (n && ws->turns && clock_mono_us() >= end_us)) {
			put_off(ws, bytes, n);
			break;
		}
		code = websocket_read(ws->reader, bytes, n, &used, &event);
		bytes += used;
		n -= used;
		if (!code && !http_budget_hold(ws->budget, &ws->held, websocket_reader_held(ws->reader)))
			code = WEBSOCKET_TRY_LATER;
		if (code)
			fail(ws, code, refusal(code));
		else if (event.complete)
			take_event(ws, &event);
		if (gone)
			return false;
	}
	ws->gone = NULL;
	return true;
}

static bool on_turn(void *arg)
{
	struct websocket *ws = arg;
	struct buf *rest = talloc_steal(NULL, ws->rest);
	bool alive = true;
	struct error *e;

	ws->turn = NULL;
	ws->rest = NULL;
	if (rest)
		alive = take(ws, rest->data, rest->len);
	mem_free(rest);
	if (!alive || ws->turn || ws->waits || !ws->wire)
		return false;
	e = wire_read(ws->wire);
	if (e)
		over(ws, WEBSOCKET_ABNORMAL, e->message);
	error_free(e);
	return false;
}

void websocket_hold(struct websocket *ws)
{
	assert(ws->turns);
	ws->waits = true;
}

void websocket_go_on(struct websocket *ws)
{
	if (!ws->waits)
		return;
	ws->waits = false;
	if (!ws->turn)
		ws->turn = turns_add(ws, ws->turns, on_turn, ws);
}

static struct error *read_answer(struct websocket *ws, const struct http_head *h)
{
	const char *accept = http_head_find(h, "Sec-WebSocket-Accept");

	if (h->status != 101) {
		ws->refusal = h->status;
		return error_new(ERROR_REFUSED, "the server answers %d", h->status);
	}
	if (!http_head_lists(h, "Upgrade", "websocket") || !http_head_lists(h, "Connection", "upgrade") || !accept ||
	    strcmp(accept, ws->accept) != 0)
		return error_new(ERROR_INVALID, "the server's handshake is wrong");
	if (http_head_find(h, "Sec-WebSocket-Extensions") || http_head_find(h, "Sec-WebSocket-Protocol"))
		return error_new(ERROR_INVALID, "the server chose an extension or protocol that nobody asked for");
	return NULL;
}

static void set_open(struct websocket *ws)
{
	ws->state = OPEN;
	ws->read_ms = ws->written_ms = clock_mono_ms();
	timer_again(ws->timer, ws->ping_ms > 0 ? ws->ping_ms : PING_MS, 0);
}

/* Looks for the head of the answer; the rest are frames. */
static void take_answer(struct websocket *ws, const char *bytes, size_t len)
{
	struct error *e = buf_append(ws->answer, bytes, len);
	size_t n = e ? 0 : http_head_length(ws->answer->data, ws->answer->len);
	struct http_head head;
	bool gone = false;

	if (!e && !n)
		return;
	char *text = mem_memdup(ws, ws->answer->data, n);
	if (!e)
		e = http_head_answer(text, n, &head);
	if (!e)
		e = read_answer(ws, &head);
	mem_free(text);
	if (e) {
		keep_reason(ws, WEBSOCKET_ABNORMAL, e->message);
		error_free(e);
		over(ws, WEBSOCKET_ABNORMAL, "");
		return;
	}
	struct buf *rest = ws->answer;
	ws->answer = NULL;
	set_open(ws);
	/* cppcheck-suppress autoVariables ; taken back before this returns */
	ws->gone = &gone;
	talloc_steal(NULL, rest);
	ws->events.opened(ws, ws->arg);
	if (!gone) {
		ws->gone = NULL;
		take(ws, rest->data + n, rest->len - n);
	}
	mem_free(rest);
}

static void on_data(const char *bytes, ssize_t len, void *arg)
{
	struct websocket *ws = arg;

	if (len <= 0) {
		over(ws, WEBSOCKET_ABNORMAL, len ? uv_strerror((int)len) : "the peer closed the connection");
		return;
	}
	ws->read_ms = clock_mono_ms();
	ws->pinged = false;
	if (ws->state == DIALING)
		take_answer(ws, bytes, (size_t)len);
	else
		take(ws, bytes, (size_t)len);
}

static void on_written(int status, void *arg)
{
	struct websocket *ws = arg;

	if (status < 0)
		over(ws, WEBSOCKET_ABNORMAL, uv_strerror(status));
	else
		http_budget_hold(ws->queue_budget, &ws->queued, wire_backlog(ws->wire));
}

static const struct wire_events wire_events = {.data = on_data, .written = on_written};

static void on_timer(void *arg)
{
	struct websocket *ws = arg;
	int64_t now = clock_mono_ms(), quiet;

	if (ws->state != OPEN) {
		over(ws, WEBSOCKET_ABNORMAL, ws->state == DIALING ? "no answer in time" : "the peer did not close");
		return;
	}
	if (ws->ping_ms < 0)
		return;
	quiet = now - (ws->written_ms > ws->read_ms ? ws->read_ms : ws->written_ms);
	if (ws->pinged && now - ws->read_ms >= 2 * ws->ping_ms) {
		over(ws, WEBSOCKET_ABNORMAL, "the peer does not answer pings");
		return;
	}
	if (quiet >= ws->ping_ms) {
		ws->pinged = true;
		error_free(write_frame(ws, WEBSOCKET_PING, "", 0));
		quiet = 0;
	}
	timer_again(ws->timer, ws->ping_ms - quiet, 0);
}

static struct websocket *new_websocket(const void *ctx, uv_loop_t *loop, const struct websocket_options *options,
				       const struct websocket_events *events, void *arg, bool client)
{
	struct websocket *ws = mem_new(ctx, struct websocket);

	ws->loop = loop;
	ws->events = *events;
	ws->arg = arg;
	ws->client = client;
	ws->queue_limit = options->queue_limit ? options->queue_limit : QUEUE_LIMIT;
	ws->budget = options->budget;
	ws->queue_budget = options->queue_budget;
	ws->turns = options->turns;
	ws->ping_ms = options->ping_ms ? options->ping_ms : PING_MS;
	ws->reader = websocket_reader_new(ws, !client, options->text_only,
					  options->message_limit ? options->message_limit : MESSAGE_LIMIT);
	talloc_set_destructor(ws, websocket_destroy);
	return ws;
}

bool websocket_wanted(const struct http_request *r)
{
	return http_request_lists(r, "Upgrade", "websocket");
}

struct error *websocket_accept(const void *ctx, uv_loop_t *loop, struct http_request *r,
			       const struct websocket_options *options, const struct websocket_events *events,
			       void *arg, struct websocket **ret_ws)
{
	const char *key = http_request_header(r, "Sec-WebSocket-Key");
	const char *version = http_request_header(r, "Sec-WebSocket-Version");
	char accept[WEBSOCKET_ACCEPT_TEXT + 1];

	if (strcmp(http_request_method(r), "GET") != 0 || !http_request_lists(r, "Connection", "upgrade"))
		return error_new(ERROR_INVALID, "not a WebSocket handshake");
	if (!version || strcmp(version, "13") != 0) {
		http_answer_header(r, "Sec-WebSocket-Version", "13");
		return error_new(ERROR_INVALID, "Sec-WebSocket-Version is not 13");
	}
	if (!key)
		return error_new(ERROR_INVALID, "Sec-WebSocket-Key is missing");
	TRY(websocket_accept_key(key, accept));
	struct websocket *ws = new_websocket(ctx, loop, options, events, arg, false);
	char *headers =
		mem_printf(ws, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n", accept);
	struct error *e = http_request_upgrade(r, ws, headers, &wire_events, ws, &ws->wire);
	mem_free(headers);
	if (e) {
		mem_free(ws);
		return e;
	}
	ws->timer = timer_start(ws, loop, PING_MS, 0, on_timer, ws);
	set_open(ws);
	*ret_ws = ws;
	return NULL;
}

static void on_dialed(struct error *e, struct wire *wire, void *arg)
{
	struct websocket *ws = arg;

	ws->wire = wire;
	if (!e)
		e = wire_write(wire, ws->request, strlen(ws->request));
	if (!e)
		e = wire_read(wire);
	if (e) {
		keep_reason(ws, WEBSOCKET_ABNORMAL, e->message);
		error_free(e);
		over(ws, WEBSOCKET_ABNORMAL, "");
	}
}

static bool plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static struct error *compose(struct websocket *ws, const struct websocket_dial *dial)
{
	char key[WEBSOCKET_KEY_TEXT + 1];
	const char *path = dial->path ? dial->path : "/";

	if (*path != '/' || strchr(path, ' ') || !plain(path) || !plain(dial->host) ||
	    (dial->origin && !plain(dial->origin)) || (dial->authorization && !plain(dial->authorization)))
		return error_new(ERROR_INVALID, "a path or header with blanks or control bytes");
	TRY(websocket_key(key));
	TRY(websocket_accept_key(key, ws->accept));
	ws->request = mem_printf(ws,
				 strchr(dial->host, ':') ? "GET %s HTTP/1.1\r\nHost: [%s]:%d\r\n"
							 : "GET %s HTTP/1.1\r\nHost: %s:%d\r\n",
				 path, dial->host, dial->port);
	ws->request = talloc_asprintf_append_buffer(ws->request,
						    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
						    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
						    key);
	if (dial->origin)
		ws->request = talloc_asprintf_append_buffer(ws->request, "Origin: %s\r\n", dial->origin);
	if (dial->authorization)
		ws->request = talloc_asprintf_append_buffer(ws->request, "Authorization: %s\r\n", dial->authorization);
	ws->request = talloc_asprintf_append_buffer(ws->request, "\r\n");
	return NULL;
}

struct websocket *websocket_open(const void *ctx, uv_loop_t *loop, const struct websocket_dial *dial,
				 const struct websocket_options *options, const struct websocket_events *events,
				 void *arg)
{
	struct websocket *ws = new_websocket(ctx, loop, options, events, arg, true);
	struct error *e = compose(ws, dial);

	ws->answer = buf_new(ws, HTTP_HEAD_BYTES + ONE_READ);
	ws->timer = timer_start(ws, loop, e ? 0 : dial->deadline_ms ? dial->deadline_ms : DEADLINE_MS, 0, on_timer, ws);
	if (e)
		keep_reason(ws, WEBSOCKET_ABNORMAL, e->message);
	else
		http_dial_start(ws, loop, dial->host, dial->port, &wire_events, on_dialed, ws);
	error_free(e);
	return ws;
}

struct error *websocket_send(struct websocket *ws, bool text, const char *bytes, size_t n)
{
	if (ws->state != OPEN)
		return error_new(ERROR_UNAVAILABLE, "the WebSocket is not open");
	size_t backlog = wire_backlog(ws->wire) + n;
	if (backlog > ws->queue_limit || !http_budget_hold(ws->queue_budget, &ws->queued, backlog)) {
		keep_reason(ws, WEBSOCKET_POLICY, "the peer reads too slowly");
		ws->state = FLUSHING; /* no more is sent; the timer ends it, never this call */
		timer_again(ws->timer, 0, 0);
		return error_new(ERROR_LIMIT, "the peer reads too slowly");
	}
	return write_frame(ws, text ? WEBSOCKET_TEXT : WEBSOCKET_BINARY, bytes, n);
}

size_t websocket_backlog(const struct websocket *ws)
{
	return ws->wire ? wire_backlog(ws->wire) : 0;
}

int websocket_refusal(const struct websocket *ws)
{
	return ws->refusal;
}

void websocket_close(struct websocket *ws, enum websocket_code code, const char *reason)
{
	if (ws->state != OPEN && ws->state != DIALING)
		return;
	if (ws->state == DIALING) {
		keep_reason(ws, WEBSOCKET_ABNORMAL, "given up");
		timer_again(ws->timer, 0, 0);
		return;
	}
	keep_reason(ws, code, reason);
	send_close(ws, code, reason);
	ws->state = CLOSING;
	timer_again(ws->timer, CLOSE_MS, 0);
}
