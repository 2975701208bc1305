/* WebSocket: frames byte by byte, then server and client on a real loop, and raw peers that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/wire.h"
#include "http/websocket.h"
#include "http/websocket_handshake.h"

/* --- frames --- */

static void test_accept_key(void **state)
{
	char accept[WEBSOCKET_ACCEPT_TEXT + 1], key[WEBSOCKET_KEY_TEXT + 1];

	(void)state;
	/* RFC 6455 section 1.3 */
	assert_null(websocket_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept));
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	static const char *const bad[] = {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ====",
					  "dGhlIHNhbXBsZSBub25jZQAA", "dGhlIHNhbXBsZSBub25j!Q=="};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error *e = websocket_accept_key(bad[i], accept);

		assert_non_null(e);
		error_free(e);
	}
	assert_null(websocket_key(key));
	assert_null(websocket_accept_key(key, accept));
}

/* Feeds `bytes` in pieces; returns the close code or 0, the last complete event in *event. */
static unsigned feed(struct websocket_reader *r, const char *bytes, size_t n, size_t piece,
		     struct websocket_event *event, unsigned *ret_events)
{
	*ret_events = 0;
	for (size_t i = 0; i < n;) {
		size_t now = n - i < piece ? n - i : piece, used;
		struct websocket_event one;
		unsigned code = websocket_read(r, bytes + i, now, &used, &one);

		if (code)
			return code;
		i += used;
		if (one.complete) {
			*event = one;
			(*ret_events)++;
		}
	}
	return 0;
}

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *what, *bytes;
	size_t n;
	bool masked, text_only;
	unsigned code; /* 0: taken */
	enum websocket_opcode opcode;
	const char *payload;
} frames[] = {
	/* RFC 6455 section 5.7 */
	{"text", BYTES("\x81\x05Hello"), false, false, 0, WEBSOCKET_TEXT, "Hello"},
	{"masked text", BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), true, false, 0, WEBSOCKET_TEXT, "Hello"},
	{"fragments", BYTES("\x01\x03Hel\x80\x02lo"), false, false, 0, WEBSOCKET_TEXT, "Hello"},
	{"ping", BYTES("\x89\x05Hello"), false, false, 0, WEBSOCKET_PING, "Hello"},
	{"binary", BYTES("\x82\x01x"), false, false, 0, WEBSOCKET_BINARY, "x"},
	{"empty text", BYTES("\x81\x00"), false, false, 0, WEBSOCKET_TEXT, ""},
	{"empty last fragment", BYTES("\x01\x01y\x80\x00"), false, false, 0, WEBSOCKET_TEXT, "y"},
	{"close",
	 BYTES("\x88\x05\x03\xe8"
	       "bye"),
	 false, false, 0, WEBSOCKET_CLOSE, "bye"},
	{"close without code", BYTES("\x88\x00"), false, false, 0, WEBSOCKET_CLOSE, ""},
	{"character over two fragments", BYTES("\x01\x01\xc3\x80\x01\xa9"), false, false, 0, WEBSOCKET_TEXT,
	 "\xc3\xa9"},
	/* refused */
	{"unmasked to a server", BYTES("\x81\x05Hello"), true, false, 1002, 0, NULL},
	{"masked to a client", BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), false, false, 1002, 0, NULL},
	{"reserved bit", BYTES("\xc1\x00"), false, false, 1002, 0, NULL},
	{"unknown opcode 3", BYTES("\x83\x00"), false, false, 1002, 0, NULL},
	{"unknown opcode 11", BYTES("\x8b\x00"), false, false, 1002, 0, NULL},
	{"continuation of nothing", BYTES("\x80\x01x"), false, false, 1002, 0, NULL},
	{"text inside a message", BYTES("\x01\x01x\x81\x01y"), false, false, 1002, 0, NULL},
	{"fragmented ping", BYTES("\x09\x00"), false, false, 1002, 0, NULL},
	{"long ping", BYTES("\x89\x7e\x00\x7e"), false, false, 1002, 0, NULL},
	{"16 bits for a short length", BYTES("\x81\x7e\x00\x7d"), false, false, 1002, 0, NULL},
	{"64 bits for a short length", BYTES("\x81\x7f\0\0\0\0\0\0\xff\xff"), false, false, 1002, 0, NULL},
	{"negative length", BYTES("\x81\x7f\x80\0\0\0\0\1\0\0"), false, false, 1002, 0, NULL},
	{"too large", BYTES("\x81\x7e\x03\xe9"), false, false, 1009, 0, NULL},
	{"far too large", BYTES("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), false, false, 1009, 0, NULL},
	{"not UTF-8", BYTES("\x81\x02\xc3x"), false, false, 1007, 0, NULL},
	{"surrogate", BYTES("\x81\x03\xed\xa0\x80"), false, false, 1007, 0, NULL},
	{"overlong", BYTES("\x81\x02\xc0\x80"), false, false, 1007, 0, NULL},
	{"binary where text is wanted", BYTES("\x82\x01x"), false, true, 1003, 0, NULL},
	{"close with half a code", BYTES("\x88\x01\x03"), false, false, 1002, 0, NULL},
	{"close with code 999", BYTES("\x88\x02\x03\xe7"), false, false, 1002, 0, NULL},
	{"close with code 1005", BYTES("\x88\x02\x03\xed"), false, false, 1002, 0, NULL},
	{"close with a reason that is no UTF-8", BYTES("\x88\x03\x03\xe8\xff"), false, false, 1007, 0, NULL},
};

static void test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		for (size_t piece = 1; piece < 9; piece += 7) {
			struct websocket_reader *r =
				websocket_reader_new(NULL, frames[i].masked, frames[i].text_only, 1000);
			struct websocket_event event = {.bytes = ""};
			unsigned events, code = feed(r, frames[i].bytes, frames[i].n, piece, &event, &events);

			if (code != frames[i].code)
				fail_msg("%s: code %u", frames[i].what, code);
			if (!code) {
				if (events != 1 || event.opcode != frames[i].opcode ||
				    event.n != strlen(frames[i].payload))
					fail_msg("%s: %u events, opcode %d, %zu bytes", frames[i].what, events,
						 (int)event.opcode, event.n);
				assert_memory_equal(event.bytes, frames[i].payload, event.n);
			}
			mem_free(r);
		}
}

static void test_a_ping_between_fragments(void **state)
{
	static const char bytes[] = "\x01\x03Hel\x89\x01p\x00\x01l\x80\x01o";
	struct websocket_reader *r = websocket_reader_new(NULL, false, true, 5);
	struct websocket_event event;
	size_t used;

	(void)state;
	assert_int_equal(websocket_read(r, bytes, sizeof(bytes) - 1, &used, &event), 0);
	assert_true(event.complete && event.opcode == WEBSOCKET_PING);
	assert_string_equal(event.bytes, "p");
	assert_int_equal(websocket_read(r, bytes + used, sizeof(bytes) - 1 - used, &used, &event), 0);
	assert_true(event.complete && event.opcode == WEBSOCKET_TEXT);
	assert_string_equal(event.bytes, "Hello");
	/* Fragments count together. */
	assert_int_equal(websocket_read(r,
					"\x01\x03"
					"abc\x80\x03",
					7, &used, &event),
			 WEBSOCKET_TOO_LARGE);
	mem_free(r);
}

static void test_headers_are_read_back(void **state)
{
	static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536, 100000};
	static const uint8_t mask[4] = {1, 2, 3, 4};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct websocket_reader *r = websocket_reader_new(NULL, true, false, 100000);
		uint8_t header[WEBSOCKET_HEADER_BYTES];
		char *payload = mem_array(r, char, sizes[i] + 1);
		struct websocket_event event;
		size_t used, n = websocket_header(WEBSOCKET_BINARY, sizes[i], mask, header);

		memset(payload, 'z', sizes[i]);
		websocket_mask(payload, sizes[i], mask, 0);
		assert_int_equal(websocket_read(r, (char *)header, n, &used, &event), 0);
		if (!event.complete)
			assert_int_equal(websocket_read(r, payload, sizes[i], &used, &event), 0);
		assert_true(event.complete);
		assert_int_equal(event.n, sizes[i]);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(event.bytes[k], 'z');
		mem_free(r);
	}
}

/* --- connections --- */

struct fixture {
	uv_loop_t loop;
	void *ctx;
	struct http_server *server;
	struct websocket_options options;
	struct websocket *accepted;
	unsigned accepted_count, messages, closed;
	unsigned server_code, client_code;
	char *server_reason, *client_reason, *received;
	bool refused_send, echo_is_off;
	/* raw peer */
	struct wire *wire;
	struct buf *in;
	const char *want;
	bool eof;
	bool expired;
};

static void on_expired(void *arg)
{
	struct fixture *f = arg;

	f->expired = true;
	uv_stop(&f->loop);
}

/* Turns the loop until `done` says so. */
static void turn(struct fixture *f, bool (*done)(struct fixture *f))
{
	struct timer *limit = timer_start(f->ctx, &f->loop, 20000, 0, on_expired, f);

	while (!done(f) && !f->expired)
		uv_run(&f->loop, UV_RUN_ONCE);
	mem_free(limit);
	assert_false(f->expired);
}

static void on_server_message(struct websocket *ws, const char *bytes, size_t n, bool text, void *arg)
{
	struct fixture *f = arg;

	f->messages++;
	if (n == 4 && !memcmp(bytes, "quit", 4)) {
		websocket_close(ws, WEBSOCKET_GOING_AWAY, "stopping");
		error_free(websocket_send(ws, true, "x", 1)); /* refused: it is closing */
		return;
	}
	if (n == 4 && !memcmp(bytes, "free", 4)) {
		mem_free(ws);
		f->accepted = NULL;
		return;
	}
	if (f->echo_is_off)
		return;
	error_free(websocket_send(ws, text, bytes, n));
}

static void on_server_closed(struct websocket *ws, unsigned code, const char *reason, void *arg)
{
	struct fixture *f = arg;

	f->closed++;
	f->server_code = code;
	f->server_reason = mem_strdup(f->ctx, reason);
	f->accepted = NULL;
	mem_free(ws);
}

static const struct websocket_events server_events = {.message = on_server_message, .closed = on_server_closed};

static void on_request(struct http_request *r, void *arg)
{
	struct fixture *f = arg;
	struct error *e = NULL;

	if (!websocket_wanted(r)) {
		http_respond(r, 200, "text/plain", "plain", 5);
		return;
	}
	e = websocket_accept(f->ctx, &f->loop, r, &f->options, &server_events, f, &f->accepted);
	if (e)
		http_respond(r, 400, "text/plain", e->message, strlen(e->message));
	else
		f->accepted_count++;
	error_free(e);
}

static struct fixture *setup(void)
{
	const struct http_listen listen = {.address = "127.0.0.1"};
	struct fixture *f = mem_new(NULL, struct fixture);

	f->ctx = talloc_new(NULL);
	uv_loop_init(&f->loop);
	f->options = (struct websocket_options){.message_limit = 200000};
	struct error *e = http_server_open(f->ctx, &f->loop, &listen, on_request, f, &f->server);
	if (e)
		fail_msg("%s", e->message);
	return f;
}

static void teardown(struct fixture *f)
{
	mem_free(f->ctx);
	loop_drain(&f->loop);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	mem_free(f);
}

static void on_opened(struct websocket *ws, void *arg)
{
	(void)arg;
	assert_null(websocket_send(ws, true, "hello", 5));
}

static void on_client_message(struct websocket *ws, const char *bytes, size_t n, bool text, void *arg)
{
	struct fixture *f = arg;
	char *big;

	assert_true(text || n > 5);
	mem_free(f->received);
	f->received = mem_strndup(f->ctx, bytes, n);
	if (n == 5) {
		big = mem_array(f->ctx, char, 150001);
		memset(big, 'b', 150000);
		assert_null(websocket_send(ws, false, big, 150000));
	} else {
		assert_int_equal(n, 150000);
		assert_null(websocket_send(ws, true, "quit", 4));
	}
}

static void on_client_closed(struct websocket *ws, unsigned code, const char *reason, void *arg)
{
	struct fixture *f = arg;

	(void)ws;
	f->client_code = code;
	f->client_reason = mem_strdup(f->ctx, reason);
}

static const struct websocket_events client_events = {
	.opened = on_opened, .message = on_client_message, .closed = on_client_closed};

static bool both_closed(struct fixture *f)
{
	return f->client_code && f->closed;
}

static void test_client_and_server(void **state)
{
	struct fixture *f = setup();
	struct websocket_dial dial = {.host = "localhost", .port = http_server_port(f->server)};

	(void)state;
	websocket_open(f->ctx, &f->loop, &dial, &f->options, &client_events, f);
	turn(f, both_closed);
	assert_int_equal(f->messages, 3);
	assert_int_equal(f->client_code, WEBSOCKET_GOING_AWAY);
	assert_string_equal(f->client_reason, "stopping");
	assert_int_equal(f->server_code, WEBSOCKET_GOING_AWAY);
	teardown(f);
}

static bool client_closed(struct fixture *f)
{
	return f->client_code;
}

static void test_dialing_in_vain(void **state)
{
	struct fixture *f = setup();
	struct websocket_dial dial = {.host = "127.0.0.1", .port = 1};

	(void)state;
	websocket_open(f->ctx, &f->loop, &dial, &f->options, &client_events, f);
	turn(f, client_closed);
	assert_int_equal(f->client_code, WEBSOCKET_ABNORMAL);
	assert_non_null(strstr(f->client_reason, "refused"));
	dial = (struct websocket_dial){.host = "127.0.0.1", .port = http_server_port(f->server), .path = "/a b"};
	f->client_code = 0;
	websocket_open(f->ctx, &f->loop, &dial, &f->options, &client_events, f);
	turn(f, client_closed);
	assert_non_null(strstr(f->client_reason, "blanks"));
	teardown(f);
}

/* A raw peer: sends bytes, collects what comes. */

static void raw_connected(int status, void *arg)
{
	struct fixture *f = arg;

	assert_int_equal(status, 0);
	assert_null(wire_read(f->wire));
}

static void raw_data(const char *bytes, ssize_t len, void *arg)
{
	struct fixture *f = arg;

	if (len <= 0)
		f->eof = true;
	else
		assert_null(buf_append(f->in, bytes, (size_t)len));
}

static void raw_written(int status, void *arg)
{
	(void)status;
	(void)arg;
}

static const struct wire_events raw_events = {.connected = raw_connected, .data = raw_data, .written = raw_written};

static bool raw_has(struct fixture *f)
{
	return f->in->len && memmem(f->in->data, f->in->len, f->want, strlen(f->want));
}

static bool raw_eof(struct fixture *f)
{
	return f->eof;
}

static void raw_send(struct fixture *f, const char *bytes, size_t n, const char *want)
{
	assert_null(wire_write(f->wire, bytes, n));
	f->want = want;
	if (want)
		turn(f, raw_has);
}

static void raw_dial(struct fixture *f)
{
	struct sockaddr_in address;

	uv_ip4_addr("127.0.0.1", http_server_port(f->server), &address);
	f->in = buf_new(f->ctx, 1 << 24);
	f->eof = false;
	f->wire = wire_new(f->ctx, &f->loop, false, &raw_events, f);
	assert_null(wire_connect_tcp(f->wire, (struct sockaddr *)&address));
}

#define HANDSHAKE                                                                                \
	"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n" \
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void raw_open(struct fixture *f)
{
	raw_dial(f);
	raw_send(f, HANDSHAKE, strlen(HANDSHAKE), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
	buf_clear(f->in);
}

/* Mask 0: the payload is its own masked form. */
#define ZERO "\0\0\0\0"

static void test_raw_conversation(void **state)
{
	struct fixture *f = setup();

	(void)state;
	raw_open(f);
	raw_send(f, BYTES("\x81\x82" ZERO "hi"), "\x81\x02hi");
	raw_send(f, BYTES("\x89\x82" ZERO "pi"), "\x8a\x02pi");
	raw_send(f, BYTES("\x01\x81" ZERO "a\x00\x81" ZERO "b\x80\x81" ZERO "c"),
		 "\x81\x03"
		 "abc");
	raw_send(f, BYTES("\x8a\x80" ZERO), NULL); /* a pong nobody asked for */
	raw_send(f, BYTES("\x88\x84" ZERO "\x03\xe8ok"), "\x88\x02\x03\xe8");
	turn(f, raw_eof);
	f->client_code = 1;
	mem_free(f->wire);
	turn(f, both_closed);
	assert_int_equal(f->server_code, 1000);
	assert_string_equal(f->server_reason, "ok");
	teardown(f);
}

static void test_raw_mistakes(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *close;
	} cases[] = {
		{BYTES("\x81\x02hi"), "\x88\x11\x03\xea"},
		{BYTES("\x81\x82" ZERO "\xff\xff"), "\x88\x13\x03\xef"},
		{BYTES("\x81\xff\0\0\0\0\x7f\0\0\0" ZERO), "\x88\x16\x03\xf1"},
	};
	struct fixture *f = setup();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->closed = 0;
		raw_open(f);
		raw_send(f, cases[i].bytes, cases[i].n, cases[i].close);
		turn(f, raw_eof);
		mem_free(f->wire);
		f->client_code = 1;
		turn(f, both_closed);
	}
	teardown(f);
}

static void test_broken_connection(void **state)
{
	struct fixture *f = setup();

	(void)state;
	raw_open(f);
	mem_free(f->wire);
	f->client_code = 1;
	turn(f, both_closed);
	assert_int_equal(f->server_code, WEBSOCKET_ABNORMAL);
	teardown(f);
}

static void test_handshakes_that_are_refused(void **state)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
		"13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
		"13\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
		"13\r\n"
		"Sec-WebSocket-Key: short\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
		"13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 1\r\n\r\nx",
		HANDSHAKE "too early",
	};
	struct fixture *f = setup();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		raw_dial(f);
		raw_send(f, bad[i], strlen(bad[i]), "HTTP/1.1 400 ");
		mem_free(f->wire);
	}
	assert_int_equal(f->accepted_count, 0);
	/* The version that is spoken is named. */
	raw_dial(f);
	raw_send(f, bad[2], strlen(bad[2]), "Sec-WebSocket-Version: 13\r\n");
	mem_free(f->wire);
	teardown(f);
}

static bool server_closed(struct fixture *f)
{
	return f->closed;
}

static bool is_open(struct fixture *f)
{
	return f->accepted != NULL;
}

static void test_slow_reader_is_cut_off(void **state)
{
	struct fixture *f = setup();
	size_t sent = 0;
	char *big;

	(void)state;
	f->options.queue_limit = 1 << 20;
	raw_dial(f);
	raw_send(f, HANDSHAKE, strlen(HANDSHAKE), NULL);
	turn(f, is_open);
	wire_pause(f->wire);
	big = mem_array(f->ctx, char, 65536);
	memset(big, 'x', 65536);
	for (;;) {
		struct error *e = websocket_send(f->accepted, true, big, 65536);

		if (e) {
			assert_int_equal(e->code, ERROR_LIMIT);
			error_free(e);
			break;
		}
		sent += 65536;
		assert_true(sent < (size_t)64 << 20);
		assert_true(websocket_backlog(f->accepted) <= (1 << 20) + 65536);
		uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(f->closed, 0); /* never from inside */
	turn(f, server_closed);
	assert_int_equal(f->server_code, WEBSOCKET_POLICY);
	teardown(f);
}

static void test_pings(void **state)
{
	struct fixture *f = setup();

	(void)state;
	f->options.ping_ms = 30;
	raw_dial(f);
	raw_send(f, HANDSHAKE, strlen(HANDSHAKE), "\x89");
	/* No answer: the peer is taken for gone. */
	turn(f, server_closed);
	assert_int_equal(f->server_code, WEBSOCKET_ABNORMAL);
	assert_non_null(strstr(f->server_reason, "pings"));
	teardown(f);
}

static bool went(struct fixture *f)
{
	return f->messages && !f->accepted;
}

static void test_freed_in_its_callback(void **state)
{
	struct fixture *f = setup();

	(void)state;
	raw_open(f);
	raw_send(f, BYTES("\x81\x84" ZERO "free\x81\x81" ZERO "x"), NULL);
	turn(f, went);
	turn(f, raw_eof);
	assert_int_equal(f->messages, 1);
	assert_int_equal(f->closed, 0);
	teardown(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept_key),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_a_ping_between_fragments),
		cmocka_unit_test(test_headers_are_read_back),
		cmocka_unit_test(test_client_and_server),
		cmocka_unit_test(test_dialing_in_vain),
		cmocka_unit_test(test_raw_conversation),
		cmocka_unit_test(test_raw_mistakes),
		cmocka_unit_test(test_broken_connection),
		cmocka_unit_test(test_handshakes_that_are_refused),
		cmocka_unit_test(test_slow_reader_is_cut_off),
		cmocka_unit_test(test_pings),
		cmocka_unit_test(test_freed_in_its_callback),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
